//! A seat whose agent comes back as another version: the next one answers every input, the first
//! every second.

use alloc::{sync::Arc, vec::Vec};

use event::{Digest, Event, Timestamp, operations::AgentStarted};

use crate::{
    Seat, Step,
    tests::{status, task_of},
};

const CONFIG: Digest = Digest([7; 32]);

/// What a seat said: a unit, or a start.
#[derive(Clone, Debug)]
enum Entry {
    Unit(Step),
    Start(AgentStarted),
}

impl Entry {
    const fn unit(&self) -> Option<&Step> {
        match self {
            Self::Unit(step) => Some(step),
            Self::Start(_) => None,
        }
    }
}

/// A log: inputs by their places, and apart from them what the seat said, in order.
#[derive(Clone, Default)]
struct Log {
    inputs: Vec<Arc<Event>>,
    said: Vec<Entry>,
}

impl Log {
    fn of(inputs: u64) -> Self {
        let inputs = (1..=inputs).map(|n| Arc::new(status(n, n as i64))).collect();
        Self { inputs, said: Vec::new() }
    }

    /// A seat of this version that a start finds; its start is in the log.
    fn started(&mut self, version: &'static str) -> Seat {
        let mut seat = Seat::new(task_of(version));
        for entry in &self.said {
            match entry {
                Entry::Start(start) => {
                    let body = event::Body::from(start.clone());
                    let event = Event { body, ..status(1, 1) };
                    seat.remember(&event);
                }
                Entry::Unit(step) => {
                    seat.resume(step.consumed);
                    step.timers.iter().for_each(|timer| seat.asked(*timer));
                    step.events.iter().for_each(|event| seat.emitted(event.source_seq));
                }
            }
        }
        self.said.push(Entry::Start(seat.start(1, CONFIG)));
        seat
    }

    /// Delivers the inputs below `end`, and stores what the seat says, up to so many units.
    fn run(&mut self, seat: &mut Seat, end: usize, units_max: usize) {
        for (at, input) in self.inputs.clone().iter().enumerate().take(end) {
            let Some(step) = seat.take(at as u64, input) else { continue };
            if self.units().len() >= units_max {
                return;
            }
            self.store(seat, step);
        }
    }

    fn store(&mut self, seat: &mut Seat, step: Step) {
        self.said.push(Entry::Unit(step.clone()));
        seat.durable(step);
    }

    fn units(&self) -> Vec<&Step> {
        self.said.iter().filter_map(Entry::unit).collect()
    }

    /// What was decided on, input by input, and how every event and timer is numbered.
    fn look(&self) -> (Vec<u64>, Vec<u64>, Vec<u64>) {
        let units = self.units();
        let decided = units.iter().filter(|step| !step.events.is_empty());
        (
            decided.filter_map(|step| step.consumed).collect(),
            units
                .iter()
                .flat_map(|step| step.events.iter().map(|event| event.source_seq))
                .collect(),
            units.iter().flat_map(|step| step.timers.iter().map(|timer| timer.request)).collect(),
        )
    }
}

#[test]
fn what_one_version_took_in_silence_the_next_never_decides() {
    let mut log = Log::of(12);
    let mut seat = log.started("1");
    log.run(&mut seat, 7, usize::MAX);
    // It answered the inputs at 1, 3 and 5, and took the one at 6 in silence, which it says at a stop.
    let rest = seat.rest().unwrap();
    assert_eq!((rest.events.len(), rest.consumed), (0, Some(6)));
    log.store(&mut seat, rest);
    assert_eq!(seat.rest(), None);
    let mut next = log.started("2");
    log.run(&mut next, 12, usize::MAX);
    let (decided, numbers, requests) = log.look();
    assert_eq!(decided, [1, 3, 5, 7, 8, 9, 10, 11]);
    assert_eq!(numbers, (1..=16).collect::<Vec<_>>());
    assert_eq!(requests, (1..=8).collect::<Vec<_>>());
}

#[test]
fn what_a_crash_left_undecided_the_next_version_decides() {
    let mut log = Log::of(12);
    let mut seat = log.started("1");
    // The step on the input at 3 is never stored.
    log.run(&mut seat, 4, 1);
    let mut next = log.started("2");
    log.run(&mut next, 6, usize::MAX);
    assert_eq!(log.look().0, [1, 2, 3, 4, 5]);
}

#[test]
fn an_upgraded_seat_that_stops_between_any_two_steps_goes_on_as_if_it_had_not() {
    let mut before = Log::of(12);
    let mut seat = before.started("1");
    before.run(&mut seat, 6, usize::MAX);
    let mut whole = before.clone();
    let mut next = whole.started("2");
    whole.run(&mut next, 12, usize::MAX);
    for stops in before.units().len()..whole.units().len() {
        let mut log = before.clone();
        let mut next = log.started("2");
        log.run(&mut next, 12, stops);
        let mut next = log.started("2");
        log.run(&mut next, 12, usize::MAX);
        assert_eq!(log.units(), whole.units(), "stopped after {stops} units");
    }
}

#[test]
fn going_back_to_the_version_before_is_an_upgrade_too() {
    let mut log = Log::of(12);
    for (version, end) in [("1", 4), ("2", 8), ("1", 12)] {
        let mut seat = log.started(version);
        log.run(&mut seat, end, usize::MAX);
    }
    let (decided, numbers, _) = log.look();
    assert_eq!(decided, [1, 3, 4, 5, 6, 7, 9, 11]);
    assert_eq!(numbers, (1..=16).collect::<Vec<_>>());
}

#[test]
fn an_upgraded_agent_that_fails_is_told_its_past_with_the_numbers_it_had() {
    let mut log = Log::of(12);
    let mut seat = log.started("1");
    log.run(&mut seat, 6, usize::MAX);
    let mut next = log.started("2");
    log.run(&mut next, 9, usize::MAX);
    assert!(!next.failed(Timestamp(9)).escalates);
    next.begin_again(task_of("2"));
    for (at, input) in (0..).zip(log.inputs.iter().take(9)) {
        next.tell_again(at, input);
    }
    for (at, input) in log.inputs.clone().iter().enumerate().skip(9) {
        let step = next.take(at as u64, input).unwrap();
        log.store(&mut next, step);
    }
    assert_eq!(log.look().1, (1..=18).collect::<Vec<_>>());
}

#[test]
fn a_fence_in_the_log_holds_wherever_it_lies() {
    let mut log = Log::of(12);
    let mut seat = log.started("1");
    log.run(&mut seat, 4, usize::MAX);
    let start = log.started("2").start(2, CONFIG);
    log.said.pop();
    log.said.push(Entry::Start(AgentStarted { fence_index: 9, ..start }));
    let mut next = log.started("2");
    log.run(&mut next, 12, usize::MAX);
    assert_eq!(log.look().0, [1, 3, 9, 10, 11]);
}

#[test]
fn a_seat_that_takes_long_in_silence_says_so_by_itself() {
    let mut seat = Seat::new(task_of("1"));
    let silent = Event { body: event::Body::from(rare()), ..status(1, 1) };
    let said: Vec<_> = (0..10_000)
        .filter_map(|at| {
            let step = seat.take(at, &silent)?;
            seat.durable(step.clone());
            Some((step.events.len(), step.consumed))
        })
        .collect();
    assert_eq!(said, [(0, Some(4096)), (0, Some(8193))]);
}

/// A body that the counting agent does not want.
fn rare() -> event::operations::OperatorCommanded {
    event::operations::OperatorCommanded {
        verb: event::choices::OperatorVerb::Resume,
        account: None,
        actor: "".into(),
        reason: "".into(),
        acted_at: None,
    }
}
