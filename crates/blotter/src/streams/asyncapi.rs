//! A bus as an AsyncAPI document, for people and tools that do not know Rust.
//!
//! Source: AsyncAPI 3.0.0.

use bus::Stream;
use event::{Kind, wire::proto_text};
use serde_json::{Map, Value, json};

use super::{Declared, DeclaredStream};

/// What each kind says, who emits it and who consumes it; `cargo xtask tidy` keeps it fresh.
const KINDS: &str = include_str!("../../../../docs/kinds.md");
const PROTOBUF: &str = "application/vnd.google.protobuf;version=3";

/// Where the bus is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// One stream, with subjects below a prefix.
    Nats { servers: &'a [String], prefix: &'a str },
    /// A topic per stream, and one for the order.
    Kafka { servers: &'a [String], prefix: &'a str },
}

/// The document.
pub(crate) fn asyncapi(declared: &Declared, place: Place<'_>) -> Value {
    let streams = &declared.streams;
    let mut channels: Map<String, Value> =
        streams.iter().map(|stream| (stream.name().into(), channel(stream, place))).collect();
    let _ = channels.insert(place.order_channel().into(), place.order());
    json!({
        "asyncapi": "3.0.0",
        "id": format!("urn:blotter:{}", place.prefix()),
        "info": {
            "title": format!("Blotter bus {}", place.prefix()),
            "version": env!("CARGO_PKG_VERSION"),
            "description": place.words(),
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "defaultContentType": "application/x-protobuf",
        "servers": place.servers(),
        "channels": channels,
        "operations": operations(declared),
        "components": {
            "messages": messages(),
            "schemas": { "Event": { "schemaFormat": PROTOBUF, "schema": proto_text() } },
        },
    })
}

impl DeclaredStream {
    const fn name(&self) -> &'static str {
        self.stream.as_str()
    }
}

fn channel(stream: &DeclaredStream, place: Place<'_>) -> Value {
    let name = stream.name();
    let of_family = Kind::ALL.iter().filter(|kind| kind.family() == stream.stream);
    let messages: Map<String, Value> = of_family
        .map(|kind| {
            (kind.as_str().into(), reference(&format!("components/messages/{}", kind.as_str())))
        })
        .collect();
    let mut channel = json!({
        "title": name,
        "summary": stream.holds,
        "description": format!(
            "In the order of acceptance for each {}; {} partitions; kept {}.",
            stream.key, stream.partitions, stream.retention
        ),
        "messages": messages,
    });
    match place {
        Place::Nats { prefix, .. } => {
            channel["address"] = format!("{prefix}.{name}.{{partition}}.{{source}}").into();
            channel["parameters"] = json!({
                "partition": {
                    "description": format!("A hash of the key, from 0 to {}.", stream.partitions - 1),
                },
                "source": {
                    "description": "Who emitted it: the parts of the source's name, a token for each.",
                },
            });
        }
        Place::Kafka { prefix, .. } => {
            let topic = format!("{prefix}.{name}");
            channel["address"] = topic.clone().into();
            channel["bindings"] = json!({
                "kafka": { "topic": topic, "partitions": stream.partitions, "bindingVersion": "0.5.0" },
            });
        }
    }
    channel
}

/// What each role does with each stream.
fn operations(declared: &Declared) -> Map<String, Value> {
    let mut operations = Map::new();
    for role in &declared.roles {
        let sides = [("send", "sends", &role.writes), ("receive", "receives", &role.reads)];
        for (action, verb, streams) in sides {
            for stream in streams {
                let name = stream.as_str();
                let operation = json!({
                    "action": action,
                    "channel": reference(&format!("channels/{name}")),
                    "summary": format!("{} {verb} {name}: it {}", role.name, role.does),
                    "tags": [{ "name": role.name }],
                    "messages": of_channel(*stream),
                });
                let _ = operations.insert(format!("{}-{verb}-{name}", role.name), operation);
            }
        }
    }
    operations
}

fn of_channel(stream: Stream) -> Vec<Value> {
    let kinds = Kind::ALL.iter().filter(|kind| kind.family() == stream);
    let within = |kind: &Kind| format!("channels/{}/messages/{}", stream.as_str(), kind.as_str());
    kinds.map(|kind| reference(&within(kind))).collect()
}

