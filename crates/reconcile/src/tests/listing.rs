//! What a listing of executions covers, and the facts it proves.

use alloc::{string::ToString, vec::Vec};

use event::{
    Amount, Body, EventId, Price, Quantity, Source,
    books::BrokerSnapshotTaken,
    choices::{BreakCode, BrokerOrderState, Side::Buy},
    trading::ExecutionBusted,
};

use super::desk::{Desk, Late, Now, Step::*, account, amount, instrument, label};
use crate::{Comparison, Difference, Repair, Standing, Tolerances, compare};

const HOUR_NS: i64 = 3_600_000_000_000;

fn shown(desk: &Desk, snapshot: &BrokerSnapshotTaken, after_ns: i64) -> Comparison {
    let books = desk.probe.agent().books();
    compare(books, snapshot, desk.time().plus_ns(after_ns), &Tolerances::default()).unwrap()
}

fn of(code: BreakCode, found: &Comparison) -> Vec<&Difference> {
    found.differences.iter().filter(|one| one.code == code).collect()
}

fn facts(difference: &Difference) -> &[Body] {
    match &difference.repair {
        Some(Repair::Facts(facts)) => facts,
        other => panic!("{other:?}"),
    }
}

fn bust(exec_id: &str) -> ExecutionBusted {
    ExecutionBusted {
        order: EventId([9; 16]).into(),
        account: account(),
        instrument: instrument(),
        exec_id: label(exec_id),
        bust_id: label("B"),
        reason: "".into(),
    }
}

#[test]
fn a_listing_covers_what_came_after_its_first_and_nothing_of_its_first_instant() {
    let mut desk = Desk::opened();
    let fill = Fill(0, "1", "100", Now);
    for step in [Order(Buy, "9"), fill, Wait(1), fill, fill, Wait(1), fill] {
        desk.take(&step);
    }
    let mut snapshot = desk.snapshot(EventId([0; 16]), 1);
    snapshot.executions = Vec::from([snapshot.executions[2].clone()]);
    snapshot.executions_from = 2;
    let found = shown(&desk, &snapshot, HOUR_NS);
    let missing = of(BreakCode::FillMissingAtBroker, &found);
    assert_eq!(missing.iter().map(|one| &one.subject).collect::<Vec<_>>(), ["E5"]);
    assert_eq!(missing[0].ours, "1 @ 100, fee 0.5");
}

#[test]
fn an_execution_taken_back_is_missed_by_nobody() {
    // Its bust came before it did, and the broker lists it still.
    let mut desk = Desk::opened();
    desk.take(&Order(Buy, "5"));
    desk.take(&Fill(0, "2", "100", Late));
    let early = desk.probe.root(Source::new("broker/PAPER").unwrap(), desk.time(), bust("E2"));
    let _ = desk.probe.take(&early);
    let snapshot = desk.snapshot(EventId([0; 16]), 1);
    assert_eq!(snapshot.executions.len(), 1);
    assert!(of(BreakCode::FillMissingInternal, &shown(&desk, &snapshot, HOUR_NS)).is_empty());
    // It came after it, and the broker lists it no more.
    let mut desk = Desk::opened();
    desk.take(&Order(Buy, "5"));
    desk.take(&Fill(0, "2", "100", Now));
    desk.fact(bust("E2"), Now);
    let snapshot = desk.snapshot(EventId([0; 16]), 1);
    assert_eq!(snapshot.executions, []);
    assert_eq!(shown(&desk, &snapshot, HOUR_NS).differences, []);
}

#[test]
fn an_execution_that_only_we_took_back_differs_in_all_of_it() {
    let mut desk = Desk::opened();
    desk.take(&Order(Buy, "5"));
    desk.take(&Fill(0, "2", "100", Now));
    let event = desk.probe.root(Source::new("broker/PAPER").unwrap(), desk.time(), bust("E2"));
    let _ = desk.probe.take(&event);
    let found = shown(&desk, &desk.snapshot(EventId([0; 16]), 1), HOUR_NS);
    let differs = of(BreakCode::FillEconomics, &found)[0];
    assert_eq!((differs.ours.as_str(), differs.difference), ("busted", Amount::whole(2)));
    assert_eq!(differs.broker, "2 @ 100, fee 0.5");
}

#[test]
fn an_execution_recovered_from_a_listing_is_not_missed_when_the_listing_drops_it() {
    let mut desk = Desk::opened();
    for step in [Order(Buy, "5"), Fill(0, "2", "100", Late), Wait(150)] {
        desk.take(&step);
    }
    assert!(desk.agrees());
    let mut snapshot = desk.snapshot(EventId([0; 16]), 1);
    snapshot.executions.clear();
    assert!(of(BreakCode::FillMissingAtBroker, &shown(&desk, &snapshot, HOUR_NS)).is_empty());
}

#[test]
fn a_late_execution_brings_its_order_where_that_is_the_brokers_and_not_known_here() {
    let mut desk = Desk::opened();
    for step in [ManualOrder(Buy, "9"), ManualOrder(Buy, "5"), Fill(1, "2", "100", Late)] {
        desk.take(&step);
    }
    let mut snapshot = desk.snapshot(EventId([0; 16]), 1);
    let begun = snapshot.executions[0].venue_order;
    for orders in [&mut snapshot.orders_before, &mut snapshot.orders_after] {
        let line = orders.iter_mut().find(|line| line.venue_order == begun).unwrap();
        line.limit_price = Some(Price(77));
    }
    let found = shown(&desk, &snapshot, HOUR_NS);
    match facts(of(BreakCode::FillMissingInternal, &found)[0]) {
        [Body::OrderAccepted(order), Body::OrderExecuted(execution)] => {
            assert_eq!((order.order, execution.order), (desk.orders[1], desk.orders[1]));
            assert_eq!((order.quantity, order.limit_price), (Quantity::whole(5), Some(Price(77))));
            assert!(order.external && execution.external && execution.recovered);
        }
        other => panic!("{other:?}"),
    }
    // An order that no longer works is known by what its execution says of it.
    snapshot.orders_before.clear();
    snapshot.orders_after.clear();
    let found = shown(&desk, &snapshot, HOUR_NS);
    let [Body::OrderAccepted(order), _] = facts(of(BreakCode::FillMissingInternal, &found)[0])
    else {
        panic!("{found:?}")
    };
    assert_eq!((order.quantity, order.limit_price), (Quantity::whole(5), None));
}

