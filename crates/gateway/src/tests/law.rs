//! Whatever is commanded, answered and reported, and wherever the process ends.

use std::collections::{BTreeMap, BTreeSet};

use event::{Body, Event, OrderId, Source, Timestamp, choices::AttemptAction};
use proptest::{collection::vec, prelude::*};

use super::{
    account, cancel, cancel_all,
    day::{Crash, Day, Mode},
    halt, order, recovered, replace, resume, snapshot_request, submit,
    venue::Venue,
};

/// A command of any sort about one of a few orders.
fn command() -> impl Strategy<Value = Body> {
    let number = || 1_u8..6;
    prop_oneof![
        6 => number().prop_map(|n| submit(n).into()),
        4 => number().prop_map(|n| cancel(n).into()),
        4 => (number(), 20_u8..40).prop_map(|(n, p)| replace(n, p).into()),
        1 => number().prop_map(|n| {
            let mut late = submit(n);
            late.valid_until = Timestamp(250);
            late.into()
        }),
        1 => number().prop_map(|n| recovered(n, &format!("E{n}"), 1).into()),
        1 => number().prop_map(|n| Body::from(event::trading::OrderExpired {
            order: order(n),
            account: account(),
            instrument: super::instrument(),
            cumulative: event::Quantity::ZERO,
            reason: "absent".into(),
        })),
        2 => Just(halt(None).into()),
        3 => Just(resume().into()),
        1 => Just(cancel_all().into()),
        1 => (0_u64..9).prop_map(|cycle| snapshot_request(cycle).into()),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Vec<Body>>> {
    vec(vec(command(), 0..5), 1..9)
}

fn crashes() -> impl Strategy<Value = Vec<Crash>> {
    let crash = (1_usize..20, 0_usize..6)
        .prop_map(|(after_units, lost_units)| Crash { after_units, lost_units });
    vec(crash, 1..6)
}

/// What holds of every log.
fn assert_sound(log: &[Event]) {
    let mut next: BTreeMap<Source, u64> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    let mut submitted: BTreeSet<OrderId> = BTreeSet::new();
    let mut executions = BTreeSet::new();
    for event in log {
        let next = next.entry(event.source).or_default();
        *next += 1;
        assert_eq!(event.source_seq, *next, "{event:?}");
        assert!(ids.insert(event.event_id), "{event:?}");
        match &event.body {
            Body::SubmitAttempted(b) if b.action == AttemptAction::Submit => {
                assert!(submitted.insert(b.order), "sent twice: {event:?}");
            }
            Body::OrderExecuted(b) if !b.recovered => {
                assert!(executions.insert(b.exec_id), "booked twice: {event:?}");
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn an_interrupted_day_emits_what_an_uninterrupted_one_does(
        steps in steps(),
        seed: u64,
        crashes in crashes(),
    ) {
        let (log, _) = Day::new(&steps, Mode::Tape, Venue::new(seed)).run(&[]);
        assert_sound(&log);
        let (again, _) = Day::new(&steps, Mode::Tape, Venue::new(seed)).run(&crashes);
        prop_assert_eq!(super::all_said(&again), super::all_said(&log));
        for (again, first) in again.iter().zip(&log) {
            prop_assert_eq!(again, first);
        }
    }

    #[test]
    fn a_live_day_calls_no_submit_twice_wherever_it_was_interrupted(
        steps in steps(),
        seed: u64,
        crashes in crashes(),
    ) {
        let (log, venue) = Day::new(&steps, Mode::Live, Venue::new(seed)).run(&crashes);
        assert_sound(&log);
        for (order, calls) in venue.submits {
            prop_assert!(calls <= 1, "{order} was called {calls} times");
            let attempted = |event: &&Event| matches!(
                &event.body,
                Body::SubmitAttempted(b) if b.order == order && b.action == AttemptAction::Submit
            );
            prop_assert!(log.iter().any(|event| attempted(&event)), "{order} left no attempt");
        }
    }
}
