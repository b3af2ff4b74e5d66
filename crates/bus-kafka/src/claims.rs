//! Who may write a source, as the order topic says.
//!
//! Servers do not compare what is offered with what is there, so an entry under an earlier claim can
//! come to stand behind a later one. It takes no place then: whoever walks the order topic has met
//! the later claim before, and steps over it alike.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use event::Source;

use crate::{adopted::Adopted, order::OrderEntry};

/// Claims met so far, by where they stand. Walks share it: each begins where all before is known, and
/// adds what it meets.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    of: Mutex<BTreeMap<Source, BTreeMap<i64, u64>>>,
    /// What of others has a place, which walks learn and share in the same way.
    pub(crate) adopted: Adopted,
}

impl Claims {
    /// Takes note of an entry that stands at `offset`. False when it takes no place, since its source
    /// was claimed before it by another.
    pub(crate) fn admit(&self, offset: i64, entry: &OrderEntry) -> bool {
        // What is known only grows, by one insertion at a time.
        let mut claims = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let of_source = claims.get(&entry.source);
        let before = of_source.and_then(|of_source| of_source.range(..offset).next_back());
        let newest = before.map_or(0, |(_, epoch)| *epoch);
        if entry.claims == 0 {
            return entry.epoch >= newest;
        }
        if entry.claims > newest {
            let _ = claims.entry(entry.source).or_default().insert(offset, entry.claims);
        }
        entry.claims > newest
    }
}

#[cfg(test)]
mod tests {
    use bus::Unit;
    use event::Timestamp;

    use super::*;

    fn entry(unit: &Unit) -> OrderEntry {
        OrderEntry::of(unit, 0, &[], None, 1, Timestamp(0), 1)
    }

    #[test]
    fn what_stands_behind_a_later_claim_takes_no_place_however_it_is_walked() {
        let source = Source::new("risk/A").unwrap();
        let (first, second) =
            (entry(&Unit::claiming(source, 1, 7)), entry(&Unit::claiming(source, 2, 7)));
        let mut unclaimed = Unit::of_roots(source, Vec::new());
        unclaimed.mark = Some(1);
        let under = |epoch| entry(&Unit { epoch, ..unclaimed.clone() });
        let walk = [
            (2, under(0), true),
            (4, first.clone(), true),
            (6, under(0), false),
            (8, under(1), true),
            (10, first, false),
            (12, second, true),
            (14, under(1), false),
            (16, under(2), true),
        ];
        let claims = Claims::default();
        for _ in 0..2 {
            for (offset, entry, counts) in &walk {
                assert_eq!(claims.admit(*offset, entry), *counts, "{offset}");
            }
        }
    }
}