/// Every kind is the same protobuf message with another member of its `body`.
fn messages() -> Map<String, Value> {
    let message = |kind: &Kind| {
        let name = kind.as_str();
        let row = row(name);
        let said = |column: usize| row.get(column).copied().unwrap_or_default();
        let message = json!({
            "name": name,
            "title": name,
            "summary": said(3),
            "description": format!(
                "`blotter.v1.Event` with field {} of `body`. Emitted by {}; consumed by {}.",
                *kind as u16, said(4), said(5)
            ),
            "contentType": "application/x-protobuf",
            "payload": reference("components/schemas/Event"),
        });
        (name.to_owned(), message)
    };
    Kind::ALL.iter().map(message).collect()
}

/// The row of a kind in the table of kinds.
fn row(kind: &str) -> Vec<&'static str> {
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect();
    let rows = KINDS.lines().map(cells);
    rows.into_iter()
        .find(|cells: &Vec<_>| cells.get(1) == Some(&format!("`{kind}`").as_str()))
        .unwrap_or_default()
}

fn reference(to: &str) -> Value {
    json!({ "$ref": format!("#/{to}") })
}

impl Place<'_> {
    const fn prefix(&self) -> &str {
        match self {
            Self::Nats { prefix, .. } | Self::Kafka { prefix, .. } => prefix,
        }
    }

    fn servers(&self) -> Map<String, Value> {
        let (protocol, servers) = match self {
            Self::Nats { servers, .. } => ("nats", servers),
            Self::Kafka { servers, .. } => ("kafka", servers),
        };
        let server = |(number, host): (usize, &String)| {
            (format!("bus-{number}"), json!({ "host": host, "protocol": protocol }))
        };
        (1..).zip(servers.iter()).map(server).collect()
    }

    const fn words(&self) -> &'static str {
        match self {
            Self::Nats { .. } => {
                "One JetStream stream holds everything in one order; what a source emits at once is one \
                 atomic batch. Read what you like; write through Blotter, which fences, numbers and \
                 names what it stores."
            }
            Self::Kafka { .. } => {
                "A topic per stream, and one that holds the order of all; what a source emits at once is \
                 one transaction, so read with isolation.level read_committed. Read what you like; write \
                 through Blotter, which fences, numbers and names what it stores."
            }
        }
    }

    const fn order_channel(&self) -> &'static str {
        match self {
            Self::Nats { .. } => "progress",
            Self::Kafka { .. } => "log",
        }
    }

    /// What is beside the events.
    fn order(&self) -> Value {
        match self {
            Self::Nats { prefix, .. } => json!({
                "address": format!("{prefix}.progress.$.{{source}}"),
                "title": "progress",
                "summary": "How far each source is: what it consumed and which timers it asked for.",
                "description": "Blotter's own; its form may grow.",
                "parameters": {
                    "source": { "description": "Whose: the parts of the source's name, a token for each." },
                },
            }),
            Self::Kafka { prefix, .. } => json!({
                "address": format!("{prefix}.log"),
                "title": "log",
                "summary": "The order of everything: which events make a unit, and how far each source is.",
                "description": "Blotter's own; its form may grow.",
                "bindings": {
                    "kafka": { "topic": format!("{prefix}.log"), "partitions": 1, "bindingVersion": "0.5.0" },
                },
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every `$ref` of a document.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn a_document_names_every_kind_once_and_refers_to_nothing_that_is_not_there() {
        let declared = Declared::shipped().unwrap();
        let servers = ["a:1".to_owned(), "b:2".to_owned()];
        let places = [
            (Place::Nats { servers: &servers, prefix: "DESK" }, "DESK.order.{partition}.{source}"),
            (Place::Kafka { servers: &servers, prefix: "DESK" }, "DESK.order"),
        ];
        for (place, address) in places {
            let document = asyncapi(&declared, place);
            assert_eq!(document["channels"]["order"]["address"], address);
            assert_eq!(document["servers"].as_object().unwrap().len(), 2);
            let channels = document["channels"].as_object().unwrap();
            let kinds = channels.values().filter_map(|channel| channel["messages"].as_object());
            assert_eq!(kinds.map(Map::len).sum::<usize>(), Kind::ALL.len());
            let mut found = Vec::new();
            references(&document, &mut found);
            assert!(found.len() > Kind::ALL.len());
            for reference in found {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{reference}");
            }
            for (name, message) in document["components"]["messages"].as_object().unwrap() {
                assert!(!message["summary"].as_str().unwrap().is_empty(), "{name} says nothing");
            }
            let ingress = &document["operations"]["ingress-sends-market"];
            assert_eq!(ingress["action"], "send");
            assert!(document["operations"].get("ingress-sends-order").is_none());
        }
    }
}
