//! Writing from several threads, over one thread that does it.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};

use bus::{BusError, Progress, Topology, Unit};
use event::Source;

use crate::{
    KafkaBusError,
    tail::Tail,
    writer::{Answer, Writer},
};

/// Calls that may wait for the writing thread.
const WAITING_MAX: usize = 64;

/// A call on its way to the writing thread.
struct Call {
    units: Vec<Unit>,
    answer: SyncSender<Answer>,
}

/// What the threads of a process share of a bus.
#[derive(Debug)]
pub(crate) struct Shared {
    writer: Arc<Mutex<Writer>>,
    calls: SyncSender<Call>,
    topology: Topology,
    tail: Arc<Tail>,
}

impl Shared {
    /// Starts the thread that writes; it ends once nobody can call it any more.
    pub(crate) fn start(writer: Writer, topology: Topology) -> Result<Self, KafkaBusError> {
        let tail = Arc::clone(&writer.tail);
        let writer = Arc::new(Mutex::new(writer));
        let (calls, waiting) = sync_channel(WAITING_MAX);
        let of_thread = Arc::clone(&writer);
        let started = std::thread::Builder::new()
            .name("kafka-commit".into())
            .spawn(move || write(&of_thread, &waiting));
        match started {
            Ok(_) => Ok(Self { writer, calls, topology, tail }),
            Err(error) => Err(KafkaBusError::Settings { why: error.to_string() }),
        }
    }

    pub(crate) fn writer(&self) -> MutexGuard<'_, Writer> {
        lock(&self.writer)
    }

    pub(crate) fn commit(&self, units: Vec<Unit>) -> Answer {
        let (answer, answered) = sync_channel(1);
        let gone = || BusError::from(KafkaBusError::Closed);
        self.calls.send(Call { units, answer }).map_err(|_| gone())?;
        answered.recv().unwrap_or_else(|_| Err(gone()))
    }
}

fn lock(writer: &Mutex<Writer>) -> MutexGuard<'_, Writer> {
    // A panic while writing leaves the ledger behind what is stored; a repeat is recognised by
    // what is stored, and one that is not is refused as a gap.
    writer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Commits calls as they come: those that waited while a transaction was underway share the next.
fn write(writer: &Mutex<Writer>, waiting: &Receiver<Call>) {
    while let Ok(first) = waiting.recv() {
        let mut group = vec![first];
        group.extend(waiting.try_iter().take(WAITING_MAX));
        let calls: Vec<&[Unit]> = group.iter().map(|call| call.units.as_slice()).collect();
        let answers = lock(writer).commit(&calls);
        for (call, answer) in group.iter().zip(answers) {
            // Who does not wait any more learns it from what is stored.
            let _ = call.answer.send(answer);
        }
    }
}

/// A way to write to a bus from any thread. Calls that wait while a transaction is underway share
/// the next one; there is no timer.
#[derive(Clone, Debug)]
pub struct KafkaHandle {
    pub(crate) shared: Arc<Shared>,
}

impl KafkaHandle {
    /// Commits units and returns once they are durable; as [`bus::Bus::commit`].
    ///
    /// # Errors
    /// [`BusError`].
    pub fn commit(&self, units: Vec<Unit>) -> Answer {
        self.shared.commit(units)
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
