//! How a type stands in a message, and what holds it: one value, perhaps one, several.

use alloc::vec::Vec;

use serde_json::Value;

use super::{DecodeError, Fields, Raw};

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

    /// Takes the field where canonical bytes have it: next, or nowhere. `None` when it is not as
    /// it should be; reading it in any order then says what is wrong, or that nothing is.
    fn take(fields: &mut Fields<'_>, tag: u32, field: &'static str) -> Option<Self>;

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

    #[inline(always)]
    fn take(fields: &mut Fields<'_>, tag: u32, field: &'static str) -> Option<Self> {
        match fields.next_if(tag)? {
            Some(raw) => T::read(raw, field).ok(),
            None => T::absent(),
        }
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

    #[inline(always)]
    fn take(fields: &mut Fields<'_>, tag: u32, field: &'static str) -> Option<Self> {
        match fields.next_if(tag)? {
            Some(raw) => T::read(raw, field).ok().map(Some),
            None => Some(None),
        }
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

    #[inline(always)]
    fn take(fields: &mut Fields<'_>, tag: u32, field: &'static str) -> Option<Self> {
        let mut values = Self::new();
        while let Some(raw) = fields.next_if(tag)? {
            values.push(T::read(raw, field).ok()?);
        }
        Some(values)
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
