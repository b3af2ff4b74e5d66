//! What `deploy/` offers is what the tests run on.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;
use servers::{KafkaServer, KafkaSettings, NatsServer, Settings};
use tests::yaml;

fn compose() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/compose.yaml");
    yaml(&fs::read_to_string(file).unwrap()).remove(0)
}

/// Words and lines of a configuration, however they are spaced.
fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[test]
fn the_nats_server_by_container_is_configured_as_the_tests_one() {
    let compose = compose();
    assert_eq!(compose["services"]["nats"]["image"], format!("nats:{}", NatsServer::version()));
    let store = Path::new("/data");
    let tested = Settings::fsync().configuration("0.0.0.0:4222", "0.0.0.0:8222", store);
    let offered = compose["configs"]["nats"]["content"].as_str().unwrap();
    assert_eq!(words(offered), words(&tested));
    assert_eq!(compose["services"]["nats"]["volumes"][0], "nats:/data");
}

#[test]
fn the_kafka_by_container_is_configured_as_the_tests_one() {
    let compose = compose();
    let kafka = &compose["services"]["kafka"];
    assert_eq!(kafka["image"], format!("apache/kafka:{}", KafkaServer::version()));
    let properties = KafkaSettings { sync_always: true, ..KafkaSettings::default() }.properties();
    let tested = properties.lines().map(|line| line.split_once('=').unwrap());
    let tested: BTreeMap<String, &str> = tested.map(|(name, value)| (name.into(), value)).collect();
    // The image takes `a.b` as `KAFKA_A_B`. Where it listens and stores is each one's own.
    let own =
        ["heap.opts", "listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs"];
    let environment = kafka["environment"].as_object().unwrap().iter();
    let offered: BTreeMap<String, &str> = environment
        .filter_map(|(name, value)| {
            let name = name.strip_prefix("KAFKA_")?.to_ascii_lowercase().replace('_', ".");
            (!own.contains(&name.as_str())).then(|| (name, value.as_str().unwrap()))
        })
        .collect();
    assert_eq!(offered, tested);
}

#[test]
fn servers_by_container_are_reached_from_this_machine_only() {
    let compose = compose();
    let services = compose["services"].as_object().unwrap();
    let ports = services.values().flat_map(|service| service["ports"].as_array().unwrap());
    let ports: Vec<&str> = ports.filter_map(Value::as_str).collect();
    assert_eq!(ports.len(), 3);
    assert!(ports.iter().all(|port| port.starts_with("127.0.0.1:")), "{ports:?}");
}
