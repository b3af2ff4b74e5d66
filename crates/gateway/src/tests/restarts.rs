//! A gateway folded again from a log is the gateway that wrote it.

use std::collections::{BTreeMap, BTreeSet};

use event::{Body, Event, EventId, OrderId};

use super::{
    Desk, account,
    broker::{cancelled, executed, no_answer, refused},
    cancel, cancel_all,
    desk::{folded, unanswered},
    event, halt, other_account, replace, resume, said, snapshot_request, submit,
};
use crate::Gateway;

/// A day with an attempt of every sort and an answer of every sort.
fn history() -> Desk {
    history_at(Desk::new())
}

fn history_at(mut desk: Desk) -> Desk {
    let order = super::order;
    desk.broker.answers.insert((order(2), 1), no_answer());
    desk.broker.answers.insert((order(3), 1), refused());
    desk.broker.answers.insert((order(1), 2), refused());
    desk.broker.answers.insert((order(4), 2), no_answer());
    for number in 1..=5 {
        let _ = desk.root(submit(number));
    }
    let _ = desk.root(replace(1, 9));
    let _ = desk.root(cancel(4));
    let _ = desk.root(replace(5, 8));
    desk.broker.report(executed(2, "E1", 1));
    let _ = desk.reports();
    let _ = desk.root(snapshot_request(1));
    let _ = desk.root(halt(None));
    let _ = desk.root(submit(6));
    desk.broker.report(cancelled(1));
    desk.broker.report(cancelled(2));
    let _ = desk.reports();
    let _ = desk.root(resume());
    let _ = desk.root(submit(7));
    let _ = desk.root(cancel_all());
    desk
}

/// Attempts that nothing in the log has answered or ended, by order and attempt.
fn open_attempts(log: &[Event]) -> BTreeSet<(OrderId, u32)> {
    let mut open = BTreeSet::new();
    for event in log {
        match &event.body {
            Body::SubmitAttempted(b) => drop(open.insert((b.order, b.attempt))),
            Body::OrderUnknown(b) => drop(open.remove(&(b.order, b.attempt))),
            Body::OrderAccepted(b) => drop(open.remove(&(b.order, 1))),
            Body::OrderExecuted(b) => drop(open.remove(&(b.order, 1))),
            Body::OrderRejected(b) => open.retain(|one| one.0 != b.order),
            Body::OrderCancelled(b) => open.retain(|one| one.0 != b.order),
            // In this history only a replace is ever refused, and it is its order's second attempt.
            Body::CancelRejected(b) => drop(open.remove(&(b.order, 2))),
            _ => {}
        }
    }
    open
}

#[test]
fn what_has_no_answer_after_a_restart_is_what_the_log_has_no_answer_to() {
    let desk = history();
    let mut seen = BTreeSet::new();
    for end in 0..=desk.log.len() {
        let prefix = &desk.log[..end];
        let expected: Vec<String> = open_attempts(prefix)
            .into_iter()
            .map(|(order, attempt)| format!("{} #{attempt}", super::name(order)))
            .collect();
        let found = unanswered(&folded(prefix));
        let mut words: Vec<String> = found
            .iter()
            .map(|call| call.split(' ').skip(1).take(2).collect::<Vec<_>>().join(" "))
            .collect();
        words.sort_unstable();
        assert_eq!(words, expected, "at {end}");
        seen.extend(found);
    }
    // Terms are those of the command that was attempted.
    for call in ["SUBMIT 4 #1 4", "REPLACE 1 #2 9", "REPLACE 5 #2 8", "CANCEL 7 #2"] {
        assert!(seen.contains(call), "{seen:?}");
    }
}

#[test]
fn what_is_given_up_is_unknown_once_and_sent_no_more() {
    let desk = history();
    for end in 0..=desk.log.len() {
        let mut gateway = folded(&desk.log[..end]);
        let expected: Vec<String> = unanswered(&gateway)
            .iter()
            .map(|call| {
                format!("unknown {}", call.split(' ').take(3).collect::<Vec<_>>().join(" "))
            })
            .collect();
        let given_up = gateway.give_up_unanswered(desk.now);
        assert_eq!(super::all_said(&given_up), expected, "at {end}");
        assert!(unanswered(&gateway).is_empty());
        assert!(gateway.give_up_unanswered(desk.now).is_empty());
        for command in &desk.log[..end] {
            let planned = gateway.plan(command, desk.now, crate::Latch::Open);
            let sends = |event: &Event| said(event).starts_with("attempt SUBMIT");
            let again = planned.events.iter().filter(|event| sends(event));
            let attempted = |event: &Event| {
                desk.log[..end]
                    .iter()
                    .any(|one| sends(one) && one.body.order() == event.body.order())
            };
            assert!(!again.into_iter().any(attempted), "at {end}: {command:?}");
        }
    }
}

#[test]
fn commands_and_facts_are_numbered_without_gaps_and_named_once() {
    let mut desk = history();
    for restart in [false, true] {
        if restart {
            desk.restart();
            let _ = desk.root(submit(20));
            desk.broker.report(executed(20, "E20", 0));
            let _ = desk.reports();
        }
        let mut next: BTreeMap<_, u64> = BTreeMap::new();
        let mut ids: BTreeSet<EventId> = BTreeSet::new();
        for event in &desk.log {
            let next = next.entry(event.source).or_default();
            *next += 1;
            assert_eq!(event.source_seq, *next, "{event:?}");
            assert!(ids.insert(event.event_id), "{event:?}");
        }
    }
    assert!(desk.log.iter().any(|event| said(event) == "executed 20 E20"));
}

