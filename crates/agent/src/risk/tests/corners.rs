//! The gate at the edges of its rules.

use super::*;

/// The denial of an order: its rule, the limit and what was observed.
fn denied(bench: &mut Bench, proposed: OrderProposed) -> (RiskRule, String, String) {
    bench.clock_ms += 1;
    let event = bench.probe.root(source("trader/PAPER"), at_ms(bench.clock_ms), proposed);
    match &bench.probe.take(&event)[0].body {
        Body::OrderDenied(denied) => (denied.rule, denied.limit.clone(), denied.observed.clone()),
        other => panic!("{other:?}"),
    }
}

fn replacing(order: OrderId, total: &str) -> OrderProposed {
    OrderProposed { replaces: Some(order), ..order_at(Side::Buy, total, "100") }
}

#[test]
fn a_denial_says_the_limit_and_what_was_observed() {
    let mut two_a_second = limits();
    two_a_second[2].bound = amount("2");
    let mut bench = Bench::new();
    let _ = bench.tell(loaded(two_a_second));
    let said = denied(&mut bench, order_at(Side::Buy, "1", "101.1"));
    assert_eq!(said, (RiskRule::PriceCollar, "10000".into(), "11000".into()));
    let _ = (bench.approved(Side::Buy, "1"), bench.approved(Side::Buy, "2"));
    let said = denied(&mut bench, order_at(Side::Buy, "1", "100"));
    assert_eq!(said, (RiskRule::OrderRate, "2".into(), "3".into()));
}

#[test]
fn a_quantity_of_nothing_is_not_sane_where_no_notional_is_asked_for() {
    let mut bench = Bench::new();
    let _ = bench.tell(event::market::InstrumentDefined {
        minimum_notional: Amount::ZERO,
        ..defined(perpetual())
    });
    let (rule, limit, _) = denied(&mut bench, order_at(Side::Buy, "0", "100"));
    assert_eq!((rule, limit.as_str()), (RiskRule::Sanity, "a positive quantity"));
    assert_eq!(bench.propose(Side::Buy, "0.001").1, None);
}

#[test]
fn a_price_is_held_to_the_tick_of_its_tier() {
    let mut tiered = defined(perpetual());
    tiered.ticks = [("0", "0.1"), ("100", "1")]
        .map(|(from, tick)| event::market::TickTier { from_price: price(from), tick: price(tick) })
        .into();
    let mut bench = Bench::new();
    let _ = bench.tell(tiered);
    for (limit, expected) in [
        ("99.9", None),
        ("99.95", Some(RiskRule::Sanity)),
        ("100", None),
        ("100.5", Some(RiskRule::Sanity)),
        ("101", None),
    ] {
        assert_eq!(bench.propose_as(order_at(Side::Buy, "1", limit)).1, expected, "{limit}");
    }
}

#[test]
fn a_replace_keeps_instrument_and_side_and_more_than_was_executed() {
    let mut bench = Bench::new();
    let _ = bench.tell(defined(spot()));
    let _ = bench.tell(quote(spot(), ("100", "5"), ("100", "5"), 1));
    let order = bench.approved(Side::Buy, "3");
    let _ = bench.tell(fill(order, "e1", Side::Buy, "1"));
    let sane = replacing(order, "2");
    let wrong = [
        OrderProposed { side: Side::Sell, ..sane.clone() },
        OrderProposed { instrument: spot(), ..sane.clone() },
        replacing(order, "1"),
    ];
    for proposed in wrong {
        assert_eq!(bench.propose_as(proposed.clone()).1, Some(RiskRule::Sanity), "{proposed:?}");
    }
    assert_eq!(bench.propose_as(sane).1, None);
}

#[test]
fn an_order_in_flight_or_ended_is_not_replaced() {
    let mut bench = Bench::new();
    let order = bench.approved(Side::Buy, "3");
    let (proposal, verdict) = bench.propose_as(replacing(order, "4"));
    assert_eq!(verdict, None);
    let in_flight = |said: (RiskRule, String, String)| {
        assert_eq!((said.0, said.2.as_str()), (RiskRule::Sanity, "in flight"));
    };
    in_flight(denied(&mut bench, replacing(order, "5")));
    let _ = bench.tell(replace_refused(order, proposal));
    // It ended, and an execution of it is still to come.
    let _ = bench.tell(cancelled(order, "2"));
    in_flight(denied(&mut bench, replacing(order, "5")));
    bench.check_worst("0", "2", "0");
}

