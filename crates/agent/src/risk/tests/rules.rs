//! One test per rule of the gate.

use super::*;

/// Tells the gate of `facts`, then holds a buy of one unit against it.
fn check(facts: &[Body], expected: Option<RiskRule>) {
    let mut bench = Bench::new();
    for fact in facts {
        let _ = bench.tell(fact.clone());
    }
    assert_eq!(bench.propose(Side::Buy, "1").1, expected);
}

fn halted(of: Option<AccountId>) -> Body {
    TradingHalted { account: of, reason: String::new(), by: String::new() }.into()
}

fn resumed(of: Option<AccountId>) -> Body {
    TradingResumed { account: of, actor: "a".into(), reason: "b".into() }.into()
}

fn anomaly(anomaly: AnomalyKind) -> Body {
    MarketAnomalyDetected {
        instrument: perpetual(),
        anomaly,
        detail: String::new(),
        observed: None,
        reference: None,
        expected_sequence: None,
        found_sequence: None,
    }
    .into()
}

fn feed(state: FeedState) -> Body {
    FeedStatusChanged { feed: source("-"), state, detail: String::new() }.into()
}

fn status(status: TradingState) -> Body {
    TradingStatusChanged { instrument: perpetual(), status, reason: String::new() }.into()
}

fn book() -> Body {
    event::market::BookSnapshot {
        instrument: perpetual(),
        last_sequence: 1,
        bids: Vec::new(),
        asks: Vec::new(),
        part: 0,
        parts: 1,
    }
    .into()
}

fn confirmed(severity: Severity) -> Body {
    BreakConfirmed {
        break_id: BreakId([1; 16]),
        account: account(),
        code: BreakCode::PositionQuantity,
        subject: String::new(),
        cycles: 2,
        age_ns: 1,
        severity,
    }
    .into()
}

fn resolved() -> Body {
    BreakResolved {
        break_id: BreakId([1; 16]),
        account: account(),
        code: BreakCode::PositionQuantity,
        subject: String::new(),
        resolution: Resolution::Adjusted,
        detail: String::new(),
    }
    .into()
}

fn phase(phase: Phase) -> Body {
    SessionPhaseChanged { calendar: name("247"), session_date: 20_240_809, phase }.into()
}

#[test]
fn a_good_order_passes() {
    check(&[], None);
}

#[test]
fn nothing_passes_while_halted() {
    let denied = Some(RiskRule::Halted);
    check(&[halted(None)], denied);
    check(&[halted(Some(account()))], denied);
    check(&[halted(None), resumed(Some(account()))], denied);
    check(&[halted(Some(account())), resumed(Some(account()))], None);
    check(&[halted(None), halted(Some(account())), resumed(None)], None);
}

#[test]
fn an_instrument_that_cannot_be_relied_on_is_not_traded() {
    let denied = Some(RiskRule::Instrument);
    check(&[status(TradingState::Halted)], denied);
    check(&[status(TradingState::Halted), status(TradingState::Trading)], None);
    check(&[anomaly(AnomalyKind::Stale)], denied);
    check(&[anomaly(AnomalyKind::Stale), market()], None);
    check(&[anomaly(AnomalyKind::SequenceGap)], denied);
    check(&[anomaly(AnomalyKind::SequenceGap), market()], denied);
    check(&[anomaly(AnomalyKind::SequenceGap), book()], None);
    check(&[feed(FeedState::Unparseable)], denied);
    check(&[feed(FeedState::Unparseable), feed(FeedState::Live)], None);
    check(&[quote(perpetual(), ("100.2", "5"), ("100.1", "5"), 2).into()], denied);
    check(&[anomaly(AnomalyKind::PriceJump)], None);
}

