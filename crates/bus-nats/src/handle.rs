//! Writing from several threads.

use std::sync::{Arc, MutexGuard};

use bus::{Answer, Progress, SharedWriter, Topology, Unit};
use event::Source;

use crate::{Writers, link::Link, tail::Tail, writer::Writer};

/// What the threads of a process share of a bus.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) link: Arc<Link>,
    pub(crate) tail: Arc<Tail>,
    pub(crate) topology: Topology,
    pub(crate) calls: SharedWriter<Writer>,
}

impl Shared {
    pub(crate) fn new(
        link: Arc<Link>,
        tail: Arc<Tail>,
        writer: Writer,
        topology: Topology,
    ) -> Self {
        Self { link, tail, topology, calls: SharedWriter::new(writer) }
    }

    pub(crate) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.calls.lock()
    }

    /// The writer, knowing what others have written where there are others.
    pub(crate) fn current(&self) -> MutexGuard<'_, Writer> {
        let mut writer = self.writer();
        if self.link.options.writers == Writers::Many {
            // What cannot be read now is what was known before.
            let _ = writer.catch_up();
        }
        writer
    }
}

/// A way to write to a bus from any thread. Calls that wait while another is on its way to the
/// server share the next batch.
#[derive(Clone, Debug)]
pub struct NatsHandle {
    pub(crate) shared: Arc<Shared>,
}

impl NatsHandle {
    /// Commits units and returns once they are stored; as [`bus::Bus::commit`].
    ///
    /// # Errors
    /// [`bus::BusError`].
    pub fn commit(&self, units: Vec<Unit>) -> Answer {
        self.shared.calls.commit(units)
    }

    /// The last sequence accepted of a source.
    #[must_use]
    pub fn high_water(&self, source: Source) -> u64 {
        self.shared.current().ledger.high_water(source)
    }

    /// How far a source is; see [`bus::Bus::progress`].
    #[must_use]
    pub fn progress(&self, source: Source) -> Option<Progress> {
        self.shared.current().ledger.progress(source)
    }

    /// Streams and partitions.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        &self.shared.topology
    }
}
