//! Between which effects a part died.

use std::collections::BTreeMap;

use crate::part::{Effect, PartKind};

/// Between which effects parts went on, and between which they died.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    pairs: BTreeMap<(PartKind, Effect, Effect), (u64, u64)>,
}

impl Coverage {
    pub(crate) fn passed(&mut self, kind: PartKind, last: Effect, next: Effect) {
        self.pairs.entry((kind, last, next)).or_default().0 += 1;
    }

    pub(crate) fn died(&mut self, kind: PartKind, last: Effect, next: Effect) {
        self.pairs.entry((kind, last, next)).or_default().1 += 1;
    }

    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        for (pair, (passed, died)) in &other.pairs {
            let sum = self.pairs.entry(*pair).or_default();
            *sum = (sum.0 + passed, sum.1 + died);
        }
    }

    /// Every pair of effects that followed one another: how often, and how often a crash came
    /// between.
    pub fn pairs(&self) -> impl Iterator<Item = (PartKind, Effect, Effect, u64, u64)> + '_ {
        self.pairs
            .iter()
            .map(|(&(kind, last, next), &(passed, died))| (kind, last, next, passed, died))
    }

    /// Pairs that no crash came between.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.pairs.values().filter(|(_, died)| *died == 0).count()
    }
}
