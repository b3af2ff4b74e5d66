//! Profit, its conversion, and the drawdown limit.

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

fn at_price(bid: &str, ask: &str) -> Body {
    quote(perpetual(), (bid, "5"), (ask, "5"), 2).into()
}

fn open_day(date: u32) -> Body {
    SessionPhaseChanged { calendar: name("247"), session_date: date, phase: Phase::Open }.into()
}

/// The profit the gate sees, as it shows it in the basis of a decision.
fn profit(bench: &mut Bench) -> Option<String> {
    bench.clock_ms += 1;
    let proposed = order_at(Side::Buy, "1", "100");
    let event = bench.probe.root(source("t"), at_ms(bench.clock_ms), proposed);
    let said = bench.probe.take(&event);
    let observed = &said[0].basis.as_ref().unwrap().observed;
    let found = observed.iter().find(|one| one.name == name("profit"));
    found.map(|one| one.value.clone())
}

#[test]
fn a_linear_position_earns_quantity_times_price_change_less_fees() {
    let mut bench = Bench::new();
    let mut bought = executed(order(1), perpetual(), "e1", Side::Buy, "2", "100");
    bought.fee = amount("0.5");
    let _ = bench.tell(bought);
    let _ = bench.tell(at_price("109", "111"));
    assert_eq!(profit(&mut bench).as_deref(), Some("19.5"));
    let _ = bench.tell(executed(order(1), perpetual(), "e2", Side::Sell, "2", "105"));
    assert_eq!(profit(&mut bench).as_deref(), Some("9.5"));
    let _ = bench.tell(fee("f1", "USDT", "1.25"));
    let _ = bench.tell(fee("f1", "USDT", "1.25"));
    assert_eq!(profit(&mut bench).as_deref(), Some("8.25"));
}

#[test]
fn a_fee_and_a_funding_of_one_name_are_two_bookings() {
    let mut bench = Bench::new();
    let funding = event::books::FundingPaid {
        account: account(),
        funding_id: name("f1"),
        instrument: perpetual(),
        currency: currency("USDT"),
        amount: amount("-2"),
    };
    let _ = bench.tell(fee("f1", "USDT", "1.25"));
    let _ = bench.tell(funding.clone());
    bench.probe.restart(gate()).unwrap();
    let _ = bench.tell(funding);
    let _ = bench.tell(fee("f1", "USDT", "1.25"));
    assert_eq!(profit(&mut bench).as_deref(), Some("-3.25"));
}

#[test]
fn an_inverse_position_earns_coins_that_are_converted_at_the_mid_price() {
    let mut bench = Bench::new();
    let _ = bench.tell(defined(inverse()));
    let _ = bench.tell(quote(inverse(), ("40000", "5"), ("40000", "5"), 1));
    let mut bought = executed(order(1), inverse(), "e1", Side::Buy, "100", "50000");
    bought.fee_currency = currency("BTC");
    let _ = bench.tell(bought);
    let _ = bench.tell(at_price("40000", "40000"));
    // 100 contracts of 100 USD: 0.2 BTC at 50000, 0.25 BTC at 40000; the loss of 0.05 BTC is
    // 2000 at the perpetual's mid price, the only pair of the two currencies here.
    let _ = bench.tell(quote(inverse(), ("39999", "5"), ("40001", "5"), 2));
    assert_eq!(profit(&mut bench), Some("-2000".into()));
}

#[test]
fn a_fee_in_the_base_asset_of_a_spot_pair_is_paid_from_the_position() {
    let mut bench = Bench::new();
    let _ = bench.tell(defined(spot()));
    let _ = bench.tell(quote(spot(), ("100", "5"), ("100", "5"), 1));
    let mut bought = executed(order(1), spot(), "e1", Side::Buy, "2", "100");
    (bought.fee, bought.fee_currency) = (amount("0.01"), currency("BTC"));
    let _ = bench.tell(bought);
    assert_eq!(bench.probe.agent().worst_case(spot()).position, amount("1.99"));
    assert_eq!(profit(&mut bench).as_deref(), Some("-1"));
}

