//! Why bytes or JSON are not an event.

use alloc::string::{String, ToString};

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
    /// A field of JSON that the message does not have.
    #[error("E1008 {message} has no field `{field}`")]
    UnknownField {
        /// The message.
        message: String,
        /// The field.
        field: String,
    },
}

impl DecodeError {
    pub(crate) fn value(field: &'static str, reason: impl ToString) -> Self {
        Self::Value { field, reason: reason.to_string() }
    }

    pub(crate) fn json(reason: impl ToString) -> Self {
        Self::Json { reason: reason.to_string() }
    }
}

/// The error of a value outside its domain.
#[doc(hidden)]
pub fn bad_value(field: &'static str, reason: impl ToString) -> DecodeError {
    DecodeError::value(field, reason)
}
