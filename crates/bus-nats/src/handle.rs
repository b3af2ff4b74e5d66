//! Writing from several threads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bus::{BusError, Progress, Topology, Unit};
use event::Source;

use crate::{
    Writers,
    link::Link,
    tail::Tail,
    writer::{Answer, Writer},
};

/// What the threads of a process share of a bus.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) link: Arc<Link>,
    pub(crate) tail: Arc<Tail>,
    pub(crate) topology: Topology,
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
    pub(crate) fn new(
        link: Arc<Link>,
        tail: Arc<Tail>,
        writer: Writer,
        topology: Topology,
    ) -> Self {
        Self { link, tail, topology, writer: Mutex::new(writer), queue: Mutex::default() }
    }

    pub(crate) fn writer(&self) -> MutexGuard<'_, Writer> {
        // A panic while writing leaves the ledger unknown, but every commit since is fenced by what
        // the server has.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
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

    fn queue(&self) -> MutexGuard<'_, Vec<Queued>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits `units` together with every call that waits.
    pub(crate) fn commit_with_queued(&self, writer: &mut Writer, units: &[Unit]) -> Answer {
        let waiting = std::mem::take(&mut *self.queue());
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

fn take(answer: &Mutex<Option<Answer>>) -> Option<Answer> {
    answer.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// A way to write to a bus from any thread. Calls that wait while another is on its way to the
/// server share the next batch: the round trip in progress is the window, there is no timer.
#[derive(Clone, Debug)]
pub struct NatsHandle {
    pub(crate) shared: Arc<Shared>,
}

impl NatsHandle {
    /// Commits units and returns once they are stored; as [`bus::Bus::commit`].
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
