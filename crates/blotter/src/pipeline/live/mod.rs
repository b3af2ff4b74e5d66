//! A free-running run: every task on a thread of its own, the tape paced by its own timestamps.
//!
//! ```text
//! ingress ──┐                        ┌── task (one thread each) ──┐
//! operator ─┼─> log ──> distributor ─┼── gateway and broker ──────┼─> log
//! producers ┘     └──> journal       └── (bounded queues)         ┘
//! ```
//!
//! On a bus on servers tasks may be in other processes (`work`); the run watches those (`elsewhere`).
//! A task moves with a claim of its sources (`tenure`), and whoever loses one writes nothing more of it.
//!
//! Every task still sees events in log order, so what it consumed is one number and the run can be
//! run again later on one thread, byte for byte. What differs between two live runs is only where in
//! the log the outputs of different tasks fall.

mod clock;
mod desk;
mod distributor;
mod elsewhere;
mod halting;
#[cfg(test)]
mod home;
mod ingress;
#[cfg(test)]
mod moving_tests;
mod seat;
mod shared;
mod standby;
mod strangers;
mod tenure;
#[cfg(test)]
mod tests;
mod watch;
mod work;

use std::{
    sync::{
        Arc,
        atomic::AtomicBool,
        mpsc::{Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use event::{Source, Timestamp};
use feed::{Instruments, TapeReader};

use super::{PipelineError, Unread, follow::Follower};
use crate::{
    app::Factory,
    config::Settings,
    control::{CommandJournal, HaltLatch, Socket},
    data_dir::DataDir,
    engine::{Engine, Opened, Role},
};
use clock::SessionClock;
use distributor::{Outlet, Stranger};
pub(crate) use elsewhere::Hosted;
use elsewhere::{Elsewhere, Watching};
use halting::Halting;
use seat::{Loss, Seat};
use shared::Shared;
use strangers::Strangers;
use tenure::Tenure;
pub(crate) use watch::Told;
pub(crate) use work::{StandsBy, Work, work};

/// What a live run is given.
pub(crate) struct LiveRun<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) dir: &'a DataDir,
    pub(crate) settings: &'a Settings,
    pub(crate) instruments: &'a Instruments,
    pub(crate) agents: &'a [Factory],
    /// Agents that other processes host.
    pub(crate) elsewhere: &'a [Factory],
    /// How long one of these may let the log wait before trading is halted.
    pub(crate) patience: Duration,
    pub(crate) tape: TapeReader,
    pub(crate) wall_clock: fn() -> Timestamp,
    /// How much faster than recorded; zero is as fast as it goes.
    pub(crate) speed: u32,
    /// Set by a signal: everything in hand is finished, then the run ends.
    pub(crate) stop: Arc<AtomicBool>,
    /// Where halts, releases and refusals are told as they happen.
    pub(crate) tell: fn(Told<'_>),
}

/// How a live run ended.
pub(crate) struct LiveEnd {
    pub(crate) records: u64,
    pub(crate) resumed_at: u64,
    pub(crate) stopped: bool,
    pub(crate) unread: Unread,
    /// Tasks that other processes decide.
    pub(crate) elsewhere: Vec<Hosted>,
    /// What a crash left half written and was cut off, in words.
    pub(crate) torn: Option<String>,
}

/// The worker of a live run.
pub(super) const WORKER: &str = "worker/live";

/// Runs until the tape ends and all is quiet, or until it is stopped.
pub(crate) fn run_live(run: LiveRun<'_>) -> Result<LiveEnd, PipelineError> {
    let Opened { bus, torn } = run.engine.open(run.dir, Role::Run, run.wall_clock)?;
    let follower = Follower::begin(run.dir, &*bus, run.wall_clock)?;
    let socket = Socket::listen(run.dir.root())?;
    let commands = CommandJournal::open(&run.dir.control())?;
    let halt = halt_on_failure(run.dir, run.wall_clock)?;
    let shared = Arc::new(Shared::new(bus, Arc::clone(&run.stop), halt));
    let outcome = drive(run, &shared, &socket, &commands, &|| follower.is_running());
    // All is durable by now, so the journal has it all; a run whose journal has not is halted too.
    let followed = follower.finish().inspect_err(|_| shared.fail(PipelineError::FollowerLost));
    let fatal = shared.take_fatal();
    let closed = Shared::close(shared);
    match fatal {
        // The journal says itself why it stopped.
        Some(PipelineError::FollowerLost) => followed.and(Err(PipelineError::FollowerLost)),
        Some(error) => Err(error),
        None => outcome.and_then(|end| closed.map(|()| LiveEnd { torn, ..end })),
    }
}

fn drive(
    mut run: LiveRun<'_>,
    shared: &Arc<Shared>,
    socket: &Socket,
    commands: &CommandJournal,
    journal_runs: &dyn Fn() -> bool,
) -> Result<LiveEnd, PipelineError> {
    let first = run.tape.next_time().unwrap_or(Timestamp(0));
    let mut ingress = ingress::Ingress::recover(shared, &mut run.tape)?;
    let clock = Arc::new(SessionClock::start(ingress.last_time().max(first), run.speed));
    let latch = HaltLatch::open(&run.dir.control())?;
    let mut threads = Vec::new();
    // This thread is one of those whose failure ends the run.
    shared.answer_for(|| {
        let (watched, mut seats) = seat_all(&run, shared, &clock)?;
        ingress.begin(&run, &clock, &mut seats)?;
        let desk = desk::Desk::open(&run, Arc::clone(shared), Arc::clone(&clock), latch)?;
        let (stranger, received) = channel();
        let strangers = Strangers::resume(shared, received)?;
        threads = start(shared, watched, seats, desk, stranger);
        // Books are open and limits are known before the first record comes.
        shared.wait_until_quiet();
        ingress.feed(&mut run, &clock, socket, commands, strangers, journal_runs)?;
        ingress.see_out(&clock, commands, journal_runs)?;
        shared.wait_until_quiet();
        // Asked while the desk is there to cancel.
        if journal_runs() { Ok(()) } else { Err(PipelineError::FollowerLost) }
    });
    shared.end();
    work::join(threads, shared);
    Ok(LiveEnd {
        elsewhere: shared.elsewhere(),
        records: ingress.records(),
        resumed_at: ingress.resumed_at(),
        stopped: shared.was_stopped(),
        unread: Unread::of(&run.tape),
        torn: None,
    })
}

/// Sits down the tasks of this process, and watches those of others. First those of others: what nobody
/// ever claimed is claimed before the run says that it is there.
fn seat_all(
    run: &LiveRun<'_>,
    shared: &Arc<Shared>,
    clock: &Arc<SessionClock>,
) -> Result<(Vec<Elsewhere>, Vec<Seat>), PipelineError> {
    let halting = Arc::new(Halting::open(run.dir, run.wall_clock)?);
    let watching = Watching { patience: run.patience, halting, tell: run.tell };
    let mut watched = Vec::new();
    for make in run.elsewhere {
        let (shared, clock) = (Arc::clone(shared), Arc::clone(clock));
        watched.push(Elsewhere::new(make, shared, clock, watching.clone())?);
    }
    let loss = Loss::IsWatched(watching);
    let seats = Seat::all(run.agents, Tenure::resume, &loss, shared, clock)?;
    Ok((watched, seats))
}

/// Starts a thread for every task, for the desk, and for the one that hands the log to them.
fn start(
    shared: &Arc<Shared>,
    watched: Vec<Elsewhere>,
    seats: Vec<Seat>,
    desk: desk::Desk,
    stranger: Sender<Stranger>,
) -> Vec<JoinHandle<()>> {
    let (mut outlets, mut threads) = (Vec::new(), Vec::new());
    let mut outlet = |task| {
        let (queue, received) = distributor::queue();
        outlets.push(Outlet { task, queue });
        received
    };
    for elsewhere in watched {
        let received = outlet(Some(elsewhere.task()));
        threads.push(elsewhere.start(received));
    }
    for seat in seats {
        let received = outlet(Some(seat.task()));
        threads.push(seat.start(received));
    }
    threads.push(desk.start(outlet(None)));
    threads.push(distributor::start(Arc::clone(shared), outlets, None, Some(stranger)));
    threads
}

/// What a fatal error does before anything else.
fn halt_on_failure(
    dir: &DataDir,
    wall_clock: fn() -> Timestamp,
) -> Result<shared::Halt, PipelineError> {
    let halting = Halting::open(dir, wall_clock)?;
    Ok(Box::new(move || halting.halt("a fatal error ended the live run")))
}

/// The name of a source in this run.
pub(super) fn source(name: &str) -> Result<Source, PipelineError> {
    Ok(Source::new(name)?)
}
