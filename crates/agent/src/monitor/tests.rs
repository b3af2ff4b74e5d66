use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use event::{
    Digest, EventId,
    books::{BreakConfirmed, BreakResolved, BrokerSnapshotTaken, LimitBreached},
    choices::{AnomalyKind, BreakCode, QuarantineReason, Resolution},
    market::{FeedStatusChanged, MarketAnomalyDetected},
    operations::{AgentStopped, EventQuarantined, Heartbeat, OperatorCommanded},
    trading::{OrderRejected, OrderUnknown},
    wire::Blob,
};

use super::*;
use crate::{Probe, testing::*};

pub(super) fn feed(state: FeedState) -> Body {
    FeedStatusChanged { feed: source("file/a"), state, detail: "why".into() }.into()
}

fn anomaly() -> Body {
    MarketAnomalyDetected {
        instrument: spot(),
        anomaly: AnomalyKind::PriceJump,
        detail: String::new(),
        observed: None,
        reference: None,
        expected_sequence: None,
        found_sequence: None,
    }
    .into()
}

fn unknown(number: u8) -> Body {
    OrderUnknown {
        order: order(number),
        account: account(),
        instrument: spot(),
        action: event::choices::AttemptAction::Submit,
        attempt: 1,
        reason: String::new(),
    }
    .into()
}

pub(super) fn rejected() -> Body {
    OrderRejected {
        order: order(1),
        account: account(),
        instrument: spot(),
        code: name("NO"),
        reason: String::new(),
    }
    .into()
}

pub(super) fn breach(rule: RiskRule) -> Body {
    let (limit, observed) = (amount("1"), amount("2"));
    let detail = "too much".into();
    LimitBreached { account: account(), rule, instrument: None, limit, observed, detail }.into()
}

pub(super) fn confirmed(severity: Severity) -> Body {
    BreakConfirmed {
        break_id: BreakId([1; 16]),
        account: account(),
        code: BreakCode::PositionQuantity,
        subject: "BTC".into(),
        cycles: 2,
        age_ns: 1,
        severity,
    }
    .into()
}

pub(super) fn resolved() -> Body {
    BreakResolved {
        break_id: BreakId([1; 16]),
        account: account(),
        code: BreakCode::PositionQuantity,
        subject: "BTC".into(),
        resolution: Resolution::Adjusted,
        detail: String::new(),
    }
    .into()
}

pub(super) fn snapshot(failure: &str) -> Body {
    BrokerSnapshotTaken {
        account: account(),
        query: EventId([3; 16]),
        failure: failure.into(),
        orders_before: Vec::new(),
        executions: Vec::new(),
        positions: Vec::new(),
        balances: Vec::new(),
        orders_after: Vec::new(),
        cycle: 1,
        bookings: Vec::new(),
        executions_from: 0,
    }
    .into()
}

fn quarantined(parked: bool) -> Body {
    EventQuarantined {
        origin: source("file/a"),
        record: 7,
        reason: QuarantineReason::Malformed,
        detail: String::new(),
        bytes: Blob(Vec::new()),
        bytes_total: 0,
        digest: Digest([0; 32]),
        parked,
    }
    .into()
}

pub(super) fn stopped(failed: bool, restarts: u32) -> Body {
    AgentStopped { task: source("risk/PAPER"), failed, reason: "panic".into(), restarts }.into()
}

fn beat() -> Body {
    Heartbeat { worker: source("worker/tape"), consumed: 1, lag_events: 0 }.into()
}

pub(super) fn command(
    verb: OperatorVerb,
    of: Option<AccountId>,
    actor: &str,
    reason: &str,
) -> Body {
    let (actor, reason) = (actor.into(), reason.into());
    OperatorCommanded { verb, account: of, actor, reason, acted_at: None }.into()
}

pub(super) fn halt() -> Body {
    command(OperatorVerb::Halt, None, "ada", "drill")
}

pub(super) fn resume() -> Body {
    command(OperatorVerb::Resume, None, "ada", "drill over")
}

