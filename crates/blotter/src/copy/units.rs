//! Entries on their way back into units: the events of a source, and the progress record behind them.

use std::collections::BTreeMap;

use bus::{Progress, Record, Unit};
use event::Source;

/// Events of one source in a unit. With its progress record it is what any engine takes at once.
const OUTPUTS_MAX: usize = 999;
/// Bytes of events in a unit.
const BYTES_MAX: usize = 4 << 20;

/// Units as they come about.
#[derive(Debug, Default)]
pub(crate) struct Units {
    complete: Vec<Unit>,
    complete_bytes: usize,
    run: Option<Unit>,
    run_bytes: usize,
    /// The claim each source is written under by now.
    epochs: BTreeMap<Source, u64>,
}

impl Units {
    /// Takes the next entry, an event.
    pub(crate) fn take_event(&mut self, record: Record) {
        let (source, bytes) = (record.header().source, record.bytes().len());
        let has_room = self.run.as_ref().is_none_or(|run| {
            run.outputs.len() < OUTPUTS_MAX && self.run_bytes + bytes <= BYTES_MAX
        });
        if !has_room {
            self.end_run();
        }
        self.of_source(source).outputs.push(record);
        self.run_bytes += bytes;
    }

    /// Takes the next entry, a progress record: it ends the unit of its source.
    pub(crate) fn take_progress(&mut self, progress: Progress) {
        // A claim stands for itself: what was written before it is not written under it.
        if progress.is_claim() {
            self.end_run();
        }
        let unit = self.of_source(progress.source);
        unit.timers = progress.timers().collect();
        unit.consumed = progress.consumed;
        unit.mark = progress.mark;
        (unit.epoch, unit.claim) = (progress.epoch, progress.claim);
        let _ = self.epochs.insert(progress.source, progress.epoch);
        self.end_run();
    }

    /// The unit of a source that goes on, or a new one.
    fn of_source(&mut self, source: Source) -> &mut Unit {
        if self.run.as_ref().is_some_and(|run| run.source != source) {
            self.end_run();
        }
        let epoch = self.epochs.get(&source).copied().unwrap_or(0);
        self.run.get_or_insert_with(|| Unit { epoch, ..Unit::of_roots(source, Vec::new()) })
    }

    /// Nothing more comes, or nothing more belongs together.
    pub(crate) fn end_run(&mut self) {
        self.complete_bytes += self.run_bytes;
        self.run_bytes = 0;
        self.complete.extend(self.run.take());
    }

    /// How many units are complete, and the bytes of their events.
    pub(crate) const fn complete(&self) -> (usize, usize) {
        (self.complete.len(), self.complete_bytes)
    }

    /// The units that are complete.
    pub(crate) fn take_complete(&mut self) -> Vec<Unit> {
        self.complete_bytes = 0;
        std::mem::take(&mut self.complete)
    }
}

#[cfg(test)]
mod tests {
    use bus::{
        Bus, Entry, MemoryBus, Run, Topology,
        conformance::{decision, market, order_unit, source, tick},
    };

    use super::*;

    /// What is put together of a bus's entries makes the same entries again, wherever it began.
    fn check(bus: &mut MemoryBus) {
        let entries = bus.read(0, 100_000).unwrap();
        let mut copy = MemoryBus::new(Topology::shipped());
        let mut units = Units::default();
        for entry in &entries {
            match entry {
                Entry::Event(event) => units.take_event(event.record.clone()),
                Entry::Progress { progress, .. } => units.take_progress(progress.clone()),
                Entry::Foreign(foreign) => panic!("{foreign:?}"),
            }
        }
        units.end_run();
        for unit in units.take_complete() {
            assert!(unit.outputs.len() <= OUTPUTS_MAX);
            let _ = copy.commit(&[unit]).unwrap();
        }
        let bytes = |entries: &[Entry]| -> Vec<_> {
            entries.iter().map(|entry| (entry.index(), entry.bytes().clone())).collect()
        };
        assert_eq!(bytes(&copy.read(0, 100_000).unwrap()), bytes(&entries));
    }

    #[test]
    fn entries_put_together_make_the_same_entries_again() {
        let mut bus = MemoryBus::new(Topology::shipped());
        let _ = bus.commit(&[market(1..=1500), order_unit("risk/A", 1..=3, 1)]).unwrap();
        // Without a progress record, of the same source twice, then exactly as many as fit.
        let roots = |from: u64, to: u64| {
            let mut unit = market(from..=to);
            unit.mark = None;
            unit
        };
        let _ = bus.commit(&[roots(1501, 1510), roots(1511, 1511)]).unwrap();
        let _ = bus.commit(&[market(1512..=1512 + 998)]).unwrap();
        check(&mut bus);
    }

    #[test]
    fn what_was_written_under_a_claim_is_written_under_it_again() {
        let mut bus = MemoryBus::new(Topology::shipped());
        let task = source("risk/A");
        let _ = bus.commit(&[order_unit("risk/A", 1..=2, 1)]).unwrap();
        for from in [3, 5] {
            let epoch = bus.claim(task).unwrap();
            let outputs = (from..from + 2).map(|seq| decision("risk/A", seq, &tick(seq)));
            let unit = Unit { epoch, ..Unit::of_events(task, outputs, &Topology::shipped()) };
            let consumed = vec![Run::through(from)];
            let said = Unit { epoch, consumed, ..Unit::of_roots(task, Vec::new()) };
            let _ = bus.commit(&[unit, said]).unwrap();
        }
        check(&mut bus);
    }
}
