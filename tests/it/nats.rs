//! The same pipeline on a genuine nats-server: only the bus is another.

use serde_json::Value;
use servers::{NatsServer, Settings};
use tests::{Desk, NatsWire, tape::Tape};

use crate::{
    apart,
    outside::{self, Outside},
    roles,
};

const START_NS: u64 = 1_723_161_904_000_000_000;

fn desk(quotes: u64) -> Desk {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(quotes).bytes());
    desk
}

/// What a run on any engine must agree on: starts apart, everything but how fast it was.
fn numbers(mut summary: Value) -> Value {
    let _ = summary.as_object_mut().unwrap().remove("events_per_second").unwrap();
    let _ = summary["events"].as_object_mut().unwrap().remove("ops").unwrap();
    summary
}

#[test]
fn a_tape_has_the_same_digests_on_nats_as_in_the_data_directory() {
    let server = NatsServer::start(Settings::fsync()).unwrap();
    let (bus, monitor) = (format!("{}/TAPE", server.url()), server.monitor_url());
    let desk = desk(400);
    let embedded = numbers(desk.run_tapes("embedded", &["tape.ws"]));
    let run = ["run", "--json", "--data", "nats", "--bus", &bus, "--nats-monitor", &monitor];
    let run = [&run[..], &["--input", "tape.ws"]].concat();
    assert_eq!(numbers(desk.run(&run).exits(0).summary()), embedded);
    // Run again it changes nothing, and every reader finds what it wrote.
    assert_eq!(numbers(desk.run(&run).exits(0).summary()), embedded);
    let _ = desk.run(&["verify", "--data", "nats"]).exits(0);
    let replay = ["replay", "--agents", "--json", "--data", "nats"];
    let replayed = desk.run(&replay).exits(0).summary();
    assert_eq!(replayed["log_digest"], embedded["log_digest"]);
    assert_eq!(replayed["agents"]["equal"], true);
}

#[test]
fn a_server_that_may_lose_what_it_answered_is_refused_unless_that_is_accepted() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let (bus, monitor) = (server.url(), server.monitor_url());
    let desk = desk(40);
    let run = ["run", "--data", "data", "--bus", &bus, "--nats-monitor", &monitor];
    let run = [&run[..], &["--input", "tape.ws"]].concat();
    let _ = desk.run(&run).exits(3).says("E2306");
    let _ = desk.run(&[&run[..], &["--accept-class", "lazy"]].concat()).exits(0);
}

#[test]
fn a_directory_keeps_to_its_bus_and_no_secret_is_written_into_it() {
    let server = NatsServer::start(Settings::fsync()).unwrap();
    let secret = server.url().replacen("nats://", "nats://ada:s3cret@", 1);
    let monitor = server.monitor_url();
    let desk = desk(40);
    let run = ["run", "--data", "data", "--input", "tape.ws", "--nats-monitor", &monitor, "--bus"];
    let _ = desk.run(&[&run[..], &[&secret]].concat()).exits(0);
    let binding = std::fs::read_to_string(desk.path("data/binding")).unwrap();
    assert!(binding.contains("bus nats://127.0.0.1") && !binding.contains("s3cret"), "{binding}");
    // So whoever asks the bus later says again who he is, and cannot name another.
    let _ = desk.run(&["verify", "--data", "data", "--bus", &secret]).exits(0);
    let other = secret.replace("127.0.0.1", "localhost");
    let _ = desk.run(&["verify", "--data", "data", "--bus", &other]).exits(5).says("E7203");
    let _ = desk.run(&run[..5]).exits(5).says("E7203");
    let _ = desk.run(&[&run[..], &["nowhere"]].concat()).exits(2).says("E7801");
}

/// The log says how far a tape was read and not which one, so a new directory on it would step over as
/// many records of another.
#[test]
fn a_bus_that_holds_a_run_is_refused_to_a_new_directory() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let (bus, desk) = (server.url(), desk(40));
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

