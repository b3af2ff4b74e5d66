use alloc::{format, string::String, vec::Vec};

use event::{
    EventId, OrderId,
    choices::{AttemptAction, RiskRule, Side},
    operations::{TradingHalted, TradingResumed},
    trading::{
        CancelRejected, OrderAccepted, OrderCancelled, OrderDenied, OrderReplaced, OrderUnknown,
        SignalEmitted,
    },
};

use super::*;
use crate::{Probe, testing::*};

pub(super) struct Bench {
    pub(super) probe: Probe<Trader>,
    pub(super) said: Vec<Event>,
}

pub(super) fn signal(instrument: InstrumentId, direction: Side) -> Body {
    SignalEmitted {
        instrument,
        strategy: name("imbalance"),
        direction,
        strength_ppm: 600_000,
        horizon_ns: SECOND_NS,
        reference_price: price("50000"),
    }
    .into()
}

pub(super) fn accepted(order: OrderId) -> Body {
    OrderAccepted {
        order,
        account: account(),
        instrument: perpetual(),
        venue_order: name("v"),
        side: Side::Buy,
        quantity: quantity("0.02"),
        limit_price: None,
        external: false,
    }
    .into()
}

pub(super) fn cancelled(order: OrderId) -> Body {
    OrderCancelled {
        order,
        account: account(),
        instrument: perpetual(),
        cumulative: Quantity::ZERO,
        reason: String::new(),
    }
    .into()
}

fn denied(order: OrderId) -> Body {
    OrderDenied {
        order,
        account: account(),
        instrument: perpetual(),
        rule: RiskRule::Position,
        limit: String::new(),
        observed: String::new(),
    }
    .into()
}

impl Bench {
    pub(super) fn new(config: Config) -> Self {
        let mut bench = Self { probe: Probe::new(Trader::new(config)).unwrap(), said: Vec::new() };
        for instrument in [perpetual(), spot(), inverse()] {
            bench.tell(0, defined(instrument));
            bench.tell(0, quote(instrument, ("50000", "1"), ("50000.1", "1"), 1));
        }
        bench
    }

    pub(super) fn tell(&mut self, ms: i64, body: impl Into<Body>) {
        let said = self.probe.tell(at_ms(ms), body);
        self.said.extend(said);
    }

    /// Everything said since the last look, in few words: side, quantity, price.
    pub(super) fn check(&mut self, expected: &[&str]) {
        let words = |event: &Event| match &event.body {
            Body::OrderProposed(p) => {
                let what = if p.replaces.is_some() { "replace" } else { "propose" };
                let limit = p.limit_price.map(|limit| format!("{limit}")).unwrap_or_default();
                format!("{what} {} {} at {limit}", p.side, p.quantity)
            }
            Body::CancelOrder(cancel) => format!("cancel: {}", cancel.reason),
            other => format!("{other:?}"),
        };
        let said: Vec<String> = core::mem::take(&mut self.said).iter().map(words).collect();
        assert_eq!(said, expected);
    }

    /// The order of the last proposal.
    pub(super) fn order(&self) -> OrderId {
        self.said
            .iter()
            .rev()
            .find(|e| e.body.kind() == Kind::OrderProposed)
            .unwrap()
            .event_id
            .into()
    }

    /// A buy signal on the perpetual that became an order the broker works.
    pub(super) fn with_working_order() -> (Self, OrderId) {
        let mut bench = Self::new(Config::default());
        bench.tell(0, signal(perpetual(), Side::Buy));
        let order = bench.order();
        bench.check(&["propose BUY 0.02 at 50000"]);
        bench.tell(1, accepted(order));
        (bench, order)
    }
}

pub(super) fn filled(order: OrderId, exec: &str, side: Side, size: &str) -> Body {
    executed(order, perpetual(), exec, side, size, "50000").into()
}

#[test]
fn a_signal_becomes_one_unit_at_the_touch() {
    let mut bench = Bench::new(Config::default());
    bench.tell(0, signal(perpetual(), Side::Buy));
    bench.tell(0, signal(inverse(), Side::Sell));
    bench.tell(0, signal(spot(), Side::Buy));
    bench.check(&[
        "propose BUY 0.02 at 50000",
        "propose SELL 10 at 50000.1",
        "propose BUY 0.02 at 50000",
    ]);
}

