//! Single comparisons, by table.

use alloc::{format, string::String, vec::Vec};

use event::{
    EventId, Price, Quantity,
    books::BrokerSnapshotTaken,
    choices::{BreakCode, BrokerOrderState, Side::Buy},
};

use super::desk::{Desk, Late, Now, Step::*, amount, currency, perpetual};
use crate::{Standing, Tolerances, compare};

/// Two executions of a 5-lot, an hour later; what a distorted snapshot differs in.
fn found(distort: impl Fn(&mut BrokerSnapshotTaken)) -> Vec<String> {
    let mut desk = Desk::opened();
    for step in [Order(Buy, "5"), Fill(0, "1", "100", Now), Wait(1), Fill(0, "2", "110", Now)] {
        desk.take(&step);
    }
    let mut snapshot = desk.snapshot(EventId([0; 16]), 1);
    distort(&mut snapshot);
    let later = desk.time().plus_ns(3_600_000_000_000);
    let books = desk.probe.agent().books();
    let found = compare(books, &snapshot, later, &Tolerances::default()).unwrap();
    found
        .differences
        .iter()
        .map(|one| {
            assert_eq!(one.standing, Standing::Settled);
            let repaired = if one.repair.is_some() { " repairable" } else { "" };
            format!("{} {}{repaired}", one.code, one.difference)
        })
        .collect()
}

#[test]
fn each_kind_of_difference_is_found_and_nothing_beside_it() {
    type Case = (fn(&mut BrokerSnapshotTaken), &'static [&'static str]);
    let cases: &[Case] = &[
        (|_| {}, &[]),
        (
            |s| s.executions.truncate(1),
            &["FILL_MISSING_AT_BROKER -2", "POS_QTY 2", "CASH 2", "CASH -220.5"],
        ),
        (|s| s.executions[1].price = Price::parse("111").unwrap(), &["FILL_ECON 0", "CASH 2"]),
        (|s| s.executions[1].fee = amount("0.505"), &[]),
        (|s| s.executions[1].fee = amount("0.52"), &["FILL_ECON 0", "CASH 0.02"]),
        (
            |s| s.executions[1].quantity = Quantity::whole(3),
            &["FILL_ECON 1", "POS_QTY -1", "CASH -1", "CASH 110"],
        ),
        (
            |s| s.executions[1].fee_currency = currency("BTC"),
            &["FILL_ECON 0", "POS_QTY 0.5", "CASH 0.5", "CASH -0.5"],
        ),
        (|s| s.positions[0].total_cost = amount("320.02"), &[]),
        (|s| s.positions[0].total_cost = amount("320.04"), &["POS_COST 0.04"]),
        (
            |s| {
                s.balances
                    .iter_mut()
                    .for_each(|b| b.amount = b.amount.plus(amount("0.00000001")).unwrap())
            },
            &[],
        ),
        (
            |s| {
                s.balances
                    .iter_mut()
                    .for_each(|b| b.amount = b.amount.plus(amount("0.00000002")).unwrap())
            },
            &["CASH 0.00000002", "CASH 0.00000002"],
        ),
        (|s| s.balances.retain(|b| b.currency == currency("USDT")), &["CASH -3"]),
        (|s| both(s, |o| o.quantity = Quantity::whole(6)), &["ORD_QTY_PRICE 1"]),
        (|s| both(s, |o| o.limit_price = Some(Price(99))), &["ORD_QTY_PRICE 0"]),
        (|s| both(s, |o| o.limit_price = None), &[]),
        (|s| both(s, |o| o.state = BrokerOrderState::Cancelled), &["ORD_STATUS 0 repairable"]),
        (|s| both(s, |o| o.state = BrokerOrderState::Expired), &["ORD_STATUS 0 repairable"]),
        (|s| both(s, |o| o.state = BrokerOrderState::Rejected), &["ORD_STATUS 0 repairable"]),
        (|s| both(s, |o| o.cumulative = Quantity::whole(4)), &["ORD_STATUS 1"]),
        (
            |s| {
                both(s, |o| {
                    o.cumulative = Quantity::whole(4);
                    o.quantity = Quantity::whole(6);
                })
            },
            &["ORD_STATUS 1", "ORD_QTY_PRICE 1"],
        ),
        (
            |s| {
                s.orders_before.clear();
                s.orders_after.clear();
            },
            &["ORD_MISSING_AT_BROKER -2 repairable"],
        ),
    ];
    for (at, (distort, expected)) in cases.iter().enumerate() {
        assert_eq!(found(distort), *expected, "case {at}");
    }
}

