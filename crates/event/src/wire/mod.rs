//! Bytes and JSON: the only place that knows how an event is written down.

pub(crate) mod declare;
mod domain;
mod error;
mod field;
mod json;
mod message;
mod plain;
mod proto;
mod raw;

#[doc(hidden)]
pub use alloc::{format, vec::Vec};

#[doc(hidden)]
pub use serde_json;

pub use error::{DecodeError, bad_value};
pub use field::{Field, Scalar};
pub use json::{JsonRoot, event_from_json, event_to_json, root_from_json};
pub use message::{FieldText, Message, object_of};
pub use plain::Blob;
pub use proto::proto_text;
pub use raw::{Fields, Raw, bytes_of, put_nested, put_varint};

/// A closed choice, for the generated `.proto`.
pub trait Choice {
    /// The choice's name.
    const NAME: &'static str;
    /// Its variants' names and numbers.
    const VARIANTS: &'static [(&'static str, u32)];
}
