//! The bench does with an agent what a worker's task does.

use alloc::{format, vec, vec::Vec};

use event::{
    AccountId, Body, Event, Kind, Label, Timestamp,
    books::AlertRaised,
    choices::Severity,
    operations::{TradingHalted, TradingResumed},
};

use crate::{Agent, Outbox, Probe, Scope, testing::*};

/// Says one alert per halt and sets two timers for one instant; keeps no snapshot.
struct Echo;

impl Agent for Echo {
    fn name(&self) -> Label {
        name("echo")
    }
    fn version(&self) -> Label {
        name("1")
    }
    fn subscriptions(&self) -> &'static [Kind] {
        &[Kind::TradingHalted]
    }
    fn scope(&self) -> Scope {
        Scope::Account(account())
    }
    fn on_event(&mut self, now: Timestamp, event: &Event, out: &mut Outbox) {
        let said = match &event.body {
            Body::TimerFired(timer) => format!("{}", timer.name),
            _ => {
                out.timer(name("one"), now.plus_ns(5));
                out.timer(name("two"), now.plus_ns(5));
                "halted".into()
            }
        };
        let (alert, severity) = (name("echo"), Severity::Info);
        out.emit(AlertRaised { alert, severity, subject: said, detail: "".into(), account: None });
    }
}

fn halt(account: Option<AccountId>) -> TradingHalted {
    TradingHalted { account, reason: "".into(), by: "".into() }
}

fn subjects(said: &[Event]) -> Vec<&str> {
    said.iter()
        .map(|event| match &event.body {
            Body::AlertRaised(alert) => alert.subject.as_str(),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn what_an_agent_says_is_numbered_and_each_of_its_timers_fires() {
    let mut probe = Probe::new(Echo).unwrap();
    let mut said = probe.tell(at(1), halt(None));
    said.extend(probe.advance(at(1).plus_ns(4)));
    assert_eq!(subjects(&said), ["halted"]);
    said.extend(probe.advance(at(1).plus_ns(5)));
    said.extend(probe.tell(at(2), halt(Some(account()))));
    assert_eq!(subjects(&said), ["halted", "one", "two", "halted"]);
    let numbers: Vec<_> = said.iter().map(|event| event.source_seq).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
}

#[test]
fn an_agent_of_one_account_hears_of_it_and_of_what_names_none() {
    let mut probe = Probe::new(Echo).unwrap();
    let other = AccountId::new("OTHER").unwrap();
    assert_eq!(probe.tell(at(1), halt(Some(other))), vec![]);
    let resumed = TradingResumed { account: None, actor: "".into(), reason: "".into() };
    assert_eq!(probe.tell(at(1), resumed), vec![]);
    assert_eq!(probe.tell(at(1), halt(Some(account()))).len(), 1);
}

#[test]
fn an_agent_that_keeps_no_snapshot_is_not_restored() {
    assert!(Echo.snapshot().is_none());
    assert!(Echo.restore(&[]).is_err());
    assert!(Probe::new(Echo).unwrap().restart(Echo).is_err());
}
