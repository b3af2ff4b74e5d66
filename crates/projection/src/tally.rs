//! How many events of each kind.

use alloc::{collections::BTreeMap, vec::Vec};

use event::{
    Family, Kind, message, nested,
    wire::{DecodeError, Message},
};

message! {
    /// The count of one kind.
    KindCount {
        /// The kind's number.
        1 kind: u32,
        /// How many.
        2 events: u64,
    }

    /// All counts.
    TallyState {
        /// By kind, in order of their numbers.
        1 kinds: Vec<KindCount>,
        /// Events of kinds this version does not know.
        2 unknown: u64,
    }
}

nested!(KindCount);

/// Counts of events by kind and family. No part of any digest: restarts count too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    kinds: BTreeMap<Kind, u64>,
    unknown: u64,
}

impl Tally {
    /// Counts an event; `None` is a kind this version does not know.
    pub fn note(&mut self, kind: Option<Kind>) {
        let slot = match kind {
            Some(kind) => self.kinds.entry(kind).or_default(),
            None => &mut self.unknown,
        };
        *slot = slot.saturating_add(1);
    }

    /// Events in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.kinds.values().copied().fold(self.unknown, u64::saturating_add)
    }

    /// Events of a kind.
    #[must_use]
    pub fn kind(&self, kind: Kind) -> u64 {
        self.kinds.get(&kind).copied().unwrap_or(0)
    }

    /// Events of a family.
    #[must_use]
    pub fn family(&self, family: Family) -> u64 {
        let of_family = self.kinds.iter().filter(|(kind, _)| kind.family() == family);
        of_family.map(|(_, events)| *events).fold(0, u64::saturating_add)
    }

    /// Kinds seen, with their counts, in order of their numbers.
    pub fn kinds(&self) -> impl Iterator<Item = (Kind, u64)> {
        self.kinds.iter().map(|(kind, events)| (*kind, *events))
    }

    /// Events of kinds this version does not know.
    #[must_use]
    pub const fn unknown(&self) -> u64 {
        self.unknown
    }

    /// The counts as bytes.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let kinds = self.kinds().map(|(kind, events)| KindCount { kind: kind as u32, events });
        let mut out = Vec::new();
        TallyState { kinds: kinds.collect(), unknown: self.unknown }.encode(&mut out);
        out
    }

    /// Takes back what [`Tally::snapshot`] gave.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are damaged.
    pub fn restore(bytes: &[u8]) -> Result<Self, DecodeError> {
        let state = TallyState::decode(bytes)?;
        let mut tally = Self { kinds: BTreeMap::new(), unknown: state.unknown };
        for count in state.kinds {
            match u16::try_from(count.kind).ok().and_then(Kind::of_number) {
                Some(kind) => drop(tally.kinds.insert(kind, count.events)),
                None => tally.unknown = tally.unknown.saturating_add(count.events),
            }
        }
        Ok(tally)
    }
}
