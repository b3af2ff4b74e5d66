//! From the contract's words to the segment log's, and back.

use std::path::Path;

use bus::{BusError, ErrorClass};
use segment::SegmentError;

/// The tag of an event's record.
pub(crate) const EVENT: u8 = 1;
/// The tag of a progress record.
pub(crate) const PROGRESS: u8 = 2;

/// The log was shut down while a handle to it was still in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("E2220 the log was shut down; nothing more is accepted until blotter runs again")]
pub(crate) struct Closed;

impl From<Closed> for BusError {
    fn from(closed: Closed) -> Self {
        Self::Engine { class: ErrorClass::Retry, source: Box::new(closed) }
    }
}

/// Says a segment log's error in the contract's words.
pub(crate) fn bus_error(dir: &Path, error: SegmentError) -> BusError {
    match error {
        SegmentError::Full { .. } => BusError::Full { what: "new events" },
        SegmentError::Poisoned => BusError::Poisoned,
        SegmentError::SecondWriter { dir } => BusError::SecondWriter { path: dir },
        SegmentError::Io { action, path, source } => BusError::Io { path, action, source },
        SegmentError::Damage { .. } => {
            BusError::Damaged { path: dir.to_path_buf(), detail: error.to_string() }
        }
        other => {
            let class = match other.class() {
                segment::Class::Reject => ErrorClass::Reject,
                segment::Class::Retry => ErrorClass::Retry,
                segment::Class::Fatal => ErrorClass::Fatal,
            };
            BusError::Engine { class, source: Box::new(other) }
        }
    }
}
