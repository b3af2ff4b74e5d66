//! Halting, and cancelling everything.

use event::Body;

use super::{
    Desk,
    broker::{cancelled, executed, expired, manual, no_answer, refused},
    cancel, cancel_all, halt, order, other_account, replace, resume, submit,
};
use crate::Latch;

/// One order in every state there is.
fn every_state() -> Desk {
    let mut desk = Desk::new();
    desk.broker.answers.insert((order(2), 1), no_answer());
    desk.broker.answers.insert((order(5), 1), refused());
    for number in 1..=8 {
        let _ = desk.root(submit(number));
    }
    desk.broker.report(executed(3, "E1", 2));
    desk.broker.report(executed(4, "E2", 0));
    desk.broker.report(cancelled(6));
    desk.broker.report(manual("M1"));
    desk.broker.report(expired(9));
    let _ = desk.reports();
    let _ = desk.root(cancel(7));
    let _ = desk.root(replace(8, 99));
    desk.latch = Latch::Halted;
    let _ = desk.root(submit(10));
    desk.latch = Latch::Open;
    desk.broker.asked.clear();
    desk
}

#[test]
fn halt_and_cancel_all_cancel_every_order_that_may_work_once() {
    // Working, unknown, partly filled, with a replace promised, and one of the broker's own.
    let expected = ["CANCEL 1 #2", "CANCEL 2 #2", "CANCEL 3 #2", "CANCEL 8 #3", "CANCEL x #1"];
    for all in [Body::from(halt(None)), cancel_all().into()] {
        let mut desk = every_state();
        let _ = desk.root(all);
        let mut asked = desk.broker.attempts();
        asked.sort_unstable();
        assert_eq!(asked, expected);
        assert!(desk.root(halt(None)).is_empty());
        assert!(desk.root(cancel_all()).is_empty());
    }
}

#[test]
fn an_order_without_an_answer_is_cancelled_as_soon_as_it_may_work() {
    for (answer, fact) in [(None, "accepted 1"), (Some(no_answer()), "unknown SUBMIT 1 #1")] {
        for restarts in [false, true] {
            let mut desk = Desk::new();
            if let Some(answer) = answer.clone() {
                desk.broker.answers.insert((order(1), 1), answer);
            }
            desk.broker.failing.insert("SUBMIT 1 #1".into());
            let command = desk.put(submit(1));
            assert!(desk.try_deliver(command).is_err());
            assert!(desk.root(halt(None)).is_empty(), "nothing to cancel yet");
            desk.broker.failing.clear();
            if restarts {
                desk.restart();
            }
            assert_eq!(desk.ask_again(), [fact, "attempt CANCEL 1 #2"]);
            assert!(desk.root(halt(None)).is_empty());
        }
    }
}

#[test]
fn an_order_accepted_after_the_halt_that_nobody_here_sent_is_left_alone() {
    let mut desk = Desk::after([halt(None).into()]);
    desk.broker.report(manual("M1"));
    assert_eq!(desk.reports(), ["accepted x"]);
}

#[test]
fn a_halt_delivered_again_after_a_resume_changes_nothing() {
    let mut desk = Desk::new();
    let first = desk.put(halt(None));
    assert!(desk.deliver(first.clone()).is_empty());
    let _ = desk.root(resume());
    let _ = desk.root(submit(1));
    for _ in 0..2 {
        assert!(desk.deliver(first.clone()).is_empty());
        assert!(!desk.gateway.is_halted());
        assert_eq!(desk.root(submit(1)), ["refuse SUBMIT 1: the order was sent before"]);
        desk.restart();
    }
}

#[test]
fn a_halt_of_another_account_is_none_of_ours() {
    let mut desk = Desk::after([submit(1).into(), halt(Some(other_account())).into()]);
    assert!(!desk.gateway.is_halted());
    assert_eq!(desk.broker.attempts(), ["SUBMIT 1 #1"]);
    let mut all = cancel_all();
    all.account = Some(other_account());
    assert!(desk.root(all.clone()).is_empty());
    all.account = None;
    assert_eq!(desk.root(all), ["attempt CANCEL 1 #2"]);
}

#[test]
fn a_resume_lets_orders_out_again() {
    let mut desk = Desk::after([halt(None).into()]);
    assert_eq!(desk.root(submit(1)), ["lapse SUBMIT 1: halted"]);
    let _ = desk.root(resume());
    assert_eq!(desk.root(submit(2)), ["attempt SUBMIT 2 #1", "accepted 2"]);
}

#[test]
fn a_process_that_must_end_cancels_everything_that_may_work() {
    let cancels: Vec<_> =
        every_state().gateway.emergency_cancels().iter().map(|c| super::name(c.order)).collect();
    let mut expected = ["1", "2", "3", "7", "8", "x"].map(String::from).to_vec();
    expected.sort_by_key(|name| cancels.iter().position(|c| c == name));
    assert_eq!(cancels, expected);
}
