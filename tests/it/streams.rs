//! What a bus needs on its servers: compared, made, and said to the servers' own tools.

use serde_json::Value;
use servers::{KafkaServer, NatsServer, Settings};
use tests::{Desk, tape::Tape};

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

mod nats {
    use super::*;

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
        let export = ["streams", "export", "nats", "--bus", "nats://127.0.0.1:9/DESK"];
        let permissions = desk.run(&export).exits(0).stdout;
        let roles = ["ADMIN", "READER", "RUN", "INGRESS", "AGENTS", "GATEWAY"];
        let passwords = roles.map(|role| format!("BLOTTER_{role}: \"pw\"\n")).concat();
        let lines = format!("{passwords}{permissions}");
        let server = NatsServer::start(Settings { lines, ..Settings::default() }).unwrap();
        let bus =
            |user: &str| server.url().replace("nats://", &format!("nats://{user}:pw@")) + "/DESK";
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
        check(&Desk::new(), &bus, 11);
        let exported = Desk::new().run(&["streams", "export", "strimzi", "--bus", &bus]).exits(0);
        assert_eq!(exported.stdout.matches("kind: KafkaTopic").count(), 11);
    }
}
