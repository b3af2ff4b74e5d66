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
}

impl Unit {
    /// A unit of roots that consumed nothing.
    #[must_use]
    pub const fn of_roots(source: Source, outputs: Vec<Record>) -> Self {
        Self { source, outputs, consumed: Vec::new(), timers: Vec::new(), mark: None }
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
