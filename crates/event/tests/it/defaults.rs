//! Values at the ends of their range and values left out: in bytes and in JSON.

use event::{
    Amount, DecodeError, Event, Kind, Price, Quantity, Timestamp,
    body::Body,
    books::{AlertRaised, FeeCharged},
    trading::OrderExecuted,
    wire::{
        Blob, Fields, Message, Raw, Scalar, event_from_json, put_varint,
        serde_json::{Value, json},
    },
};
use proptest::prelude::*;

use crate::golden;

fn tags(bytes: &[u8]) -> Vec<u32> {
    let mut fields = Fields::new(bytes);
    std::iter::from_fn(|| fields.step().unwrap().map(|(tag, _)| tag)).collect()
}

fn bytes_of<M: Message>(message: &M) -> Vec<u8> {
    let mut out = Vec::new();
    message.encode(&mut out);
    out
}

fn body_of<M: Message>(kind: Kind, take: impl Fn(Body) -> Option<M>) -> M {
    let golden = golden::all().into_iter().find(|golden| golden.kind == kind).unwrap();
    take(Event::decode(&golden.bytes).unwrap().body).unwrap()
}

fn executed() -> OrderExecuted {
    body_of(Kind::OrderExecuted, |body| match body {
        Body::OrderExecuted(body) => Some(body),
        _ => None,
    })
}

proptest! {
    #[test]
    fn signed_numbers_of_any_size_read_back_from_bytes(price: i64, mantissa: i64, time: i64) {
        let mut event = Event::decode(&golden::all()[0].bytes).unwrap();
        event.time = Timestamp(time);
        let quantity = Quantity::new(mantissa, 3).unwrap();
        let body = OrderExecuted { last_price: Price(price), last_quantity: quantity, ..executed() };
        event.body = body.clone().into();
        let back = Event::decode(&event.encode()).unwrap();
        prop_assert_eq!(back.time, Timestamp(time));
        prop_assert_eq!(back.body, Body::from(body));
    }

    #[test]
    fn a_whole_number_of_any_size_steps_back(value: u64, tag in 1_u32..1 << 29) {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, u64::from(tag) << 3);
        put_varint(&mut bytes, value);
        let mut fields = Fields::new(&bytes);
        match fields.step().unwrap() {
            Some((found, Raw::Varint(read))) => prop_assert_eq!((found, read), (tag, value)),
            other => prop_assert!(false, "{:?}", other),
        }
        prop_assert!(fields.step().unwrap().is_none());
    }
}

