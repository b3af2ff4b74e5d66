//! A schema grows: fields and kinds are added, and older readers go on.

use event::{
    DecodeError, Envelope, Event, Kind,
    wire::{Fields, Raw, put_nested, put_varint},
};

use proptest::{collection::vec, prelude::*};

use crate::golden;

/// The bytes of a golden up to its body, and the body's own bytes.
fn split(bytes: &[u8], kind: Kind) -> (Vec<u8>, Vec<u8>) {
    let mut fields = Fields::new(bytes);
    let mut body = None;
    while let Some((tag, raw)) = fields.step().unwrap() {
        if tag == kind as u32 {
            let Raw::Bytes(found) = raw else { panic!("a body is a message") };
            body = Some(found.to_vec());
        }
    }
    let body = body.unwrap();
    let mut head = Vec::new();
    put_nested(&mut head, kind as u32, |out| out.extend_from_slice(&body));
    (bytes[..bytes.len() - head.len()].to_vec(), body)
}

/// Fields no version has, one of each wire type.
fn unknown_fields(out: &mut Vec<u8>) {
    let first = 900_u64;
    put_varint(out, first << 3);
    put_varint(out, 77);
    put_varint(out, (first + 1) << 3 | 1);
    out.extend_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
    put_nested(out, 902, |out| out.extend_from_slice(b"from a newer writer"));
    put_varint(out, (first + 3) << 3 | 5);
    out.extend_from_slice(&[1, 2, 3, 4]);
}

#[test]
fn field_added_to_the_envelope_is_stepped_over() {
    for golden in golden::all() {
        let mut newer = Vec::new();
        unknown_fields(&mut newer);
        newer.extend_from_slice(&golden.bytes);
        unknown_fields(&mut newer);
        assert_eq!(Event::decode(&newer), Event::decode(&golden.bytes), "{:?}", golden.kind);
        assert_eq!(Envelope::decode(&newer), Envelope::decode(&golden.bytes), "{:?}", golden.kind);
    }
}

#[test]
fn field_added_to_a_body_is_stepped_over() {
    for golden in golden::all() {
        let (mut newer, body) = split(&golden.bytes, golden.kind);
        put_nested(&mut newer, golden.kind as u32, |out| {
            out.extend_from_slice(&body);
            unknown_fields(out);
        });
        assert_eq!(Event::decode(&newer), Event::decode(&golden.bytes), "{:?}", golden.kind);
    }
}

#[test]
fn kind_added_later_is_named_unknown_and_its_envelope_still_reads() {
    for golden in golden::all() {
        let (mut newer, body) = split(&golden.bytes, golden.kind);
        put_nested(&mut newer, 1_999, |out| out.extend_from_slice(&body));
        assert_eq!(Event::decode(&newer), Err(DecodeError::UnknownKind), "{:?}", golden.kind);
        let expected = Envelope { kind: None, ..Envelope::decode(&golden.bytes).unwrap() };
        assert_eq!(Envelope::decode(&newer), Ok(expected), "{:?}", golden.kind);
    }
}

#[test]
fn choice_added_later_is_an_error_that_names_its_field() {
    let trade = golden::all().into_iter().find(|g| g.kind == Kind::MarketTrade).unwrap();
    let (mut newer, mut body) = split(&trade.bytes, Kind::MarketTrade);
    // `aggressor`, tag 5, as a choice this version does not have.
    put_varint(&mut body, 5 << 3);
    put_varint(&mut body, 99);
    put_nested(&mut newer, Kind::MarketTrade as u32, |out| out.extend_from_slice(&body));
    let error = Event::decode(&newer).unwrap_err();
    assert!(matches!(error, DecodeError::Value { field: "aggressor", .. }), "{error}");
}

#[test]
fn numbers_of_kinds_lie_in_their_familys_block_and_above_the_envelopes_tags() {
    for &kind in Kind::ALL {
        let first = kind.family() as u16 * 20;
        assert!((first..first + 20).contains(&(kind as u16)), "{kind:?} is {}", kind as u16);
        assert_eq!(Kind::of_number(kind as u16), Some(kind));
    }
}

/// The fields of a message, last one first.
fn reversed(bytes: &[u8]) -> Vec<u8> {
    let mut fields = Vec::new();
    let mut rest = Fields::new(bytes);
    while let Some((tag, raw)) = rest.step().unwrap() {
        let mut field = Vec::new();
        match raw {
            Raw::Varint(value) => {
                put_varint(&mut field, u64::from(tag) << 3);
                put_varint(&mut field, value);
            }
            Raw::Bytes(value) => put_nested(&mut field, tag, |out| out.extend_from_slice(value)),
            Raw::Fixed64(_) | Raw::Fixed32(_) => panic!("no event of ours has fixed numbers"),
        }
        fields.push((tag, field));
    }
    // Several occurrences of one tag are a list and keep their order.
    fields.sort_by_key(|(tag, _)| core::cmp::Reverse(*tag));
    fields.into_iter().flat_map(|(_, field)| field).collect()
}

#[test]
fn fields_in_another_order_are_the_same_event() {
    for golden in golden::all() {
        let (head, body) = split(&golden.bytes, golden.kind);
        let mut other = Vec::new();
        put_nested(&mut other, golden.kind as u32, |out| out.extend_from_slice(&reversed(&body)));
        other.extend_from_slice(&reversed(&head));
        assert_ne!(other, golden.bytes, "{:?}", golden.kind);
        assert_eq!(Event::decode(&other), Event::decode(&golden.bytes), "{:?}", golden.kind);
    }
}

proptest! {
    #[test]
    fn number_of_any_length_is_read_as_it_was_written(
        value in prop_oneof![any::<u64>(), (0..64_u32).prop_map(|bits| 1 << bits), 0..300_u64],
        after in vec(any::<u8>(), 0..12),
    ) {
        let mut bytes = vec![8];
        put_varint(&mut bytes, value);
        let whole = bytes.len();
        bytes.extend_from_slice(&after);
        let mut fields = Fields::new(&bytes);
        let Ok(Some((1, Raw::Varint(read)))) = fields.step() else { panic!("a number is there") };
        prop_assert_eq!(read, value);
        // What follows stands where the number ends.
        let (next, expected) = (fields.step(), Fields::new(&after).step());
        prop_assert_eq!(format!("{next:?}"), format!("{expected:?}"));
        for short in 1..whole {
            prop_assert!(Fields::new(&bytes[..short]).step().is_err());
        }
    }
}
