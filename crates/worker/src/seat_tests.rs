//! A seat over the counting agent: two inputs make a step of two alerts and a timer.

use alloc::{sync::Arc, vec, vec::Vec};

use event::{Event, Timestamp};

use crate::{
    Seat, Step,
    tests::{status, task},
};

/// A log of what enters and of what the seat makes durable, and how far it is.
#[derive(Default)]
struct Log {
    events: Vec<Arc<Event>>,
    steps: Vec<Step>,
    through: Option<u64>,
}

impl Log {
    fn of(inputs: u64) -> Self {
        let events = (1..=inputs).map(|n| Arc::new(status(n, n as i64))).collect();
        Self { events, ..Self::default() }
    }

    fn store(&mut self, step: &Step) {
        self.events.extend(step.events.iter().map(Arc::clone));
        self.through = self.through.max(step.consumed);
        self.steps.push(step.clone());
    }

    /// A seat that a restart finds.
    fn reopened(&self) -> Seat {
        let mut seat = Seat::new(task());
        seat.resume(self.through);
        for timer in self.steps.iter().flat_map(|step| &step.timers) {
            seat.asked(*timer);
        }
        self.events.iter().for_each(|event| seat.remember(event));
        seat
    }
}

/// Delivers the whole log to a seat, and fires what is due at `now` at its end.
fn run(seat: &mut Seat, log: &mut Log, now: i64, steps_max: usize) {
    let mut index = 0;
    let mut left = steps_max;
    loop {
        let step = match log.events.get(index).map(Arc::clone) {
            Some(event) => {
                index += 1;
                seat.take(index as u64 - 1, &event)
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

#[test]
fn a_seat_that_stopped_between_any_two_steps_goes_on_as_if_it_had_not() {
    let mut whole = Log::of(12);
    run(&mut Seat::new(task()), &mut whole, 100, usize::MAX);
    assert!(whole.steps.len() > 8, "{} steps", whole.steps.len());
    for stops in 0..whole.steps.len() {
        let mut log = Log::of(12);
        run(&mut Seat::new(task()), &mut log, 100, stops);
        let mut seat = log.reopened();
        run(&mut seat, &mut log, 100, usize::MAX);
        assert_eq!(log.steps, whole.steps, "stopped after {stops} steps");
    }
}

#[test]
fn a_step_is_waited_for_and_its_timers_run_once_it_is_durable() {
    let mut seat = Seat::new(task());
    assert_eq!(seat.take(0, &status(1, 1)), None);
    let step = seat.take(1, &status(2, 2)).unwrap();
    assert_eq!((step.consumed, seat.waits(), seat.next_due()), (Some(1), true, None));
    seat.durable(step);
    assert_eq!((seat.through(), seat.waits()), (Some(1), false));
    assert_eq!(seat.next_due(), Some(Timestamp(7)));
    assert_eq!(seat.fire(Timestamp(6)).unwrap(), None);
    let fired = seat.fire(Timestamp(9)).unwrap().unwrap();
    assert_eq!((fired.consumed, fired.events.len()), (None, 1));
    seat.durable(fired);
    assert_eq!(seat.fire(Timestamp(9)).unwrap(), None);
}

#[test]
fn an_agent_made_again_says_what_it_would_have_said() {
    let inputs: Vec<_> = (1..=9).map(|n| status(n, n as i64)).collect();
    for fails_at in 0..inputs.len() {
        let (mut sound, mut failing) = (Seat::new(task()), Seat::new(task()));
        for (index, input) in inputs.iter().enumerate() {
            if index == fails_at {
                assert!(!failing.failed(input.time).escalates);
                failing.begin_again(task());
                let past = (0..).zip(inputs.iter().take(index));
                past.for_each(|(at, event)| failing.tell_again(at, event));
            }
            let (one, two) = (sound.take(index as u64, input), failing.take(index as u64, input));
            assert_eq!(one, two, "failed at {fails_at}, input {index}");
            one.into_iter().for_each(|step| sound.durable(step));
            two.into_iter().for_each(|step| failing.durable(step));
        }
    }
}

#[test]
fn an_agent_that_fails_too_often_escalates() {
    let mut seat = Seat::new(task());
    let verdicts: Vec<_> = (0..4).map(|_| seat.failed(Timestamp(0)).escalates).collect();
    assert_eq!(verdicts, vec![false, false, false, true]);
}
