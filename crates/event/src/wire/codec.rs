//! The protobuf encoding of one field at a time, and its JSON form.
//!
//! The canonical bytes of a message are its fields in ascending tag order, defaults left out
//! (presence follows proto3), varints minimal. Decoding accepts any valid protobuf: unknown fields
//! are stepped over, later occurrences of a scalar win.
//!
//! Source: protobuf.dev, "Encoding"; proto3 language guide, "Field Presence".

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use serde_json::Value;

use crate::{
    AccountId, Amount, BreakId, Currency, Digest, EventId, InstrumentId, Key, Label, LimitSetId,
    OrderId, Price, Quantity, Source, Timestamp, TraceId,
};

/// Why bytes or JSON are not the message they claim to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end inside a field.
    #[error("E1001 the bytes end inside a field")]
    Truncated,
    /// A varint longer than ten bytes, a tag of zero, or a wire type protobuf does not have.
    #[error("E1002 the bytes are not protobuf")]
    Malformed,
    /// A field whose wire type is not its type's.
    #[error("E1003 field {field} has another wire type than its schema")]
    WireType {
        /// The field's name.
        field: &'static str,
    },
    /// A mandatory field is missing.
    #[error("E1004 field {field} is missing")]
    Missing {
        /// The field's name.
        field: &'static str,
    },
    /// A value outside its domain: a short id, a label with a space, an unknown choice.
    #[error("E1005 field {field}: {reason}")]
    Value {
        /// The field's name.
        field: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// No body, or a body of a kind this version does not know.
    #[error("E1006 the body's kind is unknown here; a newer writer made it: upgrade blotter")]
    UnknownKind,
    /// JSON that is not an object of the expected form.
    #[error("E1007 {reason}")]
    Json {
        /// What is wrong.
        reason: String,
    },
}

impl DecodeError {
    pub(crate) fn value(field: &'static str, reason: impl ToString) -> Self {
        Self::Value { field, reason: reason.to_string() }
    }

    fn json(reason: impl ToString) -> Self {
        Self::Json { reason: reason.to_string() }
    }
}

/// The error of a value outside its domain.
#[doc(hidden)]
pub fn bad_value(field: &'static str, reason: impl ToString) -> DecodeError {
    DecodeError::value(field, reason)
}

/// One field's payload as it stands in the bytes.
#[derive(Clone, Copy, Debug)]
pub enum Raw<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64(u64),
    /// Wire type 2.
    Bytes(&'a [u8]),
    /// Wire type 5.
    Fixed32(u32),
}

/// Steps through the fields of a message.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next tag and payload, `None` at the end.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] or [`DecodeError::Malformed`].
    #[inline]
    pub fn step(&mut self) -> Result<Option<(u32, Raw<'a>)>, DecodeError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let head = self.varint()?;
        let tag = u32::try_from(head >> 3).map_err(|_| DecodeError::Malformed)?;
        if tag == 0 {
            return Err(DecodeError::Malformed);
        }
        let raw = match head & 7 {
            0 => Raw::Varint(self.varint()?),
            1 => Raw::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let len = usize::try_from(self.varint()?).map_err(|_| DecodeError::Truncated)?;
                Raw::Bytes(self.take(len)?)
            }
            5 => Raw::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(DecodeError::Malformed),
        };
        Ok(Some((tag, raw)))
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0_u64;
        for (at, &byte) in self.rest.iter().enumerate() {
            if at == 9 && byte > 1 {
                return Err(DecodeError::Malformed);
            }
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                self.rest = self.rest.get(at + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        Err(DecodeError::Truncated)
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        self.take(N)?.try_into().map_err(|_| DecodeError::Truncated)
    }
}

/// Appends a varint.
#[inline]
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[inline]
fn put_head(out: &mut Vec<u8>, tag: u32, wire_type: u64) {
    put_varint(out, u64::from(tag) << 3 | wire_type);
}

