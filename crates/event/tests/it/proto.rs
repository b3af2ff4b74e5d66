//! The proof that our own encoding is protobuf: the schema is compiled by `protox`, the goldens are
//! read by `prost-reflect`, and both were written without us.

use std::collections::BTreeSet;

use event::{
    Price, Quantity,
    wire::{proto_text, serde_json::Value as Json},
};
use prost_reflect::{
    DescriptorPool, DynamicMessage, MessageDescriptor, ReflectMessage as _, Value,
    prost::Message as _,
};

use crate::golden::{self, Golden};

fn pool() -> DescriptorPool {
    let include = golden::schemas().join("proto");
    let files = protox::compile(["blotter/v1/event.proto"], [include]).unwrap();
    DescriptorPool::from_file_descriptor_set(files).unwrap()
}

pub(crate) fn event_descriptor() -> MessageDescriptor {
    pool().get_message_by_name("blotter.v1.Event").unwrap()
}

#[test]
fn committed_schema_is_the_one_the_declarations_write() {
    let path = golden::schemas().join("proto/blotter/v1/event.proto");
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(committed == proto_text(), "stale; run `cargo xtask schemas`");
}

#[test]
fn goldens_are_protobuf_to_a_reader_we_did_not_write() {
    let schema = event_descriptor();
    for Golden { kind, bytes, .. } in golden::all() {
        let read = DynamicMessage::decode(schema.clone(), bytes.as_slice()).unwrap();
        assert_known(&read);
        assert_eq!(read.encode_to_vec(), bytes, "{kind:?} re-encodes to other bytes");
    }
}

/// No field of the message, at any depth, is unknown to the schema.
fn assert_known(message: &DynamicMessage) {
    let name = message.descriptor().full_name().to_owned();
    assert_eq!(message.unknown_fields().count(), 0, "{name} has fields the schema does not");
    for (_, value) in message.fields() {
        match value {
            Value::Message(inner) => assert_known(inner),
            Value::List(items) => items.iter().filter_map(Value::as_message).for_each(assert_known),
            _ => {}
        }
    }
}

#[test]
fn goldens_set_every_field_the_schema_has() {
    let mut seen = BTreeSet::new();
    for Golden { bytes, .. } in golden::all() {
        collect(&DynamicMessage::decode(event_descriptor(), bytes.as_slice()).unwrap(), &mut seen);
    }
    let unset: Vec<_> = pool()
        .all_messages()
        .flat_map(|message| message.fields().collect::<Vec<_>>())
        .map(|field| field.full_name().to_owned())
        .filter(|name| !seen.contains(name))
        .collect();
    assert!(unset.is_empty(), "set by no golden: {unset:?}");
}

fn collect(message: &DynamicMessage, seen: &mut BTreeSet<String>) {
    for (field, value) in message.fields() {
        seen.insert(field.full_name().to_owned());
        match value {
            Value::Message(inner) => collect(inner, seen),
            Value::List(items) => {
                items.iter().filter_map(Value::as_message).for_each(|m| collect(m, seen));
            }
            _ => {}
        }
    }
}

#[test]
fn protobuf_fields_hold_what_the_json_fields_of_the_same_name_hold() {
    let schema = event_descriptor();
    for Golden { kind, bytes, json } in golden::all() {
        let read = DynamicMessage::decode(schema.clone(), bytes.as_slice()).unwrap();
        let (_, body) = read
            .fields()
            .find(|(field, _)| field.containing_oneof().is_some_and(|of| of.name() == "body"))
            .unwrap();
        compare(kind.as_str(), body, &json["body"]);
        if let Some(basis) = json.get("basis") {
            compare("basis", &read.get_field_by_name("basis").unwrap(), basis);
        }
    }
}

fn compare(path: &str, value: &Value, json: &Json) {
    let text = json.as_str().unwrap_or_default();
    let same = match value {
        Value::Message(message) if message.descriptor().name() == "Quantity" => {
            let part = |name| message.get_field_by_name(name).unwrap().into_owned();
            let (mantissa, scale) = (part("mantissa"), part("scale"));
            let scale = u8::try_from(scale.as_u32().unwrap()).unwrap();
            Quantity::new(mantissa.as_i64().unwrap(), scale).unwrap().to_string() == text
        }
        Value::Message(message) => {
            for (field, inner) in message.fields() {
                compare(&format!("{path}.{}", field.name()), inner, &json[field.name()]);
            }
            true
        }
        Value::List(items) => {
            let others = json.as_array().unwrap();
            items.iter().zip(others).for_each(|(one, other)| compare(path, one, other));
            items.len() == others.len()
        }
        Value::String(found) => found == text,
        Value::Bytes(found) => found.iter().map(|b| format!("{b:02x}")).collect::<String>() == text,
        Value::Bool(found) => json.as_bool() == Some(*found),
        Value::U32(found) => json.as_u64() == Some(u64::from(*found)),
        Value::U64(found) => json.as_u64() == Some(*found),
        // A whole number, nanoseconds as digits, or a price in 1e-9.
        Value::I64(found) => {
            json.as_i64() == Some(*found)
                || text == found.to_string()
                || Price::parse(text) == Ok(Price(*found))
        }
        Value::EnumNumber(number) => return compare_choice(path, *number, text),
        other => panic!("{path}: a type the schema does not use: {other:?}"),
    };
    assert!(same, "{path}: {value:?} is not {json}");
}

fn compare_choice(path: &str, number: i32, text: &str) {
    let named = pool().all_enums().any(|choice| {
        choice.get_value(number).is_some_and(|value| value.name().ends_with(&format!("_{text}")))
    });
    assert!(named, "{path}: no choice {number} is called {text}");
}
