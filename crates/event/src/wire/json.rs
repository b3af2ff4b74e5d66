//! The JSON form: ids in hexadecimal, prices and quantities as decimal strings, kinds by name.

use alloc::string::ToString;

use serde_json::{Map, Value};

use super::{DecodeError, Field};
use crate::{Basis, Body, Event, EventId, Key, Kind, Source, Timestamp, TraceId};

/// What a foreign producer supplies; ingress mints the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonRoot {
    /// Who produced it.
    pub source: Source,
    /// Its number within the source.
    pub source_seq: u64,
    /// The entity whose order matters.
    pub key: Key,
    /// When the producer says it happened.
    pub event_time: Option<Timestamp>,
    /// What happened.
    pub body: Body,
}

/// Writes an event as JSON.
#[must_use]
pub fn event_to_json(event: &Event) -> Value {
    let mut entries = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            let _ = entries.insert(name.into(), value);
        }
    };
    put("event_id", event.event_id.to_json());
    put("trace_id", event.trace_id.to_json());
    put("cause_id", event.cause_id.to_json());
    put("source", event.source.to_json());
    put("source_seq", event.source_seq.to_json());
    put("key", event.key.to_json());
    put("time", Some(Value::from(event.time.to_string())));
    put("event_time", event.event_time.map(|time| Value::from(time.to_string())));
    put("kind", Some(Value::from(event.body.kind().as_str())));
    put("basis", event.basis.to_json());
    put("body", Some(event.body.to_object()));
    Value::Object(entries)
}

/// Reads what [`event_to_json`] writes.
///
/// # Errors
/// [`DecodeError`].
pub fn event_from_json(value: &Value) -> Result<Event, DecodeError> {
    const KNOWN: [&str; 11] = [
        "event_id",
        "trace_id",
        "cause_id",
        "source",
        "source_seq",
        "key",
        "time",
        "event_time",
        "kind",
        "basis",
        "body",
    ];
    let entries = entries_of(value, &KNOWN)?;
    Ok(Event {
        event_id: EventId::from_json(entries.get("event_id"), "event_id")?,
        trace_id: TraceId::from_json(entries.get("trace_id"), "trace_id")?,
        cause_id: Field::from_json(entries.get("cause_id"), "cause_id")?,
        source: Source::from_json(entries.get("source"), "source")?,
        source_seq: u64::from_json(entries.get("source_seq"), "source_seq")?,
        key: Key::from_json(entries.get("key"), "key")?,
        time: Timestamp::from_json(entries.get("time"), "time")?,
        event_time: Field::from_json(entries.get("event_time"), "event_time")?,
        basis: <Option<Basis> as Field>::from_json(entries.get("basis"), "basis")?,
        body: body_of(entries)?,
    })
}

/// Reads what a foreign producer supplies: `source`, `source_seq`, `key`, `kind`, `body`, and
/// perhaps `event_time`.
///
/// # Errors
/// [`DecodeError`]; a field that is none of these is an error, not ignored.
pub fn root_from_json(value: &Value) -> Result<JsonRoot, DecodeError> {
    let entries =
        entries_of(value, &["source", "source_seq", "key", "event_time", "kind", "body"])?;
    Ok(JsonRoot {
        source: Source::from_json(entries.get("source"), "source")?,
        source_seq: u64::from_json(entries.get("source_seq"), "source_seq")?,
        key: Key::from_json(entries.get("key"), "key")?,
        event_time: Field::from_json(entries.get("event_time"), "event_time")?,
        body: body_of(entries)?,
    })
}

fn entries_of<'a>(
    value: &'a Value,
    known: &[&str],
) -> Result<&'a Map<alloc::string::String, Value>, DecodeError> {
    let Value::Object(entries) = value else {
        return Err(DecodeError::Json { reason: "an event is a JSON object".into() });
    };
    match entries.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => {
            Err(DecodeError::UnknownField { message: "an event".into(), field: name.clone() })
        }
        None => Ok(entries),
    }
}

fn body_of(entries: &Map<alloc::string::String, Value>) -> Result<Body, DecodeError> {
    let name = entries
        .get("kind")
        .and_then(Value::as_str)
        .ok_or(DecodeError::Missing { field: "kind" })?;
    let kind = Kind::ALL
        .iter()
        .copied()
        .find(|kind| kind.as_str() == name)
        .ok_or(DecodeError::UnknownKind)?;
    let body = entries.get("body").ok_or(DecodeError::Missing { field: "body" })?;
    Body::from_object(kind, body)
}
