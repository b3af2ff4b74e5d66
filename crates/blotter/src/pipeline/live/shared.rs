//! What the threads of a live run share: the log's writer, how far each of them is, and the first
//! fatal error.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bus::{Bus, BusError, Entry, Position, Reader, Unit};
use event::Source;

use super::{super::PipelineError, elsewhere::Hosted};

/// Halts trading for this run and the next.
pub(super) type Halt = Box<dyn FnOnce() + Send>;

/// Shared between the threads of a live run.
pub(super) struct Shared {
    bus: Mutex<Box<dyn Bus>>,
    /// Deliveries handed out and not yet dealt with.
    in_hand: AtomicUsize,
    /// The index after the last entry the distributor has handed out.
    distributed: Mutex<u64>,
    moved: Condvar,
    /// Tasks that other processes decide, as far as they were handed out.
    elsewhere: Mutex<BTreeMap<Source, Hosted>>,
    /// How many tasks were taken over by others, and how the last of them was told.
    lost: Mutex<(usize, Option<BusError>)>,
    fatal: Mutex<Fatal>,
    failed: AtomicBool,
    ended: AtomicBool,
    stop: Arc<AtomicBool>,
}

/// The first fatal error, and the halt that it asks for.
struct Fatal {
    error: Option<PipelineError>,
    halt: Option<Halt>,
}

/// How long a waiting thread waits before it looks whether the run has ended.
pub(super) const PATIENCE: Duration = Duration::from_millis(20);

impl Shared {
    /// `halt` is called once, by whichever thread fails first.
    pub(super) fn new(bus: Box<dyn Bus>, stop: Arc<AtomicBool>, halt: Halt) -> Self {
        Self {
            bus: Mutex::new(bus),
            in_hand: AtomicUsize::new(0),
            distributed: Mutex::new(0),
            moved: Condvar::new(),
            elsewhere: Mutex::default(),
            lost: Mutex::default(),
            fatal: Mutex::new(Fatal { error: None, halt: Some(halt) }),
            failed: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            stop,
        }
    }

    /// Commits a unit; durable when this returns.
    pub(super) fn commit(&self, unit: Unit) -> Result<Vec<Position>, BusError> {
        let positions = locked(&self.bus).commit(&[unit])?;
        Ok(positions.into_iter().next().unwrap_or_default())
    }

    /// Commits units, all durable when this returns.
    pub(super) fn commit_all(&self, units: &[Unit]) -> Result<(), BusError> {
        locked(&self.bus).commit(units).map(drop)
    }

    /// Uses the engine for something else than committing.
    pub(super) fn with_bus<T>(&self, ask: impl FnOnce(&mut dyn Bus) -> T) -> T {
        ask(&mut **locked(&self.bus))
    }

    /// A reader of what is durable.
    pub(super) fn reader(&self) -> Result<Box<dyn Reader>, BusError> {
        locked(&self.bus).reader()
    }

    /// The place after the last entry of the log.
    pub(super) fn next_index(&self) -> u64 {
        locked(&self.bus).next_index()
    }