#[test]
fn the_largest_whole_number_has_ten_bytes_and_an_eleventh_or_a_larger_tenth_is_refused() {
    let of = |last: &[u8]| {
        let mut bytes = vec![1 << 3];
        bytes.extend_from_slice(&[0xff; 9]);
        bytes.extend_from_slice(last);
        Fields::new(&bytes).step().map(|step| match step {
            Some((1, Raw::Varint(value))) => value,
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(of(&[1]), Ok(u64::MAX));
    assert_eq!(of(&[0]), Ok(u64::MAX >> 1));
    assert_eq!(of(&[2]), Err(DecodeError::Malformed));
    assert_eq!(of(&[0x81, 0]), Err(DecodeError::Malformed));
}

#[test]
fn defaults_are_left_out_of_the_bytes_and_read_back() {
    let zero = OrderExecuted {
        last_quantity: Quantity::ZERO,
        leaves: Quantity::ZERO,
        last_price: Price(0),
        fee: Amount::ZERO,
        trade_date: 0,
        external: false,
        recovered: false,
        ..executed()
    };
    let left_out =
        ["last_quantity", "leaves", "last_price", "fee", "trade_date", "external", "recovered"];
    let bytes = bytes_of(&zero);
    let written = tags(&bytes);
    for field in Kind::OrderExecuted.fields() {
        let absent = left_out.contains(&field.name);
        assert_eq!(!written.contains(&field.tag), absent, "{}", field.name);
    }
    assert_eq!(OrderExecuted::decode(&bytes), Ok(zero));
    let quiet = AlertRaised {
        subject: String::new(),
        detail: String::new(),
        account: None,
        ..body_of(Kind::AlertRaised, |body| match body {
            Body::AlertRaised(body) => Some(body),
            _ => None,
        })
    };
    assert_eq!(tags(&bytes_of(&quiet)), [1, 2]);
    assert_eq!(AlertRaised::decode(&bytes_of(&quiet)), Ok(quiet));
}

#[test]
fn empty_bytes_are_left_out_and_read_back() {
    let mut record = body_of(Kind::EventQuarantined, |body| match body {
        Body::EventQuarantined(body) => Some(body),
        _ => None,
    });
    let tag =
        Kind::EventQuarantined.fields().iter().find(|field| field.name == "bytes").unwrap().tag;
    assert!(tags(&bytes_of(&record)).contains(&tag));
    record.bytes = Blob(vec![]);
    assert!(!tags(&bytes_of(&record)).contains(&tag));
    let back = event::operations::EventQuarantined::decode(&bytes_of(&record));
    assert_eq!(back, Ok(record));
}

#[test]
fn a_false_that_is_written_out_is_false_and_a_two_is_nothing() {
    assert_eq!(bool::read(Raw::Varint(0), "f"), Ok(false));
    assert_eq!(bool::read(Raw::Varint(1), "f"), Ok(true));
    assert!(bool::read(Raw::Varint(2), "f").is_err());
}

#[test]
fn text_bytes_numbers_and_truth_may_be_left_out_of_json() {
    for golden in golden::all() {
        let event = Event::decode(&golden.bytes).unwrap();
        for field in golden.kind.fields().iter().filter(|field| field.label.is_empty()) {
            let (empty, choice) = match field.proto {
                "string" => (json!(""), true),
                "bytes" => (json!(""), true),
                "uint32" | "uint64" => (json!(0), false),
                "bool" => (json!(false), false),
                _ => continue,
            };
            let with = |value: Option<Value>| {
                let mut json = golden.json.clone();
                let body = json["body"].as_object_mut().unwrap();
                let _ = match value {
                    Some(value) => body.insert(field.name.into(), value),
                    None => body.remove(field.name),
                };
                event_from_json(&json)
            };
            // Names, ids and amounts are text too, and none of them can be empty.
            let Ok(explicit) = with(Some(empty)) else {
                assert!(choice, "{:?} {}", golden.kind, field.name);
                assert_eq!(with(None), Err(DecodeError::Missing { field: field.name }));
                continue;
            };
            assert_eq!(with(None), Ok(explicit), "{:?} {}", golden.kind, field.name);
        }
        assert_eq!(event_from_json(&golden.json), Ok(event));
    }
}

#[test]
fn an_amount_left_out_of_the_bytes_is_zero_and_left_out_of_json_is_missing() {
    let fee = FeeCharged {
        amount: Amount::ZERO,
        ..body_of(Kind::FeeCharged, |body| match body {
            Body::FeeCharged(body) => Some(body),
            _ => None,
        })
    };
    assert!(!tags(&bytes_of(&fee)).contains(&4));
    assert_eq!(FeeCharged::decode(&bytes_of(&fee)), Ok(fee.clone()));
    let mut json = fee.to_object();
    json.as_object_mut().unwrap().remove("amount");
    assert_eq!(FeeCharged::from_object(&json), Err(DecodeError::Missing { field: "amount" }));
}

/// The bytes of a body as we write them, and with its first field moved behind the others.
fn moved<M: Message>(message: &M) -> (Vec<u8>, Vec<u8>) {
    let bytes = bytes_of(message);
    let first = tags(&bytes)[0];
    let len = (1..=bytes.len())
        .find(|len| Fields::new(&bytes[..*len]).step().is_ok_and(|step| step.is_some()))
        .unwrap();
    let (head, rest) = bytes.split_at(len);
    assert!(!tags(rest).contains(&first));
    (bytes.clone(), [rest, head].concat())
}

#[test]
fn our_own_bytes_are_read_the_short_way_and_others_read_the_same_the_long_way() {
    fn check<M: Message + PartialEq + std::fmt::Debug>(message: M) {
        let (ours, others) = moved(&message);
        assert_eq!(M::decode_canonical(&ours).as_ref(), Some(&message));
        assert_eq!(M::decode_canonical(&others), None);
        assert_eq!(M::decode(&others).as_ref(), Ok(&message));
    }
    let mut checked = 0;
    for golden in golden::all() {
        checked += 1;
        match Event::decode(&golden.bytes).unwrap().body {
            // Options, lists, nested messages, text, and the smallest ones.
            Body::OrderProposed(body) => check(body),
            Body::OrderExecuted(body) => check(body),
            Body::BookSnapshot(body) => check(body),
            Body::MarketQuote(body) => check(body),
            Body::MarketTrade(body) => check(body),
            Body::BrokerSnapshotTaken(body) => check(body),
            Body::BreakExplained(body) => check(body),
            Body::AdjustmentBooked(body) => check(body),
            Body::EventQuarantined(body) => check(body),
            Body::AlertRaised(body) => check(body),
            _ => checked -= 1,
        }
    }
    assert!(checked >= 10, "{checked}");
}
