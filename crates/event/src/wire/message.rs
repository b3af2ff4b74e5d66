//! A message: its fields by name and tag, its bytes, its JSON object.
//!
//! Unknown fields are stepped over and later occurrences win. A nested message that occurs twice is
//! replaced, where protobuf would merge the two; no encoder writes one twice.

use alloc::{format, string::String, vec::Vec};

use serde_json::Value;

use super::DecodeError;

/// A message: a struct declared with [`message!`](crate::wire::declare).
pub trait Message: Sized {
    /// The message's name.
    const NAME: &'static str;

    /// Its fields: label, protobuf type, name, tag; for the generated `.proto`.
    const FIELDS: &'static [FieldText];

    /// Appends the canonical bytes.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads protobuf bytes.
    ///
    /// # Errors
    /// [`DecodeError`].
    #[inline]
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        match Self::decode_canonical(bytes) {
            Some(message) => Ok(message),
            None => Self::decode_any(bytes),
        }
    }

    /// Reads canonical bytes, field after field as the schema has them; `None` when they are not.
    /// Our own encoders write no others, so this is the way nearly every event takes.
    fn decode_canonical(bytes: &[u8]) -> Option<Self>;

    /// Reads fields in any order, and says what is wrong with them.
    ///
    /// # Errors
    /// [`DecodeError`].
    fn decode_any(bytes: &[u8]) -> Result<Self, DecodeError>;

    /// The JSON object.
    fn to_object(&self) -> Value;

    /// Reads a JSON object; a field the message does not have is an error.
    ///
    /// # Errors
    /// [`DecodeError`].
    fn from_object(value: &Value) -> Result<Self, DecodeError>;
}

/// One line of a message in the generated `.proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldText {
    /// `optional `, `repeated ` or nothing.
    pub label: &'static str,
    /// The protobuf type.
    pub proto: &'static str,
    /// The field's name.
    pub name: &'static str,
    /// The field's tag.
    pub tag: u32,
    /// What it holds.
    pub doc: &'static [&'static str],
}

/// The entries of a JSON object.
///
/// # Errors
/// [`DecodeError::Json`] when it is no object, [`DecodeError::UnknownField`] when it has a field
/// not in `known`.
pub fn object_of<'a>(
    value: &'a Value,
    message: &str,
    known: &[FieldText],
) -> Result<&'a serde_json::Map<String, Value>, DecodeError> {
    let Value::Object(entries) = value else {
        return Err(DecodeError::json(format!("{message} is a JSON object")));
    };
    match entries.keys().find(|name| known.iter().all(|field| field.name != **name)) {
        Some(unknown) => {
            Err(DecodeError::UnknownField { message: message.into(), field: unknown.clone() })
        }
        None => Ok(entries),
    }
}

/// A nested message is a scalar of its own.
#[macro_export]
macro_rules! nested {
    ($($type:ident),* $(,)?) => {$(
        impl $crate::wire::Scalar for $type {
            const PROTO: &'static str = stringify!($type);
            fn put_always(&self, tag: u32, out: &mut $crate::wire::Vec<u8>) {
                $crate::wire::put_nested(out, tag, |out| {
                    $crate::wire::Message::encode(self, out);
                });
            }
            fn read(
                raw: $crate::wire::Raw<'_>,
                field: &'static str,
            ) -> Result<Self, $crate::wire::DecodeError> {
                $crate::wire::Message::decode($crate::wire::bytes_of(raw, field)?)
            }
            fn json(&self) -> $crate::wire::serde_json::Value { $crate::wire::Message::to_object(self) }
            fn of_json(
                value: &$crate::wire::serde_json::Value,
                _: &'static str,
            ) -> Result<Self, $crate::wire::DecodeError> {
                $crate::wire::Message::from_object(value)
            }
        }
    )*};
}
