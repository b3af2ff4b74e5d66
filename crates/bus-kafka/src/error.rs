//! What goes wrong with Kafka, sorted where it arises.

use std::path::PathBuf;

use bus::{BusError, ErrorClass};

/// Why a call on a bus over Kafka failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KafkaBusError {
    /// No server answered in time. What was underway is settled before anything else is accepted.
    #[error("E2401 the Kafka servers at {brokers} cannot be reached: {why}")]
    Unreachable {
        /// Where.
        brokers: String,
        /// What was seen.
        why: String,
    },
    /// The servers do not let us in, or not do that.
    #[error("E2402 the Kafka servers refused: {why}")]
    Denied {
        /// What they said.
        why: String,
    },
    /// The servers lack what a unit needs.
    #[error("E2403 the Kafka servers are too old or lack {what}: {why}")]
    Unsupported {
        /// What is lacking.
        what: &'static str,
        /// What was seen.
        why: String,
    },
    /// A topic is not as it has to be.
    #[error("E2404 topic {topic} has {setting} {found}, needed is {needed}")]
    Configured {
        /// The topic.
        topic: String,
        /// Which setting.
        setting: &'static str,
        /// What it is.
        found: String,
        /// What it has to be.
        needed: String,
    },
    /// Acknowledgements may be lost with the power.
    #[error("E2405 what topic {topic} acknowledges may not be durable: {why}")]
    Lazy {
        /// The topic.
        topic: String,
        /// How that is known.
        why: String,
    },
    /// Somebody else opened the bus under the same name.
    #[error("E2406 another process writes as {name} now; this one is fenced and writes no more")]
    Fenced {
        /// The name.
        name: String,
    },
    /// A message is larger than the servers take.
    #[error("E2407 an event of {bytes} bytes is larger than the servers take: {why}")]
    TooLarge {
        /// The largest of the call.
        bytes: usize,
        /// What was said.
        why: String,
    },
    /// What somebody else wrote stands in a topic of ours, in a place where it cannot be stepped
    /// over.
    #[error("E2408 {topic} partition {partition} offset {offset} is not of this bus: {why}")]
    Foreign {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset.
        offset: i64,
        /// What was found.
        why: String,
    },
    /// Something of the bus is gone: a topic was removed, made anew or cut short.
    #[error("E2409 {topic} partition {partition} lacks offset {offset}, which the order names")]
    Gone {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset.
        offset: i64,
    },
    /// The transaction was aborted.
    #[error("E2410 the transaction was aborted, nothing of it is visible: {why}")]
    Aborted {
        /// What was said.
        why: String,
    },
    /// Whether the transaction was committed is not known yet.
    #[error("E2411 whether the last call was accepted is not known: {why}")]
    Undecided {
        /// What was said.
        why: String,
    },
    /// The bus was shut down.
    #[error("E2412 the bus was shut down; nothing more is accepted")]
    Closed,
    /// The client refuses its settings.
    #[error("E2413 the Kafka client cannot be made: {why}")]
    Settings {
        /// What it said.
        why: String,
    },
    /// The file with the client's settings cannot be read.
    #[error("E2414 {path} does not hold settings of a Kafka client: {why}")]
    SettingsFile {
        /// The file.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// Who only reads found no bus.
    #[error("E2415 there is no bus at {brokers}: topic {topic} {why}")]
    Absent {
        /// Where.
        brokers: String,
        /// The topic that was looked for.
        topic: String,
        /// What was found.
        why: &'static str,
    },
}

impl KafkaBusError {
    /// What a caller does about it.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::Unreachable { .. }
            | Self::Aborted { .. }
            | Self::Undecided { .. }
            | Self::Closed => ErrorClass::Retry,
            Self::TooLarge { .. } => ErrorClass::Reject,
            Self::Denied { .. }
            | Self::Unsupported { .. }
            | Self::Configured { .. }
            | Self::Lazy { .. }
            | Self::Fenced { .. }
            | Self::Foreign { .. }
            | Self::Gone { .. }
            | Self::Settings { .. }
            | Self::SettingsFile { .. }
            | Self::Absent { .. } => ErrorClass::Fatal,
        }
    }
}

impl From<KafkaBusError> for BusError {
    fn from(error: KafkaBusError) -> Self {
        Self::Engine { class: error.class(), source: Box::new(error) }
    }
}
