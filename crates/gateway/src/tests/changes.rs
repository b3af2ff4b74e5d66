//! Cancels and replaces.

use event::{Body, choices::AttemptAction};

use super::{
    broker::{cancelled, change_refused, executed, expired, no_answer, refused, replaced},
    cancel,
    desk::{Desk, unanswered},
    order, replace, submit,
};

#[test]
fn a_change_of_an_order_that_is_not_working_is_refused_and_its_proposal_released() {
    let ends = [
        (Some(cancelled(1)), "the order is terminal"),
        (Some(expired(1)), "the order is terminal"),
        (Some(executed(1, "E1", 0)), "the order is terminal"),
        (None, "the order was never sent"),
    ];
    for (end, why) in ends {
        let mut desk = Desk::new();
        if let Some(end) = end {
            let _ = desk.root(submit(1));
            desk.broker.report(end);
            let _ = desk.reports();
        }
        assert_eq!(desk.root(cancel(1)), [format!("refuse CANCEL 1: {why}")]);
        assert_eq!(desk.root(replace(1, 9)), [format!("refuse REPLACE 1 of 9: {why}")]);
        assert!(desk.broker.attempts().len() < 2);
    }
}

#[test]
fn an_accepted_change_is_a_promise_and_its_report_the_fact() {
    let mut desk = Desk::after([submit(1).into()]);
    assert_eq!(desk.root(replace(1, 9)), ["attempt REPLACE 1 #2"]);
    desk.broker.report(replaced(1, 9));
    assert_eq!(desk.reports(), ["replaced 1 of 9"]);
    assert_eq!(desk.root(cancel(1)), ["attempt CANCEL 1 #3"]);
    desk.broker.report(cancelled(1));
    assert_eq!(desk.reports(), ["cancelled 1"]);
    assert!(unanswered(&desk.gateway).is_empty());
}

#[test]
fn a_refused_replace_releases_its_own_proposal() {
    let mut desk = Desk::after([submit(1).into()]);
    desk.broker.answers.insert((order(1), 2), refused());
    assert_eq!(
        desk.root(replace(1, 9)),
        ["attempt REPLACE 1 #2", "refuse REPLACE 1 of 9: no"],
        "refused at once"
    );
    // A second replace was commanded, and refused here, before the broker answers the first.
    let mut desk = Desk::after([submit(1).into()]);
    desk.broker.answers.insert((order(1), 2), refused());
    let first = desk.put(replace(1, 8));
    let plan = desk.plan(&first);
    assert_eq!(
        desk.root(replace(1, 9)),
        ["refuse REPLACE 1 of 9: an attempt for the order has no answer yet"]
    );
    let facts = desk.gateway.perform(&plan.calls[0], &mut desk.broker, desk.now).unwrap();
    assert_eq!(super::all_said(&facts), ["refuse REPLACE 1 of 8: no"]);
}

#[test]
fn what_the_gateway_refuses_itself_leaves_the_attempt_under_way() {
    for action in [AttemptAction::Submit, AttemptAction::Cancel, AttemptAction::Replace] {
        let command: Body = match action {
            AttemptAction::Submit => submit(2).into(),
            AttemptAction::Cancel => cancel(1).into(),
            AttemptAction::Replace => replace(1, 8).into(),
        };
        let again: Body = match action {
            AttemptAction::Submit => {
                let mut other = submit(2);
                other.quantity = event::Quantity::whole(7);
                other.into()
            }
            AttemptAction::Cancel => cancel(1).into(),
            AttemptAction::Replace => replace(1, 9).into(),
        };
        let mut desk = Desk::after([submit(1).into()]);
        let first = desk.put(command);
        let _ = desk.plan(&first);
        let before = unanswered(&desk.gateway);
        let refused = desk.root(again);
        assert!(refused[0].starts_with(&format!("refuse {action}")), "{refused:?}");
        assert_eq!(unanswered(&desk.gateway), before);
        desk.restart();
        assert_eq!(unanswered(&desk.gateway), before, "and so does the log");
    }
}

