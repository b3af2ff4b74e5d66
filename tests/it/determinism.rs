//! The same tape gives the same bytes, twice, and the agents run again say what they said.

use serde_json::Value;
use tests::{Desk, tape::Tape};

const START_NS: u64 = 1_723_161_904_000_000_000;

/// A desk with two tapes of different instruments that overlap in time.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("btc.ws", Tape::spot("BTCUSDT", START_NS).leaning(1_600).bytes());
    desk.write("eth.ws.gz", Tape::spot("ETHUSDT", START_NS + 7_000_000_000).leaning(800).gzip());
    desk
}

/// What two runs of one tape must agree on: everything but how fast they were.
fn numbers(mut summary: Value) -> Value {
    let _ = summary.as_object_mut().unwrap().remove("events_per_second").unwrap();
    let _ = summary.as_object_mut().unwrap().remove("folded");
    summary
}

fn check(tapes: &[&str]) {
    let desk = desk();
    let one = numbers(desk.run_tapes("one", tapes));
    let two = numbers(desk.run_tapes("two", tapes));
    assert_eq!(one, two);
    assert!(one["orders"].as_u64() > Some(5) && one["executions"].as_u64() > Some(3), "{one}");

    let replay = ["replay", "--json", "--data", "one"];
    let replayed = desk.run(&replay).exits(0).summary();
    assert_eq!(numbers(replayed), one);

    let mut agents = desk.run(&[&replay[..], &["--agents"]].concat()).exits(0).summary();
    let compared = agents.as_object_mut().unwrap().remove("agents").unwrap();
    assert_eq!(compared["equal"], true);
    assert!(compared["compared"].as_u64() > Some(50), "{compared}");
    assert_eq!(numbers(agents), one);
}

#[test]
fn a_tape_run_twice_and_replayed_has_the_same_digests_and_its_agents_the_same_bytes() {
    check(&["btc.ws"]);
}

#[test]
fn tapes_merged_twice_and_replayed_have_the_same_digests_and_their_agents_the_same_bytes() {
    check(&["btc.ws", "eth.ws.gz"]);
}

#[test]
fn every_event_of_two_runs_is_the_same_event() {
    let desk = desk();
    let _ = desk.run_tapes("one", &["btc.ws", "eth.ws.gz"]);
    let _ = desk.run_tapes("two", &["btc.ws", "eth.ws.gz"]);
    let (one, two) = (desk.events("one"), desk.events("two"));
    assert_eq!(one.len(), two.len());
    for (one, two) in one.iter().zip(&two) {
        assert_eq!(one, two);
    }
}

#[test]
fn another_tape_has_other_digests() {
    let desk = desk();
    let (btc, both) = (desk.run_tapes("one", &["btc.ws"]), desk.run_tapes("two", &["eth.ws.gz"]));
    assert_ne!(btc["state_digest"], both["state_digest"]);
    assert_ne!(btc["log_digest"], both["log_digest"]);
}
