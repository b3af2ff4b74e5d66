//! How one currency becomes another, when equity is valued, and what a day is measured from.

use super::*;

fn fee(id: &str, of: &str, paid: &str) -> Body {
    FeeCharged {
        account: account(),
        fee_id: name(id),
        currency: currency(of),
        amount: amount(paid),
        reason: String::new(),
        exec_id: None,
    }
    .into()
}

/// A pair and where it stands; without a fee of its own it earns nothing.
#[derive(Clone, Copy)]
struct Pair {
    instrument: InstrumentId,
    base: &'static str,
    quote: &'static str,
    mid: &'static str,
}

fn pair(
    instrument: InstrumentId,
    base: &'static str,
    quote: &'static str,
    mid: &'static str,
) -> Pair {
    Pair { instrument, base, quote, mid }
}

/// The profit after a fee of 1 in `fee_in`, counted in `reporting`; `None` when it is not known.
fn profit(config: Config, pairs: &[Pair], reporting: &str, fee_in: &str) -> Option<String> {
    let mut probe = Probe::new(Risk::new(config)).unwrap();
    let mut tell = |body: Body| drop(probe.tell(at(1), body));
    for Pair { instrument, base, quote: quoted, mid } in pairs.iter().copied() {
        let mut definition = defined(instrument);
        (definition.base, definition.quote) = (currency(base), currency(quoted));
        tell(definition.into());
        tell(quote(instrument, (mid, "1"), (mid, "1"), 1).into());
    }
    tell(loaded(limits()).into());
    tell(AccountOpened { reporting_currency: currency(reporting), ..opened() }.into());
    tell(fee("f1", fee_in, "1"));
    let said = probe.tell(at(2), order_at(Side::Buy, "1", "100"));
    let observed = &said[0].basis.as_ref().unwrap().observed;
    observed.iter().find(|one| one.name == name("profit")).map(|one| one.value.clone())
}

fn of(pairs: &[Pair], reporting: &str, fee_in: &str) -> Option<String> {
    profit(Config::of(account()), pairs, reporting, fee_in)
}

#[test]
fn a_currency_is_converted_by_the_pair_that_quotes_it_in_the_other_and_by_no_other() {
    let tether = [pair(spot(), "BTC", "USDT", "50000")];
    assert_eq!(of(&tether, "USDT", "BTC").as_deref(), Some("-50000"));
    assert_eq!(of(&tether, "BTC", "USDT").as_deref(), Some("-0.00002"));
    assert_eq!(of(&tether, "USDT", "USDT").as_deref(), Some("-1"));
    assert_eq!(of(&tether, "USDT", "ETH"), None);
    assert_eq!(of(&tether, "BTC", "ETH"), None);
    assert_eq!(of(&tether, "ETH", "BTC"), None);
    assert_eq!(of(&[], "USDT", "BTC"), None);
}

#[test]
fn a_spot_pair_is_asked_before_a_derivative() {
    for (first, second) in [(spot(), perpetual()), (perpetual(), spot())] {
        let mid = |instrument| if instrument == spot() { "50000" } else { "60000" };
        let pairs = [first, second].map(|one| pair(one, "BTC", "USDT", mid(one)));
        assert_eq!(of(&pairs, "USDT", "BTC").as_deref(), Some("-50000"));
    }
    let derivative = [pair(perpetual(), "BTC", "USDT", "60000")];
    assert_eq!(of(&derivative, "USDT", "BTC").as_deref(), Some("-60000"));
}

#[test]
fn a_pair_without_a_price_above_zero_converts_nothing() {
    assert_eq!(of(&[pair(spot(), "BTC", "USDT", "0")], "USDT", "BTC"), None);
    assert_eq!(of(&[pair(spot(), "BTC", "USDT", "-5")], "USDT", "BTC"), None);
    let both = [pair(spot(), "BTC", "USDT", "0"), pair(perpetual(), "BTC", "USDT", "7")];
    assert_eq!(of(&both, "USDT", "BTC").as_deref(), Some("-7"));
}

#[test]
fn currencies_at_par_are_equal_both_ways_and_lend_each_other_their_pairs() {
    assert_eq!(of(&[], "USDT", "USD").as_deref(), Some("-1"));
    assert_eq!(of(&[], "USD", "USDT").as_deref(), Some("-1"));
    let dollars = [pair(spot(), "BTC", "USD", "50000")];
    assert_eq!(of(&dollars, "USDT", "BTC").as_deref(), Some("-50000"));
    let tether = [pair(spot(), "BTC", "USDT", "50000")];
    assert_eq!(of(&tether, "USD", "BTC").as_deref(), Some("-50000"));
}

