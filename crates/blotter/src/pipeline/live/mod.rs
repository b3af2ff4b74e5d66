//! A free-running run: every task on a thread of its own, the tape paced by its own timestamps.
//!
//! ```text
//! ingress ──┐                        ┌── task (one thread each) ──┐
//! operator ─┼─> log ──> distributor ─┼── gateway and broker ──────┼─> log
//! producers ┘     └──> journal       └── (bounded queues)         ┘
//! ```
//!
//! Every task still sees events in log order, so what it consumed is one number and the run can be
//! run again later on one thread, byte for byte. What differs between two live runs is only where in
//! the log the outputs of different tasks fall.

mod clock;
mod desk;
mod distributor;
mod ingress;
mod seat;
mod shared;
#[cfg(test)]
mod tests;
mod watch;

use std::{
    sync::{Arc, atomic::AtomicBool},
    thread::JoinHandle,
};

use event::{Source, Timestamp};
use feed::{Instruments, TapeReader};

use super::{PipelineError, Unread, follow::Follower};
use crate::{
    app::Factory,
    config::Settings,
    control::{CommandJournal, HaltLatch, Socket},
    data_dir::DataDir,
    engine::{Engine, Opened},
};
use clock::SessionClock;
use shared::Shared;
pub(crate) use watch::Told;

/// What a live run is given.
pub(crate) struct LiveRun<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) dir: &'a DataDir,
    pub(crate) settings: &'a Settings,
    pub(crate) instruments: &'a Instruments,
    pub(crate) agents: &'a [Factory],
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
    /// What a crash left half written and was cut off, in words.
    pub(crate) torn: Option<String>,
}

/// The worker of a live run.
pub(super) const WORKER: &str = "worker/live";

/// Runs until the tape ends and all is quiet, or until it is stopped.
pub(crate) fn run_live(run: LiveRun<'_>) -> Result<LiveEnd, PipelineError> {
    let Opened { bus, torn } = run.engine.open(run.dir, run.wall_clock)?;
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
    let mut seats = Vec::new();
    for make in run.agents {
        let (shared, clock) = (Arc::clone(shared), Arc::clone(&clock));
        seats.push(seat::Seat::new(Arc::clone(make), shared, clock)?);
    }
    let latch = HaltLatch::open(&run.dir.control())?;
    let mut threads = Vec::new();
    // This thread is one of those whose failure ends the run.
    shared.answer_for(|| {
        ingress.begin(&run, &clock, &mut seats)?;
        let desk = desk::Desk::open(&run, Arc::clone(shared), Arc::clone(&clock), latch)?;
        threads = start(shared, seats, desk);
        // Books are open and limits are known before the first record comes.
        shared.wait_until_quiet();
        ingress.feed(&mut run, &clock, socket, commands, journal_runs)?;
        shared.wait_until_quiet();
        // Asked while the desk is there to cancel.
        if journal_runs() { Ok(()) } else { Err(PipelineError::FollowerLost) }
    });
    shared.end();
    for thread in threads {
        if thread.join().is_err() {
            shared.fail(PipelineError::ThreadLost);
        }
    }
    Ok(LiveEnd {
        records: ingress.records(),
        resumed_at: ingress.resumed_at(),
        stopped: shared.was_stopped(),
        unread: Unread::of(&run.tape),
        torn: None,
    })
}

/// Starts a thread for every seat, for the desk, and for the one that hands the log to them.
fn start(shared: &Arc<Shared>, seats: Vec<seat::Seat>, desk: desk::Desk) -> Vec<JoinHandle<()>> {
    let (mut queues, mut threads) = (Vec::new(), Vec::new());
    for seat in seats {
        let (queue, received) = distributor::queue();
        queues.push(queue);
        threads.push(seat.start(received));
    }
    let (queue, received) = distributor::queue();
    queues.push(queue);
    threads.push(desk.start(received));
    threads.push(distributor::start(Arc::clone(shared), queues));
    threads
}

/// A fatal error halts as an operator would: the latch at once, and a command that the next start
/// logs and acts on, which cancels what may still work. Either does without the other, and both are
/// open before they are needed.
fn halt_on_failure(
    dir: &DataDir,
    wall_clock: fn() -> Timestamp,
) -> Result<shared::Halt, PipelineError> {
    let latch = HaltLatch::open(&dir.control())?;
    let commands = CommandJournal::open(&dir.control())?;
    Ok(Box::new(move || {
        let command = crate::control::OperatorCommand {
            number: 0,
            id: event::EventId(*uuid::Uuid::now_v7().as_bytes()),
            verb: event::choices::OperatorVerb::Halt,
            account: None,
            actor: "blotter".into(),
            reason: "a fatal error ended the live run".into(),
            given_at: wall_clock(),
        };
        let _ = latch.halt(command.id, &format!("{}: {}", command.actor, command.reason));
        let _ = commands.append(command);
    }))
}

/// The name of a source in this run.
pub(super) fn source(name: &str) -> Result<Source, PipelineError> {
    Ok(Source::new(name)?)
}