pub(super) fn both(
    snapshot: &mut BrokerSnapshotTaken,
    change: impl Fn(&mut event::books::BrokerOrder),
) {
    snapshot.orders_before.iter_mut().for_each(&change);
    snapshot.orders_after.iter_mut().for_each(&change);
}

#[test]
fn a_listing_that_begins_later_proves_nothing_of_what_was_before_it() {
    let distort = |s: &mut BrokerSnapshotTaken| {
        s.executions.remove(0);
        s.executions_from = 1;
    };
    assert_eq!(found(distort), [""; 0]);
    let empty = |s: &mut BrokerSnapshotTaken| {
        s.executions.clear();
        s.executions_from = 2;
    };
    assert_eq!(found(empty), [""; 0]);
}

#[test]
fn a_missing_execution_explains_order_position_and_cash() {
    let mut desk = Desk::opened();
    for step in [Order(Buy, "5"), Fill(0, "1", "100", Now), Fill(0, "4", "110", Late)] {
        desk.take(&step);
    }
    let snapshot = desk.snapshot(EventId([0; 16]), 1);
    let later = desk.time().plus_ns(3_600_000_000_000);
    let books = desk.probe.agent().books();
    let found = compare(books, &snapshot, later, &Tolerances::default()).unwrap();
    let codes: Vec<String> = found.differences.iter().map(|one| format!("{}", one.code)).collect();
    assert_eq!(codes, ["FILL_MISSING_INTERNAL"]);
}

#[test]
fn a_subject_touched_within_its_grace_is_in_flight() {
    let mut desk = Desk::opened();
    desk.take(&Order(Buy, "5"));
    desk.take(&Fill(0, "5", "100", Now));
    let snapshot = desk.snapshot(EventId([0; 16]), 1);
    let standing = |held: i64, after_ns: i64| {
        let mut snapshot = snapshot.clone();
        snapshot.positions[0].quantity = Quantity::whole(held);
        let books = desk.probe.agent().books();
        let now = desk.time().plus_ns(after_ns);
        let found = compare(books, &snapshot, now, &Tolerances::default()).unwrap();
        found.differences[0].standing
    };
    let grace_ns = Tolerances::default().holdings_grace_ns;
    assert_eq!(standing(4, grace_ns - 1), Standing::InFlight);
    assert_eq!(standing(4, grace_ns), Standing::Settled);
    // What was held before the execution: the broker's view lags, which proves nothing.
    assert_eq!(standing(0, grace_ns - 1), Standing::Early);
    assert_eq!(standing(0, grace_ns), Standing::Settled);
}

#[test]
fn cash_waits_for_a_missing_execution_whose_profit_is_not_known_yet() {
    let mut desk = Desk::opened();
    for step in [Order(Buy, "5"), Fill(0, "5", "100", Late)] {
        desk.take(&step);
    }
    let mut snapshot = desk.snapshot(EventId([0; 16]), 1);
    snapshot.executions[0].instrument = perpetual();
    snapshot.positions[0].instrument = perpetual();
    let later = desk.time().plus_ns(3_600_000_000_000);
    let books = desk.probe.agent().books();
    let found = compare(books, &snapshot, later, &Tolerances::default()).unwrap();
    let usdt = (BreakCode::Cash, String::from("USDT"));
    assert!(found.withheld.contains(&usdt));
    assert!(found.differences.iter().all(|one| one.subject != usdt.1));
}
