//! Why the journal stops.

use segment::SegmentError;

/// Why the journal cannot go on. Every one of them stops the process: an audit log that guesses is
/// worse than none.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The files failed or are damaged.
    #[error("E5201 the journal's files cannot be used")]
    Segment(#[from] SegmentError),
    /// The bus skipped a position.
    #[error(
        "E5202 the bus gave index {found} where {expected} was due; entries between are missing"
    )]
    Gap {
        /// The index due.
        expected: u64,
        /// The index given.
        found: u64,
    },
    /// The bus holds other bytes at a position the journal has.
    #[error(
        "E5203 the bus holds other bytes at index {index} than the journal took there; the log was rewound or recreated: keep the journal, restore the log from it"
    )]
    Rewound {
        /// The index.
        index: u64,
    },
    /// A record of the journal is not in the form this version writes.
    #[error(
        "E5204 journal record {index} has form {found}, known here is {known}; upgrade blotter"
    )]
    Form {
        /// The record.
        index: u64,
        /// Its form.
        found: u16,
        /// The form known here.
        known: u16,
    },
}
