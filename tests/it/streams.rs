//! What a bus needs on its servers: compared, made, and said to the servers' own tools.

use serde_json::{Value, json};
use servers::{KafkaServer, NatsServer, Settings};
use tests::{Desk, NatsWire, tape::Tape, yaml};

use crate::roles::{self, OnKafka};

fn differences(desk: &Desk, bus: &str, exit: i32) -> Vec<Value> {
    let plan = desk.run(&["streams", "plan", "--json", "--bus", bus]).exits(exit).summary();
    plan["differences"].as_array().unwrap().clone()
}

/// Planned, made, and made again: the second time there is nothing to do.
fn check(desk: &Desk, bus: &str, objects: u64) {
    assert_eq!(differences(desk, bus, 1).len() as u64, objects, "nothing is there");
    assert_eq!(differences(desk, bus, 1).len() as u64, objects, "a plan makes nothing");
    for made in [objects, 0] {
        let applied = desk.run(&["streams", "apply", "--json", "--bus", bus]).exits(0).summary();
        assert_eq!(applied["made"], made);
        assert!(differences(desk, bus, 0).is_empty());
    }
}

const START_NS: u64 = 1_723_161_904_000_000_000;

/// What is found in a bus, and how the command ends.
fn verified(desk: &Desk, bus: &str, exit: i32) -> Value {
    desk.run(&["streams", "verify", "--json", "--bus", bus]).exits(exit).summary()
}

fn found(verified: &Value) -> Vec<&str> {
    verified["findings"].as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

#[test]
fn the_log_of_a_directory_is_verified_as_a_bus_is() {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(80).bytes());
    let _ = desk.run_tapes("data", &["tape.ws"]);
    let verify = ["streams", "verify", "--json", "--data", "data"];
    let log = desk.run(&verify).exits(0).summary();
    assert_eq!(log["class"], "fsync");
    assert_eq!(log["events"], desk.events("data").len());
    assert!(log["progress"].as_u64() > Some(0) && log["repeats"] == 0, "{log}");
}

#[test]
fn an_export_is_for_the_servers_that_are_named() {
    let desk = Desk::new();
    for (form, bus) in [
        ("nats", "kafka://127.0.0.1:9/desk"),
        ("nack", "kafka://127.0.0.1:9/desk"),
        ("kafka", "nats://127.0.0.1:9/DESK"),
        ("strimzi", "nats://127.0.0.1:9/DESK"),
        ("asyncapi", "embedded"),
    ] {
        let _ = desk.run(&["streams", "export", form, "--bus", bus]).exits(2).says("E7806");
    }
    for bus in ["nats://ada:s3cret@127.0.0.1:9/DESK", "kafka://127.0.0.1:9,127.0.0.1:10/desk"] {
        let printed = desk.run(&["streams", "export", "asyncapi", "--bus", bus]).exits(0).stdout;
        assert!(!printed.contains("s3cret"));
        let document: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(document["asyncapi"], "3.0.0");
    }
}

mod nats {
    use super::*;

    /// The stream as the controller makes it of its resource, in the words of the server's API.
    fn made_by_the_controller(resource: &Value) -> Value {
        let spec = &resource["spec"];
        let seconds = spec["duplicateWindow"].as_str().unwrap().strip_suffix('s').unwrap();
        json!({
            "name": spec["name"],
            "description": spec["description"],
            "subjects": spec["subjects"],
            "storage": spec["storage"],
            "retention": spec["retention"],
            "discard": spec["discard"],
            "max_msgs": spec["maxMsgs"],
            "max_msgs_per_subject": spec["maxMsgsPerSubject"],
            "max_bytes": spec["maxBytes"],
            "max_consumers": spec["maxConsumers"],
            "max_msg_size": spec["maxMsgSize"],
            "num_replicas": spec["replicas"],
            "duplicate_window": seconds.parse::<u64>().unwrap() * 1_000_000_000,
            "deny_delete": spec["denyDelete"],
            "deny_purge": spec["denyPurge"],
            "allow_direct": spec["allowDirect"],
            "allow_atomic": spec["allowAtomicPublish"],
        })
    }

