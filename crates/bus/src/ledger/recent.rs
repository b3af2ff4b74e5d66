//! A bounded window of recent ids: one slot per low bits of the id, the latest wins.

use event::EventId;

const SLOTS: usize = 1 << 16;

/// Ids are hashes, so their low bits spread evenly and a slot is a good guess. A miss means
/// "perhaps long ago", never "not there".
#[derive(Clone)]
pub(super) struct Recent {
    slots: Vec<(EventId, u64)>,
}

impl std::fmt::Debug for Recent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recent").field("slots", &self.slots.len()).finish()
    }
}

impl Recent {
    pub(super) fn new() -> Self {
        Self { slots: vec![(EventId([0; 16]), u64::MAX); SLOTS] }
    }

    #[inline]
    pub(super) fn note(&mut self, id: EventId, index: u64) {
        if let Some(slot) = self.slots.get_mut(slot_of(id)) {
            *slot = (id, index);
        }
    }

    #[inline]
    pub(super) fn find(&self, id: EventId) -> Option<u64> {
        self.slots.get(slot_of(id)).filter(|slot| slot.0 == id && slot.1 != u64::MAX).map(|s| s.1)
    }
}

/// The bytes between two random parts: UUIDv7 begins with the time, hashes are even everywhere.
#[inline]
const fn slot_of(id: EventId) -> usize {
    let [.., low, high] = id.0;
    (low as usize) | (high as usize) << 8
}
