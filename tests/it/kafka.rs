//! The same pipeline on a genuine Apache Kafka: only the bus is another.

use serde_json::Value;
use servers::{KafkaServer, KafkaSettings};
use tests::{Desk, tape::Tape};

use crate::{
    apart,
    outside::{self, Outside},
    roles::OnKafka,
};

const START_NS: u64 = 1_723_161_904_000_000_000;

fn desk(quotes: u64) -> Desk {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(quotes).bytes());
    desk
}

fn fsyncing() -> KafkaSettings {
    KafkaSettings { sync_always: true, ..KafkaSettings::default() }
}

/// What a run on any engine must agree on: starts apart, everything but how fast it was.
fn numbers(mut summary: Value) -> Value {
    let _ = summary.as_object_mut().unwrap().remove("events_per_second").unwrap();
    let _ = summary["events"].as_object_mut().unwrap().remove("ops").unwrap();
    summary
}

#[test]
fn a_tape_has_the_same_digests_on_kafka_as_in_the_data_directory() {
    let server = KafkaServer::start(fsyncing()).unwrap();
    let bus = format!("kafka://{}/tape", server.brokers());
    let desk = desk(400);
    let embedded = numbers(desk.run_tapes("embedded", &["tape.ws"]));
    let run = ["run", "--json", "--data", "kafka", "--bus", &bus, "--input", "tape.ws"];
    assert_eq!(numbers(desk.run(&run).exits(0).summary()), embedded);
    // Run again it changes nothing, and every reader finds what it wrote.
    assert_eq!(numbers(desk.run(&run).exits(0).summary()), embedded);
    let _ = desk.run(&["verify", "--data", "kafka"]).exits(0);
    let replay = ["replay", "--agents", "--json", "--data", "kafka"];
    let replayed = desk.run(&replay).exits(0).summary();
    assert_eq!(replayed["log_digest"], embedded["log_digest"]);
    assert_eq!(replayed["agents"]["equal"], true);
    // A directory keeps to its bus, and a reader makes none where there is none.
    let _ = desk.run(&["run", "--data", "kafka", "--input", "tape.ws"]).exits(5).says("E7203");
    drop(server);
    let _ = desk.run(&["state", "--data", "kafka"]).exits(0);
}

#[test]
fn a_kafka_that_may_lose_what_it_answered_is_refused_unless_that_is_accepted() {
    let server = KafkaServer::shared().unwrap();
    let bus = format!("kafka://{server}/lazy-{}", std::process::id());
    let desk = desk(40);
    let run = ["run", "--data", "data", "--bus", &bus, "--input", "tape.ws"];
    let _ = desk.run(&run).exits(3).says("E2405");
    let _ = desk.run(&[&run[..], &["--accept-class", "lazy"]].concat()).exits(0);
}

/// Who we are stands in a file: a URL with it is refused, and what is wrong in the file is named
/// without its value.
#[test]
fn secrets_for_kafka_stand_in_a_file_and_are_shown_by_nothing() {
    let desk = desk(40);
    let run = ["run", "--data", "data", "--input", "tape.ws", "--bus"];
    let said = desk.run(&[&run[..], &["kafka://ada:s3cret@127.0.0.1:9"]].concat());
    let _ = said.exits(2).says("E7802");
    let of_file = [&run[..], &["kafka://127.0.0.1:9", "--kafka-config", "client"]].concat();
    let _ = desk.run(&of_file).exits(3).says("E2414");
    for line in ["sasl.jaas.config=s3cret", "sasl.mechanisms=PLAIN\ns3cret"] {
        desk.write("client", line.as_bytes());
        let outcome = desk.run(&of_file).exits(3);
        assert!(!format!("{outcome:?}").contains("s3cret"), "{outcome:?}");
    }
}

/// The log says how far a tape was read and not which one, so a new directory on it would step over as
/// many records of another.
#[test]
fn a_bus_that_holds_a_run_is_refused_to_a_new_directory() {
    let server = KafkaServer::shared().unwrap();
    let (bus, desk) = (format!("kafka://{server}/taken-{}", std::process::id()), desk(40));
    desk.write("other.ws", Tape::spot("ETHUSDT", START_NS).leaning(80).bytes());
    let run = ["run", "--bus", &bus, "--accept-class", "lazy", "--input"];
    let _ = desk.run(&[&run[..], &["tape.ws", "--data", "one"]].concat()).exits(0);
    for tape in ["other.ws", "tape.ws"] {
        let other = [&run[..], &[tape, "--data", "two"]].concat();
        let _ = desk.run(&other).exits(5).says("E7805");
        assert!(!desk.path("two/binding").exists(), "it is bound to nothing");
    }
    let _ = desk.run(&[&run[..], &["tape.ws", "--data", "one"]].concat()).exits(0);
}

/// A bus on the server that tests share, as the command line takes it.
fn shared(prefix: &str) -> [String; 4] {
    let server = KafkaServer::shared().unwrap();
    let bus = format!("kafka://{server}/{prefix}-{}", std::process::id());
    ["--bus".into(), bus, "--accept-class".into(), "lazy".into()]
}

#[test]
fn two_processes_trade_on_kafka_through_a_killed_worker_and_a_restarted_server() {
    let mut server = KafkaServer::start(fsyncing()).unwrap();
    let bus = ["--bus".into(), format!("kafka://{}/apart", server.brokers())];
    apart::trade_through_a_killed_worker_and_a_restarted_server(&bus, || {
        server.kill().unwrap();
        server.start_again().unwrap();
    });
}

#[test]
fn a_replica_on_kafka_takes_over_from_one_that_was_killed() {
    let kafka = OnKafka::start("roles");
    // Everybody is let in as what is made of the topology for his role, and no more.
    let [run, agents] = ["run", "agents"].map(|user| {
        let settings = kafka.settings_of(user);
        ["--bus", &kafka.bus, "--accept-class", "lazy", "--kafka-config", &settings]
            .map(String::from)
    });
    apart::a_replica_takes_over_from_one_that_was_killed(&run, &agents);
}

#[test]
fn a_replica_on_kafka_that_wakes_late_is_told_and_writes_nothing() {
    apart::a_replica_that_wakes_late_is_told_and_writes_nothing(&shared("paused"));
}

#[test]
fn a_live_run_takes_what_is_offered_on_kafka_and_tells_of_strangers_once() {
    let server = KafkaServer::shared().unwrap();
    let prefix = format!("live-{}", std::process::id());
    let outside = Outside::new("kafka", &server, &prefix);
    let bus = format!("kafka://{server}/{prefix}");
    let bus = ["--bus", &bus, "--accept-class", "lazy"];
    outside::a_live_run_takes_what_is_offered_and_tells_of_strangers_once(&outside, &bus);
}

#[test]
fn a_tape_run_beside_strangers_on_kafka_does_what_it_does_alone() {
    let server = KafkaServer::shared().unwrap();
    let prefix = format!("beside-{}", std::process::id());
    let outside = Outside::new("kafka", &server, &prefix);
    let bus = format!("kafka://{server}/{prefix}");
    let bus = ["--bus", &bus, "--accept-class", "lazy"];
    outside::a_tape_run_beside_strangers_does_what_it_does_alone(&outside, &bus);
}
