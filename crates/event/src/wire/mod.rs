//! Bytes and JSON: the only place that knows how an event is written down.

pub(crate) mod codec;
pub(crate) mod declare;
mod json;
mod proto;

#[doc(hidden)]
pub use alloc::{format, vec::Vec};

#[doc(hidden)]
pub use serde_json;

pub use codec::{
    Blob, DecodeError, Field, FieldText, Fields, Message, Raw, Scalar, bad_value, bytes_of,
    object_of, put_nested, put_varint,
};
pub use json::{JsonRoot, event_from_json, event_to_json, root_from_json};
pub use proto::proto_text;

/// A closed choice, for the generated `.proto`.
pub trait Choice {
    /// The choice's name.
    const NAME: &'static str;
    /// Its variants' names and numbers.
    const VARIANTS: &'static [(&'static str, u32)];
}
