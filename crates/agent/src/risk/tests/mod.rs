//! The gate, rule by rule, and its worst case under everything a broker may report.

use alloc::{format, string::String, vec, vec::Vec};

use event::{
    BreakId, LimitSetId,
    books::{
        AccountOpened, AdjustmentBooked, AdjustmentReversed, BreakConfirmed, BreakResolved,
        FeeCharged, Limit, LimitsLoaded, OpeningPosition,
    },
    choices::{AnomalyKind, AttemptAction, BreakCode, FeedState, Resolution, TradingState},
    market::{FeedStatusChanged, MarketAnomalyDetected, TradingStatusChanged},
    operations::{SessionPhaseChanged, TradingHalted, TradingResumed},
    trading::{
        CancelRejected, ExecutionBusted, ExecutionCorrected, OrderAccepted, OrderCancelled,
        OrderLapsed, OrderRejected, OrderReplaced, OrderUnknown,
    },
};

use super::*;
use crate::{Probe, testing::*};

mod corners;
mod equity;
mod invariant;
mod rates;
mod rules;

/// A perpetual at 99.9 / 100.1, 10 units of position allowed, five of one order.
pub(super) struct Bench {
    pub(super) probe: Probe<Risk>,
    pub(super) clock_ms: i64,
}

fn limit(rule: RiskRule, bound: &str, window_ns: i64) -> Limit {
    Limit { rule, instrument: None, bound: amount(bound), window_ns }
}

pub(super) fn limits() -> Vec<Limit> {
    vec![
        limit(RiskRule::OrderNotional, "500", 0),
        limit(RiskRule::Position, "1001", 0),
        limit(RiskRule::OrderRate, "1000", SECOND_NS),
        limit(RiskRule::PriceCollar, "10000", 0),
        limit(RiskRule::Duplicate, "0", 0),
        limit(RiskRule::Drawdown, "50", 0),
    ]
}

pub(super) fn loaded(limits: Vec<Limit>) -> LimitsLoaded {
    LimitsLoaded { account: account(), limit_set: LimitSetId::new("L1").unwrap(), limits }
}

pub(super) fn opened() -> AccountOpened {
    AccountOpened {
        account: account(),
        reporting_currency: currency("USDT"),
        balances: Vec::new(),
        positions: Vec::new(),
    }
}

pub(super) fn market() -> Body {
    quote(perpetual(), ("99.9", "5"), ("100.1", "5"), 1).into()
}

pub(super) fn setting() -> Vec<Body> {
    vec![defined(perpetual()).into(), loaded(limits()).into(), opened().into(), market()]
}

pub(super) fn gate() -> Risk {
    Risk::new(Config::of(account()))
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::after(&setting())
    }

    pub(super) fn after(bodies: &[Body]) -> Self {
        let mut bench = Self { probe: Probe::new(gate()).unwrap(), clock_ms: 0 };
        for body in bodies {
            let _ = bench.tell(body.clone());
        }
        bench
    }

    pub(super) fn tell(&mut self, body: impl Into<Body>) -> Vec<Event> {
        self.clock_ms += 1;
        self.probe.tell(at_ms(self.clock_ms), body)
    }

    /// A limit order at 100, and the verdict: its order and `None`, or the rule that denied it.
    pub(super) fn propose(&mut self, side: Side, size: &str) -> (OrderId, Option<RiskRule>) {
        self.propose_as(order_at(side, size, "100"))
    }

    pub(super) fn propose_as(&mut self, proposed: OrderProposed) -> (OrderId, Option<RiskRule>) {
        self.clock_ms += 1;
        let event = self.probe.root(source("trader/PAPER"), at_ms(self.clock_ms), proposed);
        let said = self.probe.take(&event);
        let verdict = match &said[0].body {
            Body::OrderApproved(_) => None,
            Body::OrderDenied(denied) => Some(denied.rule),
            other => panic!("{other:?}"),
        };
        assert_eq!(said.len(), if verdict.is_none() { 2 } else { 1 });
        (event.event_id.into(), verdict)
    }

    pub(super) fn approved(&mut self, side: Side, size: &str) -> OrderId {
        let (order, denied) = self.propose(side, size);
        assert_eq!(denied, None);
        order
    }

    /// The worst case in whole units: position, long, short.
    pub(super) fn worst(&self) -> (String, String, String) {
        let worst = self.probe.agent().worst_case(perpetual());
        (format!("{}", worst.position), format!("{}", worst.long), format!("{}", worst.short))
    }

    pub(super) fn check_worst(&self, position: &str, long: &str, short: &str) {
        assert_eq!(self.worst(), (position.into(), long.into(), short.into()));
    }
}

