//! What goes wrong with a server, sorted where it arises.

use bus::{BusError, ErrorClass};

/// Why a call on a bus over NATS failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NatsError {
    /// The server did not answer in time. What was underway is settled before anything else is
    /// accepted.
    #[error("E2301 the NATS server at {url} cannot be reached: {why}")]
    Unreachable {
        /// Where.
        url: String,
        /// What was seen.
        why: String,
    },
    /// The server does not let us in.
    #[error("E2302 the NATS server at {url} refused to let us in: {why}")]
    Denied {
        /// Where.
        url: String,
        /// What it said.
        why: String,
    },
    /// The server lacks what a unit needs.
    #[error(
        "E2303 nats-server {found} is too old; units need atomic batches, which came with {needed}"
    )]
    TooOld {
        /// Its version.
        found: String,
        /// The oldest that will do.
        needed: &'static str,
    },
    /// The server keeps no streams.
    #[error("E2304 the NATS server at {url} has no JetStream: {why}")]
    NoJetStream {
        /// Where.
        url: String,
        /// What it said.
        why: String,
    },
    /// The stream is not as it has to be.
    #[error("E2305 stream {stream} has {setting} {found}, needed is {needed}")]
    Configured {
        /// The stream.
        stream: String,
        /// Which setting.
        setting: &'static str,
        /// What it is.
        found: String,
        /// What it has to be.
        needed: String,
    },
    /// Acknowledgements may be lost with the power.
    #[error("E2306 acknowledgements of stream {stream} may not be durable: {why}")]
    Lazy {
        /// The stream.
        stream: String,
        /// How that is known, or why it is not.
        why: String,
    },
    /// Somebody else wrote where we are to write alone.
    #[error("E2307 another writer has written to {what}; this one stops")]
    Fenced {
        /// The stream, or the source.
        what: String,
    },
    /// A unit does not fit into one atomic batch.
    #[error("E2308 a unit of {messages} messages is larger than the {limit} of an atomic batch")]
    UnitTooLarge {
        /// Its messages.
        messages: usize,
        /// The server's limit.
        limit: usize,
    },
    /// An event is larger than the server takes.
    #[error(
        "E2309 an event of {bytes} bytes with its headers is larger than the server's limit of {limit}"
    )]
    EventTooLarge {
        /// Its bytes.
        bytes: usize,
        /// The server's limit.
        limit: usize,
    },
    /// The server stored a part of a batch, which it promises not to.
    #[error(
        "E2316 the server stored {stored} of the {of} messages of a batch and no more, as one does that runs out of \
         room; the rest follows when its units are offered again"
    )]
    Torn {
        /// Messages it stored.
        stored: usize,
        /// Messages it was given.
        of: usize,
    },
    /// An entry is gone that must not go.
    #[error("E2311 the entry at index {index} of stream {stream} was removed")]
    Removed {
        /// The stream.
        stream: String,
        /// Where.
        index: u64,
    },
    /// The server refused for a reason of its own.
    #[error("E2312 the NATS server refused {what}: {why}")]
    Refused {
        /// What.
        what: String,
        /// What it said, with its code.
        why: String,
        /// Whether the same may go through later.
        passes: bool,
    },
    /// The stream is gone or was made anew.
    #[error("E2313 stream {stream} was deleted or made anew while it was in use")]
    Recreated {
        /// The stream.
        stream: String,
    },
    /// The bus was shut down while a handle to it was still in use.
    #[error("E2315 the bus was shut down; nothing more is accepted until blotter runs again")]
    Closed,
    /// An option cannot be used.
    #[error("E2314 {option}: {why}")]
    Option {
        /// Which one.
        option: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

impl NatsError {
    /// What a caller does about it.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::Unreachable { .. }
            | Self::Refused { passes: true, .. }
            | Self::Torn { .. }
            | Self::Closed => ErrorClass::Retry,
            Self::UnitTooLarge { .. } | Self::EventTooLarge { .. } => ErrorClass::Reject,
            _ => ErrorClass::Fatal,
        }
    }

    /// The engine's own error within the contract's, where it is one.
    #[must_use]
    pub fn of(error: &BusError) -> Option<&Self> {
        match error {
            BusError::Engine { source, .. } => source.downcast_ref(),
            _ => None,
        }
    }
}

impl From<NatsError> for BusError {
    fn from(error: NatsError) -> Self {
        Self::Engine { class: error.class(), source: Box::new(error) }
    }
}
