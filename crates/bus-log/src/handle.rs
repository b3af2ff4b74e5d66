//! Writing from several threads.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bus::{BusError, Progress, Topology, Unit};
use event::Source;
use segment::Tail;

use crate::writer::{Answer, Writer};

/// What the threads of a process share of a log.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) topology: Topology,
    pub(crate) tail: Arc<Tail>,
    writer: Mutex<Writer>,
    queue: Mutex<Vec<Queued>>,
}

/// A call that waits for whoever writes next.
#[derive(Debug)]
struct Queued {
    units: Vec<Unit>,
    answer: Arc<Mutex<Option<Answer>>>,
}

impl Shared {
    pub(crate) fn new(writer: Writer, topology: Topology, tail: Arc<Tail>) -> Self {
        Self { topology, tail, writer: Mutex::new(writer), queue: Mutex::default() }
    }

    pub(crate) fn writer(&self) -> MutexGuard<'_, Writer> {
        // A panic while writing leaves the ledger unknown, but every commit since was refused or
        // answered from what was durable; the log itself refuses once it is in doubt.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self) -> MutexGuard<'_, Vec<Queued>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits `units` together with every call that waits.
    pub(crate) fn commit_with_queued(&self, writer: &mut Writer, units: &[Unit]) -> Answer {
        let waiting = std::mem::take(&mut *self.queue());
        if waiting.is_empty() {
            return writer.commit(&[units]).pop().unwrap_or(Err(BusError::Poisoned));
        }
        let mut calls = vec![units];
        calls.extend(waiting.iter().map(|queued| queued.units.as_slice()));
        let mut answers = writer.commit(&calls).into_iter();
        let own = answers.next().unwrap_or(Err(BusError::Poisoned));
        give(&waiting, answers);
        own
    }
}

fn give(waiting: &[Queued], answers: impl Iterator<Item = Answer>) {
    for (queued, answer) in waiting.iter().zip(answers) {
        *queued.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }
}

/// A way to write to a log from any thread. Calls that wait while another is on its way to the disk
/// share the next fsync: the fsync in progress is the window, there is no timer.
#[derive(Clone, Debug)]
pub struct LogHandle {
    pub(crate) shared: Arc<Shared>,
}

impl LogHandle {
    /// Commits units and returns once they are durable; as [`bus::Bus::commit`].
    ///
    /// # Errors
    /// [`BusError`].
    pub fn commit(&self, units: Vec<Unit>) -> Answer {
        let answer = Arc::new(Mutex::new(None));
        self.shared.queue().push(Queued { units, answer: Arc::clone(&answer) });
        let mut writer = self.shared.writer();
        // Whoever held the writer before may have taken this call along.
        if let Some(answer) = take(&answer) {
            return answer;
        }
        let waiting = std::mem::take(&mut *self.shared.queue());
        let calls: Vec<&[Unit]> = waiting.iter().map(|queued| queued.units.as_slice()).collect();
        give(&waiting, writer.commit(&calls).into_iter());
        take(&answer).unwrap_or(Err(BusError::Poisoned))
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

    /// How many calls wait for whoever writes next.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.shared.queue().len()
    }
}

fn take(answer: &Mutex<Option<Answer>>) -> Option<Answer> {
    answer.lock().unwrap_or_else(PoisonError::into_inner).take()
}
