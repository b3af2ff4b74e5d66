//! What becomes visible together or not at all.

use std::sync::Arc;

use event::{Event, Label, Source, Timestamp};

use crate::{Record, Run, Topology};

/// A timer a task asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerRequested {
    /// Its number within the task, from 1.
    pub request: u64,
    /// What the task calls it.
    pub name: Label,
    /// When it is due.
    pub due: Timestamp,
}

/// The outputs of one step together with what was consumed: atomic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Whose step.
    pub source: Source,
    /// Events, in order, all of this source.
    pub outputs: Vec<Record>,
    /// What was consumed since the source's unit before, in order.
    pub consumed: Vec<Run>,
    /// Timers asked for.
    pub timers: Vec<TimerRequested>,
    /// How far an ingress has read its own source.
    pub mark: Option<u64>,
    /// Which claim of the source it is written under; zero where nobody ever claimed it.
    pub epoch: u64,
    /// What tells a claim from another's of the same epoch; zero in any unit that makes none.
    pub claim: u64,
}

impl Unit {
    /// Begins an epoch of `source`: from then on who writes under an earlier one is fenced. Two
    /// that claim at once must not look alike, or both are told that theirs is stored: `claim` is a
    /// number that nobody else uses, and not zero.
    #[must_use]
    pub fn claiming(source: Source, epoch: u64, claim: u64) -> Self {
        Self { epoch, claim, ..Self::of_roots(source, Vec::new()) }
    }

    /// Whether it begins an epoch.
    #[must_use]
    pub const fn is_claim(&self) -> bool {
        self.claim != 0
    }

    /// A unit of roots that consumed nothing.
    #[must_use]
    pub const fn of_roots(source: Source, outputs: Vec<Record>) -> Self {
        Self {
            source,
            outputs,
            consumed: Vec::new(),
            timers: Vec::new(),
            mark: None,
            epoch: 0,
            claim: 0,
        }
    }

    /// A unit of events in hand that consumed nothing; events that [`Arc`]s share are not copied.
    #[must_use]
    pub fn of_events<E: Into<Arc<Event>>>(
        source: Source,
        events: impl IntoIterator<Item = E>,
        topology: &Topology,
    ) -> Self {
        let record = |event: E| Record::of_event(event.into(), topology);
        Self::of_roots(source, events.into_iter().map(record).collect())
    }

    /// Whether it brings market data: what is refused first when room is short.
    #[must_use]
    pub fn holds_market_data(&self) -> bool {
        self.outputs.iter().any(|record| record.header().stream == crate::Stream::Market)
    }
}
