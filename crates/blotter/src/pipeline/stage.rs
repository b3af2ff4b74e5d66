//! Units on their way to the log: placed at once, durable together.

use std::{collections::BTreeMap, sync::Arc};

use bus::{Bus, BusError, Entry, Foreign, Progress, Record, Run, Sequencer, TimerRequested, Unit};
use event::{Event, Source};
use worker::{Delivery, PendingTimer};

use super::PipelineError;

/// Collects units until they are worth an fsync, or until one is needed.
///
/// A single writer knows the place of every event before it is durable, because it uses the same
/// sequencer as the engine; the engine's answer is held against it.
pub(crate) struct Stage {
    bus: Box<dyn Bus>,
    sequencer: Sequencer,
    /// Where the first of what is staged is to stand.
    first: u64,
    /// What others wrote between what was staged.
    foreign: Vec<Foreign>,
    units: Vec<Unit>,
    staged_bytes: usize,
    marks: BTreeMap<Source, u64>,
    high_water: BTreeMap<Source, u64>,
}

/// Staged bytes that are worth an fsync.
const FLUSH_BYTES: usize = 1 << 20;

impl Stage {
    pub(crate) fn new(bus: Box<dyn Bus>) -> Self {
        let sequences = bus
            .heads()
            .into_iter()
            .map(|head| ((head.stream, head.partition), head.sequence))
            .collect();
        Self {
            sequencer: Sequencer::after(bus.next_index(), sequences),
            first: bus.next_index(),
            foreign: Vec::new(),
            bus,
            units: Vec::new(),
            staged_bytes: 0,
            marks: BTreeMap::new(),
            high_water: BTreeMap::new(),
        }
    }

    /// Stages a unit and returns its events with their places.
    pub(crate) fn put(
        &mut self,
        source: Source,
        events: Vec<Event>,
        through: Option<u64>,
        timers: &[PendingTimer],
        mark: Option<u64>,
    ) -> Result<Vec<Delivery>, PipelineError> {
        self.begin()?;
        let mut outputs = Vec::with_capacity(events.len());
        let mut placed = Vec::with_capacity(events.len());
        for event in events {
            let event = Arc::new(event);
            let record = Record::of_event(Arc::clone(&event), self.bus.topology());
            let index = self.sequencer.place(record.header()).index;
            self.staged_bytes += record.bytes().len();
            let _ = self.high_water.insert(source, event.source_seq);
            placed.push(Delivery { index, event, bytes: record.bytes().clone() });
            outputs.push(record);
        }
        let timers = timers
            .iter()
            .map(|timer| TimerRequested {
                request: timer.request,
                name: timer.name,
                due: timer.due,
            })
            .collect();
        let consumed = through.map(Run::through).into_iter().collect();
        self.stage_unit(Unit { consumed, timers, mark, ..Unit::of_roots(source, outputs) });
        Ok(placed)
    }

    /// Before the first of a batch is placed, it is looked where the log goes on: others may have
    /// written since.
    fn begin(&mut self) -> Result<(), PipelineError> {
        if !self.units.is_empty() {
            return Ok(());
        }
        let _ = self.bus.adopt()?;
        let (from, to) = (self.sequencer.next_index(), self.bus.next_index());
        if from < to {
            let between = self.bus.read(from, (to - from) as usize)?;
            self.foreign.extend(between.into_iter().filter_map(|entry| match entry {
                Entry::Foreign(foreign) => Some(foreign),
                _ => None,
            }));
            self.sequencer.skip_to(to);
            self.first = to;
        }
        Ok(())
    }

    /// What others wrote since this was asked last.
    pub(crate) fn take_foreign(&mut self) -> Vec<Foreign> {
        std::mem::take(&mut self.foreign)
    }

    /// Says how far an ingress has read its own source; it becomes durable with what it read.
    pub(crate) fn mark(&mut self, source: Source, mark: u64) {
        let _ = self.marks.insert(source, mark);
    }

    /// Makes everything staged durable when it is worth it. Called between roots.
    pub(crate) fn flush_if_full(&mut self) -> Result<(), PipelineError> {
        if self.staged_bytes >= FLUSH_BYTES { self.flush() } else { Ok(()) }
    }

    /// Makes everything staged durable.
    pub(crate) fn flush(&mut self) -> Result<(), PipelineError> {
        if self.units.is_empty() && !self.marks.is_empty() {
            self.begin()?;
        }
        for (source, mark) in std::mem::take(&mut self.marks) {
            self.stage_unit(Unit { mark: Some(mark), ..Unit::of_roots(source, Vec::new()) });
        }
        if self.units.is_empty() {
            return Ok(());
        }
        let units = std::mem::take(&mut self.units);
        let positions = match self.bus.commit_at(self.first, &units) {
            Err(full @ BusError::Full { .. }) => {
                // Refused whole for its market data: what stands before the first of it, cancels and
                // facts among it, has the reserve.
                let first = units.iter().position(Unit::holds_market_data).unwrap_or(0);
                let before = units.get(..first).unwrap_or_default();
                if !before.is_empty() {
                    let _ = self.bus.commit_at(self.first, before)?;
                }
                return Err(full.into());
            }
            other => other?,
        };
        debug_assert_eq!(positions.len(), units.len());
        if self.bus.next_index() != self.sequencer.next_index() {
            return Err(PipelineError::Misplaced {
                expected: self.sequencer.next_index(),
                found: self.bus.next_index(),
            });
        }
        self.first = self.sequencer.next_index();
        self.staged_bytes = 0;
        Ok(())
    }

    /// The place of the next entry, durable or staged; what is only marked is not counted.
    pub(crate) fn next_index(&self) -> u64 {
        self.sequencer.next_index()
    }

    /// The engine, for reading what is durable.
    pub(crate) fn bus(&mut self) -> &mut dyn Bus {
        &mut *self.bus
    }

    /// Shuts the log down cleanly.
    pub(crate) fn close(mut self) -> Result<(), BusError> {
        self.bus.close()
    }

    fn stage_unit(&mut self, unit: Unit) {
        let last = self.high_water.get(&unit.source).copied();
        let last = last.unwrap_or_else(|| self.bus.high_water(unit.source));
        if Progress::of(&unit, last).is_some() {
            let _ = self.sequencer.advance();
        }
        self.units.push(unit);
    }
}
