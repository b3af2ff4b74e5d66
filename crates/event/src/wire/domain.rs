//! Values with a domain: quantities, amounts, labels, ids. A value outside its domain never decodes.

use alloc::{format, string::ToString, vec::Vec};

use serde_json::Value;

use super::{
    DecodeError, Field, Fields, Raw, Scalar, bytes_of,
    plain::{json_text, parsed},
    put_nested,
    raw::{put_bytes, text_of},
};
use crate::{
    AccountId, Amount, BreakId, Currency, Digest, EventId, InstrumentId, Key, Label, LimitSetId,
    OrderId, Quantity, Source, TraceId,
};

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
        put_bytes(out, tag, self.decimal().as_bytes());
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
                Self::of_bytes(bytes_of(raw, field)?)
                    .map_err(|error| DecodeError::value(field, error))
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
