//! What the broker answers.

use super::{
    broker::{no_answer, refused},
    cancel_all,
    desk::{Desk, unanswered},
    order, submit,
};
use crate::GatewayError;

#[test]
fn an_answer_becomes_its_fact_and_descends_from_its_attempt() {
    let answers = [
        (None, "accepted 1"),
        (Some(refused()), "rejected 1"),
        (Some(no_answer()), "unknown SUBMIT 1 #1"),
    ];
    for (answer, fact) in answers {
        let mut desk = Desk::new();
        if let Some(answer) = answer {
            desk.broker.answers.insert((order(1), 1), answer);
        }
        assert_eq!(desk.root(submit(1)), ["attempt SUBMIT 1 #1", fact]);
        let [.., attempt, answered] = desk.log.as_slice() else { panic!() };
        assert_eq!(answered.cause_id, Some(attempt.event_id));
        assert_eq!(answered.trace_id, attempt.trace_id);
        assert_eq!(answered.source.as_str(), "broker/ACC1");
        assert!(unanswered(&desk.gateway).is_empty());
    }
}

#[test]
fn a_broker_that_fails_leaves_its_attempt_and_those_behind_it_without_an_answer() {
    let mut desk = Desk::after([submit(1).into(), submit(2).into(), submit(3).into()]);
    desk.broker.failing.insert("CANCEL 2 #2".into());
    let all = desk.put(cancel_all());
    assert!(matches!(desk.try_deliver(all), Err(GatewayError::Broker(_))));
    assert_eq!(unanswered(&desk.gateway), ["CANCEL 1 #2", "CANCEL 2 #2", "CANCEL 3 #2"]);
    desk.restart();
    assert_eq!(unanswered(&desk.gateway), ["CANCEL 1 #2", "CANCEL 2 #2", "CANCEL 3 #2"]);
    assert_eq!(
        desk.give_up(),
        ["unknown CANCEL 1 #2", "unknown CANCEL 2 #2", "unknown CANCEL 3 #2"]
    );
}

#[test]
fn an_attempt_asked_again_has_one_answer() {
    let mut desk = Desk::new();
    let command = desk.put(submit(1));
    let plan = desk.plan(&command);
    desk.restart();
    assert_eq!(desk.ask_again(), ["accepted 1"]);
    assert!(desk.ask_again().is_empty());
    let facts = desk.gateway.perform(&plan.calls[0], &mut desk.broker, desk.now).unwrap();
    assert!(facts.is_empty());
}

#[test]
fn the_books_are_opened_once() {
    let mut desk = Desk::new();
    let currency = super::broker::usdt();
    let opened = desk.gateway.open_books(&mut desk.broker, currency, desk.now).unwrap();
    desk.log.extend(opened);
    assert_eq!(super::all_said(&desk.log), ["AccountOpened"]);
    for _ in 0..2 {
        assert!(desk.gateway.is_opened());
        assert!(desk.gateway.open_books(&mut desk.broker, currency, desk.now).unwrap().is_none());
        desk.restart();
    }
}
