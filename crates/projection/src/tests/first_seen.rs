//! Orders whose beginning was not seen, changes that were asked for, and what an attempt leaves.

use event::{
    Amount, Kind, OrderId, Timestamp,
    choices::{AttemptAction, RiskRule, Side},
    trading::{CancelOrder, CancelRejected, OrderDenied, OrderLapsed, OrderUnknown, ReplaceOrder},
};

use super::journal::*;
use crate::{Change, Finding, OrderState as S};

const ID: OrderId = OrderId([7; 16]);

#[test]
fn an_order_first_seen_in_the_middle_begins_there_with_what_that_event_says() {
    let mut external = accepted(ID, SPOT, Side::Sell, "3");
    external.external = true;
    let mut theirs = executed(ID, SPOT, Side::Sell, "A", "1", "10");
    theirs.leaves = quantity("2");
    let mut by_hand = theirs.clone();
    by_hand.external = true;
    let approval = approved(ID, SPOT, Side::Sell, "3");
    let command = submit(ID, SPOT, Side::Sell, "3");
    let limit = Some(price("100"));
    let cases: [(event::Body, S, Option<event::Price>, bool, bool); 6] = [
        (approval.into(), S::Approved, None, false, false),
        (command.into(), S::Commanded, limit, false, false),
        (accepted(ID, SPOT, Side::Sell, "3").into(), S::Working, None, false, false),
        (external.into(), S::Working, limit, true, true),
        (theirs.into(), S::PartiallyFilled, None, false, false),
        (by_hand.into(), S::PartiallyFilled, None, true, true),
    ];
    for (body, state, limit_price, external, expected) in cases {
        let mut journal = Journal::opened();
        let kind = body.kind();
        journal.note(body);
        let order = journal.order(ID);
        assert_eq!((order.state, order.side), (state, Side::Sell), "{kind:?}");
        assert_eq!((order.quantity, order.limit_price), (quantity("3"), limit_price), "{kind:?}");
        assert_eq!(order.external, external, "{kind:?}");
        // Only what began at the broker may be news.
        let unknown = Finding::UnknownOrder { order: ID, kind };
        let findings = if expected { alloc::vec![] } else { alloc::vec![unknown] };
        assert_eq!(journal.findings, findings, "{kind:?}");
    }
}

#[test]
fn a_proposal_told_twice_is_a_finding_and_begins_nothing_again() {
    let mut journal = Journal::opened();
    let order = journal.working(SPOT, Side::Buy, "1");
    let proposal = journal.events.iter().find(|event| event.event_id == order.into()).unwrap();
    let again = journal.books.apply(&proposal.clone());
    let kind = Kind::OrderProposed;
    assert_eq!(again, [Finding::IllegalTransition { order, from: S::Working, kind }]);
    assert_eq!(journal.order(order).state, S::Working);
}

fn cancel(order: OrderId) -> CancelOrder {
    CancelOrder {
        order,
        account: account(),
        instrument: instrument(SPOT),
        reason: "".into(),
        valid_until: Timestamp(i64::MAX),
    }
}

#[test]
fn a_cancel_touches_its_order_and_may_cross_the_answer_of_the_risk_gate() {
    let mut journal = Journal::opened();
    let order = journal.working(SPOT, Side::Buy, "1");
    journal.note(cancel(order));
    let touched = journal.order(order).touched;
    assert_eq!(touched, journal.events.last().unwrap().time);
    // Whoever proposed gives up before the gate has answered, and the gateway refuses the cancel.
    for asked_first in [true, false] {
        let order = OrderId::from(journal.note(proposed(SPOT, Side::Buy, "1")));
        if asked_first {
            journal.note(cancel(order));
        }
        journal.note(OrderDenied {
            order,
            account: account(),
            instrument: instrument(SPOT),
            rule: RiskRule::Halted,
            limit: "".into(),
            observed: "".into(),
        });
        if !asked_first {
            journal.note(cancel(order));
        }
        journal.note(CancelRejected {
            order,
            account: account(),
            instrument: instrument(SPOT),
            action: AttemptAction::Cancel,
            reason: "the order was never sent".into(),
            proposal: None,
        });
        assert_eq!(journal.order(order).state, S::Denied);
    }
    let order = OrderId::from(journal.note(proposed(SPOT, Side::Buy, "1")));
    journal.note(cancel(order));
    journal.note(approved(order, SPOT, Side::Buy, "1"));
    assert_eq!(journal.order(order).state, S::Approved);
    assert_eq!(journal.findings, []);
}

/// A working order and the change to 5 at 90 that was asked for.
fn changing(journal: &mut Journal) -> (OrderId, Change) {
    let order = journal.working(SPOT, Side::Buy, "3");
    let mut wanted = proposed(SPOT, Side::Buy, "5");
    wanted.replaces = Some(order);
    let proposal = OrderId::from(journal.note(wanted));
    journal.note(approved(proposal, SPOT, Side::Buy, "5"));
    let (quantity, limit_price) = (quantity("5"), price("90"));
    journal.note(ReplaceOrder {
        order,
        account: account(),
        instrument: instrument(SPOT),
        quantity,
        limit_price,
        valid_until: Timestamp(i64::MAX),
        proposal,
    });
    (order, Change { quantity, limit_price, proposal, lost: false })
}

