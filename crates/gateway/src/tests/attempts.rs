//! From a command to an attempt, or to a lapse.

use event::{
    Amount, Body, Price, Timestamp,
    choices::{OrderType, Side, TimeInForce},
    trading::{OrderApproved, OrderProposed},
};

use super::{
    VALID_UNTIL, account, cancel, desk::unanswered, halt, instrument, order, replace, submit,
};
use super::{
    broker::{expired, no_answer, refused},
    desk::Desk,
};
use crate::{Call, Latch};

fn proposed() -> OrderProposed {
    OrderProposed {
        account: account(),
        instrument: instrument(),
        side: Side::Buy,
        order_type: OrderType::Limit,
        quantity: event::Quantity::whole(1),
        limit_price: Some(Price(1)),
        time_in_force: TimeInForce::GoodTillCancelled,
        valid_until: VALID_UNTIL,
        expected_price: Price(1),
        strategy: super::label("s"),
        replaces: None,
    }
}

fn approved() -> OrderApproved {
    OrderApproved {
        order: order(1),
        account: account(),
        instrument: instrument(),
        side: Side::Buy,
        reserved_quantity: event::Quantity::whole(1),
        reserved_notional: Amount::ZERO,
        currency: super::broker::usdt(),
        position_before: Amount::ZERO,
        position_after: Amount::ZERO,
        limit_set: event::LimitSetId::new("L1").unwrap(),
        reducing: false,
    }
}

#[test]
fn an_order_is_attempted_once_and_only_when_its_submit_is_commanded() {
    let mut desk = Desk::new();
    assert!(desk.root(proposed()).is_empty());
    assert!(desk.root(approved()).is_empty());
    assert!(desk.broker.asked.is_empty());
    assert_eq!(desk.root(submit(1)), ["attempt SUBMIT 1 #1", "accepted 1"]);
    assert_eq!(desk.root(submit(1)), ["refuse SUBMIT 1: the order was sent before"]);
    assert_eq!(desk.broker.attempts(), ["SUBMIT 1 #1"]);
}

#[test]
fn a_plan_has_its_attempts_among_its_events_and_makes_no_call_itself() {
    let mut desk = Desk::new();
    let command = desk.put(submit(1));
    let plan = desk.gateway.plan(&command, desk.now, Latch::Open);
    let [attempted] = plan.events.as_slice() else { panic!("{:?}", plan.events) };
    let [Call::Submit(request)] = plan.calls.as_slice() else { panic!("{:?}", plan.calls) };
    let Body::SubmitAttempted(body) = &attempted.body else { panic!("{attempted:?}") };
    assert_eq!((body.order, body.attempt), (request.order, request.attempt));
    assert_eq!(body.client_order_id, request.client_order_id);
    assert_eq!((body.expires, request.expires), (VALID_UNTIL, VALID_UNTIL));
    assert_eq!(attempted.cause_id, Some(command.event_id));
    assert_eq!(attempted.trace_id, command.trace_id);
    assert!(plan.calls[0].is_attempt());
}

#[test]
fn a_command_past_its_time_lapses_and_is_never_sent() {
    let commands: [(Body, &str); 3] = [
        (submit(2).into(), "lapse SUBMIT 2: expired"),
        (replace(1, 9).into(), "lapse REPLACE 1 of 9: expired"),
        (cancel(1).into(), "lapse CANCEL 1: expired"),
    ];
    for (command, lapse) in commands {
        let mut desk = Desk::after([submit(1).into()]);
        desk.now.time = Timestamp(VALID_UNTIL.0 + 1);
        assert_eq!(desk.root(command.clone()), [lapse]);
        assert_eq!(desk.broker.attempts(), ["SUBMIT 1 #1"]);
        // Its last instant is still its time.
        let mut desk = Desk::after([submit(1).into()]);
        desk.now.time = VALID_UNTIL;
        let _ = desk.root(command);
        assert_eq!(desk.broker.attempts().len(), 2);
    }
}

#[test]
fn while_halted_submits_and_replaces_lapse_and_cancels_go() {
    for by_log in [true, false] {
        let mut desk = Desk::after([submit(1).into()]);
        desk.broker.answers.insert((order(1), 2), refused());
        if by_log {
            // The halt's own cancel is refused, so that the order stands.
            let _ = desk.root(halt(None));
        } else {
            desk.latch = Latch::Halted;
        }
        assert_eq!(desk.root(submit(2)), ["lapse SUBMIT 2: halted"]);
        assert_eq!(desk.root(replace(1, 9)), ["lapse REPLACE 1 of 9: halted"]);
        assert!(desk.root(cancel(1))[0].starts_with("attempt CANCEL 1"));
    }
}

#[test]
fn an_order_that_lapsed_is_not_sent_by_another_command() {
    let mut desk = Desk::new();
    desk.latch = Latch::Halted;
    assert_eq!(desk.root(submit(1)), ["lapse SUBMIT 1: halted"]);
    desk.latch = Latch::Open;
    assert_eq!(desk.root(submit(1)), ["refuse SUBMIT 1: the order is terminal"]);
    assert!(desk.broker.asked.is_empty());
}

#[test]
fn an_order_that_was_sent_does_not_lapse_by_another_command() {
    let mut desk = Desk::after([submit(1).into()]);
    desk.latch = Latch::Halted;
    assert_eq!(desk.root(submit(1)), ["refuse SUBMIT 1: the order was sent before"]);
    // It works still, and a halt cancels it.
    assert_eq!(desk.root(halt(None)), ["attempt CANCEL 1 #2"]);
}

#[test]
fn a_command_delivered_again_changes_nothing() {
    let mut desk = Desk::new();
    let bodies: [Body; 7] = [
        submit(1).into(),
        submit(2).into(),
        replace(1, 8).into(),
        replace(1, 9).into(),
        cancel(2).into(),
        super::cancel_all().into(),
        super::snapshot_request(1).into(),
    ];
    let events: Vec<_> = bodies
        .into_iter()
        .map(|body| {
            let event = desk.put(body);
            let _ = desk.deliver(event.clone());
            event
        })
        .collect();
    let (log, asked) = (desk.log.clone(), desk.broker.asked.clone());
    let pending = unanswered(&desk.gateway);
    for event in events.iter().chain(events.iter().rev()).chain(&log) {
        assert!(desk.deliver(event.clone()).is_empty(), "{event:?}");
    }
    assert_eq!(desk.broker.asked, asked);
    assert_eq!(unanswered(&desk.gateway), pending);
    assert!(!pending.is_empty());
}

#[test]
fn an_order_of_unknown_outcome_is_never_sent_again() {
    let mut desk = Desk::new();
    desk.broker.answers.insert((order(1), 1), no_answer());
    assert_eq!(desk.root(submit(1)), ["attempt SUBMIT 1 #1", "unknown SUBMIT 1 #1"]);
    assert_eq!(desk.root(submit(1)), ["refuse SUBMIT 1: the order was sent before"]);
    desk.restart();
    assert!(desk.ask_again().is_empty());
    assert_eq!(desk.root(replace(1, 9)), ["refuse REPLACE 1 of 9: the order's state is unknown"]);
    assert_eq!(desk.broker.attempts(), ["SUBMIT 1 #1"]);
    desk.broker.report(expired(1));
    assert_eq!(desk.reports(), ["expired 1"]);
}
