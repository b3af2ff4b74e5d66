//! What enters: numbered without gaps, delivered in log order, given to the tasks that want it.

use alloc::{boxed::Box, sync::Arc, vec, vec::Vec};

use agent::{Agent, Outbox, Scope};
use event::{
    Body, Digest, Event, Key, Kind, Label, Source, Timestamp,
    books::AlertRaised,
    choices::Severity,
    id::{file_root_id, lifecycle_id},
    operations::{AgentStarted, Heartbeat, TimerFired, TradingHalted, TradingResumed},
};

use crate::{
    Delivery, FilePlace, Numbering, RootParts, Schedule, Seat, Task, Timers,
    tests::{status, task},
};

fn source(name: &str) -> Source {
    Source::new(name).unwrap()
}

fn halt() -> Body {
    TradingHalted { account: None, reason: "".into(), by: "".into() }.into()
}

#[test]
fn a_source_is_numbered_from_one_without_a_gap_and_goes_on_after_a_restart() {
    let (file, worker, config) = (source("file/1"), source("worker/a"), source("config/0"));
    let (digest, time) = (Digest([7; 32]), Timestamp(3));
    let emitted = |numbering: &mut Numbering, record: u64| {
        let place = FilePlace { source: file, digest, record, part: 2 };
        let body = halt();
        let parts = RootParts { event_time: Some(Timestamp(1)), key: body.key(), body };
        [
            numbering.file_root(place, time, parts),
            numbering.worker_root(worker, time, halt()),
            numbering.config_root(config, digest, record, time, halt()),
        ]
    };
    let mut numbering = Numbering::default();
    assert_eq!(numbering.last(file), 0);
    let mut whole = vec![];
    for record in 1..=9 {
        for event in emitted(&mut numbering, record) {
            assert_eq!((event.source_seq, event.cause_id), (record, None));
            assert_eq!(numbering.last(event.source), record);
            whole.push(event);
        }
    }
    assert_eq!(whole[0].event_id, file_root_id(digest, 1, 2));
    assert_eq!((whole[0].event_time, whole[0].time), (Some(Timestamp(1)), time));
    for event in whole.iter().filter(|event| event.source == worker) {
        assert_eq!(event.event_id, lifecycle_id(worker, event.source_seq));
    }
    // A restart observes the log, in whatever order it reads its sources, and more than once.
    for stop in 0..=9_usize {
        let mut again = Numbering::default();
        let known = &whole[..stop * 3];
        known.iter().rev().chain(known).for_each(|event| {
            again.observe(event.source, event.source_seq);
        });
        let rest: Vec<_> =
            (stop as u64 + 1..=9).flat_map(|record| emitted(&mut again, record)).collect();
        assert_eq!(rest, whole[stop * 3..]);
        assert!(again.iter().eq(numbering.iter()));
    }
}

#[test]
fn what_enters_is_delivered_first_in_first_out_and_once() {
    let mut schedule = Schedule::default();
    let mut delivered = vec![];
    let mut last = 0;
    for pushed in [2, 0, 3, 1] {
        for _ in 0..pushed {
            last += 1;
            let event = Arc::new(status(last, 1));
            let bytes = event.encode();
            schedule.push(Delivery { index: last, event, bytes });
        }
        delivered.extend(schedule.pop().map(|next| next.index));
    }
    delivered.extend(core::iter::from_fn(|| schedule.pop().map(|next| next.index)));
    assert_eq!(delivered, (1..=last).collect::<Vec<_>>());
}

/// Emits what it is set to on every input.
struct Plain {
    kinds: &'static [Kind],
    alerts: u32,
    timers: u32,
}

impl Agent for Plain {
    fn name(&self) -> Label {
        Label::new("plain").unwrap()
    }
    fn version(&self) -> Label {
        Label::new("1").unwrap()
    }
    fn subscriptions(&self) -> &'static [Kind] {
        self.kinds
    }
    fn scope(&self) -> Scope {
        Scope::All
    }
    fn on_event(&mut self, now: Timestamp, _: &Event, out: &mut Outbox) {
        for _ in 0..self.alerts {
            out.emit(AlertRaised {
                alert: Label::new("a").unwrap(),
                severity: Severity::Info,
                subject: "".into(),
                detail: "".into(),
                account: None,
            });
        }
        for _ in 0..self.timers {
            out.timer(Label::new("t").unwrap(), now);
        }
    }
}