pub(super) fn order_at(side: Side, size: &str, limit: &str) -> OrderProposed {
    proposal(perpetual(), side, size, limit, at(1000))
}

pub(super) fn fill(order: OrderId, exec: &str, side: Side, size: &str) -> Body {
    executed(order, perpetual(), exec, side, size, "100").into()
}

pub(super) fn cancelled(order: OrderId, cumulative: &str) -> Body {
    OrderCancelled {
        order,
        account: account(),
        instrument: perpetual(),
        cumulative: quantity(cumulative),
        reason: String::new(),
    }
    .into()
}

pub(super) fn rejected(order: OrderId) -> Body {
    OrderRejected {
        order,
        account: account(),
        instrument: perpetual(),
        code: name("NO"),
        reason: String::new(),
    }
    .into()
}

pub(super) fn lapsed(order: OrderId, action: AttemptAction, proposal: Option<OrderId>) -> Body {
    OrderLapsed {
        order,
        account: account(),
        instrument: perpetual(),
        action,
        valid_until: at(0),
        session_time: at(0),
        reason: name("expired"),
        proposal,
    }
    .into()
}

pub(super) fn replaced(order: OrderId, proposal: OrderId, total: &str) -> Body {
    OrderReplaced {
        order,
        account: account(),
        instrument: perpetual(),
        venue_order: name("v"),
        quantity: quantity(total),
        limit_price: price("100"),
        proposal,
    }
    .into()
}

pub(super) fn replace_refused(order: OrderId, proposal: OrderId) -> Body {
    CancelRejected {
        order,
        account: account(),
        instrument: perpetual(),
        action: AttemptAction::Replace,
        reason: String::new(),
        proposal: Some(proposal),
    }
    .into()
}

pub(super) fn unknown(order: OrderId) -> Body {
    OrderUnknown {
        order,
        account: account(),
        instrument: perpetual(),
        action: AttemptAction::Submit,
        attempt: 1,
        reason: String::new(),
    }
    .into()
}

pub(super) fn corrected(order: OrderId, exec: &str, number: u64, size: &str) -> Body {
    ExecutionCorrected {
        order,
        account: account(),
        instrument: perpetual(),
        exec_id: name(exec),
        correction_id: name(&format!("c{number}")),
        price: price("99"),
        quantity: quantity(size),
        fee: Amount::ZERO,
        reason: String::new(),
        evidence: None,
    }
    .into()
}

pub(super) fn busted(order: OrderId, exec: &str) -> Body {
    ExecutionBusted {
        order,
        account: account(),
        instrument: perpetual(),
        exec_id: name(exec),
        bust_id: name(&format!("b{exec}")),
        reason: String::new(),
    }
    .into()
}

#[test]
fn an_approval_and_its_command_come_in_one_outbox() {
    let mut bench = Bench::new();
    let event = bench.probe.root(source("t"), at(1), order_at(Side::Buy, "2", "100"));
    let said = bench.probe.take(&event);
    assert_eq!(kinds(&said), ["OrderApproved", "SubmitOrder"]);
    let Body::OrderApproved(approved) = &said[0].body else { panic!() };
    assert_eq!(approved.order, event.event_id.into());
    assert_eq!(approved.reserved_notional, amount("200"));
    assert_eq!((approved.position_before, approved.position_after), (amount("0"), amount("2")));
    let basis = said[0].basis.as_ref().unwrap();
    assert_eq!(basis.limit_set, LimitSetId::new("L1").ok());
    assert!(basis.observed.iter().any(|one| one.name == name("bid") && one.value == "99.9"));
    assert_eq!(said[1].basis.as_ref().unwrap().related, [said[0].event_id]);
    bench.check_worst("0", "2", "0");
}

#[test]
fn a_reservation_ends_only_with_a_confirmed_terminal_state() {
    let mut bench = Bench::new();
    let order = bench.approved(Side::Buy, "2");
    let _ = bench.tell(unknown(order));
    bench.check_worst("0", "2", "0");
    let _ = bench.tell(rejected(order));
    bench.check_worst("0", "0", "0");
    let order = bench.approved(Side::Sell, "2");
    let _ = bench.tell(lapsed(order, AttemptAction::Cancel, None));
    bench.check_worst("0", "0", "-2");
    let _ = bench.tell(lapsed(order, AttemptAction::Submit, None));
    bench.check_worst("0", "0", "0");
}

