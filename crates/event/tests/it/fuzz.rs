//! No bytes panic a reader, and what it accepts is protobuf to others as well.

use event::{Envelope, Event};
use proptest::{collection::vec, prelude::*, sample::Index};
use prost_reflect::{DynamicMessage, MessageDescriptor};

use crate::{golden, proto};

/// What holds of any bytes at all.
fn check(bytes: &[u8], schema: &MessageDescriptor) -> Result<(), TestCaseError> {
    let envelope = Envelope::decode(bytes);
    let Ok(event) = Event::decode(bytes) else { return Ok(()) };
    prop_assert_eq!(envelope, Ok(event.envelope()));
    let canonical = event.encode();
    prop_assert_eq!(Event::decode(&canonical), Ok(event));
    let other = DynamicMessage::decode(schema.clone(), bytes);
    prop_assert!(other.is_ok(), "accepted here, refused by prost: {:?}", other.err());
    Ok(())
}

#[test]
fn arbitrary_bytes_never_panic() {
    let schema = proto::event_descriptor();
    proptest!(ProptestConfig::with_cases(2_000), |(bytes in vec(any::<u8>(), 0..200))| {
        check(&bytes, &schema)?;
    });
}

#[derive(Clone, Debug)]
enum Damage {
    Set(Index, u8),
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index),
    Truncate(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        (any::<Index>(), vec(any::<u8>(), 1..12)).prop_map(|(at, b)| Damage::Insert(at, b)),
        any::<Index>().prop_map(Damage::Remove),
        any::<Index>().prop_map(Damage::Truncate),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    if bytes.is_empty() {
        return;
    }
    let len = bytes.len();
    match damage {
        Damage::Set(at, byte) => bytes[at.index(len)] = *byte,
        Damage::Flip(at, bit) => bytes[at.index(len)] ^= 1 << bit,
        Damage::Insert(at, new) => {
            let at = at.index(len);
            bytes.splice(at..at, new.iter().copied());
        }
        Damage::Remove(at) => {
            bytes.remove(at.index(len));
        }
        Damage::Truncate(at) => bytes.truncate(at.index(len)),
    }
}

#[test]
fn damaged_events_never_panic() {
    let schema = proto::event_descriptor();
    let goldens = golden::all();
    let config = ProptestConfig::with_cases(6_000);
    proptest!(config, |(which in any::<Index>(), damages in vec(damage(), 1..4))| {
        let mut bytes = goldens[which.index(goldens.len())].bytes.clone();
        for damage in &damages {
            apply(&mut bytes, damage);
        }
        check(&bytes, &schema)?;
    });
}

#[test]
fn event_cut_short_anywhere_is_never_the_same_event() {
    for golden in golden::all() {
        for len in 0..golden.bytes.len() {
            let cut = Event::decode(&golden.bytes[..len]);
            assert!(cut.is_err(), "{:?} cut at {len} reads as an event", golden.kind);
        }
    }
}

#[test]
fn tag_larger_than_protobuf_has_is_refused() {
    let mut bytes = golden::all().remove(0).bytes;
    // Tag 2^29, one past the largest there is, wire type 0.
    bytes.extend_from_slice(&[0x80, 0x80, 0x80, 0x80, 0x10, 0x01]);
    assert!(Event::decode(&bytes).is_err());
}
