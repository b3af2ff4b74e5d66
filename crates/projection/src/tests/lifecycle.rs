//! Orders: legal and illegal ways through their life.

use event::{
    Amount, Kind, Quantity, Timestamp,
    choices::{AttemptAction, Side},
    trading::{
        CancelRejected, OrderExpired, OrderLapsed, OrderRejected, OrderReplaced, OrderUnknown,
        ReplaceOrder,
    },
};

use super::journal::*;
use crate::{Finding, OrderState as S, Step, TRANSITIONS};

#[test]
fn the_table_names_every_pair_once_and_keeps_ended_orders_ended() {
    for (at, row) in TRANSITIONS.iter().enumerate() {
        let twice =
            TRANSITIONS.iter().skip(at + 1).any(|other| (other.0, other.1) == (row.0, row.1));
        assert!(!twice, "{row:?} stands twice");
        assert!(!row.0.is_terminal() || row.2.is_terminal(), "{row:?} revives an order");
        assert!(!row.0.is_at_broker() || row.1 != Step::Lapse, "{row:?} unsends an order");
    }
}

#[test]
fn every_state_is_reached_by_the_table() {
    for state in S::ALL {
        let begins = matches!(state, S::Proposed);
        assert!(
            begins || TRANSITIONS.iter().any(|row| row.2 == state && row.0 != state),
            "{state}"
        );
    }
}

#[test]
fn status_follows_from_executions() {
    let mut journal = Journal::opened();
    let order = journal.working(SPOT, Side::Buy, "3");
    assert_eq!(journal.order(order).state, S::Working);
    journal.note(executed(order, SPOT, Side::Buy, "A", "1", "10"));
    assert_eq!(journal.order(order).state, S::PartiallyFilled);
    journal.note(executed(order, SPOT, Side::Buy, "B", "2", "13"));
    let filled = journal.order(order);
    assert_eq!((filled.state, filled.executions), (S::Filled, 2));
    assert_eq!(filled.average_price().unwrap(), Some(price("12")));
    assert_eq!(journal.findings, []);
}

#[test]
fn a_fill_before_its_acknowledgement_is_legal() {
    let mut journal = Journal::opened();
    let order = journal.submitted(SPOT, Side::Buy, "2");
    journal.note(executed(order, SPOT, Side::Buy, "A", "1", "10"));
    journal.note(accepted(order, SPOT, Side::Buy, "2"));
    assert_eq!(journal.order(order).state, S::PartiallyFilled);
    assert_eq!(journal.findings, []);
}

#[test]
fn an_execution_after_the_cancel_still_applies() {
    let mut journal = Journal::opened();
    let order = journal.working(SPOT, Side::Buy, "2");
    journal.note(cancelled(order, SPOT));
    journal.note(executed(order, SPOT, Side::Buy, "A", "1", "10"));
    let late = journal.order(order);
    assert_eq!((late.state, late.cumulative), (S::Cancelled, Amount::whole(1)));
    assert_eq!(journal.position(SPOT).quantity, Amount::whole(1));
    journal.note(executed(order, SPOT, Side::Buy, "B", "1", "10"));
    assert_eq!(journal.order(order).state, S::Filled);
    assert_eq!(journal.findings, []);
}

#[test]
fn an_illegal_transition_is_a_finding_and_the_state_stays() {
    let mut journal = Journal::opened();
    let order = journal.working(SPOT, Side::Buy, "1");
    journal.note(executed(order, SPOT, Side::Buy, "A", "1", "10"));
    journal.note(OrderRejected {
        order,
        account: account(),
        instrument: instrument(SPOT),
        code: label("r"),
        reason: "".into(),
    });
    let (from, kind) = (S::Filled, Kind::OrderRejected);
    assert_eq!(journal.findings, [Finding::IllegalTransition { order, from, kind }]);
    assert_eq!(journal.order(order).state, S::Filled);
    assert!(journal.findings[0].alert(Some(account())).unwrap().detail.contains("FILLED"));
}

#[test]
fn an_unknown_order_holds_its_exposure_until_it_is_known_to_be_gone() {
    let mut journal = Journal::opened();
    let order = journal.submitted(SPOT, Side::Buy, "2");
    journal.note(OrderUnknown {
        order,
        account: account(),
        instrument: instrument(SPOT),
        action: AttemptAction::Submit,
        attempt: 1,
        reason: "timeout".into(),
    });
    let exposure = |journal: &Journal| {
        journal.books.account(account()).unwrap().exposure(instrument(SPOT)).worst_long()
    };
    assert_eq!(journal.order(order).state, S::Unknown);
    assert_eq!(exposure(&journal), Amount::whole(2));
    journal.note(OrderExpired {
        order,
        account: account(),
        instrument: instrument(SPOT),
        cumulative: Quantity::ZERO,
        reason: "absent".into(),
    });
    assert_eq!(exposure(&journal), Amount::ZERO);
}