#[test]
fn an_execution_moves_from_reserved_to_held_once() {
    let mut bench = Bench::new();
    let order = bench.approved(Side::Buy, "3");
    let _ = bench.tell(fill(order, "e1", Side::Buy, "1"));
    bench.check_worst("1", "3", "1");
    let _ = bench.tell(fill(order, "e1", Side::Buy, "1"));
    bench.check_worst("1", "3", "1");
    let _ = bench.tell(fill(order, "e2", Side::Buy, "2"));
    bench.check_worst("3", "3", "3");
}

#[test]
fn a_cancel_keeps_what_was_executed_and_not_yet_seen_reserved() {
    let mut bench = Bench::new();
    let order = bench.approved(Side::Buy, "4");
    let _ = bench.tell(cancelled(order, "3"));
    bench.check_worst("0", "3", "0");
    let _ = bench.tell(fill(order, "e1", Side::Buy, "3"));
    bench.check_worst("3", "3", "3");
}

#[test]
fn an_execution_later_than_its_cancel_still_applies() {
    let mut bench = Bench::new();
    let order = bench.approved(Side::Buy, "4");
    let _ = bench.tell(cancelled(order, "0"));
    bench.check_worst("0", "0", "0");
    let _ = bench.tell(fill(order, "late", Side::Buy, "1"));
    bench.check_worst("1", "1", "1");
}

#[test]
fn a_replace_counts_the_larger_terms_until_it_is_answered() {
    let mut bench = Bench::new();
    let order = bench.approved(Side::Buy, "2");
    let replace =
        |total| OrderProposed { replaces: Some(order), ..order_at(Side::Buy, total, "100") };
    let (proposal, denied) = bench.propose_as(replace("4"));
    assert_eq!(denied, None);
    bench.check_worst("0", "4", "0");
    let _ = bench.tell(replace_refused(order, proposal));
    bench.check_worst("0", "2", "0");
    let (proposal, _) = bench.propose_as(replace("1"));
    bench.check_worst("0", "2", "0");
    let _ = bench.tell(replaced(order, proposal, "1"));
    bench.check_worst("0", "1", "0");
    let (proposal, _) = bench.propose_as(replace("5"));
    let _ = bench.tell(lapsed(order, AttemptAction::Replace, Some(proposal)));
    bench.check_worst("0", "1", "0");
}

#[test]
fn an_approved_replace_becomes_a_replace_command() {
    let mut bench = Bench::new();
    let order = bench.approved(Side::Buy, "2");
    let proposed = OrderProposed { replaces: Some(order), ..order_at(Side::Buy, "3", "99.9") };
    let event = bench.probe.root(source("t"), at(1), proposed);
    let said = bench.probe.take(&event);
    let Body::ReplaceOrder(command) = &said[1].body else { panic!("{said:?}") };
    assert_eq!((command.order, command.proposal), (order, event.event_id.into()));
}

#[test]
fn an_order_that_began_at_the_broker_counts_too() {
    let mut bench = Bench::new();
    let accepted = OrderAccepted {
        order: order(9),
        account: account(),
        instrument: perpetual(),
        venue_order: name("v9"),
        side: Side::Sell,
        quantity: quantity("7"),
        limit_price: None,
        external: true,
    };
    let _ = bench.tell(accepted.clone());
    bench.check_worst("0", "0", "-7");
    let _ = bench.tell(cancelled(order(9), "0"));
    bench.check_worst("0", "0", "0");
    let late = OrderAccepted { order: order(8), external: false, ..accepted };
    let _ = bench.tell(late);
    bench.check_worst("0", "0", "0");
}

#[test]
fn busts_and_corrections_move_what_is_held() {
    let mut bench = Bench::new();
    let order = bench.approved(Side::Buy, "4");
    let _ = bench.tell(fill(order, "e1", Side::Buy, "4"));
    let correction = corrected(order, "e1", 1, "3");
    let _ = bench.tell(correction.clone());
    let _ = bench.tell(correction);
    bench.check_worst("3", "3", "3");
    let bust = busted(order, "e1");
    let _ = bench.tell(bust.clone());
    let _ = bench.tell(bust);
    let _ = bench.tell(fill(order, "e1", Side::Buy, "4"));
    bench.check_worst("0", "0", "0");
}

#[test]
fn a_corrected_price_releases_nothing_of_an_order_that_works() {
    let mut bench = Bench::new();
    let order = bench.approved(Side::Buy, "5");
    let _ = bench.tell(fill(order, "e1", Side::Buy, "3"));
    let _ = bench.tell(corrected(order, "e1", 1, "3"));
    bench.check_worst("3", "5", "3");
    let _ = bench.tell(corrected(order, "e1", 2, "2"));
    let _ = bench.tell(corrected(order, "e1", 1, "3"));
    bench.check_worst("2", "5", "2");
}

