//! The engine in memory: the contract in its plainest form, for tests and simulation.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use event::{EventId, Source, Timestamp};

use crate::{
    Bus, BusError, Delivered, Entry, Head, Position, Progress, Record, Sequencer, Topology, Unit,
    sources::{Offer, Sources},
};

/// A bus whose log lives as long as a handle to it. A clone is another client of the same log.
#[derive(Clone, Debug)]
pub struct MemoryBus {
    topology: Topology,
    log: Arc<Mutex<Log>>,
}

#[derive(Clone, Debug, Default)]
struct Log {
    entries: Vec<Entry>,
    sequencer: Sequencer,
    sources: Sources,
}

impl MemoryBus {
    /// An empty log.
    #[must_use]
    pub fn new(topology: Topology) -> Self {
        Self { topology, log: Arc::default() }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        // A panic elsewhere leaves the log whole: a unit is built aside and appended in one step.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bus for MemoryBus {
    fn topology(&self) -> &Topology {
        &self.topology
    }

    fn commit(&mut self, units: &[Unit]) -> Result<Vec<Vec<Position>>, BusError> {
        let mut log = self.log();
        units.iter().map(|unit| log.accept(unit)).collect()
    }

    fn read(&mut self, index: u64, max: usize) -> Result<Vec<Entry>, BusError> {
        Ok(self.log().entries.iter().skip(index as usize).take(max).cloned().collect())
    }

    fn heads(&self) -> Vec<Head> {
        self.log()
            .sequencer
            .sequences()
            .iter()
            .map(|(&(stream, partition), &sequence)| Head { stream, partition, sequence })
            .collect()
    }

    fn next_index(&self) -> u64 {
        self.log().sequencer.next_index()
    }

    fn seek(&mut self, time: Timestamp) -> Result<u64, BusError> {
        let log = self.log();
        let found = log
            .entries
            .iter()
            .find(|entry| matches!(entry, Entry::Event(e) if e.record.header().time >= time));
        Ok(found.map_or(log.sequencer.next_index(), Entry::index))
    }

    fn high_water(&self, source: Source) -> u64 {
        self.log().sources.high_water(source)
    }

    fn progress(&self, source: Source) -> Option<Progress> {
        self.log().sources.progress(source).cloned()
    }

    fn lookup(&mut self, id: EventId) -> Result<Option<Delivered>, BusError> {
        Ok(self.log().event(|record| record.header().event_id == id))
    }
}

impl Log {
    fn accept(&mut self, unit: &Unit) -> Result<Vec<Position>, BusError> {
        // Built aside, so that a refused unit leaves nothing behind.
        let mut next = Self {
            entries: Vec::new(),
            sequencer: self.sequencer.clone(),
            sources: self.sources.clone(),
        };
        let mut positions = Vec::with_capacity(unit.outputs.len());
        for record in &unit.outputs {
            positions.push(match next.sources.offer(record.header())? {
                Offer::Next => next.append(record),
                Offer::Repeat => self.stored(record)?,
            });
        }
        let last = next.sources.high_water(unit.source);
        if let Some(progress) = Progress::of(unit, last) {
            let index = next.sequencer.advance();
            next.sources.progressed(progress.clone());
            next.entries.push(Entry::Progress { index, stored_at: Timestamp(0), progress });
        }
        self.entries.append(&mut next.entries);
        self.sequencer = next.sequencer;
        self.sources = next.sources;
        Ok(positions)
    }

    fn append(&mut self, record: &Record) -> Position {
        let header = record.header();
        let place = self.sequencer.place(header);
        let position = Position {
            incarnation: 1,
            stream: header.stream,
            partition: header.partition,
            sequence: place.sequence,
            index: place.index,
            event_id: header.event_id,
        };
        self.sources.accepted(header.source, header.source_seq);
        let record = record.clone();
        self.entries.push(Entry::Event(Delivered { position, stored_at: Timestamp(0), record }));
        position
    }

    /// The position of a repeat, once its bytes have been compared.
    fn stored(&self, record: &Record) -> Result<Position, BusError> {
        let offered = record.header();
        let stored = self.event(|stored| {
            let stored = stored.header();
            (stored.source, stored.source_seq) == (offered.source, offered.source_seq)
        });
        match stored {
            Some(stored) if stored.record.bytes() == record.bytes() => Ok(stored.position),
            _ => Err(BusError::Conflict {
                source_name: offered.source,
                source_seq: offered.source_seq,
                event_id: offered.event_id,
            }),
        }
    }

    fn event(&self, wanted: impl Fn(&Record) -> bool) -> Option<Delivered> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Event(delivered) if wanted(&delivered.record) => Some(delivered.clone()),
            _ => None,
        })
    }
}