#[test]
fn a_late_execution_comes_alone_where_its_order_is_known_or_is_ours() {
    let alone = |desk: &Desk, snapshot: &BrokerSnapshotTaken| {
        let found = shown(desk, snapshot, HOUR_NS);
        match facts(of(BreakCode::FillMissingInternal, &found)[0]) {
            [Body::OrderExecuted(execution)] => (execution.order, execution.external),
            other => panic!("{other:?}"),
        }
    };
    let mut desk = Desk::opened();
    for step in [ManualOrder(Buy, "5"), Tell, Fill(0, "2", "100", Late)] {
        desk.take(&step);
    }
    let mut snapshot = desk.snapshot(EventId([0; 16]), 1);
    assert_eq!(alone(&desk, &snapshot), (desk.orders[0], true));
    // Named as ours by the broker, and in no event we have.
    let lost = EventId([5; 16]).into();
    snapshot.executions[0].order = Some(lost);
    assert_eq!(alone(&desk, &snapshot), (lost, false));
}

#[test]
fn an_order_that_ended_at_the_broker_ends_here_with_what_it_had_executed() {
    let mut desk = Desk::opened();
    desk.take(&Order(Buy, "5"));
    desk.take(&Fill(0, "3", "100", Now));
    let ended = |state| {
        let mut snapshot = desk.snapshot(EventId([0; 16]), 1);
        snapshot.orders_before[0].state = state;
        snapshot.orders_after[0].state = state;
        let found = shown(&desk, &snapshot, HOUR_NS);
        facts(of(BreakCode::OrderStatus, &found)[0])[0].clone()
    };
    match ended(BrokerOrderState::Cancelled) {
        Body::OrderCancelled(body) => assert_eq!(body.cumulative, Quantity::whole(3)),
        other => panic!("{other:?}"),
    }
    match ended(BrokerOrderState::Expired) {
        Body::OrderExpired(body) => assert_eq!(body.cumulative, Quantity::whole(3)),
        other => panic!("{other:?}"),
    }
    match ended(BrokerOrderState::Rejected) {
        Body::OrderRejected(body) => assert_eq!(body.order, desk.orders[0]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_difference_says_both_sides_in_their_terms() {
    let mut desk = Desk::opened();
    desk.take(&Order(Buy, "5"));
    desk.take(&Fill(0, "2", "110", Now));
    let mut snapshot = desk.snapshot(EventId([0; 16]), 1);
    snapshot.executions[0].price = Price::parse("111").unwrap();
    for orders in [&mut snapshot.orders_before, &mut snapshot.orders_after] {
        orders[0].quantity = Quantity::whole(6);
        orders[0].limit_price = None;
    }
    let found = shown(&desk, &snapshot, HOUR_NS);
    let said = |code| {
        let one = of(code, &found)[0];
        (one.ours.to_string(), one.broker.to_string())
    };
    let fill = ("2 @ 110, fee 0.5".into(), "2 @ 111, fee 0.5".into());
    assert_eq!(said(BreakCode::FillEconomics), fill);
    assert_eq!(said(BreakCode::OrderTerms), ("5 @ 0.0000001".into(), "6".into()));
}

#[test]
fn a_cost_is_apart_when_it_is_past_its_share_of_the_brokers() {
    let mut desk = Desk::opened();
    desk.take(&Order(Buy, "5"));
    desk.take(&Fill(0, "2", "160", Now));
    let tolerances = Tolerances { cost_ppm: 500_000, ..Tolerances::default() };
    let found = |cost: &str| {
        let mut snapshot = desk.snapshot(EventId([0; 16]), 1);
        snapshot.positions[0].total_cost = amount(cost);
        let later = desk.time().plus_ns(HOUR_NS);
        compare(desk.probe.agent().books(), &snapshot, later, &tolerances).unwrap().differences
    };
    // Ours is 320: half of 640 away from it.
    assert_eq!(found("640"), []);
    let past = found("640.01");
    assert_eq!((past[0].code, past[0].difference), (BreakCode::PositionCost, amount("320.01")));
    assert_eq!(past[0].tolerance, amount("320.005"));
}

#[test]
fn a_view_lags_only_by_executions_within_the_grace() {
    let mut desk = Desk::opened();
    for step in [Order(Buy, "9"), Fill(0, "2", "100", Now), Wait(1), Fill(0, "3", "100", Now)] {
        desk.take(&step);
    }
    let mut snapshot = desk.snapshot(EventId([0; 16]), 1);
    snapshot.positions.clear();
    let standing = |after_ns: i64| {
        let found = shown(&desk, &snapshot, after_ns);
        of(BreakCode::PositionQuantity, &found)[0].standing
    };
    // The first execution, a second older than the last, is what the view would lack as well.
    let first_ns = Tolerances::default().holdings_grace_ns - 1_000_000_000;
    assert_eq!(standing(first_ns - 1), Standing::Early);
    assert_eq!(standing(first_ns), Standing::InFlight);
}
