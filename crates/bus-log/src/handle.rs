//! Writing from several threads.

use std::{
    sync::{Arc, MutexGuard},
    time::Duration,
};

use bus::{Answer, Progress, SharedWriter, Topology, Unit};
use event::Source;
use segment::Tail;

use crate::writer::Writer;

/// What the threads of a process share of a log.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) topology: Topology,
    pub(crate) tail: Arc<Tail>,
    pub(crate) calls: SharedWriter<Writer>,
}

impl Shared {
    pub(crate) fn new(writer: Writer, topology: Topology, tail: Arc<Tail>) -> Self {
        Self { topology, tail, calls: SharedWriter::new(writer) }
    }

    pub(crate) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.calls.lock()
    }
}

/// A way to write to a log from any thread. Calls that wait while another is on its way to the disk
/// share the next fsync.
#[derive(Clone, Debug)]
pub struct LogHandle {
    pub(crate) shared: Arc<Shared>,
}

impl LogHandle {
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

    /// Waits until an entry at or above `index` is durable, the log is shut down, or `patience` is
    /// over; returns the index after the last durable entry.
    #[must_use]
    pub fn wait(&self, index: u64, patience: Duration) -> u64 {
        self.shared.tail.wait(index, patience)
    }
}
