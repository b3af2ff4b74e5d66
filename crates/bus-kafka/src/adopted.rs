//! What of others has a place already.
//!
//! Several processes may find the same bytes and each give them a place. In every partition what
//! others wrote is given places in ascending order, so an entry that names nothing further on than an
//! earlier one takes none, whoever walks.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::order::LaneKey;

/// How far every partition is adopted, by where in the order topic it is said.
#[derive(Debug, Default)]
pub(crate) struct Adopted(Mutex<BTreeMap<LaneKey, BTreeMap<i64, i64>>>);

impl Adopted {
    /// Takes note of an entry at `at` that gives a place to what stands at `offset`. False when it
    /// has one.
    pub(crate) fn admit(&self, at: i64, lane: LaneKey, offset: i64) -> bool {
        // What is known only grows, by one insertion at a time.
        let mut adopted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_lane = adopted.entry(lane).or_default();
        let before = of_lane.range(..at).next_back().map(|(_, reached)| *reached);
        let is_new = before.is_none_or(|reached| reached < offset);
        if is_new {
            let _ = of_lane.insert(at, offset);
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Topic;

    #[test]
    fn what_two_found_has_one_place_however_it_is_walked() {
        let (lane, other) = ((Topic::Offers, 0), (Topic::Order, 0));
        let walk = [
            (2, lane, 0, true),
            (4, lane, 1, true),
            (6, lane, 0, false),
            (7, lane, 1, false),
            (9, lane, 7, true),
            (11, other, 3, true),
            (13, lane, 3, false),
        ];
        let adopted = Adopted::default();
        for _ in 0..2 {
            for (at, lane, offset, is_new) in walk {
                assert_eq!(adopted.admit(at, lane, offset), is_new, "{at}");
            }
        }
    }
}
