//! Units on their way to one transaction.

use bus::{Position, Progress, Record, Savepoint, Unit};
use event::Timestamp;

use crate::{client::Cluster, order::OrderEntry, transaction::Outgoing};

/// A unit that was admitted.
#[derive(Debug)]
pub(super) struct Taken<'a> {
    /// Which call it is of, and which unit of it.
    pub(super) call: usize,
    pub(super) slot: usize,
    pub(super) unit: &'a Unit,
    /// How many of its outputs are stored already, and where.
    pub(super) repeats: usize,
    pub(super) known: Vec<Position>,
    pub(super) progress: Option<Progress>,
}

impl<'a> Taken<'a> {
    /// The outputs to be stored.
    pub(super) fn fresh(&self) -> &'a [Record] {
        self.unit.outputs.get(self.repeats..).unwrap_or_default()
    }
}

#[derive(Debug)]
pub(super) struct Batch<'a> {
    /// Where the ledger was before it.
    before: Savepoint,
    units: Vec<Taken<'a>>,
    bytes: usize,
    events: usize,
}

impl<'a> Batch<'a> {
    pub(super) const fn new(before: Savepoint) -> Self {
        Self { before, units: Vec::new(), bytes: 0, events: 0 }
    }

    pub(super) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::new(self.before.clone()))
    }

    pub(super) fn before(&self) -> Savepoint {
        self.before.clone()
    }

    pub(super) fn units(&self) -> &[Taken<'a>] {
        &self.units
    }

    pub(super) const fn len(&self) -> usize {
        self.units.len()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) const fn events(&self) -> usize {
        self.events
    }

    pub(super) fn push(
        &mut self,
        call: usize,
        slot: usize,
        unit: &'a Unit,
        repeats: usize,
        mut known: Vec<Position>,
        progress: Option<Progress>,
    ) {
        // The places of the others are known once they are stored.
        known.truncate(repeats);
        let taken = Taken { call, slot, unit, repeats, known, progress };
        self.bytes += bytes_of(&taken);
        self.events += taken.fresh().len();
        self.units.push(taken);
    }

    pub(super) fn truncate(&mut self, length: usize) {
        for taken in self.units.drain(length.min(self.units.len())..) {
            self.bytes -= bytes_of(&taken);
            self.events -= taken.fresh().len();
        }
    }

    /// The events to be stored, in order.
    pub(super) fn outgoing<'b>(&'b self, cluster: &'b Cluster, at: Timestamp) -> Vec<Outgoing<'b>> {
        let mut outgoing = Vec::with_capacity(self.events);
        for record in self.units.iter().flat_map(Taken::fresh) {
            let header = record.header();
            outgoing.push(Outgoing {
                topic: cluster.names.of(header.stream),
                partition: i32::from(header.partition),
                key: header.key.as_bytes(),
                payload: record.bytes(),
                stored_at_ms: at.0 / 1_000_000,
            });
        }
        outgoing
    }

    /// The units' entries in the order topic, once the events' offsets are known.
    pub(super) fn entries(
        &self,
        offsets: &[i64],
        incarnation: u64,
        at: Timestamp,
        next_seq: impl Fn(&Unit) -> u64,
    ) -> Vec<OrderEntry> {
        let mut rest = offsets;
        let entry = |taken: &Taken<'_>| {
            let (own, others) = rest.split_at_checked(taken.fresh().len()).unwrap_or((rest, &[]));
            rest = others;
            let progress = taken.progress.as_ref();
            let next_seq = next_seq(taken.unit);
            OrderEntry::of(taken.unit, taken.repeats, own, progress, incarnation, at, next_seq)
        };
        self.units.iter().map(entry).collect()
    }
}

fn bytes_of(taken: &Taken<'_>) -> usize {
    taken.fresh().iter().map(|record| record.bytes().len()).sum()
}