#[test]
fn what_cannot_be_converted_blocks_new_exposure_and_not_what_reduces() {
    let mut bench = Bench::new();
    let _ = bench.tell(fill(order(1), "e1", Side::Buy, "3"));
    let _ = bench.tell(fee("f1", "DOGE", "5"));
    assert_eq!(bench.propose(Side::Buy, "1").1, Some(RiskRule::Drawdown));
    assert_eq!(bench.propose(Side::Sell, "1").1, None);
}

#[test]
fn a_loss_past_the_limit_is_said_once_and_blocks_new_exposure() {
    let mut bench = Bench::new();
    let _ = bench.tell(fill(order(1), "e1", Side::Buy, "5"));
    bench.clock_ms += 1000;
    assert!(bench.tell(at_price("90", "90")).is_empty());
    bench.clock_ms += 1000;
    let said = bench.tell(at_price("89.9", "89.9"));
    assert_eq!(kinds(&said), ["LimitBreached"]);
    let Body::LimitBreached(breach) = &said[0].body else { panic!() };
    assert_eq!((breach.limit, breach.observed), (amount("50"), amount("50.5")));
    bench.clock_ms += 1000;
    assert!(bench.tell(at_price("80", "80")).is_empty());
    let near = order_at(Side::Buy, "1", "80");
    assert_eq!(bench.propose_as(near).1, Some(RiskRule::Drawdown));
    let reducing = order_at(Side::Sell, "1", "80");
    assert_eq!(bench.propose_as(reducing).1, None);
}

#[test]
fn a_new_day_is_measured_from_where_it_begins() {
    let mut bench = Bench::new();
    let _ = bench.tell(open_day(20_240_808));
    let _ = bench.tell(fill(order(1), "e1", Side::Buy, "5"));
    bench.clock_ms += 1000;
    assert_eq!(kinds(&bench.tell(at_price("80", "80"))), ["LimitBreached"]);
    let _ = bench.tell(open_day(20_240_809));
    let near = order_at(Side::Buy, "1", "80");
    assert_eq!(bench.propose_as(near).1, None);
    bench.clock_ms += 1000;
    assert_eq!(kinds(&bench.tell(at_price("69", "69"))), ["LimitBreached"]);
}

#[test]
fn a_day_that_begins_without_a_valuation_is_measured_from_the_first_one() {
    let mut bench = Bench::new();
    let inverse_at =
        |bid: &str, ask: &str| -> Body { quote(inverse(), (bid, "5"), (ask, "5"), 1).into() };
    let _ = bench.tell(open_day(20_240_808));
    let _ = bench.tell(defined(inverse()));
    let _ = bench.tell(inverse_at("40000", "40000"));
    let _ = bench.tell(executed(order(1), inverse(), "e1", Side::Buy, "100000", "40000"));
    let _ = bench.tell(inverse_at("40001", "40000"));
    let _ = bench.tell(open_day(20_240_809));
    bench.probe.restart(gate()).unwrap();
    let proposed = order_at(Side::Buy, "1", "100");
    let event = bench.probe.root(source("t"), at_ms(bench.clock_ms), proposed);
    let said = bench.probe.take(&event);
    let Body::OrderDenied(denied) = &said[0].body else { panic!("{said:?}") };
    assert_eq!(denied.rule, RiskRule::Drawdown);
    let why = "the day's equity base is not known yet: no price of BINANCE-COINM:BTCUSD_PERP";
    assert_eq!(denied.observed, why);
    bench.clock_ms += 1000;
    assert!(bench.tell(inverse_at("39000", "39000")).is_empty(), "what was lost overnight");
    assert_eq!(bench.propose(Side::Buy, "1").1, None);
    bench.clock_ms += 1000;
    assert_eq!(kinds(&bench.tell(inverse_at("38000", "38000"))), ["LimitBreached"]);
}
