//! A run that was cut off, however often, ends as one that was not.

use std::{thread, time::Duration};

use serde_json::Value;
use tests::{Desk, tape::Tape};

const START_NS: u64 = 1_723_161_904_000_000_000;

fn desk(quotes: u64) -> Desk {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(quotes).bytes());
    desk
}

/// What an interrupted run and an uninterrupted one must agree on. Starts are life-cycle events, so
/// the count of `ops` is left out, and nothing else.
fn numbers(mut summary: Value) -> Value {
    let _ = summary.as_object_mut().unwrap().remove("events_per_second").unwrap();
    let _ = summary["events"].as_object_mut().unwrap().remove("ops").unwrap();
    summary
}

fn check(desk: &Desk, interrupted: Value, whole: Value) {
    assert_eq!(numbers(interrupted), numbers(whole));
    let verified = desk.run(&["verify", "--json", "--data", "cut"]).exits(0).summary();
    assert_eq!(verified["sound"], true);
    let replay = ["replay", "--agents", "--json", "--data", "cut"];
    assert_eq!(desk.run(&replay).exits(0).summary()["agents"]["equal"], true);
}

/// The orders and executions of a directory, by their ids.
fn orders_and_executions(desk: &Desk, data: &str) -> Vec<Value> {
    let kinds = ["SubmitOrder", "SubmitAttempted", "OrderExecuted"];
    let wanted = |event: &Value| kinds.iter().any(|kind| event["kind"] == *kind);
    let events = desk.events(data).into_iter().filter(wanted);
    events.map(|event| event["event_id"].clone()).collect()
}

#[test]
fn a_run_killed_as_its_log_grows_ends_as_one_that_was_not() {
    let desk = desk(6_000);
    let whole = desk.run_tapes("whole", &["tape.ws"]);
    let entries = desk.run(&["verify", "--json", "--data", "whole"]).exits(0).summary();
    let entries = entries["entries"].as_u64().unwrap();
    let mut kills = 0;
    for tenth in 1..=8 {
        let mut running = desk.start_run("cut", &["tape.ws"]);
        if desk.reaches(&mut running, "cut", entries * tenth / 10) {
            running.kill();
            kills += 1;
        }
    }
    assert!(kills >= 5, "only {kills} kills hit a run that was under way");
    check(&desk, desk.run_tapes("cut", &["tape.ws"]), whole);
    assert_eq!(orders_and_executions(&desk, "cut"), orders_and_executions(&desk, "whole"));
}

#[test]
fn a_run_killed_at_any_moment_of_its_start_or_recovery_ends_as_one_that_was_not() {
    let desk = desk(2_000);
    let whole = desk.run_tapes("whole", &["tape.ws"]);
    let mut kills = 0;
    for ms in [1, 2, 4, 7, 11, 16, 22, 30, 40, 55, 75, 100] {
        let running = desk.start(&["run", "--json", "--data", "cut", "--input", "tape.ws"]);
        // The moment is the input of this test, and nothing is waited for.
        thread::sleep(Duration::from_millis(ms));
        kills += u64::from(running.kill().is_none());
    }
    assert!(kills >= 5, "only {kills} kills hit a run that was under way");
    check(&desk, desk.run_tapes("cut", &["tape.ws"]), whole);
    assert_eq!(orders_and_executions(&desk, "cut"), orders_and_executions(&desk, "whole"));
}

#[test]
fn a_run_asked_to_end_exits_130_and_goes_on_where_it_ended() {
    let desk = desk(6_000);
    let whole = desk.run_tapes("whole", &["tape.ws"]);
    let mut running = desk.start_run("cut", &["tape.ws"]);
    assert!(desk.reaches(&mut running, "cut", 500));
    assert_eq!(running.terminate(), Some(130));
    let rest = desk.run(&["run", "--json", "--data", "cut", "--input", "tape.ws"]).exits(0);
    let rest = rest.says("went on at record").summary();
    check(&desk, rest, whole);
}

#[test]
fn a_tape_run_again_after_its_end_changes_nothing() {
    let desk = desk(800);
    let whole = desk.run_tapes("cut", &["tape.ws"]);
    check(&desk, desk.run_tapes("cut", &["tape.ws"]), whole);
}

#[test]
fn a_run_in_a_gap_of_years_is_durable_up_to_it_and_can_be_stopped() {
    let desk = Desk::new();
    let year_ms = 365 * 24 * 3_600_000;
    let tape = Tape::spot("BTCUSDT", START_NS).leaning(40).after_ms(20 * year_ms).leaning(1);
    desk.write("tape.ws", tape.bytes());
    let mut running = desk.start_run("data", &["tape.ws"]);
    // Far behind the last record before the gap, in the middle of the timers in it.
    assert!(desk.reaches(&mut running, "data", 20_000));
    assert_eq!(running.terminate(), Some(130));
    let _ = desk.run(&["verify", "--data", "data"]).exits(0);
    let state = desk.run(&["replay", "--json", "--data", "data"]).exits(0).summary();
    assert_eq!(state["records"], 50);
}
