//! What a bus in memory holds.

use std::collections::BTreeMap;

use bytes::Bytes;
use event::{EventId, Source, Timestamp};

use crate::{
    BusError, Cut, Delivered, Entry, Foreign, Head, Ledger, Position, Progress, Record, Stored,
    Stream, Unit,
};

#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) incarnation: u64,
    pub(super) room: Option<usize>,
    /// Entries that readers may see: a unit is not among them before its call is decided.
    settled: usize,
    /// Whether nothing more is accepted.
    pub(super) closed: bool,
    entries: Vec<Entry>,
    /// The first index of each place in a source's sequence.
    by_source: BTreeMap<(Source, u64), usize>,
    /// Last sequences, those transactions took for themselves among them.
    sequences: BTreeMap<(Stream, u16), u64>,
}

impl Store {
    pub(super) fn new(incarnation: u64) -> Self {
        Self { incarnation, ..Self::default() }
    }

    pub(super) const fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) const fn settled(&self) -> usize {
        self.settled
    }

    pub(super) const fn settle(&mut self) {
        self.settled = self.entries.len();
    }

    pub(super) fn entry(&self, index: u64) -> Option<&Entry> {
        self.entries.get(index as usize)
    }

    pub(super) fn entries(&self, from: u64, max: usize) -> Vec<Entry> {
        self.entries.iter().skip(from as usize).take(max).cloned().collect()
    }

    pub(super) fn heads(&self) -> Vec<Head> {
        let head = |(&(stream, partition), &sequence)| Head { stream, partition, sequence };
        self.sequences.iter().map(head).collect()
    }

    pub(super) fn is_full_for(&self, unit: &Unit) -> bool {
        let bound = match (self.room, unit.holds_market_data()) {
            (None, _) => return false,
            (Some(room), true) => room,
            (Some(room), false) => room * 2,
        };
        self.entries.len() + unit.outputs.len() >= bound
    }

    pub(super) fn push_event(&mut self, position: Position, record: Record) {
        let header = record.header();
        let place = (header.source, header.source_seq);
        let _ = self.by_source.entry(place).or_insert(self.entries.len());
        let _ = self.sequences.insert((position.stream, position.partition), position.sequence);
        // Nothing in memory has a wall clock; the index stands in for it.
        let stored_at = Timestamp(position.index as i64);
        self.entries.push(Entry::Event(Delivered { position, stored_at, record }));
    }

    pub(super) fn push_progress(&mut self, progress: Progress) {
        let index = self.entries.len() as u64;
        let stored_at = Timestamp(index as i64);
        let bytes = progress.to_bytes().into();
        self.entries.push(Entry::Progress { index, stored_at, bytes, progress });
    }

    /// What a stranger writes is stored as it comes, and shown at once.
    pub(super) fn push_foreign(&mut self, bytes: Bytes) {
        let index = self.entries.len() as u64;
        let stored_at = Timestamp(index as i64);
        let (place, why) = ("memory".into(), Some("nobody of ours wrote it".into()));
        self.entries.push(Entry::Foreign(Foreign { index, stored_at, place, why, bytes }));
        self.settle();
    }

    /// The next sequence of a partition.
    pub(super) fn next_sequence(&self, position: &Position) -> u64 {
        self.sequences.get(&(position.stream, position.partition)).map_or(1, |last| last + 1)
    }

    /// A transaction's marker takes a sequence in every partition it wrote to.
    pub(super) fn mark_transaction(&mut self, positions: &[Position]) {
        let mut places: Vec<_> = positions.iter().map(|p| (p.stream, p.partition)).collect();
        places.sort_unstable();
        places.dedup();
        for place in places {
            *self.sequences.entry(place).or_default() += 1;
        }
    }

    /// Whether an index is among the last `ids`.
    pub(super) fn is_within(&self, index: u64, ids: usize) -> bool {
        index as usize + ids >= self.entries.len()
    }

    /// Where a repeat of what stands at `position` is stored once more.
    pub(super) fn position_of_repeat(&self, position: &Position) -> Position {
        Position {
            sequence: self.next_sequence(position),
            index: self.entries.len() as u64,
            ..*position
        }
    }

    /// Whether the same place in the source's sequence stands earlier.
    pub(super) fn is_repeat(&self, delivered: &Delivered) -> bool {
        let header = delivered.record.header();
        let first = self.by_source.get(&(header.source, header.source_seq));
        first.is_some_and(|&first| (first as u64) < delivered.position.index)
    }

    pub(super) fn truncate(&mut self, length: usize) {
        if length >= self.entries.len() {
            return;
        }
        self.entries.truncate(length);
        self.settled = self.settled.min(length);
        self.by_source.retain(|_, first| *first < length);
        self.sequences.clear();
        for entry in &self.entries {
            if let Entry::Event(Delivered { position, .. }) = entry {
                let place = (position.stream, position.partition);
                let _ = self.sequences.insert(place, position.sequence);
            }
        }
    }

    pub(super) fn note_all(&self, ledger: &mut Ledger) {
        for entry in &self.entries {
            match entry {
                Entry::Event(delivered) => {
                    let header = delivered.record.header();
                    ledger.note_event(&delivered.position, header.source, header.source_seq);
                }
                Entry::Progress { index, progress, .. } => {
                    ledger.note_progress(*index, progress);
                }
                Entry::Foreign(foreign) => ledger.skip_to(foreign.index + 1),
            }
        }
    }

    /// Holds a cut against what is stored.
    pub(super) fn check(&self, cut: &Cut) -> Result<(), BusError> {
        let Some(last) = cut.last else { return Ok(()) };
        match self.entry(last.index) {
            Some(Entry::Event(there)) if there.position == last => Ok(()),
            _ => Err(BusError::StreamRewound { stream: last.stream, checkpoint: Box::new(last) }),
        }
    }

    pub(super) fn first_at(&self, time: Timestamp) -> u64 {
        let late = |entry: &Entry| match entry {
            Entry::Event(delivered) => delivered.record.header().time >= time,
            Entry::Progress { .. } | Entry::Foreign(_) => false,
        };
        self.entries.iter().position(late).unwrap_or(self.entries.len()) as u64
    }

    pub(super) fn lookup(&self, id: EventId) -> Option<Delivered> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Event(delivered) if delivered.position.event_id == id => Some(delivered.clone()),
            _ => None,
        })
    }
}

impl Stored for Store {
    fn find(&self, source: Source, source_seq: u64) -> Result<Option<Delivered>, BusError> {
        let index = self.by_source.get(&(source, source_seq)).copied();
        index.map_or(Ok(None), |index| self.at(index as u64))
    }

    fn at(&self, index: u64) -> Result<Option<Delivered>, BusError> {
        Ok(match self.entry(index) {
            Some(Entry::Event(delivered)) => Some(delivered.clone()),
            _ => None,
        })
    }

    fn durable_next(&self) -> u64 {
        self.entries.len() as u64
    }
}
