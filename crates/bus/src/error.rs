//! What can go wrong on the bus, sorted where it arises.

use std::{io, path::PathBuf};

use event::{DecodeError, EventId, Source};

use crate::{Position, Stream};

/// What a caller does about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// This message is bad: quarantine it and go on.
    Reject,
    /// Nothing was accepted; the same call may go through later.
    Retry,
    /// An invariant or an fsync failed: stop the process.
    Fatal,
}

/// Why a call on the bus failed.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The same source sequence or id with other bytes: two histories claim one place.
    #[error(
        "E2201 {source_name} sequence {source_seq} (event {event_id}) is in the log with other bytes; stop, and compare `blotter tail` with the emitter"
    )]
    Conflict {
        /// The source.
        source_name: Source,
        /// The sequence.
        source_seq: u64,
        /// The id offered.
        event_id: EventId,
    },
    /// A source skipped sequences.
    #[error("E2202 {source_name} offers sequence {found}, the next one is {expected}")]
    SourceGap {
        /// The source.
        source_name: Source,
        /// The next sequence.
        expected: u64,
        /// The sequence offered.
        found: u64,
    },
    /// What stands at a checkpoint is not what was read there: rewound, truncated or recreated.
    #[error("E2203 {stream:?} at index {} is not what was read there; refill from the journal before going on", .checkpoint.index)]
    StreamRewound {
        /// The stream.
        stream: Stream,
        /// The position remembered.
        checkpoint: Box<Position>,
    },
    /// No room: nothing of the call was accepted.
    #[error("E2204 no space left for {what}; free some and run again, nothing accepted is lost")]
    Full {
        /// What was refused.
        what: &'static str,
    },
    /// An fsync failed earlier, or whoever wrote panicked; nothing is accepted on unknown ground.
    #[error(
        "E2205 an earlier write failed half way; restart, after an error of the disk once it is sound"
    )]
    Poisoned,
    /// Another process writes this log.
    #[error("E2206 {path} has a writer already; use its socket, or stop it")]
    SecondWriter {
        /// The log.
        path: PathBuf,
    },
    /// The log is damaged.
    #[error("E2207 {path} is damaged: {detail}; run `blotter verify`")]
    Damaged {
        /// The log.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// An event's envelope cannot be read.
    #[error("E2208 an event's bytes cannot be read")]
    Decode(#[from] DecodeError),
    /// A root is known, and its producer says something else now.
    #[error(
        "E2210 root {event_id} is stored with other content; the new record is to be quarantined"
    )]
    RootDiffers {
        /// The root.
        event_id: EventId,
    },
    /// A unit holds an event of another source.
    #[error("E2211 a unit of {unit} holds an event of {found}; every source commits its own")]
    ForeignOutput {
        /// The unit's source.
        unit: Source,
        /// The event's source.
        found: Source,
    },
    /// Somebody else claimed the source: nothing is accepted under an earlier claim, not even what
    /// is stored already.
    #[error(
        "E2212 {source_name} is written under claim {newest} by another worker; this one holds {held} and writes no more"
    )]
    Fenced {
        /// The source.
        source_name: Source,
        /// The claim it was offered under.
        held: u64,
        /// The claim that holds.
        newest: u64,
    },
    /// The log goes on elsewhere than the caller believes: nothing of the call was accepted.
    #[error(
        "E2213 the log goes on at {found}, not at {expected}: others wrote into it; read on from there, then offer the same again"
    )]
    Moved {
        /// Where the caller believes it to go on.
        expected: u64,
        /// Where it goes on.
        found: u64,
    },
    /// The engine's own error, which says by itself what to do.
    #[error("{source}")]
    Engine {
        /// What a caller does about it.
        class: ErrorClass,
        /// The error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file system refused.
    #[error("E2209 {path}: {action}")]
    Io {
        /// Which path.
        path: PathBuf,
        /// What was attempted.
        action: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl BusError {
    /// What a caller does about it.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::Decode(_)
            | Self::SourceGap { .. }
            | Self::RootDiffers { .. }
            | Self::ForeignOutput { .. } => ErrorClass::Reject,
            Self::Engine { class, .. } => *class,
            Self::Full { .. } | Self::Moved { .. } => ErrorClass::Retry,
            Self::Conflict { .. }
            | Self::Fenced { .. }
            | Self::StreamRewound { .. }
            | Self::Poisoned
            | Self::SecondWriter { .. }
            | Self::Damaged { .. }
            | Self::Io { .. } => ErrorClass::Fatal,
        }
    }
}
