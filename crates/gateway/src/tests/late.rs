//! What became late or halted while its attempt was made durable.

use ::broker::Moment;
use event::{Body, Event, Timestamp, choices::AttemptAction};

use super::{FakeBroker, account, event, order, replace, submit};
use crate::{Batch, Desk, Latch};

const NOW: Moment = Moment { time: Timestamp(10), position: 0 };

/// A desk that owes the call for a command, and the batch that is durable in front of it.
fn owing(command: impl Into<Body>, works: bool) -> (Desk, FakeBroker, Batch) {
    let (mut desk, mut broker) = (Desk::new(account()).unwrap(), FakeBroker::default());
    if works {
        let first = event("risk/ACC1", 1, NOW.time, submit(1));
        let batch = desk.take(0, &first, NOW, Latch::Open).unwrap();
        desk.durable(&batch);
        let facts = desk.call(&mut broker, NOW, Latch::Open).unwrap().unwrap();
        desk.durable(&facts);
    }
    let command = event("risk/ACC1", 2, NOW.time, command);
    let batch = desk.take(9, &command, NOW, Latch::Open).unwrap();
    desk.durable(&batch);
    (desk, broker, batch)
}

fn expires(batch: &Batch) -> Timestamp {
    match &batch.events[0].body {
        Body::SubmitAttempted(attempted) => attempted.expires,
        other => panic!("{other:?}"),
    }
}

fn told(batch: Option<Batch>) -> Event {
    let [event] = batch.unwrap().events.try_into().unwrap();
    event
}

#[test]
fn an_order_that_lapses_while_its_attempt_is_made_durable_is_not_sent() {
    for (late_ns, latch, sent) in
        [(0, Latch::Open, true), (1, Latch::Open, false), (0, Latch::Halted, false)]
    {
        let (mut desk, mut broker, batch) = owing(submit(1), false);
        let now = Moment { time: expires(&batch).plus_ns(late_ns), ..NOW };
        let told = told(desk.call(&mut broker, now, latch).unwrap());
        assert_eq!(broker.attempts().len(), usize::from(sent), "{late_ns} {latch:?}");
        match told.body {
            Body::OrderAccepted(_) => assert!(sent),
            Body::OrderRejected(rejected) => {
                assert!(!sent && rejected.order == order(1));
                assert!(rejected.reason.starts_with("not sent"), "{}", rejected.reason);
            }
            other => panic!("{other:?}"),
        }
        assert!(desk.gateway().emergency_cancels().len() == usize::from(sent));
    }
}

#[test]
fn a_replace_that_is_halted_while_its_attempt_is_made_durable_is_not_sent() {
    let (mut desk, mut broker, _) = owing(replace(1, 2), true);
    let told = told(desk.call(&mut broker, NOW, Latch::Halted).unwrap());
    assert_eq!(broker.attempts().len(), 1, "the submit alone");
    let Body::CancelRejected(rejected) = told.body else { panic!("{told:?}") };
    assert_eq!((rejected.action, rejected.proposal), (AttemptAction::Replace, Some(order(2))));
}