#[test]
fn a_submit_behind_which_the_log_halts_is_sent_and_cancelled_as_without_a_restart() {
    let run = |restarts: bool| {
        let mut desk = Desk::new();
        let (first, second) = (desk.put(submit(1)), desk.put(halt(None)));
        if restarts {
            desk.restart();
        }
        let mut said = desk.deliver(first);
        said.extend(desk.deliver(second));
        (said, desk.log)
    };
    let (said, log) = run(false);
    assert_eq!(said, ["attempt SUBMIT 1 #1", "accepted 1", "attempt CANCEL 1 #2"]);
    assert_eq!(run(true), (said, log));
}

#[test]
fn a_live_restart_sends_nothing_that_the_log_has_halted_since() {
    let mut desk = Desk::new();
    let (first, second) = (desk.put(submit(1)), desk.put(halt(None)));
    desk.restart();
    assert!(desk.give_up().is_empty());
    assert_eq!(desk.deliver(first), ["lapse SUBMIT 1: halted"]);
    assert!(desk.deliver(second).is_empty());
}

#[test]
fn a_halt_behind_which_the_log_goes_on_cancels_only_what_was_there() {
    let mut desk = Desk::new();
    let first = desk.put(halt(None));
    let _ = desk.deliver(first.clone());
    let _ = desk.root(resume());
    desk.broker.report(super::broker::manual("M1"));
    let _ = desk.reports();
    desk.restart();
    assert!(desk.deliver(first).is_empty(), "the manual order came later");
    assert_eq!(desk.root(halt(None)), ["attempt CANCEL x #1"]);
}

#[test]
fn two_accounts_do_not_mix() {
    let mut desk = history();
    let mut other = Gateway::new(other_account()).unwrap();
    for event in &desk.log {
        assert!(other.plan(event, desk.now, crate::Latch::Open).events.is_empty(), "{event:?}");
    }
    assert!(unanswered(&other).is_empty() && other.emergency_cancels().is_empty());
    let mut command = submit(30);
    command.account = other_account();
    let command = event("risk/ACC2", 1, desk.now.time, command);
    let plan = other.plan(&command, desk.now, crate::Latch::Open);
    assert_eq!(super::all_said(&plan.events), ["attempt SUBMIT 30 #1"]);
    assert_eq!(plan.events[0].source.as_str(), "gateway/ACC2");
    // What is the other account's leaves ours as it was.
    let before = unanswered(&desk.gateway);
    assert!(desk.deliver(command).is_empty());
    assert!(desk.deliver(plan.events[0].clone()).is_empty());
    assert_eq!(unanswered(&desk.gateway), before);
    assert_eq!(desk.gateway.broker_source().as_str(), format!("broker/{}", account()));
}

#[test]
fn a_gateway_restored_from_a_snapshot_goes_on_as_if_it_had_never_stopped() {
    let awake = history();
    let mut desk = Desk::new();
    desk.sleeps = true;
    let slept = history_at(desk);
    assert_eq!(slept.log, awake.log);
    assert!(awake.log.len() > 20);
}

#[test]
fn a_snapshot_of_a_gateway_that_is_cut_short_restores_nothing_or_is_refused() {
    let whole = history().gateway.snapshot().unwrap();
    for len in 0..whole.len() {
        let mut gateway = Gateway::new(account()).unwrap();
        let before = format!("{gateway:?}");
        if gateway.restore(&whole[..len]).is_err() {
            assert_eq!(format!("{gateway:?}"), before);
        }
    }
}

#[test]
fn a_gateway_that_has_not_gone_through_the_log_again_gives_no_snapshot() {
    let mut gateway = Gateway::new(account()).unwrap();
    let log = history().log;
    log.iter().for_each(|event| gateway.remember(event));
    gateway.remember_mark(1);
    assert_eq!(gateway.snapshot(), None);
}

#[test]
fn nothing_that_adds_exposure_is_asked_again_under_a_latch() {
    let mut desk = Desk::new();
    let command = desk.put(submit(1));
    let _ = desk.plan(&command);
    let mut gateway = super::desk::told(&desk.log);
    let plan = gateway.plan(&command, desk.now, crate::Latch::Halted);
    assert_eq!((plan.events.len(), plan.calls.len()), (0, 1));
    let facts = gateway
        .perform_under(
            crate::Latch::Halted,
            crate::Turn::Again,
            &plan.calls[0],
            &mut desk.broker,
            desk.now,
        )
        .unwrap();
    assert_eq!(super::all_said(&facts), ["unknown SUBMIT 1 #1"]);
    assert!(desk.broker.attempts().is_empty(), "the broker heard of it");
}

#[test]
fn a_promise_that_the_log_went_on_behind_is_not_asked_for_again() {
    let mut desk = Desk::after([submit(1).into(), cancel(1).into()]);
    let _ = desk.root(submit(2));
    let mut gateway = super::desk::told(&desk.log);
    for event in desk.log.clone() {
        assert!(gateway.plan(&event, desk.now, crate::Latch::Open).calls.is_empty(), "{event:?}");
    }
}
