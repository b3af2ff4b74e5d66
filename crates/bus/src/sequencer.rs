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
#[derive(Clone, Debug, Default)]
pub struct Sequencer {
    next_index: u64,
    /// Last sequences by stream, then partition; a table, because every event asks it.
    last: [Vec<u64>; Stream::ALL.len()],
}

impl Sequencer {
    /// A sequencer that goes on after these.
    #[must_use]
    pub fn after(next_index: u64, sequences: BTreeMap<(Stream, u16), u64>) -> Self {
        let mut sequencer = Self { next_index, ..Self::default() };
        for ((stream, partition), sequence) in sequences {
            if let Some(last) = sequencer.slot(stream, partition) {
                *last = sequence;
            }
        }
        sequencer
    }

    /// The place of the next entry in the total order.
    #[must_use]
    pub const fn next_index(&self) -> u64 {
        self.next_index
    }

    /// The last sequence of every partition that has one.
    #[must_use]
    pub fn sequences(&self) -> BTreeMap<(Stream, u16), u64> {
        let of_stream = |(&stream, last): (&Stream, &Vec<u64>)| {
            let places = (0_u16..).zip(last.clone());
            places.map(move |(partition, sequence)| ((stream, partition), sequence))
        };
        let all = Stream::ALL.iter().zip(&self.last).flat_map(of_stream);
        all.filter(|&(_, sequence)| sequence > 0).collect()
    }

    /// Places an event.
    #[inline]
    pub fn place(&mut self, header: &Header) -> Placement {
        let mut sequence = 0;
        if let Some(last) = self.slot(header.stream, header.partition) {
            *last += 1;
            sequence = *last;
        }
        Placement { sequence, index: self.advance() }
    }

    /// Places a progress record.
    pub const fn advance(&mut self) -> u64 {
        let index = self.next_index;
        self.next_index += 1;
        index
    }

    /// Takes note of an entry that is in the log.
    pub fn observe(&mut self, position: &Position) {
        if let Some(last) = self.slot(position.stream, position.partition) {
            // Where several write at a time they need not ascend along the log.
            *last = position.sequence.max(*last);
        }
        self.next_index = position.index + 1;
    }

    /// Goes on at `index` at the least: entries below it say nothing of sequences.
    pub const fn skip_to(&mut self, index: u64) {
        if self.next_index < index {
            self.next_index = index;
        }
    }

    /// The last sequence of a partition; a table grows to the partitions it is asked for.
    #[inline]
    fn slot(&mut self, stream: Stream, partition: u16) -> Option<&mut u64> {
        // Families are numbered from 1 without gaps.
        let of_stream = self.last.get_mut(stream as usize - 1)?;
        let at = usize::from(partition);
        if at >= of_stream.len() {
            of_stream.resize(at + 1, 0);
        }
        of_stream.get_mut(at)
    }
}