/// A bus whose answers mean durable, as the command line takes it.
fn durable(server: &NatsServer) -> [String; 4] {
    ["--bus".into(), server.url(), "--nats-monitor".into(), server.monitor_url()]
}

#[test]
fn two_processes_trade_on_nats_through_a_killed_worker_and_a_restarted_server() {
    let mut server = NatsServer::start(Settings::fsync()).unwrap();
    let bus = durable(&server);
    apart::trade_through_a_killed_worker_and_a_restarted_server(&bus, || {
        server.kill().unwrap();
        server.start_again().unwrap();
    });
}

#[test]
fn a_replica_on_nats_takes_over_from_one_that_was_killed() {
    let server = roles::nats("ROLES", Settings::fsync());
    // Everybody is let in as what is made of the topology for his role, and no more.
    let [run, agents] = ["run", "agents"].map(|user| {
        let bus = roles::nats_bus(&server, "ROLES", user);
        ["--bus".into(), bus, "--nats-monitor".into(), server.monitor_url()]
    });
    apart::a_replica_takes_over_from_one_that_was_killed(&run, &agents);
}

#[test]
fn a_replica_on_nats_that_wakes_late_is_told_and_writes_nothing() {
    let server = NatsServer::start(Settings::fsync()).unwrap();
    apart::a_replica_that_wakes_late_is_told_and_writes_nothing(&durable(&server));
}

#[test]
fn a_live_run_takes_what_is_offered_on_nats_and_tells_of_strangers_once() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let outside = Outside::new("nats", &server.url(), "LIVE");
    let bus = format!("{}/LIVE", server.url());
    let bus = ["--bus", &bus, "--accept-class", "lazy"];
    outside::a_live_run_takes_what_is_offered_and_tells_of_strangers_once(&outside, &bus);
}

#[test]
fn a_tape_run_beside_strangers_on_nats_does_what_it_does_alone() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let outside = Outside::new("nats", &server.url(), "TAPE");
    let bus = format!("{}/TAPE", server.url());
    let bus = ["--bus", &bus, "--accept-class", "lazy"];
    outside::a_tape_run_beside_strangers_does_what_it_does_alone(&outside, &bus);
}

/// What the server tells of the stream is in the log while there is one; a stream that is gone ends the run, and
/// what was taken into the journal stays.
#[test]
fn whoever_touches_the_stream_of_a_run_is_told_on_in_the_log_and_deleting_it_ends_the_run() {
    let server = NatsServer::start(Settings::fsync()).unwrap();
    let (bus, monitor) = (format!("{}/TOLD", server.url()), server.monitor_url());
    let desk = desk(4_000);
    let live = ["run", "--live", "--data", "data", "--input", "tape.ws"];
    let on_bus = ["--bus", &bus, "--nats-monitor", &monitor];
    let mut running = desk.start_listening("data", &[&live[..], &on_bus[..]].concat());
    let mut stranger = NatsWire::to(&server.url());
    let mut config = stranger.ask("$JS.API.STREAM.INFO.TOLD", b"")["config"].clone();
    config["description"] = "mine now".into();
    let config = config.to_string();
    let updated = stranger.ask("$JS.API.STREAM.UPDATE.TOLD", config.as_bytes());
    assert!(updated["error"].is_null(), "{updated}");
    let alert = loop {
        assert!(!running.has_ended(), "the run ended without an alert");
        let mut events = desk.events("data").into_iter();
        if let Some(found) = events.find(|event| event["body"]["alert"] == "StreamChanged") {
            break found;
        }
    };
    assert_eq!((&alert["source"], &alert["source_seq"]), (&"nats-advisory".into(), &1.into()));
    assert_eq!(alert["body"]["subject"], "stream TOLD");
    let deleted = stranger.ask("$JS.API.STREAM.DELETE.TOLD", b"");
    assert_eq!(deleted["success"], true, "{deleted}");
    assert_ne!(running.wait(), Some(0));
    assert!(desk.events("data").contains(&alert));
}