/// Reconciliation's word on the snapshot before it.
pub(super) fn compared() -> Body {
    event::books::AlertRaised {
        alert: name(BOOKS_COMPARED),
        severity: Severity::Info,
        subject: account().to_string(),
        detail: String::new(),
        account: Some(account()),
    }
    .into()
}

/// Delivers facts; reconciliation's word comes from it, and of the last snapshot.
pub(super) struct Desk {
    pub(super) probe: Probe<Monitor>,
    pub(super) snapshot: Option<EventId>,
}

impl Desk {
    pub(super) fn new() -> Self {
        let probe = Probe::new(Monitor::new(Config::default())).unwrap();
        Self { probe, snapshot: None }
    }

    pub(super) fn tell(&mut self, second: i64, body: Body) -> Vec<Event> {
        let from = match &body {
            Body::AlertRaised(_) => "recon/PAPER",
            _ => "-",
        };
        let mut event = self.probe.root(source(from), at(second), body);
        match &event.body {
            Body::AlertRaised(_) => event.cause_id = self.snapshot,
            Body::BrokerSnapshotTaken(_) => self.snapshot = Some(event.event_id),
            _ => {}
        }
        self.probe.take(&event)
    }
}

/// What is said on a tape of (second, fact), in few words.
pub(super) fn check(tape: &[(i64, Body)], expected: &[&str]) {
    let mut desk = Desk::new();
    let mut said = Vec::new();
    for (second, body) in tape {
        said.extend(desk.tell(*second, body.clone()));
    }
    let scope = |account: Option<AccountId>| account.map_or("all".into(), |one| one.to_string());
    let words = |event: &Event| match &event.body {
        Body::AlertRaised(alert) => format!("{} {}", alert.severity, alert.alert),
        Body::TradingHalted(halt) => format!("halt {} by {}", scope(halt.account), halt.by),
        Body::TradingResumed(resume) => format!("resume {}", scope(resume.account)),
        Body::ResumeRefused(refused) => format!("refused: {}", refused.reason),
        Body::SnapshotRequested(asked) => format!("snapshot of {}", asked.account),
        other => format!("{other:?}"),
    };
    let said: Vec<String> = said.iter().map(words).collect();
    assert_eq!(said, expected);
}

#[test]
fn each_fact_deserves_its_alert() {
    check(&[(0, feed(FeedState::Stale))], &["CRITICAL MarketDataDisconnected"]);
    check(&[(0, feed(FeedState::Live))], &[]);
    check(&[(0, anomaly())], &["WARNING MarketAnomaly"]);
    check(&[(0, unknown(1))], &["WARNING OrderUnknown"]);
    check(&[(0, breach(RiskRule::Position))], &["WARNING LimitBreached"]);
    check(&[(0, confirmed(Severity::Warning))], &["WARNING BreakConfirmed"]);
    check(&[(0, quarantined(false))], &["WARNING RecordQuarantined"]);
    check(&[(0, quarantined(true))], &["CRITICAL RecordQuarantined"]);
    check(&[(0, stopped(true, 1))], &["WARNING AgentFailed"]);
    check(&[(0, stopped(false, 0))], &[]);
    check(&[(0, snapshot("timeout"))], &["WARNING SnapshotFailed"]);
    check(&[(0, snapshot(""))], &[]);
}

#[test]
fn only_the_named_conditions_halt_by_themselves() {
    check(
        &[(0, feed(FeedState::Unparseable))],
        &["CRITICAL FeedUnparseable", "halt all by monitor", "CRITICAL TradingHalted"],
    );
    check(
        &[(0, breach(RiskRule::Drawdown))],
        &["CRITICAL DrawdownLimit", "halt PAPER by monitor", "CRITICAL TradingHalted"],
    );
    check(
        &[(0, confirmed(Severity::Critical))],
        &["CRITICAL BreakConfirmed", "halt PAPER by monitor", "CRITICAL TradingHalted"],
    );
    check(
        &[(0, stopped(true, 3))],
        &["CRITICAL AgentFailed", "halt all by monitor", "CRITICAL TradingHalted"],
    );
}

