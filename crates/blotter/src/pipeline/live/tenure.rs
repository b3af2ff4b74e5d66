//! Under which claims a process writes what a task says.

use bus::{BusError, Unit};
use event::Source;
use worker::timer_source;

use super::{super::PipelineError, seat::worker_of, shared::Shared};

/// The claims of a task's sources: of its timers, of its life, and of its own. Zero where nobody ever
/// claimed it: then it belongs to the run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tenure {
    claims: [(Source, u64); 3],
}

impl Tenure {
    /// The tenure of whoever hosts a task that nobody ever claimed.
    pub(super) fn unclaimed(task: Source) -> Result<Self, PipelineError> {
        let sources = [timer_source(task)?, worker_of(task)?, task];
        Ok(Self { claims: sources.map(|source| (source, 0)) })
    }

    /// Takes a task from whoever had it. Its own source comes last: once that is claimed, all that any
    /// predecessor wrote stands before the claim.
    pub(super) fn claim(task: Source, shared: &Shared) -> Result<Self, PipelineError> {
        let mut tenure = Self::unclaimed(task)?;
        for (source, epoch) in &mut tenure.claims {
            *epoch = shared.with_bus(|bus| bus.claim(*source))?;
        }
        Ok(tenure)
    }

    /// Takes back a task that was claimed before; one that nobody ever claimed stays unclaimed.
    pub(super) fn resume(task: Source, shared: &Shared) -> Result<Self, PipelineError> {
        if claim_of(task, shared) == 0 { Self::unclaimed(task) } else { Self::claim(task, shared) }
    }

    /// The claim of the task's own source.
    pub(super) const fn epoch(&self) -> u64 {
        let [_, _, (_, epoch)] = self.claims;
        epoch
    }

    /// Commits a unit of one of the sources under its claim.
    pub(super) fn commit(&self, mut unit: Unit, shared: &Shared) -> Result<(), PipelineError> {
        let of_source = self.claims.iter().find(|(source, _)| *source == unit.source);
        unit.epoch = of_source.map_or(0, |(_, epoch)| *epoch);
        let _ = shared.commit(unit)?;
        Ok(())
    }

    /// Whether this says that somebody else has claimed the task.
    pub(super) fn is_lost_by(&self, error: &BusError) -> bool {
        let BusError::Fenced { source_name, .. } = error else { return false };
        self.claims.iter().any(|(source, _)| source == source_name)
    }
}

/// The newest claim of a task; zero where there is none.
pub(super) fn claim_of(task: Source, shared: &Shared) -> u64 {
    shared.with_bus(|bus| bus.progress(task)).map_or(0, |progress| progress.epoch)
}
