//! One populated example of every kind, as bytes and as JSON, in `schemas/golden/v1`.
//!
//! The bytes are frozen: a change that alters one of them breaks every log already written.

use std::{fs, path::PathBuf};

use event::{
    Envelope, Event, Kind,
    wire::{event_from_json, event_to_json, serde_json::Value},
};

pub(crate) struct Golden {
    pub(crate) kind: Kind,
    pub(crate) bytes: Vec<u8>,
    pub(crate) json: Value,
}

pub(crate) fn schemas() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../schemas")
}

/// Every golden, in order of its kind's number.
pub(crate) fn all() -> Vec<Golden> {
    let folder = schemas().join("golden/v1");
    let read = |name: String| {
        fs::read(folder.join(&name)).unwrap_or_else(|error| {
            panic!("{name}: {error}; write the JSON, then run `cargo xtask schemas --bless`")
        })
    };
    Kind::ALL
        .iter()
        .map(|&kind| Golden {
            kind,
            bytes: read(format!("{}.bin", kind.as_str())),
            json: serde_json::from_slice(&read(format!("{}.json", kind.as_str()))).unwrap(),
        })
        .collect()
}

#[test]
fn golden_bytes_decode_and_encode_to_themselves() {
    for Golden { kind, bytes, .. } in all() {
        let event = Event::decode(&bytes).unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        assert_eq!(event.body.kind(), kind);
        assert_eq!(event.encode(), bytes, "{kind:?} encodes to other bytes");
    }
}

#[test]
fn golden_json_and_golden_bytes_say_the_same() {
    for Golden { kind, bytes, json } in all() {
        let read = event_from_json(&json).unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        assert_eq!(read, Event::decode(&bytes).unwrap(), "{kind:?}");
        assert_eq!(read.encode(), bytes, "{kind:?}");
        assert_eq!(event_to_json(&read), json, "{kind:?}");
    }
}

#[test]
fn envelope_reads_alone_what_the_whole_event_reads() {
    for Golden { kind, bytes, .. } in all() {
        let envelope = Envelope::decode(&bytes).unwrap();
        assert_eq!(envelope, Event::decode(&bytes).unwrap().envelope(), "{kind:?}");
    }
}

#[test]
fn key_of_every_golden_is_its_bodys_natural_key() {
    for Golden { kind, bytes, .. } in all() {
        let event = Event::decode(&bytes).unwrap();
        assert_eq!(event.key, event.body.key(), "{kind:?}");
    }
}

#[test]
fn no_golden_lies_beside_its_kind() {
    let known: Vec<_> = Kind::ALL
        .iter()
        .flat_map(|kind| ["bin", "json"].map(|form| format!("{}.{form}", kind.as_str())))
        .collect();
    for entry in fs::read_dir(schemas().join("golden/v1")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(&name), "{name} is of no kind");
    }
}