#[test]
fn a_change_is_kept_until_it_lapses_and_a_lapsed_cancel_ends_none() {
    let mut journal = Journal::opened();
    let (order, change) = changing(&mut journal);
    assert_eq!(journal.order(order).change, Some(change.clone()));
    let lapsed = |action, proposal| OrderLapsed {
        order,
        account: account(),
        instrument: instrument(SPOT),
        action,
        valid_until: Timestamp(0),
        session_time: Timestamp(1),
        reason: label("expired"),
        proposal,
    };
    journal.note(lapsed(AttemptAction::Cancel, None));
    assert_eq!(journal.order(order).change, Some(change.clone()));
    journal.note(lapsed(AttemptAction::Replace, Some(change.proposal)));
    assert_eq!(journal.order(order).change, None);
    assert_eq!(journal.order(order).state, S::Working);
    assert_eq!(journal.findings, []);
}

#[test]
fn a_change_of_unknown_outcome_is_lost_and_a_cancel_of_unknown_outcome_loses_none() {
    let mut journal = Journal::opened();
    let (order, change) = changing(&mut journal);
    let unknown = |action| OrderUnknown {
        order,
        account: account(),
        instrument: instrument(SPOT),
        action,
        attempt: 1,
        reason: "timeout".into(),
    };
    journal.note(unknown(AttemptAction::Cancel));
    assert_eq!(journal.order(order).change, Some(change.clone()));
    journal.note(unknown(AttemptAction::Replace));
    assert_eq!(journal.order(order).change, Some(Change { lost: true, ..change }));
    assert_eq!(journal.order(order).state, S::Working);
    // An attempt to cancel says nothing of whether the submit arrived.
    let order = journal.submitted(SPOT, Side::Buy, "1");
    journal.note(OrderUnknown {
        order,
        account: account(),
        instrument: instrument(SPOT),
        action: AttemptAction::Cancel,
        attempt: 1,
        reason: "timeout".into(),
    });
    assert_eq!(journal.order(order).state, S::Submitted);
    assert_eq!(journal.findings, []);
}

#[test]
fn an_order_expires_with_its_last_attempt_of_that_action() {
    let mut journal = Journal::opened();
    let order = journal.working(SPOT, Side::Buy, "1");
    for (action, expires) in
        [(AttemptAction::Replace, 10), (AttemptAction::Cancel, 20), (AttemptAction::Replace, 15)]
    {
        let mut attempt = attempted(order, SPOT, action);
        attempt.expires = Timestamp(expires);
        journal.note(attempt);
    }
    let order = journal.order(order);
    assert_eq!(order.expires(AttemptAction::Submit), Some(Timestamp(i64::MAX)));
    assert_eq!(order.expires(AttemptAction::Cancel), Some(Timestamp(20)));
    assert_eq!(order.expires(AttemptAction::Replace), Some(Timestamp(15)));
    let mut journal = Journal::opened();
    let order = OrderId::from(journal.note(proposed(SPOT, Side::Buy, "1")));
    assert_eq!(journal.order(order).expires(AttemptAction::Submit), None);
}

#[test]
fn the_broker_may_be_working_what_was_sent_and_has_not_ended() {
    for state in S::ALL {
        let sent = matches!(state, S::Submitted | S::Working | S::PartiallyFilled | S::Unknown);
        assert_eq!(state.is_at_broker(), sent, "{state}");
        let reserved = sent || matches!(state, S::Approved | S::Commanded);
        assert_eq!(state.holds_exposure(), reserved, "{state}");
        assert_eq!(state.is_terminal(), !reserved && state != S::Proposed, "{state}");
    }
}

#[test]
fn a_correction_that_takes_away_is_no_execution_and_one_that_does_not_is() {
    // Executed before the attempt was told of, which is a finding and counts.
    let corrected_to = |size: &str| {
        let mut journal = Journal::opened();
        let order = OrderId::from(journal.note(proposed(SPOT, Side::Buy, "9")));
        journal.note(approved(order, SPOT, Side::Buy, "9"));
        journal.note(submit(order, SPOT, Side::Buy, "9"));
        journal.note(executed(order, SPOT, Side::Buy, "A", "2", "10"));
        journal.note(attempted(order, SPOT, AttemptAction::Submit));
        assert_eq!(journal.findings.len(), 1);
        journal.note(corrected(order, SPOT, "A", "C", (size, "11", "0")));
        let kept = journal.order(order);
        assert_eq!((kept.cumulative, kept.executions), (amount(size), 1));
        (kept.state, journal.findings.len() - 1)
    };
    assert_eq!(corrected_to("1"), (S::Submitted, 1));
    assert_eq!(corrected_to("2"), (S::PartiallyFilled, 0));
    assert_eq!(corrected_to("3"), (S::PartiallyFilled, 0));
}

#[test]
fn an_order_executed_past_its_quantity_is_told_of_when_more_is_executed_and_not_again() {
    let mut journal = Journal::opened();
    let order = journal.working(SPOT, Side::Buy, "1");
    journal.note(executed(order, SPOT, Side::Buy, "A", "3", "10"));
    let told = |journal: &Journal| {
        journal.findings.iter().filter(|one| matches!(one, Finding::Overfilled { .. })).count()
    };
    assert_eq!(told(&journal), 1);
    journal.note(corrected(order, SPOT, "A", "C1", ("3", "11", "0")));
    journal.note(corrected(order, SPOT, "A", "C2", ("2", "11", "0")));
    assert_eq!(told(&journal), 1);
    journal.note(corrected(order, SPOT, "A", "C3", ("4", "11", "0")));
    assert_eq!(told(&journal), 2);
    assert_eq!(journal.order(order).cumulative, Amount::whole(4));
}
