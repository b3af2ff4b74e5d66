//! Values without a domain of their own: whole numbers, truth, text, opaque bytes; and how JSON text
//! becomes a value that has one.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use serde_json::Value;

use super::{
    DecodeError, Raw, Scalar, bytes_of,
    raw::{put_bytes, put_u64, text_of, unzigzag, varint_of, zigzag},
};
use crate::{Price, Timestamp};

pub(crate) fn json_text<'a>(value: &'a Value, field: &'static str) -> Result<&'a str, DecodeError> {
    value.as_str().ok_or_else(|| DecodeError::value(field, "not a string"))
}

/// Integers: JSON numbers, or strings of digits (64-bit numbers lose digits in some readers).
macro_rules! unsigned {
    ($($type:ty => $proto:literal),*) => {$(
        impl Scalar for $type {
            const PROTO: &'static str = $proto;
            const JSON_OPTIONAL: bool = true;
            fn is_default(&self) -> bool { *self == 0 }
            fn absent() -> Option<Self> { Some(0) }
            fn put_always(&self, tag: u32, out: &mut Vec<u8>) { put_u64(out, tag, u64::from(*self)); }
            fn read(raw: Raw<'_>, field: &'static str) -> Result<Self, DecodeError> {
                Self::try_from(varint_of(raw, field)?)
                    .map_err(|_| DecodeError::value(field, "outside the range of its type"))
            }
            fn json(&self) -> Value { Value::from(*self) }
            fn of_json(value: &Value, field: &'static str) -> Result<Self, DecodeError> {
                value
                    .as_u64()
                    .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
                    .and_then(|number| Self::try_from(number).ok())
                    .ok_or_else(|| DecodeError::value(field, "not a whole number in range"))
            }
        }
    )*};
}

unsigned!(u32 => "uint32", u64 => "uint64");

/// Signed 64-bit values held in a newtype.
macro_rules! signed {
    ($($type:ty, $make:expr, $get:expr, $json:expr, $parse:expr);* $(;)?) => {$(
        impl Scalar for $type {
            const PROTO: &'static str = "sint64";
            fn is_default(&self) -> bool { $get(self) == 0 }
            fn absent() -> Option<Self> { Some($make(0)) }
            #[inline]
            fn put_always(&self, tag: u32, out: &mut Vec<u8>) {
                put_u64(out, tag, zigzag($get(self)));
            }
            #[inline]
            fn read(raw: Raw<'_>, field: &'static str) -> Result<Self, DecodeError> {
                Ok($make(unzigzag(varint_of(raw, field)?)))
            }
            fn json(&self) -> Value { $json(self) }
            fn of_json(value: &Value, field: &'static str) -> Result<Self, DecodeError> {
                $parse(value, field)
            }
        }
    )*};
}

signed! {
    i64, |v| v, |v: &i64| *v, |v: &i64| Value::from(*v), integer_of_json;
    Price, Price, |v: &Price| v.0, |v: &Price| Value::from(v.to_string()), parsed;
    Timestamp, Timestamp, |v: &Timestamp| v.0, |v: &Timestamp| Value::from(v.0.to_string()), instant_of_json;
}

fn integer_of_json(value: &Value, field: &'static str) -> Result<i64, DecodeError> {
    value
        .as_i64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
        .ok_or_else(|| DecodeError::value(field, "not a whole number in range"))
}

/// Nanoseconds as a number or digits, or RFC 3339.
fn instant_of_json(value: &Value, field: &'static str) -> Result<Timestamp, DecodeError> {
    match value.as_i64() {
        Some(ns) => Ok(Timestamp(ns)),
        None => parsed(value, field),
    }
}

/// Text with a domain of its own; numbers are refused so that no price passes through a float.
pub(crate) fn parsed<T>(value: &Value, field: &'static str) -> Result<T, DecodeError>
where
    T: core::str::FromStr,
    T::Err: core::fmt::Display,
{
    json_text(value, field)?.parse().map_err(|error: T::Err| DecodeError::value(field, error))
}

impl Scalar for bool {
    const PROTO: &'static str = "bool";
    const JSON_OPTIONAL: bool = true;
    fn is_default(&self) -> bool {
        !self
    }
    fn absent() -> Option<Self> {
        Some(false)
    }
    fn put_always(&self, tag: u32, out: &mut Vec<u8>) {
        put_u64(out, tag, u64::from(*self));
    }
    fn read(raw: Raw<'_>, field: &'static str) -> Result<Self, DecodeError> {
        match varint_of(raw, field)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::value(field, "not 0 or 1")),
        }
    }
    fn json(&self) -> Value {
        Value::from(*self)
    }
    fn of_json(value: &Value, field: &'static str) -> Result<Self, DecodeError> {
        value.as_bool().ok_or_else(|| DecodeError::value(field, "not true or false"))
    }
}

impl Scalar for String {
    const PROTO: &'static str = "string";
    const JSON_OPTIONAL: bool = true;
    fn is_default(&self) -> bool {
        self.is_empty()
    }
    fn absent() -> Option<Self> {
        Some(Self::new())
    }
    fn put_always(&self, tag: u32, out: &mut Vec<u8>) {
        put_bytes(out, tag, self.as_bytes());
    }
    fn read(raw: Raw<'_>, field: &'static str) -> Result<Self, DecodeError> {
        text_of(raw, field).map(Self::from)
    }
    fn json(&self) -> Value {
        Value::from(self.as_str())
    }
    fn of_json(value: &Value, field: &'static str) -> Result<Self, DecodeError> {
        json_text(value, field).map(Self::from)
    }
}

/// Opaque bytes: hexadecimal in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

impl Scalar for Blob {
    const PROTO: &'static str = "bytes";
    const JSON_OPTIONAL: bool = true;
    fn is_default(&self) -> bool {
        self.0.is_empty()
    }
    fn absent() -> Option<Self> {
        Some(Self::default())
    }
    fn put_always(&self, tag: u32, out: &mut Vec<u8>) {
        put_bytes(out, tag, &self.0);
    }
    fn read(raw: Raw<'_>, field: &'static str) -> Result<Self, DecodeError> {
        bytes_of(raw, field).map(|bytes| Self(bytes.to_vec()))
    }
    fn json(&self) -> Value {
        Value::from(self.0.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    }
    fn of_json(value: &Value, field: &'static str) -> Result<Self, DecodeError> {
        let text = json_text(value, field)?;
        let wrong = || DecodeError::value(field, "not pairs of hexadecimal digits");
        if text.len() % 2 != 0 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        text.as_bytes()
            .chunks_exact(2)
            .map(|pair| {
                core::str::from_utf8(pair)
                    .ok()
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                    .ok_or_else(wrong)
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}
