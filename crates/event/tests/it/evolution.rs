//! A schema grows: fields and kinds are added, and older readers go on.

use event::{
    DecodeError, Envelope, Event, Kind,
    wire::{Fields, Raw, put_nested, put_varint},
};

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
fn fields_in_another_order_are_the_same_event() {
    for golden in golden::all() {
        let (envelope, body) = split(&golden.bytes, golden.kind);
        let mut swapped = Vec::new();
        put_nested(&mut swapped, golden.kind as u32, |out| out.extend_from_slice(&body));
        swapped.extend_from_slice(&envelope);
        assert_eq!(Event::decode(&swapped), Event::decode(&golden.bytes), "{:?}", golden.kind);
    }
}

#[test]
fn numbers_of_kinds_lie_in_their_familys_block_and_above_the_envelopes_tags() {
    for &kind in Kind::ALL {
        let first = kind.family() as u16 * 20;
        assert!((first..first + 20).contains(&(kind as u16)), "{kind:?} is {}", kind as u16);
        assert_eq!(Kind::of_number(kind as u16), Some(kind));
    }
}
