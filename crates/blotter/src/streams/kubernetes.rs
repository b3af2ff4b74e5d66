//! A bus as resources of Kubernetes: NACK makes streams on NATS, Strimzi topics and users on Kafka.

use std::fmt::Write as _;

use bus::Topology;
use serde_json::Value;

use super::{
    Declared,
    access::{Resource, grants},
};

/// The stream as a resource of NACK, the JetStream controller. `stream` is what the server's own API takes.
/// There is no `Consumer`: readers say where they are themselves, and leave nothing on the server.
pub(crate) fn nack(stream: &Value) -> String {
    let text = |name: &str| stream[name].as_str().unwrap_or_default().to_owned();
    let mut yaml = format!(
        "apiVersion: jetstream.nats.io/v1beta2\nkind: Stream\nmetadata:\n  name: {}\nspec:\n",
        object_name(&text("name"))
    );
    for (ours, theirs) in [("name", "name"), ("description", "description")] {
        let _ = writeln!(yaml, "  {theirs}: {:?}", text(ours));
    }
    yaml.push_str("  subjects:\n");
    for subject in stream["subjects"].as_array().into_iter().flatten() {
        let _ = writeln!(yaml, "    - {:?}", subject.as_str().unwrap_or_default());
    }
    for name in ["storage", "retention", "discard"] {
        let _ = writeln!(yaml, "  {name}: {}", text(name));
    }
    for (ours, theirs) in [
        ("max_msgs", "maxMsgs"),
        ("max_msgs_per_subject", "maxMsgsPerSubject"),
        ("max_bytes", "maxBytes"),
        ("max_consumers", "maxConsumers"),
        ("max_msg_size", "maxMsgSize"),
    ] {
        let _ = writeln!(yaml, "  {theirs}: {}", stream[ours].as_i64().unwrap_or(-1));
    }
    let _ = writeln!(yaml, "  replicas: {}", stream["num_replicas"].as_u64().unwrap_or(1));
    let window_s = stream["duplicate_window"].as_u64().unwrap_or(0) / 1_000_000_000;
    let _ = writeln!(yaml, "  duplicateWindow: {window_s}s");
    for (ours, theirs) in [
        ("deny_delete", "denyDelete"),
        ("deny_purge", "denyPurge"),
        ("allow_direct", "allowDirect"),
        ("allow_atomic", "allowAtomicPublish"),
    ] {
        let _ = writeln!(yaml, "  {theirs}: {}", stream[ours].as_bool().unwrap_or(false));
    }
    // A resource that is deleted leaves the events where they are.
    yaml.push_str("  preventDelete: true\n");
    yaml
}

/// A topic per stream, that of the order, and a user per role, as resources of Strimzi.
pub(crate) fn strimzi(declared: &Declared, prefix: &str) -> String {
    let topology = Topology::shipped();
    let streams = topology.streams().iter().map(|spec| (spec.stream.as_str(), spec.partitions));
    let topics = std::iter::once(("log", 1)).chain(streams).chain([("in", 1)]);
    let mut yaml = String::new();
    for (name, partitions) in topics {
        let topic = format!("{prefix}.{name}");
        let _ = write!(
            yaml,
            "---\napiVersion: kafka.strimzi.io/v1beta2\nkind: KafkaTopic\nmetadata:\n  \
             name: {}\n  labels:\n    strimzi.io/cluster: CLUSTER\nspec:\n  \
             topicName: {topic}\n  \
             partitions: {partitions}\n  replicas: 3\n  config:\n    cleanup.policy: delete\n    \
             retention.ms: -1\n    retention.bytes: -1\n    min.insync.replicas: 2\n    \
             unclean.leader.election.enable: false\n",
            object_name(&topic)
        );
        if name == "in" {
            // What producers outside offer is stamped by the servers.
            yaml.push_str("    message.timestamp.type: LogAppendTime\n");
        }
    }
    for role in &declared.roles {
        let _ = write!(
            yaml,
            "---\n# {}: {}\napiVersion: kafka.strimzi.io/v1beta2\nkind: KafkaUser\nmetadata:\n  \
             name: {}\n  labels:\n    strimzi.io/cluster: CLUSTER\nspec:\n  authentication:\n    \
             type: scram-sha-512\n  authorization:\n    type: simple\n    acls:\n",
            role.name, role.does, role.name
        );
        for grant in grants(role, prefix) {
            let kind = match grant.resource {
                Resource::Topic => "topic",
                Resource::Group => "group",
                Resource::TransactionalId => "transactionalId",
            };
            let pattern = if grant.is_prefix { "prefix" } else { "literal" };
            let _ = write!(
                yaml,
                "      - resource:\n          type: {kind}\n          name: {:?}\n          \
                 patternType: {pattern}\n        operations: [{}]\n",
                grant.name,
                grant.operations.join(", ")
            );
        }
    }
    yaml
}

/// A name as Kubernetes takes one: small letters, digits, `-` and `.`.
fn object_name(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}