#[test]
fn an_instrument_nobody_defined_or_quoted_is_not_traded() {
    let without = |kind: Kind| {
        let bodies: Vec<_> = setting().into_iter().filter(|body| body.kind() != kind).collect();
        Bench::after(&bodies).propose(Side::Buy, "1").1
    };
    assert_eq!(without(Kind::InstrumentDefined), Some(RiskRule::Instrument));
    assert_eq!(without(Kind::MarketQuote), Some(RiskRule::Instrument));
    assert_eq!(without(Kind::AccountOpened), Some(RiskRule::Drawdown));
    assert_eq!(without(Kind::LimitsLoaded), Some(RiskRule::MissingLimit));
}

#[test]
fn a_rule_without_a_limit_rejects() {
    for rule in Limits::REQUIRED {
        let left = limits().into_iter().filter(|limit| limit.rule != rule).collect();
        check(&[loaded(left).into()], Some(RiskRule::MissingLimit));
    }
}

#[test]
fn a_malformed_order_is_not_sane() {
    let sanity = Some(RiskRule::Sanity);
    let cases = [
        (order_at(Side::Buy, "0", "100"), sanity),
        (order_at(Side::Buy, "-1", "100"), sanity),
        (order_at(Side::Buy, "1.0005", "100"), sanity),
        (order_at(Side::Buy, "1", "100.05"), sanity),
        (order_at(Side::Buy, "0.001", "100"), sanity),
        (OrderProposed { limit_price: None, ..order_at(Side::Buy, "1", "100") }, sanity),
        (
            OrderProposed { order_type: OrderType::Market, ..order_at(Side::Buy, "1", "100") },
            sanity,
        ),
        (OrderProposed { replaces: Some(order(9)), ..order_at(Side::Buy, "1", "100") }, sanity),
        (
            OrderProposed {
                order_type: OrderType::Market,
                limit_price: None,
                ..order_at(Side::Buy, "1", "100")
            },
            None,
        ),
    ];
    for (proposed, expected) in cases {
        assert_eq!(Bench::new().propose_as(proposed.clone()).1, expected, "{proposed:?}");
    }
}

#[test]
fn an_order_whose_state_is_not_known_is_not_replaced() {
    let mut bench = Bench::new();
    let order = bench.approved(Side::Buy, "2");
    let replace = OrderProposed { replaces: Some(order), ..order_at(Side::Buy, "3", "100") };
    let _ = bench.tell(unknown(order));
    assert_eq!(bench.propose_as(replace.clone()).1, Some(RiskRule::Sanity));
    let other_side = OrderProposed { side: Side::Sell, ..replace };
    assert_eq!(bench.propose_as(other_side).1, Some(RiskRule::Sanity));
}

#[test]
fn a_decision_that_arrives_too_late_is_expired() {
    let late = OrderProposed { valid_until: at_ms(4), ..order_at(Side::Buy, "1", "100") };
    assert_eq!(Bench::new().propose_as(late).1, Some(RiskRule::Expired));
    let in_time = OrderProposed { valid_until: at_ms(5), ..order_at(Side::Buy, "1", "100") };
    assert_eq!(Bench::new().propose_as(in_time).1, None);
}

#[test]
fn a_confirmed_critical_break_gates_the_account_until_it_is_resolved() {
    check(&[confirmed(Severity::Critical)], Some(RiskRule::OpenBreak));
    check(&[confirmed(Severity::Critical), resolved()], None);
    check(&[confirmed(Severity::Warning)], None);
}

#[test]
fn the_same_order_within_the_window_is_a_duplicate() {
    let mut with_window = limits();
    with_window[4].window_ns = 10_000_000;
    let mut bench = Bench::new();
    let _ = bench.tell(loaded(with_window));
    assert_eq!(bench.propose(Side::Buy, "1").1, None);
    assert_eq!(bench.propose(Side::Buy, "1").1, Some(RiskRule::Duplicate));
    assert_eq!(bench.propose(Side::Buy, "2").1, None);
    bench.clock_ms += 10;
    assert_eq!(bench.propose(Side::Buy, "1").1, None);
}

