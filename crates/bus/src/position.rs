//! Places in streams.

use std::collections::BTreeMap;

use event::EventId;

use crate::Stream;

/// Where an event was accepted. Beside the event's bytes, never inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Which life of the stream: another number is another history.
    pub incarnation: u64,
    /// The stream.
    pub stream: Stream,
    /// The partition.
    pub partition: u16,
    /// The place in the partition, from 1, without gaps.
    pub sequence: u64,
    /// The place in the engine's total order, where it has one (the embedded log); else 0.
    pub index: u64,
    /// The event accepted there: resuming checks it, so a rewound stream is seen.
    pub event_id: EventId,
}

/// A set of positions, one sequence per stream partition: how far something has read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// The last sequence read, by stream and partition.
    pub sequences: BTreeMap<(Stream, u16), u64>,
    /// The next place in the total order, where the engine has one.
    pub next_index: u64,
}
