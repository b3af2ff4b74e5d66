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

use std::sync::{Arc, atomic::AtomicBool};

use bus_log::LogBus;
use event::{Source, Timestamp};
use feed::{Instruments, TapeReader};

use super::{
    PipelineError,
    follow::{Follower, open_journal, start_at},
};
use crate::{
    app::Factory,
    config::Settings,
    control::{CommandJournal, HaltLatch, Socket},
    data_dir::DataDir,
};
use clock::SessionClock;
use shared::Shared;

/// What a live run is given.
pub(crate) struct LiveRun<'a> {
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
}

/// How a live run ended.
pub(crate) struct LiveEnd {
    pub(crate) records: u64,
    pub(crate) resumed_at: u64,
    pub(crate) stopped: bool,
}

/// The worker of a live run.
pub(super) const WORKER: &str = "worker/live";

/// Runs until the tape ends and all is quiet, or until it is stopped.
pub(crate) fn run_live(run: LiveRun<'_>) -> Result<LiveEnd, PipelineError> {
    let opened = LogBus::open(&run.dir.log(), run.wall_clock)?;
    let tail = opened.bus.tail();
    let journal = open_journal(&run.dir.journal(), run.wall_clock)?;
    let mut reader = opened.bus.reader();
    if tail.next_index() > 0 {
        start_at(&journal, &mut reader)?;
    }
    let follower = Follower::start(journal, reader, Arc::clone(&tail));
    let socket = Socket::listen(run.dir.root())?;
    let commands = CommandJournal::open(&run.dir.control())?;
    let shared = Arc::new(Shared::new(opened.bus, Arc::clone(&run.stop)));
    let outcome = drive(run, &shared, &socket, &commands);
    let fatal = shared.take_fatal();
    let closed = Shared::close(shared);
    let followed = follower.finish();
    let end = match fatal {
        Some(error) => Err(error),
        None => outcome,
    }?;
    closed?;
    followed?;
    Ok(end)
}

fn drive(
    mut run: LiveRun<'_>,
    shared: &Arc<Shared>,
    socket: &Socket,
    commands: &CommandJournal,
) -> Result<LiveEnd, PipelineError> {
    let first = run.tape.next_time().unwrap_or(Timestamp(0));
    let mut ingress = ingress::Ingress::recover(shared, &mut run.tape)?;
    let clock = Arc::new(SessionClock::start(ingress.last_time().max(first), run.speed));
    let latch = || HaltLatch::open(&run.dir.control());
    let mut queues = Vec::new();
    let mut threads = Vec::new();
    for make in run.agents {
        let seat = seat::Seat::new(Arc::clone(make), Arc::clone(shared), Arc::clone(&clock))?;
        let (queue, received) = distributor::queue();
        queues.push(queue);
        threads.push(seat.start(received));
    }
    ingress.begin(&run, &clock)?;
    let desk = desk::Desk::open(&run, Arc::clone(shared), Arc::clone(&clock), latch()?)?;
    let (queue, received) = distributor::queue();
    queues.push(queue);
    threads.push(desk.start(received));
    threads.push(distributor::start(Arc::clone(shared), queues));
    // Books are open and limits are known before the first record comes.
    shared.wait_until_quiet();
    let fed = ingress.feed(&mut run, shared, &clock, socket, commands);
    if let Err(error) = fed {
        shared.fail(error);
    }
    shared.wait_until_quiet();
    shared.end();
    for thread in threads {
        if thread.join().is_err() {
            shared.fail(PipelineError::ThreadLost);
        }
    }
    if shared.has_failed() {
        latch_on_failure(run.dir, commands, run.wall_clock)?;
    }
    Ok(LiveEnd {
        records: ingress.records(),
        resumed_at: ingress.resumed_at(),
        stopped: shared.was_stopped(),
    })
}

/// A fatal error latches the halt, and leaves the cancel of everything to the next start.
fn latch_on_failure(
    dir: &DataDir,
    commands: &CommandJournal,
    wall_clock: fn() -> Timestamp,
) -> Result<(), PipelineError> {
    let reason = "a fatal error ended the live run";
    HaltLatch::open(&dir.control())?.halt(reason)?;
    let _ = commands.append(crate::control::OperatorCommand {
        number: 0,
        id: event::EventId(*uuid::Uuid::now_v7().as_bytes()),
        verb: event::choices::OperatorVerb::CancelAll,
        account: None,
        actor: "blotter".into(),
        reason: reason.into(),
        given_at: wall_clock(),
    })?;
    Ok(())
}

/// The name of a source in this run.
pub(super) fn source(name: &str) -> Result<Source, PipelineError> {
    Ok(Source::new(name)?)
}
