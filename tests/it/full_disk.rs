//! A real file system without room: market data is refused, an operator is not, and all goes on once
//! there is room again.

use serde_json::{Value, json};
use tests::{Desk, SmallDisk, tape::Tape};

const START_NS: u64 = 1_723_161_904_000_000_000;
/// Room for the first segment of log and journal and for no second one.
const SMALL_MB: u32 = 12;
const LARGE_MB: u32 = 96;

/// A desk with a small disk on it, and a tape whose log needs more than the disk has.
fn desk() -> (Desk, SmallDisk) {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(12_000).bytes());
    let small = SmallDisk::mount(desk.path("small"), SMALL_MB);
    (desk, small)
}

const RUN: [&str; 6] = ["run", "--json", "--data", "small/data", "--input", "tape.ws"];

fn is_market(event: &Value) -> bool {
    event["kind"].as_str().is_some_and(|kind| kind.starts_with("Market"))
}

/// Whole as far as it goes, and the books agree.
fn check(desk: &Desk) {
    let verified = desk.run(&["verify", "--json", "--data", "small/data"]).exits(0).summary();
    assert_eq!((&verified["sound"], &verified["torn"]), (&json!(true), &json!([])));
    let replay = ["replay", "--agents", "--json", "--data", "small/data"];
    assert_eq!(desk.run(&replay).exits(0).summary()["agents"]["equal"], true);
}

/// What an interrupted run and an uninterrupted one must agree on.
fn numbers(mut summary: Value) -> Value {
    let _ = summary.as_object_mut().unwrap().remove("events_per_second").unwrap();
    let _ = summary["events"].as_object_mut().unwrap().remove("ops").unwrap();
    summary
}

#[test]
fn a_run_that_found_the_disk_full_ends_as_one_that_did_not_once_there_is_room() {
    let (desk, small) = desk();
    for _ in 0..2 {
        let said = desk.run(&RUN).exits(3).says("E2204");
        assert!(said.stderr.contains("market data"), "{}", said.stderr);
        check(&desk);
    }
    small.resize(LARGE_MB);
    let mended = desk.run(&RUN).exits(0).summary();
    check(&desk);
    assert_eq!(numbers(mended), numbers(desk.run_tapes("whole", &["tape.ws"])));
    let _ = desk.run(&["reconcile", "--data", "small/data"]).exits(0);
}

/// What the operator asked for while nothing had room, as far as the log holds it.
fn commanded(events: &[Value]) -> Vec<&str> {
    let full =
        |event: &&Value| event["kind"] == "OperatorCommanded" && event["body"]["reason"] == "full";
    events.iter().filter(full).map(|event| event["body"]["verb"].as_str().unwrap()).collect()
}

/// Whether the log itself takes an operator's commands while it refuses market data.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Logged {
    /// One thread does one thing after the other, commands first.
    AtOnce,
    /// A task whose unit finds no room ends the run, perhaps before the commands were reached: the
    /// latch holds and the ring keeps them.
    OnceThereIsRoom,
}

fn halting(live: &[&str], logged: Logged) {
    let (desk, small) = desk();
    let run = [&RUN[..], live].concat();
    let _ = desk.run(&run).exits(3).says("E2204");
    let before = desk.events("small/data");
    // Nobody runs and nothing has room: both are taken all the same.
    for command in ["halt", "cancel-all"] {
        let _ = desk.run(&[command, "--reason", "full", "--data", "small/data"]).exits(0);
    }
    let _ = desk.run(&run).exits(3).says("E2204");
    let after = desk.events("small/data");
    assert_eq!(after[..before.len()], before, "what was there is there");
    let fresh = &after[before.len()..];
    if logged == Logged::AtOnce {
        assert_eq!(commanded(fresh), ["HALT", "CANCEL_ALL"], "{fresh:?}");
        assert!(fresh.iter().any(|event| event["kind"] == "TradingHalted"));
        assert!(!fresh.iter().any(is_market), "market data found room where there was none");
    }
    let state = desk.run(&["state", "--json", "--data", "small/data"]).exits(0).summary();
    assert_eq!(state["latch"]["halted"], true);
    let sends =
        |event: &&Value| event["kind"] == "SubmitAttempted" && event["body"]["action"] == "SUBMIT";
    assert_eq!(fresh.iter().find(sends), None, "an order left a halted desk");
    check(&desk);
    // With room again the run goes to its end, halted as it is.
    small.resize(LARGE_MB);
    let summary = desk.run(&run).exits(0).summary();
    assert_eq!(summary["stored"], summary["records"]);
    let events = desk.events("small/data");
    assert_eq!(commanded(&events), ["HALT", "CANCEL_ALL"]);
    let fresh = &events[before.len()..];
    assert!(fresh.iter().any(|event| event["kind"] == "TradingHalted"));
    assert_eq!(fresh.iter().find(sends), None, "an order left a halted desk");
    check(&desk);
    let _ = desk.run(&["reconcile", "--data", "small/data"]).exits(0);
}

#[test]
fn a_tape_run_on_a_full_disk_takes_a_halt_and_cancels_and_no_market_data() {
    halting(&[], Logged::AtOnce);
}

#[test]
fn a_live_run_on_a_full_disk_is_halted_and_logs_it_once_there_is_room() {
    halting(&["--live", "--speed", "0"], Logged::OnceThereIsRoom);
}
