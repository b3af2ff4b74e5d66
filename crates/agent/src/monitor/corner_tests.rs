//! What a resume looks at, and what an alert says.

use event::{
    books::{AlertRaised, BreakOpened},
    choices::BreakCode,
    operations::{TradingHalted, TradingResumed},
};

use super::{tests::*, *};
use crate::testing::*;

fn of_account(of: &str, number: u8, severity: Severity) -> Body {
    BreakOpened {
        break_id: BreakId([number; 16]),
        account: AccountId::new(of).unwrap(),
        code: BreakCode::Cash,
        subject: "USDT".into(),
        ours: "1".into(),
        broker: "2".into(),
        difference: amount("1"),
        tolerance: amount("0"),
        severity,
        snapshot: id(1),
    }
    .into()
}

/// What a resume of `account` is answered after a halt of it, the facts, and a clean comparison.
fn resumed(of: Option<AccountId>, facts: &[Body]) -> &'static str {
    let mut desk = Desk::new();
    let _ = desk.tell(0, command(OperatorVerb::Halt, of, "ada", "drill"));
    for fact in facts {
        let _ = desk.tell(1, fact.clone());
    }
    let _ = (desk.tell(2, snapshot("")), desk.tell(2, compared()));
    kinds(&desk.tell(3, command(OperatorVerb::Resume, of, "ada", "over")))[0]
}

const RESUMED: &str = "TradingResumed";
const REFUSED: &str = "ResumeRefused";

#[test]
fn only_a_feed_that_does_not_parse_keeps_trading_halted_until_it_is_live() {
    let one = Some(account());
    assert_eq!(resumed(one, &[feed(FeedState::Stale)]), RESUMED);
    assert_eq!(resumed(one, &[feed(FeedState::Disconnected)]), RESUMED);
    let unparseable = || feed(FeedState::Unparseable);
    assert_eq!(resumed(None, &[unparseable()]), REFUSED);
    assert_eq!(resumed(None, &[unparseable(), feed(FeedState::Stale)]), REFUSED);
    assert_eq!(resumed(None, &[unparseable(), feed(FeedState::Live)]), RESUMED);
}

#[test]
fn a_critical_break_keeps_its_account_halted_from_its_opening_and_a_lesser_one_does_not() {
    let (one, other) = (Some(account()), "OTHER");
    assert_eq!(resumed(one, &[of_account("PAPER", 1, Severity::Critical)]), REFUSED);
    assert_eq!(resumed(one, &[of_account("PAPER", 1, Severity::Warning)]), RESUMED);
    assert_eq!(resumed(one, &[of_account(other, 1, Severity::Critical)]), RESUMED);
    assert_eq!(resumed(one, &[confirmed(Severity::Warning)]), RESUMED);
    assert_eq!(resumed(one, &[confirmed(Severity::Critical)]), REFUSED);
    assert_eq!(resumed(one, &[of_account("PAPER", 1, Severity::Critical), resolved()]), RESUMED);
}

#[test]
fn another_word_of_reconciliation_is_no_clean_comparison() {
    let mut desk = Desk::new();
    let _ = (desk.tell(0, halt()), desk.tell(1, snapshot("")));
    let Body::AlertRaised(word) = compared() else { panic!() };
    let _ = desk.tell(2, AlertRaised { alert: name("Other"), ..word }.into());
    assert_eq!(kinds(&desk.tell(3, resume())), ["ResumeRefused", "SnapshotRequested"]);
}

#[test]
fn snapshots_asked_for_are_numbered_on() {
    let mut desk = Desk::new();
    let _ = (desk.tell(0, snapshot("")), desk.tell(1, halt()));
    let cycles: Vec<u64> = (2..5)
        .flat_map(|second| desk.tell(second, resume()))
        .filter_map(|event| match event.body {
            Body::SnapshotRequested(asked) => Some(asked.cycle),
            _ => None,
        })
        .collect();
    assert_eq!(cycles, [1, 2, 3]);
}

#[test]
fn a_halt_or_resume_that_another_said_counts_as_its_own() {
    let (of, reason, by) = (None, String::from("disk"), String::from("run"));
    let mut desk = Desk::new();
    let _ = desk.tell(0, TradingHalted { account: of, reason, by }.into());
    let _ = (desk.tell(1, snapshot("")), desk.tell(1, compared()));
    let one = command(OperatorVerb::Resume, Some(account()), "ada", "over");
    assert_eq!(kinds(&desk.tell(2, one)), [REFUSED]);
    // Resumed by another, the next cause halts again.
    let mut desk = Desk::new();
    assert_eq!(kinds(&desk.tell(0, breach(RiskRule::Drawdown)))[1], "TradingHalted");
    let (actor, reason) = (String::from("bob"), String::from("over"));
    let _ = desk.tell(1, TradingResumed { account: Some(account()), actor, reason }.into());
    let said = desk.tell(400, breach(RiskRule::Drawdown));
    assert_eq!(kinds(&said)[1], "TradingHalted");
}

#[test]
fn an_alert_names_its_account_and_speaks_of_no_other_before_any_was_held_back() {
    let first = |body: Body| match Desk::new().tell(0, body).remove(0).body {
        Body::AlertRaised(alert) => (alert.account, alert.detail),
        other => panic!("{other:?}"),
    };
    assert_eq!(first(feed(FeedState::Stale)), (None, "why".into()));
    let of_account = [
        breach(RiskRule::Position),
        confirmed(Severity::Warning),
        snapshot("timeout"),
        TradingHalted { account: Some(account()), reason: "r".into(), by: "ada".into() }.into(),
    ];
    for body in of_account {
        let (named, detail) = first(body.clone());
        assert_eq!(named, Some(account()), "{body:?}");
        assert!(!detail.contains("since it was last said"), "{detail}");
    }
    let all = TradingHalted { account: None, reason: "r".into(), by: "ada".into() };
    assert_eq!(first(all.into()), (None, "by ada: r".into()));
}
