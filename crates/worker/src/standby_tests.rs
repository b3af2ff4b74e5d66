//! A standby beside a seat that stops anywhere, and a watch over one.

use alloc::{collections::VecDeque, sync::Arc, vec::Vec};

use event::{Body, Digest, Event, Timestamp};

use crate::{
    Debt, PendingTimer, Seat, Standby, Step, Watch,
    tests::{status, task, task_of},
};

/// What stands in a log: events, and what the task says of its progress.
enum Entry {
    Event(Arc<Event>),
    Progress(Option<u64>, Vec<PendingTimer>),
}

/// A log with one task that writes to it.
struct Log {
    entries: Vec<Entry>,
    steps: Vec<Step>,
}

impl Log {
    fn of(inputs: u64) -> Self {
        let entries = (1..=inputs).map(|n| Entry::Event(Arc::new(status(n, n as i64)))).collect();
        Self { entries, steps: Vec::new() }
    }

    fn store(&mut self, step: &Step) {
        self.entries.extend(step.events.iter().map(|event| Entry::Event(Arc::clone(event))));
        if step.consumed.is_some() {
            self.entries.push(Entry::Progress(step.consumed, step.timers.clone()));
        }
        self.steps.push(step.clone());
    }
}

/// Lets a seat decide from an index on, at `now`, until it has made `steps_max` steps durable or has
/// nothing more to do. A step more is in its hand when it stops.
fn decide(seat: &mut Seat, log: &mut Log, mut index: usize, now: i64, steps_max: usize) {
    let mut left = steps_max;
    loop {
        let step = match log.entries.get(index) {
            Some(Entry::Event(event)) => {
                index += 1;
                seat.take(index as u64 - 1, &Arc::clone(event))
            }
            Some(Entry::Progress(..)) => {
                index += 1;
                None
            }
            None => match seat.fire(Timestamp(now)).unwrap() {
                Some(step) => Some(step),
                None => return,
            },
        };
        let Some(step) = step else { continue };
        if left == 0 {
            return;
        }
        left -= 1;
        log.store(&step);
        seat.durable(step);
    }
}

/// A seat of this version that knows what the log says.
fn recovered(version: &'static str, log: &Log) -> Seat {
    let mut seat = Seat::new(task_of(version));
    for entry in &log.entries {
        match entry {
            Entry::Event(event) => {
                if event.source == seat.source() {
                    seat.emitted(event.source_seq);
                }
                seat.remember(event);
            }
            Entry::Progress(through, timers) => {
                timers.iter().for_each(|timer| seat.asked(*timer));
                seat.resume(*through);
            }
        }
    }
    seat
}

/// Makes a start of the seat durable.
fn start(seat: &mut Seat, log: &mut Log) {
    let body = Body::from(seat.start(1, Digest([7; 32])));
    log.entries.push(Entry::Event(Arc::new(Event { body, ..status(99, 0) })));
}

fn tell(standby: &mut Standby, log: &Log, from: usize) {
    for (index, entry) in log.entries.iter().enumerate().skip(from) {
        match entry {
            Entry::Event(event) => standby.event(index as u64, event),
            Entry::Progress(through, timers) => {
                standby.progress(index as u64, *through, timers.iter().copied());
            }
        }
    }
}

/// Wherever the first stops, and however much of the log the standby knew when it began, the steps are
/// those of a task that nobody took over.
#[test]
fn a_standby_goes_on_between_any_two_steps_as_if_nobody_had_stopped() {
    let mut whole = Log::of(12);
    decide(&mut Seat::new(task()), &mut whole, 0, 100, usize::MAX);
    assert!(whole.steps.len() > 8, "{} steps", whole.steps.len());
    for stops in 0..whole.steps.len() {
        for joins in 0..=stops {
            let mut log = Log::of(12);
            let mut first = Seat::new(task());
            decide(&mut first, &mut log, 0, 100, joins);
            let seat = recovered("1", &log);
            let mut standby = Standby::new(seat, log.entries.len() as u64, 1000);
            tell(&mut standby, &log, 0);
            let told = log.entries.len();
            let mut log = Log::of(12);
            decide(&mut Seat::new(task()), &mut log, 0, 100, stops);
            tell(&mut standby, &log, told);
            let (mut seat, waiting) = standby.take_over();
            go_on(&mut seat, waiting, &mut log);
            assert_eq!(log.steps, whole.steps, "stopped after {stops}, joined after {joins}");
        }
    }
}

/// What a standby leaves, then what comes after it.
fn go_on(seat: &mut Seat, waiting: VecDeque<(u64, Arc<Event>)>, log: &mut Log) {
    let end = log.entries.len();
    for (index, event) in waiting {
        if let Some(step) = seat.take(index, &event) {
            log.store(&step);
            seat.durable(step);
        }
    }
    decide(seat, log, end, 100, usize::MAX);
}