fn plain(kinds: &'static [Kind], alerts: u32, timers: u32) -> Task {
    Task::new(Box::new(Plain { kinds, alerts, timers })).unwrap()
}

#[test]
fn a_task_wants_the_kinds_its_agent_subscribed_to_and_no_other() {
    let (worker, one) = (source("w/1"), Label::new("1").unwrap());
    let bodies: [Body; 5] = [
        halt(),
        TradingResumed { account: None, actor: "".into(), reason: "".into() }.into(),
        AgentStarted {
            task: worker,
            epoch: 1,
            version: one,
            config: Digest([0; 32]),
            fence_index: 0,
        }
        .into(),
        Heartbeat { worker, consumed: 1, lag_events: 0 }.into(),
        status(1, 1).body,
    ];
    for chosen in 0..1_u32 << bodies.len() {
        let is_chosen = |at: usize| chosen >> at & 1 == 1;
        let kinds: Vec<Kind> =
            (0..bodies.len()).filter(|at| is_chosen(*at)).map(|at| bodies[at].kind()).collect();
        let task = plain(kinds.leak(), 0, 0);
        for (at, body) in bodies.iter().enumerate() {
            let event = Event { body: body.clone(), ..status(1, 1) };
            assert_eq!(task.wants(&event), is_chosen(at), "{chosen:b} {:?}", body.kind());
        }
    }
}

#[test]
fn events_without_a_timer_and_a_timer_without_events_are_effects() {
    let counts = |alerts, timers| {
        let effects = plain(&[Kind::TradingStatusChanged], alerts, timers).step(&status(1, 1));
        effects.map(|effects| (effects.events.len(), effects.timers.len()))
    };
    assert_eq!(counts(0, 0), None);
    assert_eq!(counts(2, 0), Some((2, 0)));
    assert_eq!(counts(0, 2), Some((0, 2)));
}

/// A seat with one timer due at 7, and the firing that became durable before it stopped.
fn fired_and_stopped() -> (Seat, Event) {
    let mut seat = Seat::new(task());
    let steps: Vec<_> = (1..=2).filter_map(|n| seat.take(n as u64, &status(n as u64, n))).collect();
    let timer = steps[0].timers[0];
    seat.durable(steps[0].clone());
    assert_eq!(seat.through(), Some(2));
    let fired = seat.fire(Timestamp(7)).unwrap().unwrap();
    let mut again = Seat::new(task());
    again.resume(Some(2));
    again.asked(timer);
    (again, Event::clone(&fired.events[0]))
}

#[test]
fn a_firing_that_the_log_holds_is_not_fired_before_the_log_is_delivered() {
    let (mut seat, fired) = fired_and_stopped();
    seat.remember(&fired);
    assert_eq!((seat.through(), seat.next_due()), (Some(2), None));
    assert_eq!(seat.fire(Timestamp(99)).unwrap(), None);
}

#[test]
fn another_tasks_firing_ends_no_timer_of_this_one() {
    let (mut seat, mut fired) = fired_and_stopped();
    if let Body::TimerFired(TimerFired { task, .. }) = &mut fired.body {
        *task = source("other/0");
    }
    seat.remember(&fired);
    assert_eq!(seat.fire(Timestamp(7)).unwrap().unwrap().events[0].source_seq, 1);
}

#[test]
fn timers_laid_down_and_taken_back_go_on_as_if_they_had_not_stopped() {
    let name = Label::new("t").unwrap();
    let asked = |due: i64, request| crate::PendingTimer {
        due: Timestamp(due),
        task: task().source(),
        request,
        name,
    };
    let fire_all = |timers: &mut Timers| {
        core::iter::from_fn(|| timers.fire(Timestamp(9), Timestamp(0)).unwrap()).collect::<Vec<_>>()
    };
    let mut whole = Timers::default();
    (1..=3).for_each(|request| whole.set(asked(request as i64, request)));
    assert_eq!(fire_all(&mut whole).len(), 3);
    whole.set(asked(8, 4));
    let mut again = Timers::default();
    whole.iter().for_each(|timer| again.set(timer));
    whole.sequences().for_each(|(source, last)| again.restore_sequence(source, last));
    let fired = fire_all(&mut again);
    assert_eq!(fired, fire_all(&mut whole));
    assert_eq!(
        (fired[0].source_seq, &fired[0].key),
        (4, &Key::from_label(task().source().label()))
    );
}