#[test]
fn a_cancel_goes_out_while_a_replace_is_promised_but_not_while_a_cancel_is() {
    let mut desk = Desk::after([submit(1).into(), replace(1, 9).into()]);
    assert_eq!(desk.root(cancel(1)), ["attempt CANCEL 1 #3"]);
    assert_eq!(
        desk.root(cancel(1)),
        ["refuse CANCEL 1: an attempt for the order has no answer yet"]
    );
    assert_eq!(
        desk.root(replace(1, 8)),
        ["refuse REPLACE 1 of 8: an attempt for the order has no answer yet"]
    );
    desk.broker.report(replaced(1, 9));
    desk.broker.report(change_refused(1, None));
    assert_eq!(desk.reports(), ["replaced 1 of 9", "refuse CANCEL 1: too late"]);
    assert_eq!(desk.root(cancel(1)), ["attempt CANCEL 1 #4"]);
}

#[test]
fn a_lost_cancel_leaves_an_unknown_order_unknown() {
    let mut desk = Desk::new();
    desk.broker.answers.insert((order(1), 1), no_answer());
    desk.broker.answers.insert((order(1), 2), no_answer());
    let _ = desk.root(submit(1));
    assert_eq!(desk.root(cancel(1)), ["attempt CANCEL 1 #2", "unknown CANCEL 1 #2"]);
    assert_eq!(desk.root(replace(1, 9)), ["refuse REPLACE 1 of 9: the order's state is unknown"]);
    // Another decision to cancel it is another attempt.
    assert_eq!(desk.root(cancel(1)), ["attempt CANCEL 1 #3"]);
}

#[test]
fn a_change_promised_and_then_refused_is_one_event_for_each_attempt() {
    let mut desk = Desk::after([submit(1).into(), cancel(1).into()]);
    for _ in 0..2 {
        desk.broker.report(change_refused(1, None));
    }
    assert_eq!(desk.reports(), ["refuse CANCEL 1: too late"]);
    let _ = desk.root(cancel(1));
    desk.broker.report(change_refused(1, None));
    assert_eq!(desk.reports(), ["refuse CANCEL 1: too late"], "the second cancel's own");
    let _ = desk.root(replace(1, 9));
    for _ in 0..2 {
        desk.broker.report(change_refused(1, Some(9)));
    }
    assert_eq!(desk.reports(), ["refuse REPLACE 1 of 9: too late"]);
}

#[test]
fn a_change_refused_in_the_answer_and_in_a_report_is_one_event() {
    let mut desk = Desk::after([submit(1).into()]);
    desk.broker.answers.insert((order(1), 2), refused());
    assert_eq!(desk.root(cancel(1)), ["attempt CANCEL 1 #2", "refuse CANCEL 1: no"]);
    desk.broker.report(change_refused(1, None));
    assert!(desk.reports().is_empty());
}

/// A cancel may overtake the command to send its order, which passes the risk gate first: the order is
/// then withdrawn, whatever restarts meanwhile.
#[test]
fn an_order_that_is_cancelled_before_it_is_sent_is_never_sent() {
    for restarts in [false, true] {
        let mut desk = Desk::new();
        assert_eq!(desk.root(cancel(1)), ["refuse CANCEL 1: the order was never sent"]);
        if restarts {
            desk.restart();
        }
        let saved = desk.gateway.snapshot().unwrap();
        desk.gateway.restore(&saved).unwrap();
        assert_eq!(desk.root(submit(1)), ["lapse SUBMIT 1: withdrawn"]);
        assert_eq!(desk.root(cancel(1)), ["refuse CANCEL 1: the order is terminal"]);
        assert_eq!(desk.root(submit(2)), ["attempt SUBMIT 2 #1", "accepted 2"], "others go");
        assert_eq!(desk.broker.attempts().len(), 1);
    }
}