    #[test]
    fn a_stream_that_the_controller_makes_is_as_a_run_needs_it() {
        let server = NatsServer::start(Settings::default()).unwrap();
        let (desk, bus) = (Desk::new(), format!("{}/NACK_1", server.url()));
        let exported = desk.run(&["streams", "export", "nack", "--bus", &bus]).exits(0).stdout;
        let resources = yaml(&exported);
        let [resource] = &resources[..] else { panic!("{exported}") };
        assert_eq!(resource["apiVersion"], "jetstream.nats.io/v1beta2");
        assert_eq!(
            (&resource["kind"], &resource["metadata"]["name"]),
            (&json!("Stream"), &json!("nack-1"))
        );
        assert_eq!(resource["spec"]["preventDelete"], true);
        let config = made_by_the_controller(resource).to_string();
        let made =
            NatsWire::to(&server.url()).ask("$JS.API.STREAM.CREATE.NACK_1", config.as_bytes());
        assert!(made["error"].is_null(), "{made}");
        assert!(differences(&desk, &bus, 0).is_empty());
    }

    #[test]
    fn verify_reads_everything_and_names_what_is_none_of_ours() {
        let server = NatsServer::start(Settings::fsync()).unwrap();
        let (bus, monitor) = (format!("{}/SEEN", server.url()), server.monitor_url());
        let desk = Desk::new();
        desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(80).bytes());
        let verify = ["streams", "verify", "--json", "--bus", &bus, "--nats-monitor", &monitor];
        // Nothing is there: that is what a plan says, and nothing is made.
        let _ = desk.run(&verify).exits(1);
        assert_eq!(differences(&desk, &bus, 1).len(), 1);
        let run = ["run", "--data", "data", "--bus", &bus, "--nats-monitor", &monitor];
        let _ = desk.run(&[&run[..], &["--input", "tape.ws"]].concat()).exits(0);
        let sound = desk.run(&verify).exits(0).summary();
        assert_eq!((&sound["sound"], &sound["class"]), (&json!(true), &json!("fsync")));
        assert_eq!(sound["events"], desk.events("data").len());
        // Without the monitoring address nobody knows what an answer is worth.
        let weak = verified(&desk, &bus, 1);
        assert!(found(&weak).iter().any(|words| words.starts_with("order: ")), "{weak}");
        let mut stranger = NatsWire::to(&server.url());
        let stored = stranger.ask("SEEN.order.1.somebody", b"hello");
        let index = stored["seq"].as_u64().unwrap() - 1;
        let foreign = desk.run(&verify).exits(1).summary();
        let [words] = &found(&foreign)[..] else { panic!("{foreign}") };
        assert!(
            words.contains("none of ours") && words.contains(&format!("index {index},")),
            "{words}"
        );
        assert_eq!(foreign["entries"], index + 1);
    }

    /// A user of a role's name that may do more, or less, than the role needs is told of; one that is held
    /// to what is exported is sound.
    #[test]
    fn verify_holds_the_user_against_its_role() {
        let desk = Desk::new();
        let permissions = roles::permissions("DESK");
        let other = permissions.replace("DESK.order.*.gateway.>", "DESK.order.*.another.>");
        let mut server = roles::nats("DESK", Settings::default());
        let url = |server: &NatsServer, user: &str| roles::nats_bus(server, "DESK", user);
        let _ = desk.run(&["streams", "apply", "--bus", &url(&server, "admin")]).exits(0);
        let verify = |bus: &str, exit| {
            let arguments = ["streams", "verify", "--json", "--accept-class", "lazy", "--bus", bus];
            desk.run(&arguments).exits(exit).summary()
        };
        let sound = verify(&url(&server, "gateway"), 0);
        assert_eq!(sound["rights"], "gateway is known to the server, and held to subjects");
        server.stop().unwrap();
        server.settings().lines = other;
        server.start_again().unwrap();
        let differs = verify(&url(&server, "gateway"), 1);
        let said = [
            "gateway may not publish on DESK.order.*.gateway.>, and needs to",
            "gateway may publish on DESK.order.*.another.>, and needs not",
        ];
        assert_eq!(found(&differs), said);
        let _ = verify(&url(&server, "reader"), 0);
        // A server that asks nobody who they are is no finding, and is said.
        let open = NatsServer::start(Settings::default()).unwrap();
        let bus = format!("{}/DESK", open.url());
        let _ = desk.run(&["streams", "apply", "--bus", &bus]).exits(0);
        let rights = verify(&bus, 0)["rights"].as_str().unwrap().to_owned();
        assert!(rights.contains("may do everything"), "{rights}");
    }

    #[test]
    fn a_stream_is_planned_and_made_once() {
        let server = NatsServer::start(Settings::default()).unwrap();
        check(&Desk::new(), &format!("{}/PLANNED", server.url()), 1);
    }

    /// What is exported lets a run do what it does, whatever its sources are called, and a reader
    /// only read.
    #[test]
    fn permissions_that_are_exported_let_a_run_write_and_a_reader_read() {
        let desk = Desk::new();
        desk.write("tape.ws", Tape::spot("BTCUSDT", 1_723_161_904_000_000_000).leaning(80).bytes());
        let server = roles::nats("DESK", Settings::default());
        let bus = |user: &str| roles::nats_bus(&server, "DESK", user);
        let run = |user: &str, data: &str| {
            let bus = bus(user);
            desk.run(&[
                "run",
                "--data",
                data,
                "--input",
                "tape.ws",
                "--bus",
                &bus,
                "--accept-class",
                "lazy",
            ])
        };
        let _ = run("run", "data").exits(0).says("it is made now");
        assert!(differences(&desk, &bus("reader"), 0).is_empty());
        let _ = run("reader", "other").exits(5).says("E7805");
        let stranger = bus("reader").replace("/DESK", "/OTHER");
        let _ = desk.run(&["streams", "plan", "--bus", &stranger]).exits(3);
    }
}

