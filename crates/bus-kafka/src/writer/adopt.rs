//! Gives what others wrote a place in the total order.

use bus::BusError;
use bytes::Bytes;

use super::Writer;
use crate::{
    order::{FOREIGN, ForeignEntry, Lane, SEEN},
    strays::{Stray, Strays},
    transaction::{Failed, Outgoing},
    walker::{Found, Walked},
    waypoints::Place,
};

/// What is given a place with one transaction at most.
const STRAYS_MAX: usize = 1_000;

impl Writer {
    /// Looks for what others wrote, and gives it a place; returns how much it was.
    pub(crate) fn adopt(&mut self) -> Result<u64, BusError> {
        if let Some(error) = self.why_not() {
            return Err(error.into());
        }
        self.be_ready()?;
        let mut strays = match self.strays.take() {
            Some(strays) => strays,
            None => Strays::new(&self.cluster, self.incarnation, self.seen.as_ref())?,
        };
        let found = strays.look()?;
        for strays in found.chunks(STRAYS_MAX) {
            self.give_places(strays)?;
        }
        // A look that failed begins anew where the last one that did not said.
        self.seen = Some(strays.seen());
        self.strays = Some(strays);
        Ok(found.len() as u64)
    }

    fn give_places(&mut self, strays: &[Stray]) -> Result<(), BusError> {
        let entry = |stray: &Stray| ForeignEntry {
            incarnation: self.incarnation,
            stored_at: stray.stored_at,
            lane: Some(Lane::at(stray.lane, stray.offset)),
        };
        let entries: Vec<ForeignEntry> = strays.iter().map(entry).collect();
        let payloads: Vec<Vec<u8>> = entries.iter().map(ForeignEntry::to_bytes).collect();
        let offsets = self.write_to_order(FOREIGN, &payloads)?;
        let last = offsets.last().copied();
        for ((offset, entry), stray) in offsets.into_iter().zip(&entries).zip(strays) {
            self.walk_up_to(offset)?;
            if self.claims.adopted.admit(offset, stray.lane, stray.offset) {
                let place = Place { offset, index: self.place.index };
                let found = Found { lane: stray.lane, offset: stray.offset };
                self.note_rest(&Walked::of_foreign(place, entry, found, Bytes::new())?)?;
            }
        }
        // Behind them stands the transaction's marker.
        self.expected = last.map(|last| last + 2);
        self.show();
        Ok(())
    }

    /// Leaves word of how far others were looked for, so that the next one need not begin anew.
    pub(super) fn leave_word(&mut self) {
        if let Some(seen) = self.seen.take()
            && self.transactions.get().is_some()
        {
            // Without it more is looked at again, and nothing else is lost.
            let _ = self.write_to_order(SEEN, &[seen.to_bytes()]);
        }
    }

    /// Writes messages to the order topic, and returns their offsets.
    fn write_to_order(&mut self, key: &[u8], payloads: &[Vec<u8>]) -> Result<Vec<i64>, BusError> {
        let Some(transactions) = self.transactions.get() else { return Ok(Vec::new()) };
        let stored_at_ms = (self.wall_clock)().0 / 1_000_000;
        let topic = self.cluster.names.order();
        let outgoing: Vec<_> = payloads
            .iter()
            .map(|payload| Outgoing { topic, partition: 0, key, payload, stored_at_ms })
            .collect();
        self.expected = None;
        match transactions.run(&self.cluster, &outgoing, |_| Vec::new()) {
            Ok((offsets, _)) => Ok(offsets),
            Err(Failed::Aborted(error)) => Err(error.into()),
            Err(Failed::Undecided(error)) => {
                self.transactions.clear();
                Err(error.into())
            }
        }
    }
}