#[test]
fn what_is_halted_is_not_halted_again_but_an_operator_gets_an_answer() {
    check(
        &[
            (0, breach(RiskRule::Drawdown)),
            (1, confirmed(Severity::Critical)),
            (2, halt()),
            (3, halt()),
        ],
        &[
            "CRITICAL DrawdownLimit",
            "halt PAPER by monitor",
            "CRITICAL TradingHalted",
            "CRITICAL BreakConfirmed",
            "halt all by ada",
            "CRITICAL TradingHalted",
            "halt all by ada",
        ],
    );
}

#[test]
fn the_same_alert_is_held_back_for_five_minutes_and_counted() {
    let mut probe = Probe::new(Monitor::new(Config::default())).unwrap();
    let mut said = Vec::new();
    for second in [0, 10, 299, 300] {
        said.extend(probe.tell(at(second), feed(FeedState::Disconnected)));
    }
    said.extend(probe.tell(at(301), unknown(1)));
    said.extend(probe.tell(at(301), unknown(2)));
    assert_eq!(said.len(), 4);
    let Body::AlertRaised(alert) = &said[1].body else { panic!() };
    assert_eq!(alert.detail, "why (2 more since it was last said)");
}

#[test]
fn five_rejections_in_a_minute_are_a_burst() {
    let spread: Vec<_> = (0..8).map(|n| (n * 16, rejected())).collect();
    check(&spread, &[]);
    let burst: Vec<_> = (0..6).map(|n| (n, rejected())).collect();
    check(&burst, &["WARNING OrderRejects"]);
}

#[test]
fn a_worker_is_missed_only_after_it_was_seen() {
    check(&[(0, anomaly()), (90, unknown(1))], &["WARNING MarketAnomaly", "WARNING OrderUnknown"]);
    check(
        &[(0, beat()), (29, beat()), (58, beat()), (100, unknown(1))],
        &["CRITICAL HeartbeatMissing", "WARNING OrderUnknown"],
    );
    check(
        &[(0, beat()), (40, beat()), (71, unknown(1))],
        &["CRITICAL HeartbeatMissing", "WARNING OrderUnknown"],
    );
}

#[test]
fn a_resume_waits_for_a_snapshot_newer_than_the_halt() {
    let wait = "refused: no broker snapshot since the halt of PAPER was compared and clean; one is asked for: run \
                `blotter reconcile`, then resume again";
    check(
        &[
            (0, snapshot("")),
            (1, halt()),
            (2, resume()),
            (3, snapshot("")),
            (3, compared()),
            (4, resume()),
        ],
        &["halt all by ada", "CRITICAL TradingHalted", wait, "snapshot of PAPER", "resume all"],
    );
    check(
        &[(0, snapshot("")), (1, halt()), (3, snapshot("timeout")), (4, resume())],
        &[
            "halt all by ada",
            "CRITICAL TradingHalted",
            "WARNING SnapshotFailed",
            wait,
            "snapshot of PAPER",
        ],
    );
}

#[test]
fn a_snapshot_nobody_compared_is_no_clean_one() {
    let refused = |tape: &[(i64, Body)]| {
        let mut desk = Desk::new();
        for (second, body) in tape {
            let _ = desk.tell(*second, body.clone());
        }
        let said = desk.tell(9, resume());
        assert_eq!(kinds(&said), ["ResumeRefused", "SnapshotRequested"]);
    };
    refused(&[(0, halt()), (1, snapshot(""))]);
    refused(&[(0, snapshot("")), (0, halt()), (1, compared())]);
    refused(&[(0, snapshot("")), (0, compared()), (1, halt())]);
    refused(&[(0, halt()), (1, snapshot("timeout")), (2, compared())]);
    // The word is reconciliation's own.
    let mut desk = Desk::new();
    let _ = desk.tell(0, halt());
    let _ = desk.tell(1, snapshot(""));
    let mut forged = desk.probe.root(source("python"), at(2), compared());
    forged.cause_id = desk.snapshot;
    let _ = desk.probe.take(&forged);
    assert_eq!(kinds(&desk.tell(3, resume())), ["ResumeRefused", "SnapshotRequested"]);
}

