//! A bus made the same as another: to the byte, also where it was killed on the way, and nothing else is
//! taken for one.

use serde_json::Value;
use servers::{KafkaServer, KafkaSettings, NatsServer, Settings};
use tests::{Desk, NatsWire, tape::Tape};

const START_NS: u64 = 1_723_161_904_000_000_000;

fn desk(quotes: u64) -> Desk {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(quotes).bytes());
    desk
}

fn arguments<'a>(from: &'a str, to: &'a str) -> [&'a str; 8] {
    ["copy", "--json", "--accept-class", "lazy", "--from", from, "--to", to]
}

fn copy(desk: &Desk, from: &str, to: &str) -> Value {
    desk.run(&arguments(from, to)).exits(0).summary()
}

/// What a copy in a directory says of itself: readers read it, agents decide the same, no run goes on.
fn check_copy(desk: &Desk, data: &str, run: &Value) {
    let replay = ["replay", "--agents", "--json", "--data", data];
    let replayed = desk.run(&replay).exits(0).summary();
    for number in ["log_digest", "state_digest", "events"] {
        assert_eq!(replayed[number], run[number], "{number}");
    }
    assert_eq!(replayed["agents"]["equal"], true);
    let _ = desk.run(&["verify", "--data", data]).exits(0);
    let _ = desk.run(&["run", "--data", data, "--input", "tape.ws"]).exits(5).says("E7203");
}

#[test]
fn a_directory_is_copied_and_copied_again_without_a_change() {
    let desk = desk(400);
    let run = desk.run_tapes("one", &["tape.ws"]);
    let made = copy(&desk, "one", "two");
    assert_eq!((&made["copied"], &made["log_digest"]), (&made["entries"], &run["log_digest"]));
    check_copy(&desk, "two", &run);
    let again = copy(&desk, "one", "two");
    assert_eq!((&again["copied"], &again["found"]), (&0.into(), &made["entries"]));
    assert_eq!(again["log_digest"], run["log_digest"]);
    // A copy of a copy is one too.
    assert_eq!(copy(&desk, "two", "three")["log_digest"], run["log_digest"]);
}

#[test]
fn what_is_no_beginning_of_the_source_is_refused_and_left_alone() {
    let desk = desk(400);
    desk.write("other.ws", Tape::spot("ETHUSDT", START_NS).leaning(80).bytes());
    let _ = desk.run_tapes("one", &["tape.ws"]);
    let _ = desk.run_tapes("other", &["other.ws"]);
    let _ = copy(&desk, "other", "copy");
    let before = desk.events("copy");
    let _ = desk.run(&arguments("one", "copy")).exits(5).says("E7721");
    // A run's own directory is no place for a copy, not even of the same.
    let _ = desk.run(&arguments("one", "other")).exits(5).says("E7725");
    let _ = desk.run(&arguments("one", "one")).exits(2).says("E7726");
    let _ = desk.run(&arguments("none", "new")).exits(4).says("E7202");
    assert_eq!(desk.events("copy"), before);
    assert!(!desk.path("new").exists());
}

mod nats {
    use super::*;

    fn entries(wire: &mut NatsWire, stream: &str) -> u64 {
        let info = wire.ask(&format!("$JS.API.STREAM.INFO.{stream}"), b"");
        info["state"]["last_seq"].as_u64().unwrap_or(0)
    }

