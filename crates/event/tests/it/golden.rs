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

/// Every golden, in order of its name: `OrderExecuted.json`, and `OrderExecuted-2.json` where a field
/// was added after the first was frozen.
pub(crate) fn all() -> Vec<Golden> {
    let folder = schemas().join("golden/v1");
    let mut names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let goldens = names.iter().filter_map(|name| name.strip_suffix(".json")).map(|name| {
        let read = |form: &str| {
            fs::read(folder.join(format!("{name}.{form}"))).unwrap_or_else(|error| {
                panic!("{name}.{form}: {error}; `cargo xtask schemas --bless`")
            })
        };
        Golden {
            kind: kind_of(name).unwrap_or_else(|| panic!("{name} is of no kind")),
            bytes: read("bin"),
            json: serde_json::from_slice(&read("json")).unwrap(),
        }
    });
    goldens.collect()
}

fn kind_of(name: &str) -> Option<Kind> {
    let kind = name.split_once('-').map_or(name, |(kind, _)| kind);
    Kind::ALL.iter().copied().find(|known| known.as_str() == kind)
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
fn every_kind_has_a_golden_and_every_golden_a_kind() {
    let goldens = all();
    for &kind in Kind::ALL {
        assert!(goldens.iter().any(|golden| golden.kind == kind), "{kind:?} has no golden");
    }
    for entry in fs::read_dir(schemas().join("golden/v1")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let stem = name.strip_suffix(".bin").or_else(|| name.strip_suffix(".json"));
        assert!(stem.and_then(kind_of).is_some(), "{name} is of no kind");
    }
}
