//! From the contract's words to the segment log's, and back.

use std::path::Path;

use bus::BusError;
use segment::SegmentError;

/// The tag of an event's record.
pub(crate) const EVENT: u8 = 1;
/// The tag of a progress record.
pub(crate) const PROGRESS: u8 = 2;

/// Says a segment log's error in the contract's words.
pub(crate) fn bus_error(dir: &Path, error: SegmentError) -> BusError {
    match error {
        SegmentError::Full { .. } => BusError::Full { what: "new events" },
        SegmentError::Poisoned => BusError::Poisoned,
        SegmentError::SecondWriter { dir } => BusError::SecondWriter { path: dir },
        SegmentError::Io { action, path, source } => BusError::Io { path, action, source },
        other => BusError::Damaged { path: dir.to_path_buf(), detail: other.to_string() },
    }
}
