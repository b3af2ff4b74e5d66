//! What the gateway asks the broker for reconciliation.

use event::{Body, books::BrokerSnapshotTaken};

use super::{
    Desk,
    desk::{folded, unanswered},
    snapshot_request,
};

fn snapshots(desk: &Desk) -> Vec<&BrokerSnapshotTaken> {
    let of = |event: &'_ event::Event| matches!(event.body, Body::BrokerSnapshotTaken(_));
    let taken = desk.log.iter().filter(|event| of(event));
    taken
        .filter_map(|event| match &event.body {
            Body::BrokerSnapshotTaken(snapshot) => Some(snapshot),
            _ => None,
        })
        .collect()
}

#[test]
fn a_snapshot_reads_orders_executions_positions_and_orders_again() {
    let mut desk = Desk::new();
    desk.broker.holds(2, 1);
    assert_eq!(desk.root(snapshot_request(7)), ["BrokerSnapshotTaken"]);
    assert_eq!(
        desk.broker.asked,
        ["open orders", "executions", "bookings", "positions", "balances", "open orders"]
    );
    let [request, taken] = desk.log.as_slice() else { panic!() };
    assert_eq!(taken.cause_id, Some(request.event_id));
    assert_eq!(taken.trace_id, request.trace_id);
    let [snapshot] = snapshots(&desk)[..] else { panic!() };
    assert_eq!((snapshot.query, snapshot.cycle), (request.event_id, 7));
    assert_eq!((snapshot.executions.len(), snapshot.bookings.len()), (2, 1));
    assert!(snapshot.failure.is_empty());
    assert_eq!(snapshot.orders_before, snapshot.orders_after);
}

#[test]
fn a_read_that_fails_makes_a_snapshot_that_says_so_and_moves_no_cursor() {
    for fails in ["open orders", "executions", "bookings", "positions", "balances"] {
        let mut desk = Desk::new();
        desk.broker.holds(200, 200);
        desk.broker.failing.insert(fails.into());
        assert_eq!(desk.root(snapshot_request(1)), ["BrokerSnapshotTaken"], "{fails}");
        desk.broker.failing.clear();
        let _ = desk.root(snapshot_request(2));
        let [failed, good] = snapshots(&desk)[..] else { panic!() };
        assert!(failed.failure.contains("E9008"), "{fails}: {}", failed.failure);
        assert!(good.failure.is_empty());
        assert_eq!((good.executions.len(), good.bookings.len()), (200, 200));
        assert_eq!(good.executions_from, 0);
    }
}

#[test]
fn what_was_listed_last_is_listed_again_and_the_rest_is_not() {
    let mut desk = Desk::new();
    let mut last_listed = (0, 0);
    for (cycle, held) in [(1, 10), (2, 200), (3, 200), (4, 201), (5, 500), (6, 500)] {
        desk.broker.holds(held, held + 5);
        let _ = desk.root(snapshot_request(cycle));
        if cycle == 4 {
            desk.restart();
        }
        let snapshot = snapshots(&desk).pop().unwrap();
        let executions = snapshot.executions.len() as u64;
        let bookings = snapshot.bookings.len() as u64;
        assert_eq!(snapshot.executions_from + executions, held, "it lists up to the end");
        let last = snapshot.bookings.last().unwrap().booking_id;
        assert_eq!(last.as_str(), format!("B{}", held + 4));
        assert!(executions >= (held - last_listed.0).min(held), "nothing is left out");
        assert!(bookings >= (held + 5 - last_listed.1).min(held + 5));
        assert!(executions >= 64.min(held) && bookings >= 64.min(held + 5), "it overlaps");
        last_listed = (held, held + 5);
    }
    let snapshot = snapshots(&desk).pop().unwrap();
    assert_eq!((snapshot.executions.len(), snapshot.bookings.len()), (64, 64));
}

#[test]
fn a_request_is_answered_once_and_a_lost_one_when_it_is_delivered_again() {
    let mut desk = Desk::new();
    let request = desk.put(snapshot_request(1));
    desk.restart();
    assert!(unanswered(&desk.gateway).is_empty(), "a question is no attempt");
    assert_eq!(desk.deliver(request.clone()), ["BrokerSnapshotTaken"]);
    assert!(desk.deliver(request.clone()).is_empty());
    desk.restart();
    assert!(desk.deliver(request).is_empty());
}

#[test]
fn a_log_folded_twice_moves_the_cursors_once() {
    let mut desk = Desk::new();
    desk.broker.holds(200, 200);
    let _ = desk.root(snapshot_request(1));
    let _ = desk.root(snapshot_request(2));
    let mut gateway = folded(&desk.log);
    desk.log.iter().for_each(|event| drop(gateway.redeliver(event)));
    desk.gateway = gateway;
    let _ = desk.root(snapshot_request(3));
    let snapshot = snapshots(&desk).pop().unwrap();
    assert_eq!((snapshot.executions.len(), snapshot.bookings.len()), (64, 64));
}