mod kafka {
    use super::*;

    #[test]
    fn topics_are_planned_and_made_once() {
        let server = KafkaServer::shared().unwrap();
        let bus = format!("kafka://{server}/planned-{}", std::process::id());
        check(&Desk::new(), &bus, 12);
    }

    #[test]
    fn topics_and_users_are_resources_of_the_operator() {
        let bus = "kafka://127.0.0.1:9/desk_1";
        let exported = Desk::new().run(&["streams", "export", "strimzi", "--bus", bus]).exits(0);
        let resources = yaml(&exported.stdout);
        let of_kind = |kind: &str| -> Vec<&Value> {
            resources.iter().filter(|resource| resource["kind"] == kind).collect()
        };
        let topics = of_kind("KafkaTopic");
        assert_eq!(topics.len(), 12);
        let market =
            topics.iter().find(|topic| topic["spec"]["topicName"] == "desk_1.market").unwrap();
        assert_eq!(market["metadata"]["name"], "desk-1.market");
        assert_eq!(market["spec"]["partitions"], 16);
        let users = of_kind("KafkaUser");
        assert_eq!(users.len(), 7);
        let reader = users.iter().find(|user| user["metadata"]["name"] == "reader").unwrap();
        let acls = reader["spec"]["authorization"]["acls"].as_array().unwrap();
        let operations: Vec<_> =
            acls.iter().flat_map(|acl| acl["operations"].as_array().unwrap()).collect();
        assert!(operations.contains(&&json!("Read")) && !operations.contains(&&json!("Write")));
    }

    /// What is exported lets each role do what it does, and nothing else.
    #[test]
    fn grants_that_are_exported_let_a_run_write_and_a_reader_read() {
        let desk = Desk::new();
        desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(80).bytes());
        let kafka = OnKafka::start("desk");
        let bus = kafka.bus.clone();
        let run = |user: &str, bus: &str, tail: &[&str]| {
            let (data, user) = (format!("data-{user}"), kafka.settings_of(user));
            let head =
                ["--accept-class", "lazy", "--kafka-config", &user, "--bus", bus, "--data", &data];
            desk.run(&[tail, &head[..]].concat())
        };
        let tape = ["run", "--input", "tape.ws"];
        // Who has no grant sees no topic, and makes none; nor does who may only read.
        let _ = run("eve", &bus, &tape).exits(3).says("E2402");
        let _ = run("reader", &bus, &["streams", "apply"]).exits(3).says("E2402");
        let _ = run("admin", &bus, &["streams", "apply"]).exits(0);
        let _ = run("ingress", &bus, &tape).exits(3).says("E2402");
        let _ = run("run", &bus, &tape).exits(0);
        let _ = run("gateway", &bus.replace("/desk", "/other"), &tape).exits(3).says("E2402");
        // Who offers from outside may do that alone, and is shown no other topic.
        let outside = kafka.outside();
        assert!(outside.offers_with(&kafka.settings_of("producer")));
        assert!(!outside.offers_with(&kafka.settings_of("reader")));
        let _ = run("producer", &bus, &tape).exits(3).says("E2404 topic desk.log has partitions 0");
        let _ = run("producer", &bus, &["streams", "verify"]).exits(1);
        let sound = run("reader", &bus, &["streams", "verify", "--json"]).exits(0).summary();
        assert!(sound["events"].as_u64() > Some(80), "{sound}");
        let _ = run("admin", &bus, &["streams", "verify"]).exits(3).says("E2402");
    }
}
