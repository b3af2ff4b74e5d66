//! A counting agent, stepped.

use alloc::{boxed::Box, format, vec, vec::Vec};

use agent::{Agent, Outbox, RestoreError, Scope};
use event::{
    AccountId, Body, Event, InstrumentId, Kind, Label, Source, Timestamp,
    books::AlertRaised,
    choices::{Severity, TradingState},
    id::{derived_id, foreign_id},
    market::TradingStatusChanged,
    operations::TradingHalted,
};

use crate::{PendingTimer, Task, Timers, root_event};

/// Counts inputs; at every second one it emits two alerts and asks for a timer. Its next version does
/// at every one.
struct Counter {
    scope: Scope,
    seen: u64,
    version: &'static str,
}

impl Agent for Counter {
    fn name(&self) -> Label {
        Label::new("counter").unwrap()
    }
    fn version(&self) -> Label {
        Label::new(self.version).unwrap()
    }
    fn subscriptions(&self) -> &'static [Kind] {
        &[Kind::TradingStatusChanged, Kind::TradingHalted]
    }
    fn scope(&self) -> Scope {
        self.scope
    }
    fn on_event(&mut self, now: Timestamp, _: &Event, out: &mut Outbox) {
        self.seen += 1;
        if self.version != "1" || self.seen.is_multiple_of(2) {
            for part in ["a", "b"] {
                out.emit(AlertRaised {
                    alert: Label::new(part).unwrap(),
                    severity: Severity::Info,
                    subject: format!("{}", self.seen),
                    detail: "".into(),
                    account: None,
                });
            }
            out.timer(Label::new("again").unwrap(), now.plus_ns(5));
        }
    }
    fn snapshot(&self) -> Option<Vec<u8>> {
        Some(self.seen.to_le_bytes().to_vec())
    }
    fn restore(&mut self, snapshot: &[u8]) -> Result<(), RestoreError> {
        self.seen = u64::from_le_bytes(snapshot.try_into().map_err(|_| RestoreError)?);
        Ok(())
    }
}

pub(crate) fn task() -> Task {
    task_of("1")
}

pub(crate) fn task_of(version: &'static str) -> Task {
    Task::new(Box::new(Counter { scope: Scope::All, seen: 0, version })).unwrap()
}

pub(crate) fn status(number: u64, time: i64) -> Event {
    let source = Source::new("test").unwrap();
    let instrument = InstrumentId::new("X:Y").unwrap();
    let body =
        TradingStatusChanged { instrument, status: TradingState::Trading, reason: "".into() };
    let id = foreign_id(source, number);
    root_event(id, source, number, Timestamp(time), None, instrument.into(), body.into())
}

fn halt(account: Option<&str>) -> Event {
    let account = account.map(|name| AccountId::new(name).unwrap());
    let body = Body::from(TradingHalted { account, reason: "".into(), by: "".into() });
    let source = Source::new("test").unwrap();
    let key = body.key();
    root_event(foreign_id(source, 1), source, 1, Timestamp(1), None, key, body)
}

#[test]
fn what_a_step_emits_descends_from_its_input() {
    let mut task = task();
    assert_eq!(task.step(&status(1, 100)), None);
    let input = status(2, 90);
    let effects = task.step(&input).unwrap();
    let name = Source::new("counter/0").unwrap();
    for (slot, event) in (0..).zip(&effects.events) {
        assert_eq!(event.event_id, derived_id(input.event_id, name, slot));
        assert_eq!((event.trace_id, event.cause_id), (input.trace_id, Some(input.event_id)));
        assert_eq!(event.source_seq, u64::from(slot) + 1);
        // Logical time never goes back, though the second input is older than the first.
        assert_eq!(event.time, Timestamp(100));
    }
    assert_eq!(effects.timers[0].due, Timestamp(105));
    assert_eq!(effects.timers[0].request, 1);
}

#[test]
fn sequences_go_on_without_gaps_and_the_same_inputs_give_the_same_bytes() {
    let run = || {
        let mut task = task();
        (1..=20)
            .filter_map(|number| task.step(&status(number, number as i64)))
            .flat_map(|effects| effects.events)
            .map(|event| event.encode())
            .collect::<Vec<_>>()
    };
    let (one, two) = (run(), run());
    assert_eq!(one, two);
    let sequences: Vec<u64> =
        one.iter().map(|bytes| Event::decode(bytes).unwrap().source_seq).collect();
    assert_eq!(sequences, (1..=20).collect::<Vec<_>>());
}

#[test]
fn a_restored_task_goes_on_as_if_it_had_never_stopped() {
    for stop in 0..10 {
        let (mut whole, mut before) = (task(), task());
        for number in 1..=stop {
            let _ = (whole.step(&status(number, 7)), before.step(&status(number, 7)));
        }
        let mut after = task();
        after.restore(&before.snapshot().unwrap()).unwrap();
        for number in stop + 1..=20 {
            let input = status(number, 3);
            assert_eq!(whole.step(&input), after.step(&input));
        }
    }
}

#[test]
fn a_snapshot_that_is_cut_short_is_refused() {
    let whole = task().snapshot().unwrap();
    for len in 0..whole.len() {
        assert!(task().restore(&whole[..len]).is_err());
    }
}

#[test]
fn an_account_task_sees_its_account_and_what_names_none() {
    let ours = AccountId::new("A").unwrap();
    let task = Task::new(Box::new(Counter { scope: Scope::Account(ours), seen: 0, version: "1" }))
        .unwrap();
    assert_eq!(task.source().as_str(), "counter/A");
    assert!(task.wants(&halt(Some("A"))));
    assert!(task.wants(&halt(None)));
    assert!(!task.wants(&halt(Some("B"))));
}

#[test]
fn a_timer_goes_to_the_task_that_asked_and_fires_once_in_order_of_due_time() {
    let (one, two) = (task(), Source::new("other/0").unwrap());
    let name = Label::new("t").unwrap();
    let mut timers = Timers::default();
    for (due, task, request) in [(30, one.source(), 1), (10, two, 1), (10, one.source(), 2)] {
        timers.set(PendingTimer { due: Timestamp(due), task, request, name });
    }
    let mut fired = vec![];
    while let Some(event) = timers.fire(Timestamp(20), Timestamp(15)).unwrap() {
        fired.push(event);
    }
    assert_eq!(fired.iter().map(|event| one.wants(event)).collect::<Vec<_>>(), [true, false]);
    // Never before what the clock has already shown.
    assert!(fired.iter().all(|event| event.time == Timestamp(15)));
    assert_eq!(timers.next_due(), Some(Timestamp(30)));
}

#[test]
fn a_firing_in_the_log_is_not_fired_again_after_a_restart() {
    let name = Label::new("t").unwrap();
    let timer = PendingTimer { due: Timestamp(10), task: task().source(), request: 1, name };
    let (mut first, mut second) = (Timers::default(), Timers::default());
    first.set(timer);
    second.set(timer);
    let fired = first.fire(Timestamp(10), Timestamp(0)).unwrap().unwrap();
    second.fired(&fired);
    assert_eq!(second.fire(Timestamp(99), Timestamp(0)).unwrap(), None);
    second.set(PendingTimer { request: 2, ..timer });
    assert_eq!(second.fire(Timestamp(99), Timestamp(0)).unwrap().unwrap().source_seq, 2);
}
