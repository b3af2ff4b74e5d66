//! The JSON form: forgiving of order, of nothing else.

use event::wire::serde_json::json;
use event::{
    DecodeError, Event, Kind, Quantity, Timestamp,
    wire::{Blob, Scalar as _, event_from_json, event_to_json, root_from_json, serde_json::Value},
};

use crate::golden;

fn golden_of(kind: Kind) -> Value {
    golden::all().into_iter().find(|golden| golden.kind == kind).unwrap().json
}

fn refused(value: &Value) -> String {
    event_from_json(value).expect_err("an error").to_string()
}

#[test]
fn trade_without_a_price_is_an_error_not_a_price_of_zero() {
    let mut trade = golden_of(Kind::MarketTrade);
    trade["body"].as_object_mut().unwrap().remove("price");
    assert_eq!(event_from_json(&trade), Err(DecodeError::Missing { field: "price" }));
    trade["body"]["price"] = Value::Null;
    assert_eq!(event_from_json(&trade), Err(DecodeError::Missing { field: "price" }));
}

#[test]
fn money_and_time_are_never_left_out_of_any_kind() {
    for golden in golden::all() {
        for field in golden.kind.fields().iter().filter(|field| field.label.is_empty()) {
            let mut json = golden.json.clone();
            json["body"].as_object_mut().unwrap().remove(field.name);
            let may_be_absent =
                ["string", "bytes", "uint32", "uint64", "bool"].contains(&field.proto);
            if may_be_absent {
                continue;
            }
            let error = event_from_json(&json).expect_err(field.name);
            assert_eq!(error, DecodeError::Missing { field: field.name }, "{:?}", golden.kind);
        }
    }
}

#[test]
fn price_that_is_a_json_number_is_refused() {
    let mut trade = golden_of(Kind::MarketTrade);
    trade["body"]["price"] = json!(61773.6);
    assert!(refused(&trade).contains("price"), "{}", refused(&trade));
}

#[test]
fn field_the_schema_does_not_have_is_refused_at_every_depth() {
    let mut outer = golden_of(Kind::BookDelta);
    outer["colour"] = json!("red");
    assert!(refused(&outer).contains("`colour`"));
    let mut body = golden_of(Kind::BookDelta);
    body["body"]["colour"] = json!("red");
    assert!(refused(&body).contains("BookDelta has no field `colour`"), "{}", refused(&body));
    let mut nested = golden_of(Kind::BookDelta);
    nested["body"]["bids"][0]["colour"] = json!("red");
    assert!(refused(&nested).contains("Level has no field `colour`"), "{}", refused(&nested));
}

#[test]
fn choice_of_no_name_lists_the_names_there_are() {
    let mut trade = golden_of(Kind::MarketTrade);
    trade["body"]["aggressor"] = json!("buy");
    assert!(refused(&trade).contains("BUY, SELL"), "{}", refused(&trade));
}

#[test]
fn whole_numbers_may_be_digits_in_a_string() {
    let mut trade = golden_of(Kind::MarketTrade);
    let as_number = event_from_json(&trade).unwrap();
    trade["body"]["venue_sequence"] = json!("50100000006");
    trade["source_seq"] = json!("6");
    assert_eq!(event_from_json(&trade), Ok(as_number));
    trade["source_seq"] = json!(6.0);
    assert!(refused(&trade).contains("source_seq"));
    trade["source_seq"] = json!(-6);
    assert!(refused(&trade).contains("source_seq"));
}

#[test]
fn instants_read_as_digits_number_or_rfc_3339() {
    for form in [
        json!("1723161904000000000"),
        json!(1_723_161_904_000_000_000_i64),
        json!("2024-08-09T00:05:04Z"),
    ] {
        assert_eq!(Timestamp::of_json(&form, "time"), Ok(Timestamp(1_723_161_904_000_000_000)));
    }
}

#[test]
fn hexadecimal_takes_digits_only() {
    for bad in ["+1", "0x", "1", "g0", "é0", " 1"] {
        assert!(Blob::of_json(&json!(bad), "bytes").is_err(), "{bad:?} read as bytes");
    }
    assert_eq!(Blob::of_json(&json!("00ffA0"), "bytes"), Ok(Blob(vec![0, 255, 160])));
}

#[test]
fn foreign_producer_supplies_only_what_is_its_own() {
    let whole = golden_of(Kind::MarketTrade);
    let mut root = json!({});
    for field in ["source", "source_seq", "key", "event_time", "kind", "body"] {
        root[field] = whole[field].clone();
    }
    let read = root_from_json(&root).unwrap();
    let event = event_from_json(&whole).unwrap();
    assert_eq!((read.body, read.key, read.source_seq), (event.body, event.key, event.source_seq));
    root["event_id"] = whole["event_id"].clone();
    assert!(root_from_json(&root).unwrap_err().to_string().contains("`event_id`"));
}

#[test]
fn kind_of_no_name_is_unknown_here() {
    let mut trade = golden_of(Kind::MarketTrade);
    trade["kind"] = json!("MarketTraded");
    assert_eq!(event_from_json(&trade), Err(DecodeError::UnknownKind));
}

/// The bytes keep a quantity's scale as given; JSON is the shortest decimal of its value.
#[test]
fn json_keeps_a_quantitys_value_not_its_trailing_zeros() {
    let mut event = event_from_json(&golden_of(Kind::MarketTrade)).unwrap();
    let event::Body::MarketTrade(trade) = &mut event.body else { panic!("a trade") };
    trade.quantity = Quantity::new(1_500, 3).unwrap();
    assert_eq!(event_to_json(&event)["body"]["quantity"], json!("1.5"));
    let back = event_from_json(&event_to_json(&event)).unwrap();
    assert_eq!(back, event);
    assert_ne!(back.encode(), event.encode());
    assert_eq!(Event::decode(&event.encode()).unwrap().encode(), event.encode());
}