#[test]
fn an_order_of_unknown_outcome_is_replaced_again_once_it_is_heard_of() {
    for heard in [true, false] {
        let mut bench = Bench::new();
        let order = bench.approved(Side::Buy, "3");
        let _ = bench.tell(unknown(order));
        if heard {
            let accepted = OrderAccepted {
                order,
                account: account(),
                instrument: perpetual(),
                venue_order: name("v"),
                side: Side::Buy,
                quantity: quantity("3"),
                limit_price: Some(price("100")),
                external: false,
            };
            let _ = bench.tell(accepted);
        }
        let expected = if heard { None } else { Some(RiskRule::Sanity) };
        assert_eq!(bench.propose_as(replacing(order, "4")).1, expected);
    }
}

#[test]
fn an_expired_order_releases_what_it_had_not_executed() {
    let mut bench = Bench::new();
    let order = bench.approved(Side::Buy, "4");
    let _ = bench.tell(fill(order, "e1", Side::Buy, "1"));
    let expired = event::trading::OrderExpired {
        order,
        account: account(),
        instrument: perpetual(),
        cumulative: quantity("1"),
        reason: String::new(),
    };
    let _ = bench.tell(expired);
    bench.check_worst("1", "1", "1");
}

#[test]
fn the_window_of_a_duplicate_is_its_own_and_ends_sharply() {
    let mut long = limits();
    long[4].window_ns = 10 * SECOND_NS;
    let mut bench = Bench::new();
    let _ = bench.tell(loaded(long));
    let first_ms = bench.clock_ms + 1;
    assert_eq!(bench.propose(Side::Buy, "1").1, None);
    // Others in between, later than every other rule's window, take nothing from it.
    for (after_ms, size) in [(2_000, "2"), (4_000, "3")] {
        bench.clock_ms = first_ms + after_ms - 1;
        assert_eq!(bench.propose(Side::Sell, size).1, None);
    }
    bench.clock_ms = first_ms + 10_000 - 2;
    assert_eq!(bench.propose(Side::Buy, "1").1, Some(RiskRule::Duplicate));
    assert_eq!(bench.propose(Side::Buy, "1").1, None);
}

#[test]
fn a_book_is_whole_with_the_last_part_of_its_snapshot() {
    let part = |part| event::market::BookSnapshot {
        instrument: perpetual(),
        last_sequence: 1,
        bids: Vec::new(),
        asks: Vec::new(),
        part,
        parts: 2,
    };
    let mut bench = Bench::new();
    let _ = bench.tell(MarketAnomalyDetected {
        instrument: perpetual(),
        anomaly: AnomalyKind::SequenceGap,
        detail: String::new(),
        observed: None,
        reference: None,
        expected_sequence: None,
        found_sequence: None,
    });
    let _ = bench.tell(part(0));
    assert_eq!(bench.propose(Side::Buy, "1").1, Some(RiskRule::Instrument));
    let _ = bench.tell(part(1));
    assert_eq!(bench.propose(Side::Buy, "1").1, None);
}

#[test]
fn a_correction_after_the_end_leaves_nothing_more_to_come() {
    let mut bench = Bench::new();
    let order = bench.approved(Side::Buy, "5");
    let _ = bench.tell(fill(order, "e1", Side::Buy, "3"));
    let _ = bench.tell(cancelled(order, "4"));
    bench.check_worst("3", "4", "3");
    let _ = bench.tell(corrected(order, "e1", 1, "2"));
    bench.check_worst("2", "3", "2");
}

#[test]
fn a_fee_comes_out_of_the_position_only_where_it_is_the_base_of_a_spot_pair() {
    let held = |instrument, code: &str| {
        let mut bench = Bench::new();
        let _ = bench.tell(defined(spot()));
        let mut bought = executed(order(1), instrument, "e1", Side::Buy, "2", "100");
        (bought.fee, bought.fee_currency) = (amount("0.5"), currency(code));
        let _ = bench.tell(bought);
        bench.probe.agent().worst_case(instrument).position
    };
    assert_eq!(held(spot(), "BTC"), amount("1.5"));
    assert_eq!(held(spot(), "USDT"), amount("2"));
    assert_eq!(held(perpetual(), "BTC"), amount("2"));
}

#[test]
fn the_defaults_count_dollars_and_their_stablecoin_as_equal() {
    let config = Config::of(account());
    assert_eq!(config.at_par, [(currency("USD"), currency("USDT"))]);
    assert_eq!(config.valuation_ns, 100_000_000);
}