#[test]
fn orders_past_the_rate_are_denied_until_the_window_moved() {
    let mut two_a_second = limits();
    two_a_second[2].bound = amount("2");
    let mut bench = Bench::new();
    let _ = bench.tell(loaded(two_a_second.clone()));
    assert_eq!(bench.propose(Side::Buy, "1").1, None);
    assert_eq!(bench.propose(Side::Buy, "20").1, Some(RiskRule::OrderNotional));
    assert_eq!(bench.propose(Side::Buy, "1").1, None);
    assert_eq!(bench.propose(Side::Buy, "1").1, Some(RiskRule::OrderRate));
    let _ = bench.tell(loaded(two_a_second));
    assert_eq!(bench.propose(Side::Buy, "1").1, Some(RiskRule::OrderRate));
    bench.clock_ms += 1000;
    assert_eq!(bench.propose(Side::Buy, "1").1, None);
}

#[test]
fn a_limit_price_outside_the_collar_is_denied() {
    let mut bench = Bench::new();
    for (limit, expected) in [
        ("101", None),
        ("99", None),
        ("101.1", Some(RiskRule::PriceCollar)),
        ("98.9", Some(RiskRule::PriceCollar)),
    ] {
        assert_eq!(bench.propose_as(order_at(Side::Buy, "1", limit)).1, expected, "{limit}");
    }
}

#[test]
fn an_order_larger_than_its_notional_limit_is_denied_even_when_it_reduces() {
    let mut bench = Bench::new();
    assert_eq!(bench.propose(Side::Buy, "5").1, None);
    assert_eq!(bench.propose(Side::Buy, "5.001").1, Some(RiskRule::OrderNotional));
    let _ = bench.tell(fill(order(7), "e1", Side::Buy, "8"));
    assert_eq!(bench.propose(Side::Sell, "6").1, Some(RiskRule::OrderNotional));
}

#[test]
fn held_reserved_and_open_count_against_the_position_limit_in_both_directions() {
    let mut bench = Bench::new();
    assert_eq!(bench.propose(Side::Buy, "5").1, None);
    assert_eq!(bench.propose(Side::Sell, "5").1, None);
    assert_eq!(bench.propose(Side::Buy, "5").1, None);
    assert_eq!(bench.propose(Side::Buy, "1").1, Some(RiskRule::Position));
    assert_eq!(bench.propose(Side::Sell, "5").1, None);
    assert_eq!(bench.propose(Side::Sell, "1").1, Some(RiskRule::Position));
}

#[test]
fn a_limit_of_the_instrument_stands_instead_of_the_general_one() {
    let mut own = limits();
    own.push(Limit { instrument: Some(perpetual()), ..limit(RiskRule::Position, "200", 0) });
    own.push(Limit { instrument: Some(spot()), ..limit(RiskRule::Position, "1", 0) });
    let mut bench = Bench::new();
    let _ = bench.tell(loaded(own));
    assert_eq!(bench.propose(Side::Buy, "2").1, None);
    assert_eq!(bench.propose(Side::Buy, "1").1, Some(RiskRule::Position));
}

#[test]
fn what_only_reduces_passes_the_exposure_limits_but_not_twice_over() {
    let mut bench = Bench::new();
    let _ = bench.tell(fill(order(7), "e1", Side::Buy, "20"));
    let _ = bench.tell(phase(Phase::CloseOnly));
    assert_eq!(bench.propose(Side::Buy, "1").1, Some(RiskRule::Position));
    for _ in 0..4 {
        assert_eq!(bench.propose(Side::Sell, "5").1, None);
    }
    assert_eq!(bench.propose(Side::Sell, "1").1, Some(RiskRule::CloseOnly));
}

#[test]
fn close_only_takes_no_new_exposure() {
    check(&[phase(Phase::CloseOnly)], Some(RiskRule::CloseOnly));
    check(&[phase(Phase::Closed)], Some(RiskRule::CloseOnly));
    check(&[phase(Phase::CloseOnly), phase(Phase::Open)], None);
}
