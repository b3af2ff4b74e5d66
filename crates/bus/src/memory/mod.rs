//! The contract without a medium, behaving as real engines do.

mod reader;
mod store;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use event::{EventId, Source, Timestamp};

use crate::{
    Admission, Bus, BusError, Cut, Delivered, Entry, Head, Ledger, Position, Progress, Reader,
    Record, Topology, Unit, publish_roots,
};
use reader::MemoryReader;
use store::Store;

/// Which kind of engine a bus in memory behaves as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Personality {
    /// One atomic log: the embedded engine.
    Atomic,
    /// Transactions: their markers take sequences, so partitions have gaps.
    Transactional,
    /// A window of recent ids: a repeat from before it is stored again, and delivered once.
    WindowedDedupe {
        /// How many ids the window holds.
        ids: usize,
    },
}

/// A bus in memory. What it holds outlives it: [`MemoryBus::reopen`] is what a restart finds.
#[derive(Debug)]
pub struct MemoryBus {
    personality: Personality,
    topology: Topology,
    shelf: Arc<Shelf>,
    ledger: Ledger,
}

/// What outlives a bus, and a way to wait for more of it.
#[derive(Debug)]
struct Shelf {
    store: Mutex<Store>,
    changed: Condvar,
}

impl Shelf {
    fn store(&self) -> MutexGuard<'_, Store> {
        // Every change to the store is one push or one truncation, so it is whole even after a panic.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryBus {
    /// An empty bus that behaves as the embedded engine does.
    #[must_use]
    pub fn new(topology: Topology) -> Self {
        Self::with(Personality::Atomic, topology, 1)
    }

    /// An empty bus of some other kind or incarnation.
    #[must_use]
    pub fn with(personality: Personality, topology: Topology, incarnation: u64) -> Self {
        let store = Mutex::new(Store::new(incarnation));
        Self::open(personality, topology, Arc::new(Shelf { store, changed: Condvar::new() }))
    }

    /// What a restart finds, whether this bus was shut down or crashed.
    #[must_use]
    pub fn reopen(self) -> Self {
        self.store().closed = false;
        Self::open(self.personality, self.topology, self.shelf)
    }

    /// Bounds the entries: at the bound market data is refused, other units only at twice the
    /// bound.
    pub fn set_room(&mut self, entries: Option<usize>) {
        self.store().room = entries;
    }

    /// Bytes as a stranger writes them.
    pub fn intrude(&mut self, bytes: &[u8]) {
        let mut store = self.shelf.store();
        store.push_foreign(Bytes::copy_from_slice(bytes));
        self.ledger.skip_to(store.len() as u64);
        drop(store);
        self.shelf.changed.notify_all();
    }

    /// Takes the entries from `index` on away, as restoring an old copy does.
    #[must_use]
    pub fn rewound_to(self, index: u64) -> Self {
        self.store().truncate(index as usize);
        self.reopen()
    }

    fn open(personality: Personality, topology: Topology, shelf: Arc<Shelf>) -> Self {
        let held = shelf.store();
        let mut ledger = Ledger::new(held.incarnation);
        held.note_all(&mut ledger);
        drop(held);
        Self { personality, topology, shelf, ledger }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.shelf.store()
    }

    /// Shows readers what was accepted.
    fn settle(&mut self) {
        self.ledger.settle();
        self.store().settle();
        self.shelf.changed.notify_all();
    }

    /// Takes one unit in, whole; `None` when what came before it must be settled first.
    fn take(&mut self, unit: &Unit) -> Result<Option<Vec<Position>>, BusError> {
        if self.store().is_full_for(unit) {
            return Err(BusError::Full { what: "new events" });
        }
        let mut positions = Vec::with_capacity(unit.outputs.len());
        let mut store = self.shelf.store();
        let (repeats, progress) = match self.ledger.admit(unit, &*store, &mut positions)? {
            Admission::Stores { repeats, progress } => (repeats, progress),
            Admission::AfterFlush => return Ok(None),
            Admission::Repeat => {
                drop(store);
                self.store_again(unit, &positions);
                return Ok(Some(positions));
            }
        };
        for (record, position) in unit.outputs.iter().zip(&mut positions).skip(repeats) {
            if self.personality == Personality::Transactional {
                position.sequence = store.next_sequence(position);
            }
            store.push_event(*position, record.clone());
        }
        if self.personality == Personality::Transactional {
            store.mark_transaction(positions.get(repeats..).unwrap_or_default());
        }
        if let Some(progress) = progress {
            store.push_progress(progress);
        }
        Ok(Some(positions))
    }