#[test]
fn exposure_counts_what_is_left_of_open_orders_on_both_sides() {
    let mut journal = Journal::opened();
    let buy = journal.working(SPOT, Side::Buy, "3");
    let _ = journal.working(SPOT, Side::Sell, "5");
    journal.note(proposed(SPOT, Side::Buy, "99"));
    journal.note(executed(buy, SPOT, Side::Buy, "A", "1", "10"));
    let exposure = journal.books.account(account()).unwrap().exposure(instrument(SPOT));
    assert_eq!(exposure.worst_long(), Amount::whole(3));
    assert_eq!(exposure.worst_short(), Amount::whole(-4));
}

/// An open order, and an approved proposal to make it 5 at 90 that was sent.
fn replacing(journal: &mut Journal) -> (event::OrderId, event::OrderId) {
    let order = journal.working(SPOT, Side::Buy, "3");
    let mut change = proposed(SPOT, Side::Buy, "5");
    change.replaces = Some(order);
    let proposal = journal.note(change).into();
    journal.note(approved(proposal, SPOT, Side::Buy, "5"));
    journal.note(ReplaceOrder {
        order,
        account: account(),
        instrument: instrument(SPOT),
        quantity: quantity("5"),
        limit_price: price("90"),
        valid_until: Timestamp(i64::MAX),
        proposal,
    });
    (order, proposal)
}

#[test]
fn a_change_under_way_counts_the_larger_of_both_terms_and_nothing_once_its_order_ended() {
    let mut journal = Journal::opened();
    let (order, _) = replacing(&mut journal);
    let worst = |journal: &Journal| {
        journal.books.account(account()).unwrap().exposure(instrument(SPOT)).worst_long()
    };
    assert_eq!(worst(&journal), Amount::whole(5));
    // The change is never answered, and the order ends.
    journal.note(OrderUnknown {
        order,
        account: account(),
        instrument: instrument(SPOT),
        action: AttemptAction::Replace,
        attempt: 2,
        reason: "timeout".into(),
    });
    assert_eq!(worst(&journal), Amount::whole(5));
    journal.note(cancelled(order, SPOT));
    assert_eq!(worst(&journal), Amount::ZERO);
}

#[test]
fn a_replaced_order_takes_over_terms_and_reservation() {
    let mut journal = Journal::opened();
    let (order, proposal) = replacing(&mut journal);
    journal.note(OrderReplaced {
        order,
        account: account(),
        instrument: instrument(SPOT),
        venue_order: label("V2"),
        quantity: quantity("5"),
        limit_price: price("90"),
        proposal,
    });
    assert_eq!(journal.order(order).quantity, quantity("5"));
    assert_eq!(journal.order(proposal).state, S::Absorbed);
    let books = journal.books.account(account()).unwrap();
    assert_eq!(books.exposure(instrument(SPOT)).worst_long(), Amount::whole(5));
    assert_eq!(books.order_named(label("V2")), Some(order));
    assert_eq!(journal.findings, []);
}

#[test]
fn a_refused_or_lapsed_replace_releases_its_reservation_and_leaves_the_order() {
    let mut journal = Journal::opened();
    let (order, proposal) = replacing(&mut journal);
    journal.note(CancelRejected {
        order,
        account: account(),
        instrument: instrument(SPOT),
        action: AttemptAction::Replace,
        reason: "no".into(),
        proposal: Some(proposal),
    });
    assert_eq!(journal.order(proposal).state, S::Released);
    assert_eq!(journal.order(order).change, None);
    let (order, proposal) = replacing(&mut journal);
    journal.note(OrderLapsed {
        order,
        account: account(),
        instrument: instrument(SPOT),
        action: AttemptAction::Replace,
        valid_until: Timestamp(0),
        session_time: Timestamp(1),
        reason: label("expired"),
        proposal: Some(proposal),
    });
    assert_eq!(journal.order(proposal).state, S::Released);
    assert_eq!(journal.order(order).state, S::Working);
    assert_eq!(journal.findings, []);
}

#[test]
fn an_order_keeps_the_ids_that_say_why() {
    let mut journal = Journal::opened();
    let order = journal.traded(SPOT, Side::Buy, "1", "10");
    let ids: alloc::vec::Vec<_> = journal.events.iter().map(|event| event.event_id).collect();
    let kept = journal.order(order);
    assert_eq!(Some(&ids[4]), Some(&order.into()));
    assert_eq!((kept.approval, kept.command), (Some(ids[5]), Some(ids[6])));
    assert_eq!(kept.attempts[0].event, ids[7]);
}

#[test]
fn an_event_about_an_order_never_seen_is_a_finding() {
    let mut journal = Journal::opened();
    let order = event::OrderId([7; 16]);
    journal.note(cancelled(order, SPOT));
    let kind = Kind::OrderCancelled;
    assert_eq!(journal.findings, [Finding::UnknownOrder { order, kind }]);
}

#[test]
fn an_order_that_executes_more_than_its_quantity_is_a_finding() {
    let mut journal = Journal::opened();
    let order = journal.working(SPOT, Side::Buy, "1");
    journal.note(executed(order, SPOT, Side::Buy, "A", "2", "10"));
    assert!(matches!(journal.findings[..], [Finding::Overfilled { .. }]));
}
