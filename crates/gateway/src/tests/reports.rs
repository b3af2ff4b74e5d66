//! What the broker reports.

use event::{Body, id::external_order_id};

use super::{
    Desk, account,
    broker::{cancelled, executed, executed_as, expired, manual, no_answer, replaced, venue_order},
    cancel, label, order, recovered, replace, submit,
};
use crate::Facts;

#[test]
fn a_fact_reported_again_under_another_number_is_one_event() {
    let mut desk = Desk::after([submit(1).into(), submit(2).into(), submit(3).into()]);
    let _ = desk.root(replace(3, 9));
    let _ = desk.root(cancel(1));
    for _ in 0..2 {
        desk.broker.report(executed(1, "E1", 1));
        desk.broker.report(cancelled(1));
        desk.broker.report(expired(2));
        desk.broker.report(replaced(3, 9));
        desk.broker.report(manual("M1"));
    }
    let facts = ["executed 1 E1", "cancelled 1", "expired 2", "replaced 3 of 9", "accepted x"];
    assert_eq!(desk.reports(), facts);
    // Read once more from the beginning by a process that lost its mark.
    desk.gateway = super::desk::folded(&desk.log);
    assert!(desk.reports().is_empty());
}

#[test]
fn a_late_execution_still_becomes_an_event() {
    let mut desk = Desk::after([submit(1).into()]);
    desk.broker.report(cancelled(1));
    desk.broker.report(executed(1, "E1", 0));
    assert_eq!(desk.reports(), ["cancelled 1", "executed 1 E1"]);
}

#[test]
fn an_execution_that_reconciliation_recovered_makes_no_second_event() {
    let mut desk = Desk::after([submit(1).into()]);
    let _ = desk.root(recovered(1, "E1", 1));
    desk.broker.report(executed(1, "E1", 1));
    desk.broker.report(executed(1, "E2", 0));
    assert_eq!(desk.reports(), ["executed 1 E2"]);
}

#[test]
fn the_mark_moves_on_when_every_report_was_a_repeat() {
    let mut desk = Desk::after([submit(1).into()]);
    desk.broker.report(cancelled(1));
    let _ = desk.reports();
    desk.broker.report(cancelled(1));
    let facts = desk.gateway.read_reports(&mut desk.broker, desk.now).unwrap();
    assert_eq!(facts, Some(Facts { events: Vec::new(), mark: 2 }));
    assert_eq!(desk.gateway.read_reports(&mut desk.broker, desk.now).unwrap(), None);
}

#[test]
fn reports_are_read_on_from_the_mark_and_all_of_them_in_the_end() {
    let mut desk = Desk::after([submit(1).into()]);
    for number in 0..600 {
        desk.broker.report(executed(1, &format!("E{number}"), 1));
    }
    desk.gateway.remember_mark(100);
    let read = desk.reports();
    assert_eq!(read.len(), 500);
    assert_eq!(read.first().map(String::as_str), Some("executed 1 E100"));
    assert_eq!(read.last().map(String::as_str), Some("executed 1 E599"));
}

#[test]
fn a_manual_order_is_external_and_known_by_the_brokers_name() {
    let mut desk = Desk::new();
    desk.broker.report(executed_as(None, label("M1"), "E1", 1));
    desk.broker.report(manual("M2"));
    desk.broker.report(executed_as(None, label("M2"), "E2", 0));
    assert_eq!(desk.reports(), ["executed x E1", "accepted x", "executed x E2"]);
    let [first, accepted, second] = desk.log.as_slice() else { panic!() };
    assert_eq!(first.body.order(), Some(external_order_id(account(), label("M1"))));
    assert_eq!(accepted.body.order(), Some(external_order_id(account(), label("M2"))));
    assert_eq!(second.body.order(), accepted.body.order());
    let external = |event: &event::Event| match &event.body {
        Body::OrderExecuted(b) => b.external,
        Body::OrderAccepted(b) => b.external,
        _ => false,
    };
    assert!(desk.log.iter().all(external));
    assert_eq!(second.cause_id, Some(accepted.event_id));
    assert_eq!(first.cause_id, None);
}

#[test]
fn a_report_that_lost_our_name_finds_the_order_by_the_brokers() {
    let mut desk = Desk::after([submit(1).into(), replace(1, 9).into()]);
    desk.broker.report(executed_as(None, venue_order(1), "E1", 1));
    desk.broker.report(replaced(1, 9));
    desk.broker.report(executed_as(None, label("V1-9"), "E2", 0));
    assert_eq!(desk.reports(), ["executed 1 E1", "replaced 1 of 9", "executed 1 E2"]);
    desk.restart();
    desk.broker.report(executed_as(None, label("V1-9"), "E3", 0));
    assert_eq!(desk.reports(), ["executed 1 E3"]);
    for event in &desk.log {
        assert!(!matches!(&event.body, Body::OrderExecuted(b) if b.external), "{event:?}");
    }
}

#[test]
fn an_execution_proves_that_a_lost_submit_arrived() {
    // The answer was lost on the way.
    let mut desk = Desk::new();
    desk.broker.answers.insert((order(1), 1), no_answer());
    let _ = desk.root(submit(1));
    desk.broker.report(executed(1, "E1", 1));
    let _ = desk.reports();
    assert_eq!(desk.root(replace(1, 9)), ["attempt REPLACE 1 #2"], "it is known to work");
    // The process ended before the answer.
    let mut desk = Desk::new();
    let command = desk.put(submit(1));
    let _ = desk.plan(&command);
    desk.restart();
    desk.broker.report(executed(1, "E1", 1));
    assert_eq!(desk.reports(), ["executed 1 E1"]);
    assert!(desk.give_up().is_empty());
}

#[test]
fn an_order_that_expired_by_reconciliation_has_ended() {
    let mut desk = Desk::new();
    desk.broker.answers.insert((order(1), 1), no_answer());
    let _ = desk.root(submit(1));
    let _ = desk.root(event::trading::OrderExpired {
        order: order(1),
        account: account(),
        instrument: super::instrument(),
        cumulative: event::Quantity::ZERO,
        reason: "absent from open orders and executions after it expired".into(),
    });
    assert_eq!(desk.root(cancel(1)), ["refuse CANCEL 1: the order is terminal"]);
    assert!(desk.root(super::cancel_all()).is_empty());
}