#[test]
fn currencies_at_par_with_each_other_lend_nothing_to_a_third() {
    let config = |a: &str, b: &str| Config {
        at_par: vec![(currency(a), currency(b))],
        ..Config::of(account())
    };
    for quoted in ["EUR", "DAI"] {
        let pairs = [pair(spot(), "BTC", quoted, "50000")];
        assert_eq!(profit(config("EUR", "DAI"), &pairs, "USDT", "BTC"), None, "{quoted}");
    }
    assert_eq!(profit(config("EUR", "DAI"), &[], "USDT", "EUR"), None);
    assert_eq!(profit(config("EUR", "USDT"), &[], "USDT", "DAI"), None);
}

fn at_price(price: &str) -> Body {
    quote(perpetual(), (price, "5"), (price, "5"), 2).into()
}

fn open_day(date: u32) -> Body {
    SessionPhaseChanged { calendar: name("247"), session_date: date, phase: Phase::Open }.into()
}

#[test]
fn on_quotes_equity_is_valued_no_more_often_than_it_is_set_to() {
    let mut bench = Bench::new();
    let _ = bench.tell(fill(order(1), "e1", Side::Buy, "5"));
    let valued_ms = bench.clock_ms;
    for (after_ms, price, expected) in
        [(50, "80", 0), (99, "80", 0), (100, "95", 0), (150, "80", 0), (200, "80", 1)]
    {
        bench.clock_ms = valued_ms + after_ms - 1;
        assert_eq!(bench.tell(at_price(price)).len(), expected, "after {after_ms} ms");
    }
}

#[test]
fn a_quote_says_nothing_of_a_loss_while_nothing_is_held() {
    let mut bench = Bench::new();
    let _ = bench.tell(fee("f1", "USDT", "60"));
    bench.clock_ms += 1_000;
    assert!(bench.tell(at_price("100")).is_empty());
    bench.clock_ms += 1_000;
    assert_eq!(kinds(&bench.tell(fill(order(1), "e1", Side::Buy, "1"))), ["LimitBreached"]);
}

#[test]
fn the_first_day_of_an_account_is_measured_from_its_opening() {
    let mut bench = Bench::new();
    let _ = bench.tell(fill(order(1), "e1", Side::Buy, "5"));
    let _ = bench.tell(at_price("80"));
    let _ = bench.tell(open_day(20_240_808));
    bench.clock_ms += 1_000;
    assert_eq!(kinds(&bench.tell(at_price("80"))), ["LimitBreached"]);
}

#[test]
fn a_bust_gives_its_fee_back() {
    let mut bench = Bench::new();
    let order = bench.approved(Side::Buy, "2");
    let mut bought = executed(order, perpetual(), "e1", Side::Buy, "2", "100");
    bought.fee = amount("0.5");
    let _ = bench.tell(bought);
    let _ = bench.tell(busted(order, "e1"));
    bench.clock_ms += 1;
    let event =
        bench.probe.root(source("t"), at_ms(bench.clock_ms), order_at(Side::Buy, "1", "100"));
    let said = bench.probe.take(&event);
    let observed = &said[0].basis.as_ref().unwrap().observed;
    assert!(observed.iter().any(|one| one.name == name("profit") && one.value == "0"));
}

#[test]
fn a_fee_known_before_a_restart_is_no_funding_after_it() {
    let mut bench = Bench::new();
    let _ = bench.tell(fee("f1", "USDT", "1.25"));
    bench.probe.restart(gate()).unwrap();
    let _ = bench.tell(fee("f1", "USDT", "1.25"));
    let funding = event::books::FundingPaid {
        account: account(),
        funding_id: name("f1"),
        instrument: perpetual(),
        currency: currency("USDT"),
        amount: amount("-2"),
    };
    let _ = bench.tell(funding);
    bench.clock_ms += 1;
    let event =
        bench.probe.root(source("t"), at_ms(bench.clock_ms), order_at(Side::Buy, "1", "100"));
    let said = bench.probe.take(&event);
    let observed = &said[0].basis.as_ref().unwrap().observed;
    assert!(observed.iter().any(|one| one.name == name("profit") && one.value == "-3.25"));
}

#[test]
fn a_denial_for_want_of_a_price_speaks_of_the_days_base_only_where_that_is_missing() {
    let mut bench = Bench::new();
    let _ = bench.tell(fee("f1", "DOGE", "5"));
    let event = bench.probe.root(source("t"), at_ms(9), order_at(Side::Buy, "1", "100"));
    let said = bench.probe.take(&event);
    let Body::OrderDenied(denied) = &said[0].body else { panic!("{said:?}") };
    assert_eq!(denied.rule, RiskRule::Drawdown);
    assert!(!denied.observed.contains("base") && denied.observed.contains("DOGE"), "{denied:?}");
}