#[test]
fn an_execution_corrected_to_nothing_and_back_keeps_its_side() {
    for (side, position) in [(Side::Buy, "1"), (Side::Sell, "-1")] {
        let mut bench = Bench::new();
        let order = bench.approved(side, "2");
        let _ = bench.tell(fill(order, "e1", side, "2"));
        let _ = bench.tell(corrected(order, "e1", 1, "0"));
        bench.probe.restart(gate()).unwrap();
        let _ = bench.tell(corrected(order, "e1", 2, "1"));
        assert_eq!(bench.worst().0, position, "{side}");
    }
}

#[test]
fn a_busted_execution_is_still_to_come_of_an_order_that_works() {
    let mut bench = Bench::new();
    let order = bench.approved(Side::Sell, "5");
    let _ = bench.tell(fill(order, "e1", Side::Sell, "3"));
    let _ = bench.tell(busted(order, "e1"));
    bench.check_worst("0", "0", "-5");
    let _ = bench.tell(cancelled(order, "0"));
    bench.check_worst("0", "0", "0");
}

#[test]
fn a_bust_after_the_end_leaves_nothing_to_come() {
    let mut bench = Bench::new();
    let order = bench.approved(Side::Buy, "5");
    let _ = bench.tell(fill(order, "e1", Side::Buy, "3"));
    let _ = bench.tell(cancelled(order, "4"));
    let _ = bench.tell(busted(order, "e1"));
    bench.check_worst("0", "1", "0");
    let _ = bench.tell(fill(order, "e2", Side::Buy, "1"));
    bench.check_worst("1", "1", "1");
}

#[test]
fn a_correction_ahead_of_its_execution_is_kept_for_it() {
    let mut bench = Bench::new();
    let order = bench.approved(Side::Buy, "5");
    let _ = bench.tell(corrected(order, "e1", 1, "2"));
    bench.probe.restart(gate()).unwrap();
    let _ = bench.tell(fill(order, "e1", Side::Buy, "3"));
    bench.check_worst("2", "5", "2");
}

#[test]
fn adjustments_and_their_reversals_move_what_is_held() {
    let mut bench = Bench::new();
    let break_id = BreakId([1; 16]);
    let booked = AdjustmentBooked {
        break_id,
        account: account(),
        instrument: Some(perpetual()),
        quantity: quantity("-2"),
        cost: amount("-200"),
        currency: None,
        amount: Amount::ZERO,
        reason: String::new(),
    };
    let _ = bench.tell(booked);
    bench.check_worst("-2", "-2", "-2");
    let reversed = AdjustmentReversed {
        break_id,
        account: account(),
        adjustment: id(1),
        because: id(2),
        instrument: Some(perpetual()),
        quantity: quantity("2"),
        cost: amount("200"),
        currency: None,
        amount: Amount::ZERO,
    };
    let _ = bench.tell(reversed);
    bench.check_worst("0", "0", "0");
}

#[test]
fn an_account_opens_once_with_its_positions() {
    let mut bench = Bench::after(&setting()[..2]);
    let position = OpeningPosition {
        instrument: perpetual(),
        quantity: quantity("3"),
        total_cost: amount("300"),
    };
    let with_position = AccountOpened { positions: vec![position], ..opened() };
    let _ = bench.tell(with_position.clone());
    let _ = bench.tell(with_position);
    bench.check_worst("3", "3", "3");
}

#[test]
fn a_restart_changes_nothing() {
    let first = crate::Probe::new(gate())
        .map(|mut probe| probe.root(source("-"), at(0), market()).event_id);
    assert!(first.is_ok());
    let mut tape: Vec<(Timestamp, Body)> =
        setting().into_iter().map(|body| (at(0), body)).collect();
    for step in 0..40_i64 {
        let side = if step % 3 == 0 { Side::Sell } else { Side::Buy };
        let size = format!("{}", step % 4 + 1);
        tape.push((at(step), order_at(side, &size, "100").into()));
        // The tape's fifth fact is its first order; every second fact after it is another.
        let order = OrderId(event::id::foreign_id(source("-"), 5 + step as u64 * 2).0);
        let fact = match step % 5 {
            0 => rejected(order),
            1 => cancelled(order, "1"),
            2 => unknown(order),
            _ => fill(order, &format!("e{step}"), side, &size),
        };
        tape.push((at(step), fact));
    }
    tape.push((at(50), quote(perpetual(), ("50", "5"), ("50.1", "5"), 2).into()));
    check_deterministic(gate, &tape);
}