/// Three versions, the last of them the first again, which answers fewer inputs: a standby of it that joined
/// before it began goes on behind its fence, and not behind the one before.
#[test]
fn a_standby_that_saw_the_version_change_goes_on_as_one_that_came_after() {
    for (of_first, of_next) in (0..6).flat_map(|first| (0..6).map(move |next| (first, next))) {
        let logs = [false, true].map(|joins_before| {
            let mut log = Log::of(12);
            for (version, steps) in [("1", 1), ("2", of_first)] {
                let mut before = recovered(version, &log);
                start(&mut before, &mut log);
                decide(&mut before, &mut log, 0, 100, steps);
            }
            let known = log.entries.len();
            let mut standby = Standby::new(recovered("1", &log), known as u64, 1000);
            tell(&mut standby, &log, 0);
            let mut next = recovered("1", &log);
            start(&mut next, &mut log);
            decide(&mut next, &mut log, 0, 100, of_next);
            let (mut seat, waiting) = if joins_before {
                tell(&mut standby, &log, known);
                standby.take_over()
            } else {
                let mut late = Standby::new(recovered("1", &log), log.entries.len() as u64, 1000);
                tell(&mut late, &log, 0);
                late.take_over()
            };
            start(&mut seat, &mut log);
            go_on(&mut seat, waiting, &mut log);
            let events = log.steps.iter().flat_map(|step| &step.events);
            let numbers: Vec<_> = events
                .filter(|event| event.cause_id.is_some())
                .map(|event| event.source_seq)
                .collect();
            let without_gap: Vec<_> = (1..=numbers.len() as u64).collect();
            assert_eq!(numbers, without_gap, "{of_first}, {of_next}, {joins_before}");
            log.steps
        });
        assert_eq!(logs[0], logs[1], "{of_first} steps of the first, {of_next} of the next");
    }
}

fn watch() -> Watch {
    Watch::new(task().source(), 800)
}

#[test]
fn an_input_is_owed_until_the_log_shows_that_it_was_taken() {
    let mut watch = watch();
    watch.at(Timestamp(0));
    watch.event(3, &status(1, 1), true);
    watch.event(4, &status(2, 1), false);
    assert_eq!(watch.owes().map(|owed| owed.debt), Some(Debt::Input(3)));
    watch.progress(Some(3), []);
    assert_eq!(watch.owes(), None);
    watch.event(5, &status(3, 1), true);
    for now in (100..=800).step_by(100) {
        assert_eq!(watch.overdue(), None, "at {now}");
        watch.at(Timestamp(now));
    }
    let owed = watch.overdue().unwrap();
    assert_eq!((owed.debt, owed.for_ns), (Debt::Input(5), 800));
    watch.progress(Some(9), []);
    assert_eq!(watch.owes(), None);
}

/// The time in which nobody told the watch what time it is does not count for those it watches.
#[test]
fn a_watch_that_stood_still_itself_gives_nobody_up() {
    let mut watch = watch();
    watch.at(Timestamp(0));
    watch.event(0, &status(1, 1), true);
    watch.at(Timestamp(1_000_000));
    assert_eq!(watch.overdue(), None);
    assert_eq!(watch.owes().map(|owed| owed.for_ns), Some(100));
}

#[test]
fn inputs_that_are_taken_in_time_are_never_overdue_however_many_wait() {
    let mut watch = watch();
    for now in 0..10_000_u64 {
        watch.at(Timestamp(now as i64));
        watch.event(now, &status(now + 1, 1), true);
        // It is five hundred behind, always.
        watch.progress(now.checked_sub(500), []);
        assert_eq!(watch.overdue(), None, "at {now}");
    }
    assert!(watch.owes().is_some());
}

#[test]
fn a_timer_is_owed_once_the_log_shows_a_time_at_which_it_is_due() {
    let mut first = Seat::new(task());
    let _ = first.take(0, &status(1, 1));
    let step = first.take(1, &status(2, 2)).unwrap();
    let mut watch = watch();
    watch.at(Timestamp(0));
    watch.event(0, &status(1, 1), true);
    watch.event(1, &status(2, 2), true);
    watch.progress(step.consumed, step.timers.clone());
    first.durable(step);
    assert_eq!(watch.owes(), None);
    watch.event(2, &status(3, 6), false);
    assert_eq!(watch.owes(), None, "it is due at 7");
    watch.event(3, &status(4, 7), false);
    assert_eq!(watch.owes().map(|owed| owed.debt), Some(Debt::Timer(Timestamp(7))));
    let fired = first.fire(Timestamp(9)).unwrap().unwrap();
    watch.event(4, &fired.events[0], true);
    let debt = watch.owes().map(|owed| owed.debt);
    assert_eq!(debt, Some(Debt::Input(4)), "the firing is an input");
}
