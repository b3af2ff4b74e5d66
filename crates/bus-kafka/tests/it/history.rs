//! What was offered and accepted, held against what is stored.

use std::collections::BTreeMap;

use bus::{Bus, BusError, Entry, ErrorClass, Position, Unit};
use event::{EventId, Source};

/// What one writer was told.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Positions that were answered, by id.
    accepted: BTreeMap<EventId, Position>,
    /// How often an offer was refused for the time being.
    pub(crate) refused: u64,
}

impl History {
    /// Offers a unit until it is accepted.
    pub(crate) fn offer(
        &mut self,
        unit: &Unit,
        mut commit: impl FnMut(Vec<Unit>) -> Result<Vec<Vec<Position>>, BusError>,
    ) {
        for _ in 0..1000 {
            match commit(vec![unit.clone()]) {
                Ok(answers) => return self.accept(unit, &answers),
                Err(error) => {
                    assert_eq!(error.class(), ErrorClass::Retry, "{error}");
                    self.refused += 1;
                }
            }
        }
        panic!("never accepted");
    }

    /// Takes note of the answer to a call with this unit.
    pub(crate) fn accept(&mut self, unit: &Unit, answers: &[Vec<Position>]) {
        for (record, position) in unit.outputs.iter().zip(&answers[0]) {
            assert_eq!(position.event_id, record.header().event_id);
            let _ = self.accepted.insert(position.event_id, *position);
        }
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.len()
    }

    /// Everything accepted is stored once and where it was said to be; nothing is stored twice or
    /// out of order.
    pub(crate) fn check(histories: &[&Self], bus: &mut dyn Bus) {
        let mut last: BTreeMap<Source, u64> = BTreeMap::new();
        let mut stored: BTreeMap<EventId, Position> = BTreeMap::new();
        let mut next = 0;
        loop {
            let entries = bus.read(next, 500).unwrap();
            if entries.is_empty() {
                break;
            }
            for entry in entries {
                assert_eq!(entry.index(), next, "places have no gap");
                next += 1;
                let Entry::Event(event) = entry else { continue };
                let header = *event.record.header();
                let before = last.insert(header.source, header.source_seq).unwrap_or(0);
                assert_eq!(header.source_seq, before + 1, "{} in order, once", header.source);
                assert!(stored.insert(header.event_id, event.position).is_none(), "twice");
            }
        }
        assert_eq!(next, bus.next_index());
        for history in histories {
            for (id, position) in &history.accepted {
                assert_eq!(stored.get(id), Some(position), "accepted and stored");
            }
        }
    }
}