    #[test]
    fn a_bus_is_copied_to_nats_and_back_also_when_it_is_killed_on_the_way() {
        let server = NatsServer::start(Settings::fsync()).unwrap();
        let (bus, desk) = (format!("{}/COPY", server.url()), desk(2_000));
        let run = desk.run_tapes("one", &["tape.ws"]);
        let whole = copy(&desk, "one", "whole")["entries"].as_u64().unwrap();
        let mut wire = NatsWire::to(&server.url());
        let mut reached = Vec::new();
        for part in 1..=2 {
            let mut copying = desk.start(&arguments("one", &bus));
            while entries(&mut wire, "COPY") <= whole * part / 4 {
                assert!(!copying.has_ended(), "the copy got no further");
            }
            let _ = copying.kill();
            reached.push(entries(&mut wire, "COPY"));
        }
        assert!(reached.is_sorted() && reached.iter().all(|part| *part < whole), "{reached:?}");
        let rest = copy(&desk, "one", &bus);
        assert_eq!((&rest["entries"], &rest["log_digest"]), (&whole.into(), &run["log_digest"]));
        assert!(rest["found"].as_u64() >= reached.last().copied());
        assert_eq!(copy(&desk, "one", &bus)["copied"], 0);
        assert_eq!(copy(&desk, &bus, "two")["log_digest"], run["log_digest"]);
        check_copy(&desk, "two", &run);
        assert_eq!(desk.events("two"), desk.events("one"));
        let verify = ["streams", "verify", "--json", "--accept-class", "lazy", "--bus", &bus];
        assert_eq!(desk.run(&verify).exits(0).summary()["entries"], whole);
    }

    #[test]
    fn what_holds_more_or_something_else_is_refused_and_so_is_a_source_that_is_not_there() {
        let server = NatsServer::start(Settings::default()).unwrap();
        let desk = desk(400);
        let bus = |name: &str| format!("{}/{name}", server.url());
        let _ = desk.run_tapes("one", &["tape.ws"]);
        let _ = copy(&desk, "one", &bus("WHOLE"));
        desk.write("other.ws", Tape::spot("ETHUSDT", START_NS).leaning(80).bytes());
        let _ = desk.run_tapes("other", &["other.ws"]);
        let _ = desk.run(&arguments("other", &bus("WHOLE"))).exits(5).says("E7721");
        let _ = desk.run(&arguments(&bus("NONE"), "new")).exits(5).says("E7808");
        // A stream that nothing was ever put into is how every source begins, and goes beyond none.
        let _ = desk.run(&["streams", "apply", "--bus", &bus("EMPTY")]).exits(0);
        let _ = desk.run(&arguments(&bus("EMPTY"), &bus("WHOLE"))).exits(5).says("E7722");
        assert_eq!(copy(&desk, "one", &bus("EMPTY"))["found"], 0);
        // What is none of ours cannot be given a place again.
        let subject = "WHOLE.order.1.somebody";
        let stored = NatsWire::to(&server.url()).ask(subject, b"hello");
        assert!(stored["seq"].is_u64(), "{stored}");
        let _ = desk.run(&arguments(&bus("WHOLE"), "third")).exits(6).says("E7723");
    }
}

mod kafka {
    use super::*;

    #[test]
    fn a_bus_is_copied_to_kafka_and_back_also_when_it_is_killed_on_the_way() {
        let server = KafkaServer::start(KafkaSettings::default()).unwrap();
        let (bus, desk) = (format!("kafka://{}/copy", server.brokers()), desk(4_000));
        let run = desk.run_tapes("one", &["tape.ws"]);
        let order = server.home().join("store/copy.log-0/00000000000000000000.log");
        let reach = || std::fs::metadata(&order).map_or(0, |file| file.len());
        for _ in 0..2 {
            let mut copying = desk.start(&arguments("one", &bus));
            // More than its beginning, then anything more.
            let before = reach().max(20_000);
            while reach() <= before {
                assert!(!copying.has_ended(), "the copy got no further");
                std::thread::yield_now();
            }
            let _ = copying.kill();
        }
        let rest = copy(&desk, "one", &bus);
        assert_eq!(rest["log_digest"], run["log_digest"]);
        assert!(rest["copied"].as_u64() > Some(0) && rest["found"].as_u64() > Some(0), "{rest}");
        assert_eq!(copy(&desk, "one", &bus)["copied"], 0);
        assert_eq!(copy(&desk, &bus, "two")["log_digest"], run["log_digest"]);
        check_copy(&desk, "two", &run);
        assert_eq!(desk.events("two"), desk.events("one"));
    }
}
