//! Assigns places. Engines use it when they accept; a single writer uses the same code to know the
//! places of what it has not committed yet.

use std::collections::BTreeMap;

use crate::{Header, Position, Stream};

/// Where an entry goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Its place in the total order.
    pub index: u64,
    /// Its place in its partition.
    pub sequence: u64,
}

/// The next places of one log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sequencer {
    next_index: u64,
    sequences: BTreeMap<(Stream, u16), u64>,
}

impl Sequencer {
    /// A sequencer that goes on after these.
    #[must_use]
    pub const fn after(next_index: u64, sequences: BTreeMap<(Stream, u16), u64>) -> Self {
        Self { next_index, sequences }
    }

    /// The place of the next entry in the total order.
    #[must_use]
    pub const fn next_index(&self) -> u64 {
        self.next_index
    }

    /// The last sequence of every partition that has one.
    #[must_use]
    pub const fn sequences(&self) -> &BTreeMap<(Stream, u16), u64> {
        &self.sequences
    }

    /// Places an event.
    pub fn place(&mut self, header: &Header) -> Placement {
        let sequence = self.sequences.entry((header.stream, header.partition)).or_default();
        *sequence += 1;
        Placement { sequence: *sequence, index: self.advance() }
    }

    /// Places a progress record.
    pub const fn advance(&mut self) -> u64 {
        let index = self.next_index;
        self.next_index += 1;
        index
    }

    /// Takes note of an entry that is in the log.
    pub fn observe(&mut self, position: &Position) {
        let _ = self.sequences.insert((position.stream, position.partition), position.sequence);
        self.next_index = position.index + 1;
    }
}
