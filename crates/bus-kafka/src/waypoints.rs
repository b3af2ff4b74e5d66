//! Known places of the order topic, so that nothing is looked for from its beginning.

use std::collections::BTreeMap;

use event::Source;

/// A place in the order topic: the next entry there, and the next place in the total order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// An offset at or before the next entry.
    pub(crate) offset: i64,
    /// The place of that entry's first event.
    pub(crate) index: u64,
}

/// Entries between two waypoints.
const STRIDE: u64 = 4096;

/// Some of the places, in order, and some for every source.
#[derive(Debug, Default)]
pub(crate) struct Waypoints {
    by_index: Vec<Place>,
    by_source: BTreeMap<Source, Vec<(u64, Place)>>,
}

impl Waypoints {
    /// Takes note of an entry that begins at `place`, with the events of `source` from `first_seq`.
    pub(crate) fn note(&mut self, place: Place, source: Source, first_seq: u64) {
        if self.by_index.last().is_none_or(|last| last.index + STRIDE <= place.index) {
            self.by_index.push(place);
        }
        let of_source = self.by_source.entry(source).or_default();
        if of_source.last().is_none_or(|(seq, _)| seq + STRIDE <= first_seq) {
            of_source.push((first_seq, place));
        }
    }

    /// The last known place at or before `index`.
    pub(crate) fn before_index(&self, index: u64) -> Place {
        let after = self.by_index.partition_point(|place| place.index <= index);
        after.checked_sub(1).and_then(|at| self.by_index.get(at)).copied().unwrap_or_default()
    }

    /// The last known place at or before a place in a source's sequence; `None` for a source never
    /// seen.
    pub(crate) fn before_seq(&self, source: Source, seq: u64) -> Option<Place> {
        let of_source = self.by_source.get(&source)?;
        let after = of_source.partition_point(|(first, _)| *first <= seq);
        of_source.get(after.saturating_sub(1)).map(|(_, place)| *place)
    }
}
