//! Readers that wait for more: in the writer's own process, and in another.

use std::{sync::Arc, time::Duration};

use bus::{BusError, Entry, Reader};
use segment::Tail;

use crate::LogReader;

/// A [`LogReader`] and how far the log is durable.
#[derive(Debug)]
pub(crate) struct FollowingReader {
    pub(crate) reader: LogReader,
    pub(crate) tail: Arc<Tail>,
}

/// Between two looks at what another process has written.
const LOOK: Duration = Duration::from_millis(20);

/// A reader of another process's log looks again from time to time.
impl Reader for LogReader {
    fn incarnation(&self) -> u64 {
        Self::incarnation(self)
    }

    fn seek(&mut self, index: u64) -> Result<(), BusError> {
        Self::seek(self, index)
    }

    fn next_entries(&mut self) -> Result<Vec<Entry>, BusError> {
        Self::next_entries(self)
    }

    /// Returns the index after the first entry it finds, which may not be the last.
    fn wait(&mut self, index: u64, patience: Duration) -> Result<u64, BusError> {
        let mut looker = self.another();
        for _ in 0..=patience.as_millis() / LOOK.as_millis() {
            let entries = looker.entries_from(index, 1)?;
            if let Some(entry) = entries.first() {
                return Ok(entry.index() + 1);
            }
            std::thread::park_timeout(LOOK);
        }
        Ok(index)
    }
}

impl Reader for FollowingReader {
    fn incarnation(&self) -> u64 {
        self.reader.incarnation()
    }

    fn seek(&mut self, index: u64) -> Result<(), BusError> {
        // Nothing was ever written: there is no place to go to, and the beginning is where it is.
        if self.tail.next_index() == 0 && index == 0 {
            return Ok(());
        }
        self.reader.seek(index)
    }

    fn next_entries(&mut self) -> Result<Vec<Entry>, BusError> {
        self.reader.next_entries()
    }

    fn wait(&mut self, index: u64, patience: Duration) -> Result<u64, BusError> {
        Ok(self.tail.wait(index, patience))
    }
}