    /// Visits what is in the log now, from its beginning, for as long as `visit` wants more.
    pub(super) fn each_entry(
        &self,
        mut visit: impl FnMut(Entry) -> Result<bool, PipelineError>,
    ) -> Result<(), PipelineError> {
        let end = self.next_index();
        let mut reader = self.reader()?;
        reader.seek(0)?;
        let mut next = 0;
        while next < end {
            let entries = reader.next_entries()?;
            if entries.is_empty() {
                return Ok(());
            }
            for entry in entries {
                next = entry.index() + 1;
                if next > end || !visit(entry)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The last sequence accepted of a source.
    pub(super) fn high_water(&self, source: Source) -> u64 {
        locked(&self.bus).high_water(source)
    }

    /// A delivery was handed to a thread.
    pub(super) fn handed_out(&self) {
        let _ = self.in_hand.fetch_add(1, Ordering::AcqRel);
    }

    /// A delivery was dealt with, and everything it caused is durable.
    pub(super) fn dealt_with(&self) {
        let _ = self.in_hand.fetch_sub(1, Ordering::AcqRel);
        self.moved.notify_all();
    }

    /// Everything below `index` was handed out.
    pub(super) fn distributed_to(&self, index: u64) {
        *locked(&self.distributed) = index;
        self.moved.notify_all();
    }

    /// Waits until every entry of the log was handed out and dealt with, or the run failed.
    pub(super) fn wait_until_quiet(&self) {
        let mut distributed = locked(&self.distributed);
        loop {
            if self.is_quiet_at(*distributed) || self.has_failed() {
                return;
            }
            distributed = self
                .moved
                .wait_timeout(distributed, PATIENCE)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Whether all was handed out and dealt with, here and elsewhere, but for tasks that were given up.
    /// What a task elsewhere answered is in the log before the progress that says so, and was handed
    /// out before it.
    pub(super) fn is_quiet_everywhere(&self) -> bool {
        let distributed = *locked(&self.distributed);
        self.is_quiet_at(distributed)
            && locked(&self.elsewhere).values().all(|hosted| !hosted.owes || hosted.stands_still)
    }

    /// Where others write too, more may be handed out than this process knows of.
    fn is_quiet_at(&self, distributed: u64) -> bool {
        // Read in this order: what is dealt with may only have added to the log.
        self.in_hand.load(Ordering::Acquire) == 0 && distributed >= self.next_index()
    }

    /// Takes note of how a task stands that another process decides.
    pub(super) fn hosted_elsewhere(&self, hosted: Hosted) {
        let _ = locked(&self.elsewhere).insert(hosted.task, hosted);
    }

    /// The tasks that other processes decide.
    pub(super) fn elsewhere(&self) -> Vec<Hosted> {
        locked(&self.elsewhere).values().copied().collect()
    }

    /// A task was taken over by another process.
    pub(super) fn lose(&self, why: BusError) {
        let mut lost = locked(&self.lost);
        *lost = (lost.0 + 1, Some(why));
    }

    /// How many tasks were taken over by others.
    pub(super) fn lost(&self) -> usize {
        locked(&self.lost).0
    }

    /// What the last of them was told.
    pub(super) fn take_loss(&self) -> Option<BusError> {
        locked(&self.lost).1.take()
    }

    /// Does the work of a thread and answers for it: an error ends the run, and so does a panic.
    pub(super) fn answer_for(&self, work: impl FnOnce() -> Result<(), PipelineError>) {
        let done = catch_unwind(AssertUnwindSafe(work));
        if let Err(error) = done.unwrap_or(Err(PipelineError::ThreadLost)) {
            self.fail(error);
        }
    }

    /// Records the first fatal error; trading is halted when this returns, and everyone stops.
    pub(super) fn fail(&self, error: PipelineError) {
        let mut fatal = locked(&self.fatal);
        let _ = fatal.error.get_or_insert(error);
        // First the desk of this run sends nothing more, then the latch tells the next.
        self.failed.store(true, Ordering::Release);
        if let Some(halt) = fatal.halt.take() {
            halt();
        }
        drop(fatal);
        self.end();
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    pub(super) fn take_fatal(&self) -> Option<PipelineError> {
        locked(&self.fatal).error.take()
    }

    /// Tells every thread to end.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.moved.notify_all();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Whether a signal asked for the end.
    pub(super) fn was_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Shuts the log down cleanly, once no thread holds it.
    pub(super) fn close(shared: Arc<Self>) -> Result<(), PipelineError> {
        match Arc::try_unwrap(shared) {
            Ok(shared) => {
                let mut bus = shared.bus.into_inner().unwrap_or_else(PoisonError::into_inner);
                Ok(bus.close()?)
            }
            // A thread that will not end keeps the log open: the next start finds no close record
            // and reads the tail again.
            Err(_) => Err(PipelineError::ThreadLost),
        }
    }
}

/// A panic elsewhere poisons the lock; the engine undoes a commit that fails, so what it guards
/// stays whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