    /// What an engine with a bounded window does with a repeat from before it.
    fn store_again(&mut self, unit: &Unit, positions: &[Position]) {
        let Personality::WindowedDedupe { ids } = self.personality else { return };
        for (record, position) in unit.outputs.iter().zip(positions) {
            let mut store = self.shelf.store();
            if store.is_within(position.index, ids) {
                continue;
            }
            let again = store.position_of_repeat(position);
            store.push_event(again, record.clone());
            drop(store);
            let header = record.header();
            self.ledger.note_event(&again, header.source, header.source_seq);
        }
    }
}

impl Bus for MemoryBus {
    fn topology(&self) -> &Topology {
        &self.topology
    }

    fn commit(&mut self, units: &[Unit]) -> Result<Vec<Vec<Position>>, BusError> {
        if self.store().closed {
            return Err(BusError::Poisoned);
        }
        let mut before = (self.ledger.savepoint(), self.store().len());
        let mut answers = Vec::with_capacity(units.len());
        while let Some(unit) = units.get(answers.len()) {
            match self.take(unit) {
                Ok(Some(positions)) => answers.push(positions),
                Ok(None) => {
                    self.settle();
                    before = (self.ledger.savepoint(), self.store().len());
                }
                Err(refused) => {
                    let (savepoint, length) = before;
                    self.ledger.roll_back(savepoint);
                    self.store().truncate(length);
                    return Err(refused);
                }
            }
        }
        self.settle();
        Ok(answers)
    }

    fn publish(&mut self, records: &[Record]) -> Result<Vec<Position>, BusError> {
        let store = self.shelf.store();
        let known = records.iter().map(|record| self.ledger.known_root(record, &*store));
        let answers = known.collect::<Result<Vec<_>, _>>()?;
        drop(store);
        publish_roots(records, answers, |units| self.commit(units))
    }

    fn next(&mut self, cut: &mut Cut, max: usize) -> Result<Vec<Delivered>, BusError> {
        let store = self.store();
        store.check(cut)?;
        let mut deliveries = Vec::new();
        while deliveries.len() < max
            && let Some(entry) = store.entry(cut.next_index)
        {
            match entry {
                Entry::Event(delivered) if !store.is_repeat(delivered) => {
                    cut.advance(&delivered.position);
                    deliveries.push(delivered.clone());
                }
                other => cut.next_index = other.index() + 1,
            }
        }
        Ok(deliveries)
    }

    fn read(&mut self, index: u64, max: usize) -> Result<Vec<Entry>, BusError> {
        Ok(self.store().entries(index, max))
    }

    fn heads(&self) -> Vec<Head> {
        self.store().heads()
    }

    fn next_index(&self) -> u64 {
        self.ledger.sequencer().next_index()
    }

    fn seek(&mut self, time: Timestamp) -> Result<u64, BusError> {
        Ok(self.store().first_at(time))
    }

    fn high_water(&self, source: Source) -> u64 {
        self.ledger.high_water(source)
    }

    fn progress(&self, source: Source) -> Option<Progress> {
        self.ledger.progress(source)
    }

    fn lookup(&mut self, id: EventId) -> Result<Option<Delivered>, BusError> {
        Ok(self.store().lookup(id))
    }

    fn reader(&self) -> Result<Box<dyn Reader>, BusError> {
        Ok(Box::new(MemoryReader::new(Arc::clone(&self.shelf))))
    }

    fn close(&mut self) -> Result<(), BusError> {
        self.store().closed = true;
        self.shelf.changed.notify_all();
        Ok(())
    }
}
