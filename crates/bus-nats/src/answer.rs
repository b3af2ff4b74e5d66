//! What the server's API answers, and what it says of messages.

use async_nats::jetstream::ErrorCode;
use serde::Deserialize;

/// Why the server refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct ApiError {
    /// As in HTTP.
    pub(crate) code: u16,
    #[serde(default)]
    pub(crate) err_code: ErrorCode,
    #[serde(default)]
    description: String,
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.description, self.err_code.0)
    }
}

impl ApiError {
    pub(crate) fn is(&self, code: ErrorCode) -> bool {
        self.err_code == code
    }

    /// Whether the server may say otherwise in a moment: it starts, its cluster gathers, or a
    /// leader is elected.
    pub(crate) fn is_passing(&self) -> bool {
        let passing = [
            ErrorCode::CLUSTER_NOT_AVAILABLE,
            ErrorCode::CLUSTER_NOT_LEADER,
            ErrorCode::CLUSTER_NO_PEERS,
        ];
        passing.contains(&self.err_code)
    }

    /// Whether there is no room.
    pub(crate) fn is_full(&self) -> bool {
        let full = [
            ErrorCode::STREAM_STORE_FAILED,
            ErrorCode::STORAGE_RESOURCES_EXCEEDED,
            ErrorCode::INSUFFICIENT_RESOURCES,
            ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
        ];
        full.contains(&self.err_code)
    }

    /// Whether nothing was stored and the same may be sent again: a part was lost on the way, or
    /// too much is underway.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.is(ErrorCode::ATOMIC_PUBLISH_INCOMPLETE_BATCH)
            || self.is(ErrorCode::ATOMIC_PUBLISH_TOO_MANY_INFLIGHT)
            || self.is_passing()
    }

    /// Whether the place or an id is taken: by somebody else, or by ourselves a moment ago.
    pub(crate) fn is_taken(&self) -> bool {
        self.is(ErrorCode::STREAM_WRONG_LAST_SEQUENCE)
            || self.is(ErrorCode::ATOMIC_PUBLISH_CONTAINS_DUPLICATE_MESSAGE)
            || self.is(ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT)
    }
}

impl Ack {
    /// Whether the server holds a message for one that it has, by its id.
    pub(crate) fn is_duplicate(&self) -> bool {
        let said = ErrorCode::ATOMIC_PUBLISH_CONTAINS_DUPLICATE_MESSAGE;
        self.duplicate || self.error.as_ref().is_some_and(|error| error.is(said))
    }
}

/// An answer of the API.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Answer<T> {
    /// No.
    Error {
        /// Why.
        error: ApiError,
    },
    /// Yes.
    Ok(T),
}

/// What is said of a message, or of the batch it ends.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ack {
    /// The sequence of the last message.
    #[serde(default)]
    pub(crate) seq: u64,
    /// Its messages.
    #[serde(default)]
    pub(crate) count: Option<u64>,
    /// Whether it was there already.
    #[serde(default)]
    pub(crate) duplicate: bool,
    /// Why not.
    #[serde(default)]
    pub(crate) error: Option<ApiError>,
}
