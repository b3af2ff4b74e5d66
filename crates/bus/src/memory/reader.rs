//! Reads a bus in memory from another thread.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use super::Shelf;
use crate::{BusError, Entry, Reader};

/// Entries read at a time.
const ENTRIES_MAX: usize = 256;

#[derive(Debug)]
pub(super) struct MemoryReader {
    shelf: Arc<Shelf>,
    next: u64,
}

impl MemoryReader {
    pub(super) const fn new(shelf: Arc<Shelf>) -> Self {
        Self { shelf, next: 0 }
    }
}

impl Reader for MemoryReader {
    fn incarnation(&self) -> u64 {
        self.shelf.store().incarnation
    }

    fn seek(&mut self, index: u64) -> Result<(), BusError> {
        self.next = index;
        Ok(())
    }

    fn next_entries(&mut self) -> Result<Vec<Entry>, BusError> {
        let store = self.shelf.store();
        let there = (store.settled() as u64).saturating_sub(self.next);
        let entries = store.entries(self.next, ENTRIES_MAX.min(there as usize));
        self.next += entries.len() as u64;
        Ok(entries)
    }

    fn wait(&mut self, index: u64, patience: Duration) -> Result<u64, BusError> {
        let store = self.shelf.store();
        let (store, _) = self
            .shelf
            .changed
            .wait_timeout_while(store, patience, |store| {
                store.settled() as u64 <= index && !store.closed
            })
            .unwrap_or_else(PoisonError::into_inner);
        Ok(store.settled() as u64)
    }
}
