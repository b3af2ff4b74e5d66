//! Tasks of a run in a process of their own.
//!
//! ```text
//!        ┌── task (one thread each) ──┐
//! log ───┼── task                     ├──> log
//!        └── (bounded queues)         ┘
//! ```
//!
//! It has no ingress, no gateway, no journal and no latch: the run has these. Its session clock is the
//! log: the latest time of an event in it.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::AtomicBool},
    thread::JoinHandle,
    time::Duration,
};

use bus::{Bus, Entry};
use event::{Body, Digest, Source, Timestamp};
use worker::Task;

use super::{
    super::PipelineError,
    WORKER,
    clock::SessionClock,
    distributor::{self, Outlet},
    seat::{Loss, Seat},
    shared::Shared,
    source,
    standby::Standby,
    tenure::Tenure,
    watch::Told,
};
use crate::app::Factory;

/// What a worker is given.
pub(crate) struct Work<'a> {
    pub(crate) bus: Box<dyn Bus>,
    /// The tasks it is to decide.
    pub(crate) agents: &'a [Factory],
    /// Digest of the settings, which must be the run's.
    pub(crate) config: Digest,
    /// How a standby takes over; a worker that is none takes its tasks at once.
    pub(crate) standby: Option<StandsBy>,
    /// Set by a signal: everything in hand is finished, then it ends.
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) tell: fn(Told<'_>),
}

/// When a standby takes over, and from whom.
#[derive(Clone)]
pub(crate) struct StandsBy {
    /// How long a task may stand still.
    pub(crate) patience: Duration,
    /// Takes its name away from the worker that it follows, where the bus goes by names.
    pub(crate) fence: Arc<dyn Fn() + Send + Sync>,
}

/// How long a worker looks away between two looks at whether it shall end.
const PATIENCE: Duration = Duration::from_millis(20);
/// Between two looks for a run that is not there yet.
const LOOK: Duration = Duration::from_millis(200);

/// Decides tasks of the run on a bus, until it is stopped or others have taken all of them over.
pub(crate) fn work(work: Work<'_>) -> Result<(), PipelineError> {
    let Work { bus, agents, config, standby, stop, tell } = work;
    // Who has neither latch nor broker halts nothing: the run sees that its tasks stand still.
    let shared = Arc::new(Shared::new(bus, stop, Box::new(|| {})));
    let mut threads = Vec::new();
    shared.answer_for(|| {
        let Some(found) = await_run(&shared, config)? else { return Ok(()) };
        let clock = Arc::new(SessionClock::start(found.last_time, 0));
        for make in agents {
            let task = Task::new(make())?.source();
            if !found.claimed.contains(&task) {
                return Err(PipelineError::NotShared { task });
            }
        }
        let mut outlets = Vec::new();
        let mut outlet = |task| {
            let (queue, received) = distributor::queue();
            outlets.push(Outlet { task: Some(task), queue });
            received
        };
        match &standby {
            None => {
                let loss = Loss::IsTold(tell);
                for mut seat in Seat::all(agents, Tenure::claim, &loss, &shared, &clock)? {
                    seat.begin(config)?;
                    tell(Told::Holds(seat.task(), seat.claim()));
                    let received = outlet(seat.task());
                    threads.push(seat.start(received));
                }
            }
            Some(stands_by) => {
                for standby in Standby::all(agents, config, stands_by, &shared, &clock, tell)? {
                    tell(Told::StandsBy(standby.task()));
                    let received = outlet(standby.task());
                    threads.push(standby.start(received));
                }
            }
        }
        threads.push(distributor::start(Arc::clone(&shared), outlets, Some(clock), None));
        Ok(())
    });
    while !shared.was_stopped() && !shared.has_failed() && shared.lost() < agents.len() {
        std::thread::park_timeout(PATIENCE);
    }
    shared.end();
    join(threads, &shared);
    let (fatal, loss) = (shared.take_fatal(), shared.take_loss());
    let closed = Shared::close(shared);
    match (fatal, loss) {
        (Some(error), _) => Err(error),
        (None, Some(loss)) => Err(loss.into()),
        (None, None) => closed,
    }
}

/// Waits for the end of every thread.
pub(super) fn join(threads: Vec<JoinHandle<()>>, shared: &Shared) {
    for thread in threads {
        if thread.join().is_err() {
            shared.fail(PipelineError::ThreadLost);
        }
    }
}

/// A run as its log shows it to a worker that begins.
struct Found {
    /// The time of the last event.
    last_time: Timestamp,
    /// What was ever claimed; a task that was not is the run's own.
    claimed: BTreeSet<Source>,
}

/// Waits for the run whose tasks these are, and holds its settings against ours: those it started with
/// last, as far as its log goes now. What is claimed for nobody stands in front of a start. `None` when
/// the end comes first.
fn await_run(shared: &Shared, config: Digest) -> Result<Option<Found>, PipelineError> {
    let run = source(WORKER)?;
    let mut reader = shared.reader()?;
    reader.seek(0)?;
    // A log that others write to may never be at its end.
    let (mut next, end) = (0, shared.next_index());
    let mut found = Found { last_time: Timestamp(i64::MIN), claimed: BTreeSet::new() };
    let mut of_run = None;
    while !shared.was_stopped() {
        if let Some(theirs) = of_run.filter(|_| next >= end) {
            if theirs == config {
                return Ok(Some(found));
            }
            return Err(PipelineError::OtherSettings { theirs, ours: config });
        }
        let entries = reader.next_entries()?;
        if entries.is_empty() {
            std::thread::park_timeout(LOOK);
        }
        next += entries.len() as u64;
        for entry in entries {
            match entry {
                Entry::Event(delivered) => {
                    let header = delivered.record.header();
                    found.last_time = found.last_time.max(header.time);
                    if header.source == run
                        && let Body::AgentStarted(start) = &delivered.record.event()?.body
                    {
                        of_run = Some(start.config);
                    }
                }
                Entry::Progress { progress, .. } if progress.is_claim() => {
                    let _ = found.claimed.insert(progress.source);
                }
                Entry::Progress { .. } | Entry::Foreign(_) => {}
            }
        }
    }
    Ok(None)
}
