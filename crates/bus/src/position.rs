//! Places in streams.

use std::collections::BTreeMap;

use event::{
    DecodeError, EventId, message, nested,
    wire::{Message as _, bad_value},
};

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
    /// The last event read: what stands there is compared before a bus goes on from here.
    pub last: Option<Position>,
}

impl Cut {
    /// Before the entry at `index`, whatever was there before it.
    #[must_use]
    pub fn at_index(index: u64) -> Self {
        Self { next_index: index, ..Self::default() }
    }

    /// Takes note of an event read.
    pub fn advance(&mut self, position: &Position) {
        let _ = self.sequences.insert((position.stream, position.partition), position.sequence);
        self.next_index = position.index + 1;
        self.last = Some(*position);
    }

    /// The last sequence read of a partition, zero before the first.
    #[must_use]
    pub fn sequence(&self, stream: Stream, partition: u16) -> u64 {
        self.sequences.get(&(stream, partition)).copied().unwrap_or(0)
    }

    /// The bytes of a checkpoint.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(96);
        let partitions = self.sequences.iter().map(|(&(stream, partition), &sequence)| Read {
            stream: stream as u32,
            partition: u32::from(partition),
            sequence,
        });
        Checkpoint {
            next_index: self.next_index,
            incarnation: self.last.map(|last| last.incarnation),
            last_stream: self.last.map(|last| last.stream as u32),
            last_partition: self.last.map(|last| u32::from(last.partition)),
            last_sequence: self.last.map(|last| last.sequence),
            last_index: self.last.map(|last| last.index),
            last_id: self.last.map(|last| last.event_id),
            partitions: partitions.collect(),
        }
        .encode(&mut out);
        out
    }

    /// Reads the bytes of a checkpoint.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let read = Checkpoint::decode(bytes)?;
        let sequences = read
            .partitions
            .iter()
            .map(|at| Ok(((stream_of(at.stream)?, partition_of(at.partition)?), at.sequence)));
        let sequences = sequences.collect::<Result<_, DecodeError>>()?;
        let last = match read.last_id {
            None => None,
            Some(event_id) => Some(Position {
                incarnation: read.incarnation.unwrap_or(0),
                stream: stream_of(read.last_stream.unwrap_or(0))?,
                partition: partition_of(read.last_partition.unwrap_or(0))?,
                sequence: read.last_sequence.unwrap_or(0),
                index: read.last_index.unwrap_or(0),
                event_id,
            }),
        };
        Ok(Self { sequences, next_index: read.next_index, last })
    }
}

fn stream_of(number: u32) -> Result<Stream, DecodeError> {
    u8::try_from(number)
        .ok()
        .and_then(Stream::of_number)
        .ok_or_else(|| bad_value("stream", "no stream has this number"))
}

fn partition_of(number: u32) -> Result<u16, DecodeError> {
    u16::try_from(number).map_err(|_| bad_value("partition", "above 65535"))
}

message! {
    /// How far one partition was read.
    Read {
        /// The stream's number.
        1 stream: u32,
        /// The partition.
        2 partition: u32,
        /// The last sequence read.
        3 sequence: u64,
    }

    /// How far somebody has read.
    Checkpoint {
        /// The next place in the total order.
        1 next_index: u64,
        /// The incarnation that was read.
        2 incarnation: Option<u64>,
        /// The stream of the last event read.
        3 last_stream: Option<u32>,
        /// Its partition.
        4 last_partition: Option<u32>,
        /// Its sequence.
        5 last_sequence: Option<u64>,
        /// Its place in the total order.
        6 last_index: Option<u64>,
        /// Its id.
        7 last_id: Option<EventId>,
        /// Every partition read.
        8 partitions: Vec<Read>,
    }
}

nested!(Read);
