//! Writing from several threads.

use std::{
    sync::{Arc, MutexGuard},
    time::Duration,
};

use bus::{Answer, Progress, SharedWriter, Topology, Unit};
use event::Source;

use crate::{tail::Tail, writer::Writer};

/// What the threads of a process share of a bus.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) calls: SharedWriter<Writer>,
    topology: Topology,
    tail: Arc<Tail>,
}

impl Shared {
    pub(crate) fn new(writer: Writer, topology: Topology) -> Self {
        let tail = Arc::clone(&writer.tail);
        Self { calls: SharedWriter::new(writer), topology, tail }
    }

    pub(crate) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.calls.lock()
    }
}

/// A way to write to a bus from any thread. Calls that wait while a transaction is underway share
/// the next one.
#[derive(Clone, Debug)]
pub struct KafkaHandle {
    pub(crate) shared: Arc<Shared>,
}

impl KafkaHandle {
    /// Commits units and returns once they are durable; as [`bus::Bus::commit`].
    ///
    /// # Errors
    /// [`bus::BusError`].
    pub fn commit(&self, units: Vec<Unit>) -> Answer {
        self.shared.calls.commit(units)
    }

    /// The last sequence accepted of a source.
    #[must_use]
    pub fn high_water(&self, source: Source) -> u64 {
        self.shared.writer().ledger.high_water(source)
    }

    /// How far a source is; see [`bus::Bus::progress`].
    #[must_use]
    pub fn progress(&self, source: Source) -> Option<Progress> {
        self.shared.writer().ledger.progress(source)
    }

    /// Streams and partitions.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        &self.shared.topology
    }

    /// Waits until an entry at or above `index` is known to this process to be durable, the bus is
    /// shut down, or `patience` is over; returns the index after the last such entry.
    #[must_use]
    pub fn wait(&self, index: u64, patience: Duration) -> u64 {
        self.shared.tail.wait(index, patience)
    }
}