#[test]
fn a_restart_between_a_snapshot_and_its_comparison_loses_nothing() {
    let mut desk = Desk::new();
    let _ = desk.tell(0, halt());
    let _ = desk.tell(1, snapshot(""));
    desk.probe.restart(Monitor::new(Config::default())).unwrap();
    let _ = desk.tell(2, compared());
    assert_eq!(kinds(&desk.tell(3, resume())), ["TradingResumed"]);
}

#[test]
fn a_resume_needs_actor_reason_feeds_that_parse_and_no_critical_break() {
    let refused = |facts: &[Body], command: Body, why: &str| {
        let mut tape: Vec<(i64, Body)> = Vec::from([(0, halt())]);
        tape.extend(facts.iter().map(|fact| (1, fact.clone())));
        tape.extend([(2, snapshot("")), (2, compared()), (3, command)]);
        let mut desk = Desk::new();
        let mut said = Vec::new();
        for (second, body) in tape {
            said = desk.tell(second, body);
        }
        let Body::ResumeRefused(refused) = &said[0].body else { panic!("{said:?}") };
        assert!(refused.reason.contains(why), "{}", refused.reason);
        assert!(said[0].basis.is_some());
    };
    let verb = OperatorVerb::Resume;
    refused(&[], command(verb, None, "", "drill over"), "needs an actor");
    refused(&[], command(verb, None, "ada", " "), "needs an actor");
    refused(&[feed(FeedState::Unparseable)], resume(), "file/a does not parse");
    refused(&[confirmed(Severity::Critical)], resume(), "1 critical breaks are open");
    refused(&[], command(verb, Some(account()), "ada", "x"), "all trading is halted");
    check(
        &[
            (0, halt()),
            (1, confirmed(Severity::Critical)),
            (2, resolved()),
            (3, snapshot("")),
            (3, compared()),
            (4, resume()),
        ],
        &[
            "halt all by ada",
            "CRITICAL TradingHalted",
            "CRITICAL BreakConfirmed",
            "halt PAPER by monitor",
            "CRITICAL TradingHalted",
            "resume all",
        ],
    );
}

#[test]
fn one_account_is_resumed_by_itself() {
    let one = command(OperatorVerb::Resume, Some(account()), "ada", "looked at it");
    check(
        &[(0, breach(RiskRule::Drawdown)), (1, snapshot("")), (1, compared()), (2, one)],
        &[
            "CRITICAL DrawdownLimit",
            "halt PAPER by monitor",
            "CRITICAL TradingHalted",
            "resume PAPER",
        ],
    );
}

#[test]
fn after_a_resume_the_next_cause_halts_again() {
    check(
        &[
            (0, halt()),
            (1, snapshot("")),
            (1, compared()),
            (2, resume()),
            (400, feed(FeedState::Unparseable)),
        ],
        &[
            "halt all by ada",
            "CRITICAL TradingHalted",
            "resume all",
            "CRITICAL FeedUnparseable",
            "halt all by monitor",
            "CRITICAL TradingHalted",
        ],
    );
}

#[test]
fn a_cancel_of_everything_is_left_to_the_gateway() {
    check(&[(0, command(OperatorVerb::CancelAll, None, "ada", "x"))], &[]);
}

#[test]
fn a_restart_changes_nothing() {
    let facts = [
        beat(),
        feed(FeedState::Unparseable),
        rejected(),
        snapshot(""),
        halt(),
        resume(),
        confirmed(Severity::Critical),
        feed(FeedState::Live),
        unknown(4),
        resolved(),
        snapshot("timeout"),
        resume(),
        stopped(true, 2),
        quarantined(true),
    ];
    let tape: Vec<(Timestamp, Body)> =
        (0..60).map(|n| (at(n as i64 * 11), facts[n * 5 % facts.len()].clone())).collect();
    check_deterministic(|| Monitor::new(Config::default()), &tape);
}
