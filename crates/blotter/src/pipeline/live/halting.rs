//! A halt that the run itself asks for.

use std::sync::{Mutex, PoisonError};

use event::{EventId, Timestamp, choices::OperatorVerb};

use super::super::PipelineError;
use crate::{
    control::{CommandJournal, HaltLatch, OperatorCommand},
    data_dir::DataDir,
};

/// Halts as an operator would: the latch at once, and a command that the run, or the next one, logs and
/// acts on, which cancels what may still work. Either does without the other, and both are open before
/// they are needed; neither needs the bus.
pub(super) struct Halting {
    latch: HaltLatch,
    /// One at a time within the process; the journal's own lock is between processes.
    commands: Mutex<CommandJournal>,
    wall_clock: fn() -> Timestamp,
}

impl Halting {
    pub(super) fn open(
        dir: &DataDir,
        wall_clock: fn() -> Timestamp,
    ) -> Result<Self, PipelineError> {
        let latch = HaltLatch::open(&dir.control())?;
        let commands = Mutex::new(CommandJournal::open(&dir.control())?);
        Ok(Self { latch, commands, wall_clock })
    }

    pub(super) fn halt(&self, reason: &str) {
        let command = OperatorCommand {
            number: 0,
            id: EventId(*uuid::Uuid::now_v7().as_bytes()),
            verb: OperatorVerb::Halt,
            account: None,
            actor: "blotter".into(),
            reason: reason.into(),
            given_at: (self.wall_clock)(),
        };
        let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.latch.halt(command.id, &format!("{}: {reason}", command.actor));
        let _ = commands.append(command);
    }
}