/// Appends a length-delimited field.
#[inline]
pub(crate) fn put_bytes(out: &mut Vec<u8>, tag: u32, bytes: &[u8]) {
    put_head(out, tag, 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[inline]
fn put_u64(out: &mut Vec<u8>, tag: u32, value: u64) {
    put_head(out, tag, 0);
    put_varint(out, value);
}

#[inline]
const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[inline]
const fn unzigzag(value: u64) -> i64 {
    ((value >> 1) as i64) ^ -((value & 1) as i64)
}

/// Appends a nested message written by `body`, its length before it.
#[inline]
pub fn put_nested(out: &mut Vec<u8>, tag: u32, body: impl FnOnce(&mut Vec<u8>)) {
    put_head(out, tag, 2);
    // One byte is enough for most lengths; longer ones move the body to make room.
    let at = out.len();
    out.push(0);
    body(out);
    let len = out.len() - at - 1;
    if len < 0x80 {
        if let Some(slot) = out.get_mut(at) {
            *slot = len as u8;
        }
        return;
    }
    let mut head = Vec::with_capacity(4);
    put_varint(&mut head, len as u64);
    let _ = out.splice(at..=at, head);
}

/// How a type stands in a message: on the wire, in JSON, in the `.proto` text.
pub trait Field: Sized {
    /// What accumulates while the fields of a message arrive.
    type Slot: Default;
    /// `optional`, `repeated` or nothing.
    const LABEL: &'static str = "";
    /// The protobuf type.
    const PROTO: &'static str;

    /// Appends the field, unless it is the default that proto3 leaves out.
    fn put(&self, tag: u32, out: &mut Vec<u8>);

    /// Takes one occurrence.
    ///
    /// # Errors
    /// [`DecodeError`] naming `field`.
    fn merge(slot: &mut Self::Slot, raw: Raw<'_>, field: &'static str) -> Result<(), DecodeError>;

    /// The value once all fields have arrived.
    ///
    /// # Errors
    /// [`DecodeError::Missing`] when there is no default.
    fn finish(slot: Self::Slot, field: &'static str) -> Result<Self, DecodeError>;

    /// The JSON form, `None` when the field is left out.
    fn to_json(&self) -> Option<Value>;

    /// Reads the JSON form; `None` is an absent field.
    ///
    /// # Errors
    /// [`DecodeError`] naming `field`.
    fn from_json(value: Option<&Value>, field: &'static str) -> Result<Self, DecodeError>;
}

/// A value that stands alone: what `Option` and `Vec` are built over.
pub trait Scalar: Sized {
    /// The protobuf type.
    const PROTO: &'static str;
    /// Whether proto3 leaves this value out when the field has no explicit presence.
    fn is_default(&self) -> bool {
        false
    }
    /// The value of an absent field, for types that have a default.
    #[must_use]
    fn absent() -> Option<Self> {
        None
    }
    /// Whether JSON may leave the field out. Money and times may not: a forgotten price is an
    /// error, never a price of zero.
    const JSON_OPTIONAL: bool = false;
    /// Appends tag and payload.
    fn put_always(&self, tag: u32, out: &mut Vec<u8>);
    /// Reads a payload.
    ///
    /// # Errors
    /// [`DecodeError`] naming `field`.
    fn read(raw: Raw<'_>, field: &'static str) -> Result<Self, DecodeError>;
    /// The JSON form.
    fn json(&self) -> Value;
    /// Reads the JSON form.
    ///
    /// # Errors
    /// [`DecodeError`] naming `field`.
    fn of_json(value: &Value, field: &'static str) -> Result<Self, DecodeError>;
}

impl<T: Scalar> Field for T {
    type Slot = Option<T>;
    const PROTO: &'static str = T::PROTO;

    #[inline]
    fn put(&self, tag: u32, out: &mut Vec<u8>) {
        if !self.is_default() {
            self.put_always(tag, out);
        }
    }

    #[inline]
    fn merge(slot: &mut Option<T>, raw: Raw<'_>, field: &'static str) -> Result<(), DecodeError> {
        *slot = Some(T::read(raw, field)?);
        Ok(())
    }

    #[inline]
    fn finish(slot: Option<T>, field: &'static str) -> Result<T, DecodeError> {
        slot.or_else(T::absent).ok_or(DecodeError::Missing { field })
    }

    fn to_json(&self) -> Option<Value> {
        Some(self.json())
    }

    fn from_json(value: Option<&Value>, field: &'static str) -> Result<T, DecodeError> {
        match value {
            Some(value) if !value.is_null() => T::of_json(value, field),
            _ if T::JSON_OPTIONAL => T::absent().ok_or(DecodeError::Missing { field }),
            _ => Err(DecodeError::Missing { field }),
        }
    }
}

impl<T: Scalar> Field for Option<T> {
    type Slot = Self;
    const LABEL: &'static str = "optional ";
    const PROTO: &'static str = T::PROTO;

    fn put(&self, tag: u32, out: &mut Vec<u8>) {
        if let Some(value) = self {
            value.put_always(tag, out);
        }
    }

    fn merge(slot: &mut Self, raw: Raw<'_>, field: &'static str) -> Result<(), DecodeError> {
        *slot = Some(T::read(raw, field)?);
        Ok(())
    }

    fn finish(slot: Self, _: &'static str) -> Result<Self, DecodeError> {
        Ok(slot)
    }

    fn to_json(&self) -> Option<Value> {
        self.as_ref().map(T::json)
    }

    fn from_json(value: Option<&Value>, field: &'static str) -> Result<Self, DecodeError> {
        value.filter(|value| !value.is_null()).map(|value| T::of_json(value, field)).transpose()
    }
}

impl<T: Scalar> Field for Vec<T> {
    type Slot = Self;
    const LABEL: &'static str = "repeated ";
    const PROTO: &'static str = T::PROTO;

    fn put(&self, tag: u32, out: &mut Vec<u8>) {
        for value in self {
            value.put_always(tag, out);
        }
    }

    fn merge(slot: &mut Self, raw: Raw<'_>, field: &'static str) -> Result<(), DecodeError> {
        slot.push(T::read(raw, field)?);
        Ok(())
    }

    fn finish(slot: Self, _: &'static str) -> Result<Self, DecodeError> {
        Ok(slot)
    }

    fn to_json(&self) -> Option<Value> {
        (!self.is_empty()).then(|| self.iter().map(T::json).collect())
    }

    fn from_json(value: Option<&Value>, field: &'static str) -> Result<Self, DecodeError> {
        match value {
            None | Some(Value::Null) => Ok(Self::new()),
            Some(Value::Array(values)) => values.iter().map(|v| T::of_json(v, field)).collect(),
            Some(_) => Err(DecodeError::value(field, "not an array")),
        }
    }
}

fn varint_of(raw: Raw<'_>, field: &'static str) -> Result<u64, DecodeError> {
    match raw {
        Raw::Varint(value) => Ok(value),
        _ => Err(DecodeError::WireType { field }),
    }
}

/// The payload of a length-delimited field.
///
/// # Errors
/// [`DecodeError::WireType`] when it is another.
pub fn bytes_of<'a>(raw: Raw<'a>, field: &'static str) -> Result<&'a [u8], DecodeError> {
    match raw {
        Raw::Bytes(bytes) => Ok(bytes),
        _ => Err(DecodeError::WireType { field }),
    }
}

fn text_of<'a>(raw: Raw<'a>, field: &'static str) -> Result<&'a str, DecodeError> {
    core::str::from_utf8(bytes_of(raw, field)?).map_err(|_| DecodeError::value(field, "not UTF-8"))
}

fn json_text<'a>(value: &'a Value, field: &'static str) -> Result<&'a str, DecodeError> {
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
fn parsed<T>(value: &Value, field: &'static str) -> Result<T, DecodeError>
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
        if text.len() % 2 != 0 || !text.is_ascii() {
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

/// A quantity is a nested message of mantissa and scale on the wire, a decimal string in JSON.
impl Scalar for Quantity {
    const PROTO: &'static str = "Quantity";
    fn is_default(&self) -> bool {
        self.mantissa() == 0 && self.scale() == 0
    }
    fn absent() -> Option<Self> {
        Some(Self::ZERO)
    }
    #[inline]
    fn put_always(&self, tag: u32, out: &mut Vec<u8>) {
        put_nested(out, tag, |out| {
            self.mantissa().put(1, out);
            u32::from(self.scale()).put(2, out);
        });
    }
    #[inline]
    fn read(raw: Raw<'_>, field: &'static str) -> Result<Self, DecodeError> {
        let mut fields = Fields::new(bytes_of(raw, field)?);
        let (mut mantissa, mut scale) = (0_i64, 0_u32);
        while let Some((tag, raw)) = fields.step()? {
            match tag {
                1 => mantissa = i64::read(raw, field)?,
                2 => scale = u32::read(raw, field)?,
                _ => {}
            }
        }
        let scale = u8::try_from(scale).unwrap_or(u8::MAX);
        Self::new(mantissa, scale).map_err(|error| DecodeError::value(field, error))
    }
    fn json(&self) -> Value {
        Value::from(self.to_string())
    }
    fn of_json(value: &Value, field: &'static str) -> Result<Self, DecodeError> {
        parsed(value, field)
    }
}

/// A ledger amount is its decimal text: any language reads it, and 128 bits fit nowhere else.
impl Scalar for Amount {
    const PROTO: &'static str = "string";
    fn is_default(&self) -> bool {
        self.is_zero()
    }
    fn absent() -> Option<Self> {
        Some(Self::ZERO)
    }
    fn put_always(&self, tag: u32, out: &mut Vec<u8>) {
        put_bytes(out, tag, self.to_string().as_bytes());
    }
    fn read(raw: Raw<'_>, field: &'static str) -> Result<Self, DecodeError> {
        text_of(raw, field)?.parse().map_err(|error| DecodeError::value(field, error))
    }
    fn json(&self) -> Value {
        Value::from(self.to_string())
    }
    fn of_json(value: &Value, field: &'static str) -> Result<Self, DecodeError> {
        parsed(value, field)
    }
}

macro_rules! labels {
    ($($type:ty),*) => {$(
        impl Scalar for $type {
            const PROTO: &'static str = "string";
            #[inline]
            fn put_always(&self, tag: u32, out: &mut Vec<u8>) {
                put_bytes(out, tag, self.as_bytes());
            }
            #[inline]
            fn read(raw: Raw<'_>, field: &'static str) -> Result<Self, DecodeError> {
                Self::new(text_of(raw, field)?).map_err(|error| DecodeError::value(field, error))
            }
            fn json(&self) -> Value { Value::from(self.as_str()) }
            fn of_json(value: &Value, field: &'static str) -> Result<Self, DecodeError> {
                Self::new(json_text(value, field)?).map_err(|error| DecodeError::value(field, error))
            }
        }
    )*};
}

labels!(Label, InstrumentId, AccountId, Currency, Source, Key, LimitSetId);

macro_rules! ids {
    ($($type:ident),*) => {$(
        impl Scalar for $type {
            const PROTO: &'static str = "bytes";
            #[inline]
            fn put_always(&self, tag: u32, out: &mut Vec<u8>) { put_bytes(out, tag, &self.0); }
            #[inline]
            fn read(raw: Raw<'_>, field: &'static str) -> Result<Self, DecodeError> {
                let bytes = bytes_of(raw, field)?;
                bytes.try_into().map(Self).map_err(|_| {
                    DecodeError::value(field, format!("{} bytes, not {}", bytes.len(), Self::BYTES))
                })
            }
            fn json(&self) -> Value { Value::from(self.to_string()) }
            fn of_json(value: &Value, field: &'static str) -> Result<Self, DecodeError> {
                parsed(value, field)
            }
        }
    )*};
}

ids!(EventId, TraceId, OrderId, BreakId, Digest);

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
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError>;

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
/// [`DecodeError::Json`] when it is no object, or has a field not in `known`.
pub fn object_of<'a>(
    value: &'a Value,
    message: &str,
    known: &[FieldText],
) -> Result<&'a serde_json::Map<String, Value>, DecodeError> {
    let Value::Object(entries) = value else {
        return Err(DecodeError::json(format!("{message} is a JSON object")));
    };
    match entries.keys().find(|name| known.iter().all(|field| field.name != **name)) {
        Some(unknown) => Err(DecodeError::json(format!("{message} has no field `{unknown}`"))),
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