#[test]
fn spot_is_sold_flat_and_not_short() {
    let mut bench = Bench::new(Config::default());
    bench.tell(0, signal(spot(), Side::Sell));
    bench.check(&[]);
    bench.tell(0, executed(order(1), spot(), "e1", Side::Buy, "0.3", "50000"));
    bench.tell(0, signal(spot(), Side::Sell));
    bench.check(&["propose SELL 0.3 at 50000.1"]);
}

#[test]
fn a_unit_can_be_given_by_instrument() {
    let units = BTreeMap::from([(perpetual(), quantity("0.5"))]);
    let mut bench = Bench::new(Config { units, ..Config::default() });
    bench.tell(0, signal(perpetual(), Side::Sell));
    bench.check(&["propose SELL 0.5 at 50000.1"]);
}

#[test]
fn an_order_that_rests_is_repriced_once_and_then_cancelled() {
    let (mut bench, order) = Bench::with_working_order();
    bench.tell(2_999, accepted(order));
    bench.check(&[]);
    bench.tell(3_000, accepted(order));
    let proposal = bench.order();
    bench.check(&["replace BUY 0.02 at 50000.1"]);
    let replaced = OrderReplaced {
        order,
        account: account(),
        instrument: perpetual(),
        venue_order: name("v2"),
        quantity: quantity("0.02"),
        limit_price: price("50000.1"),
        proposal,
    };
    bench.tell(3_001, replaced);
    bench.tell(8_000, accepted(order));
    bench.check(&["cancel: not filled in time"]);
    bench.tell(8_001, cancelled(order));
    bench.tell(60_000, quote(perpetual(), ("50000", "1"), ("50000.1", "1"), 2));
    bench.check(&[]);
}

#[test]
fn a_filled_order_needs_neither_reprice_nor_cancel() {
    let (mut bench, order) = Bench::with_working_order();
    bench.tell(10, filled(order, "e1", Side::Buy, "0.01"));
    bench.tell(10, filled(order, "e1", Side::Buy, "0.01"));
    bench.tell(11, filled(order, "e2", Side::Buy, "0.01"));
    bench.tell(60_000, signal(perpetual(), Side::Buy));
    bench.check(&[]);
}

#[test]
fn a_flip_is_one_order_from_long_to_short() {
    let (mut bench, order) = Bench::with_working_order();
    bench.tell(10, filled(order, "e1", Side::Buy, "0.02"));
    bench.tell(20, signal(perpetual(), Side::Sell));
    bench.check(&["propose SELL 0.039 at 50000.1"]);
}

#[test]
fn a_signal_the_other_way_cancels_first_and_follows_when_that_is_confirmed() {
    let (mut bench, order) = Bench::with_working_order();
    bench.tell(10, signal(perpetual(), Side::Sell));
    bench.tell(11, signal(perpetual(), Side::Sell));
    bench.check(&["cancel: signal reversed"]);
    bench.tell(12, filled(order, "e1", Side::Buy, "0.01"));
    bench.tell(13, cancelled(order));
    bench.check(&["propose SELL 0.029 at 50000.1"]);
}

#[test]
fn a_denied_order_is_not_tried_again_until_the_next_signal() {
    let mut bench = Bench::new(Config::default());
    bench.tell(0, signal(perpetual(), Side::Buy));
    let order = bench.order();
    bench.said.clear();
    bench.tell(1, denied(order));
    bench.tell(20_000, quote(perpetual(), ("50000", "1"), ("50000.1", "1"), 2));
    bench.check(&[]);
    bench.tell(20_001, signal(perpetual(), Side::Buy));
    bench.check(&["propose BUY 0.02 at 50000"]);
}

#[test]
fn an_order_of_unknown_outcome_keeps_the_instrument_waiting() {
    let (mut bench, order) = Bench::with_working_order();
    let unknown = OrderUnknown {
        order,
        account: account(),
        instrument: perpetual(),
        action: AttemptAction::Cancel,
        attempt: 1,
        reason: String::new(),
    };
    bench.tell(10, unknown);
    bench.tell(20, signal(perpetual(), Side::Buy));
    bench.check(&[]);
}

fn cancel_refused(order: OrderId) -> CancelRejected {
    CancelRejected {
        order,
        account: account(),
        instrument: perpetual(),
        action: AttemptAction::Cancel,
        reason: String::new(),
        proposal: None,
    }
}

#[test]
fn a_refused_cancel_is_asked_for_again_later() {
    let (mut bench, order) = Bench::with_working_order();
    bench.tell(8_000, quote(perpetual(), ("50000.1", "1"), ("50000.2", "1"), 2));
    bench.check(&["replace BUY 0.02 at 50000.1", "cancel: not filled in time"]);
    bench.tell(8_001, cancel_refused(order));
    bench.tell(16_001, accepted(order));
    bench.check(&["cancel: not filled in time"]);
}

#[test]
fn a_cancel_refused_after_a_reversal_is_not_asked_for_again_at_once() {
    let (mut bench, order) = Bench::with_working_order();
    bench.tell(10, signal(perpetual(), Side::Sell));
    bench.check(&["cancel: signal reversed"]);
    for at in 11..20 {
        bench.tell(at, cancel_refused(order));
        bench.tell(at, signal(perpetual(), Side::Sell));
        bench.check(&[]);
    }
    bench.tell(16_001, accepted(order));
    bench.check(&["replace BUY 0.02 at 50000.1", "cancel: not filled in time"]);
}

#[test]
fn nothing_is_proposed_while_halted_but_a_cancel_goes_out() {
    let (mut bench, order) = Bench::with_working_order();
    let halt = TradingHalted { account: None, reason: String::new(), by: String::new() };
    bench.tell(10, halt);
    bench.tell(11, signal(spot(), Side::Buy));
    bench.tell(8_000, accepted(order));
    bench.check(&["cancel: not filled in time"]);
    bench.tell(8_001, cancelled(order));
    let resumed = TradingResumed { account: None, actor: "a".into(), reason: "b".into() };
    bench.tell(8_002, resumed);
    bench.check(&[]);
    bench.tell(8_003, signal(spot(), Side::Buy));
    bench.check(&["propose BUY 0.02 at 50000"]);
}

#[test]
fn an_immediate_order_crosses_and_sets_no_timers() {
    let place = Placement::ImmediateOrCancel;
    let mut bench = Bench::new(Config { place, ..Config::default() });
    bench.tell(0, signal(perpetual(), Side::Buy));
    bench.tell(60_000, quote(perpetual(), ("50000", "1"), ("50000.1", "1"), 2));
    bench.check(&["propose BUY 0.019 at 50000.1"]);
}

#[test]
fn a_proposal_shows_the_signal_and_the_quote_it_rests_on() {
    let mut bench = Bench::new(Config::default());
    bench.tell(0, signal(perpetual(), Side::Buy));
    let basis = bench.said[0].basis.as_ref().unwrap();
    assert_eq!(basis.related, [bench.said[0].cause_id.unwrap_or(EventId([0; 16]))]);
    assert!(basis.observed.iter().any(|one| one.name == name("bid") && one.value == "50000"));
    assert_eq!(basis.cut[0].source_seq, 7);
}

#[test]
fn a_restart_changes_nothing() {
    let mut tape: Vec<(Timestamp, Body)> = Vec::new();
    for instrument in [perpetual(), spot()] {
        tape.push((at(0), defined(instrument).into()));
        tape.push((at(0), quote(instrument, ("50000", "1"), ("50000.1", "1"), 1).into()));
    }
    for step in 1..30_i64 {
        let direction = if step % 4 < 2 { Side::Buy } else { Side::Sell };
        let instrument = if step % 3 == 0 { spot() } else { perpetual() };
        let order = OrderId(
            event::id::derived_id(
                event::id::foreign_id(source("-"), 3 + step as u64 * 2),
                source("trader/PAPER"),
                0,
            )
            .0,
        );
        tape.push((at(step * 3), signal(instrument, direction)));
        tape.push((at(step * 3), if step % 2 == 0 { cancelled(order) } else { accepted(order) }));
    }
    check_deterministic(|| Trader::new(Config::default()), &tape);
}

#[test]
fn a_corrected_execution_does_not_end_an_order_that_works() {
    let (mut bench, order) = Bench::with_working_order();
    let bought = executed(order, perpetual(), "e1", Side::Buy, "0.012", "50000");
    bench.tell(2, bought);
    let correction = event::trading::ExecutionCorrected {
        order,
        account: account(),
        instrument: perpetual(),
        exec_id: name("e1"),
        correction_id: name("c1"),
        price: price("49999"),
        quantity: quantity("0.012"),
        fee: Amount::ZERO,
        reason: String::new(),
        evidence: None,
    };
    bench.tell(3, correction);
    bench.tell(4, signal(perpetual(), Side::Sell));
    bench.check(&["cancel: signal reversed"]);
}
