//! A task that runs free: what it decides on, what must become durable, and where a restart goes on.
//!
//! A driver feeds it the log in order and says what time it is. What it answers is a [`Step`]: events,
//! timers and the input they came from, to become durable together. Until the driver says that they
//! are, the seat takes nothing more; a step whose answer was lost is offered again as it was, and the
//! bus answers a repeat with the places of the first.
//!
//! After a restart the driver says how far the log has seen the task decide ([`Seat::resume`]) and
//! which timers were asked for and fired ([`Seat::asked`], [`Seat::fired`]), then delivers the log
//! from its beginning: what was decided is stepped over, which rebuilds the agent's state.

use alloc::{sync::Arc, vec::Vec};

use event::{
    Body, Event, LabelError, Source, Timestamp,
    operations::{AgentStopped, TimerFired},
};
use guard::{RestartIntensity, Verdict};

use crate::{Effects, PendingTimer, Task, Timers};

/// What must become durable together before a seat goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Whose unit it is.
    pub source: Source,
    /// Its events.
    pub events: Vec<Arc<Event>>,
    /// Timers asked for.
    pub timers: Vec<PendingTimer>,
    /// The input it was decided on; none for a timer that fires, which is a root.
    pub consumed: Option<u64>,
}

/// What becomes of a task whose agent failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// What the log is told.
    pub told: AgentStopped,
    /// Whether it failed more often than it may be restarted: the run ends.
    pub escalates: bool,
}

/// A task, how far it has decided, and its timers.
pub struct Seat {
    task: Task,
    timers: Timers,
    through: Option<u64>,
    restarts: RestartIntensity,
    waits: bool,
}

impl Seat {
    /// A seat at its beginning.
    #[must_use]
    pub fn new(task: Task) -> Self {
        Self {
            task,
            timers: Timers::default(),
            through: None,
            restarts: RestartIntensity::default(),
            waits: false,
        }
    }

    /// Takes back how far the task had decided, from its progress record.
    pub fn resume(&mut self, through: Option<u64>) {
        self.through = self.through.max(through);
    }

    /// Takes back a timer that one of the task's units asked for.
    pub fn asked(&mut self, timer: PendingTimer) {
        self.timers.set(timer);
    }

    /// Takes note of an event that is in the log: a timer that fired does not fire again.
    pub fn fired(&mut self, event: &Event) {
        if matches!(&event.body, Body::TimerFired(TimerFired { task, .. }) if *task == self.source())
        {
            self.timers.fired(event);
        }
    }

    /// The task's name on the bus.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.task.source()
    }

    /// The task.
    #[must_use]
    pub const fn task(&self) -> &Task {
        &self.task
    }

    /// The last input that the log has seen it decide on.
    #[must_use]
    pub const fn through(&self) -> Option<u64> {
        self.through
    }

    /// Whether a step has not been answered yet.
    #[must_use]
    pub const fn waits(&self) -> bool {
        self.waits
    }

    /// Takes the event at `index` and says what follows; `None` when nothing does, or when the log
    /// has it already.
    ///
    /// The caller delivers the log in order, each event once, and not before the step before is
    /// [`Seat::durable`].
    pub fn take(&mut self, index: u64, event: &Event) -> Option<Step> {
        debug_assert!(!self.waits, "{} has a step that is not durable", self.source());
        if !self.task.wants(event) {
            return None;
        }
        self.timers.fired(event);
        let Effects { events, timers } = self.task.step(event)?;
        if self.through.is_some_and(|through| index <= through) {
            return None;
        }
        self.waits = true;
        let events = events.into_iter().map(Arc::new).collect();
        Some(Step { source: self.source(), events, timers, consumed: Some(index) })
    }

    /// The firing of the next timer that is due at `now`.
    ///
    /// # Errors
    /// [`LabelError`] when the task's name leaves no room for its timer source.
    pub fn fire(&mut self, now: Timestamp) -> Result<Option<Step>, LabelError> {
        debug_assert!(!self.waits, "{} has a step that is not durable", self.source());
        let Some(event) = self.timers.fire(now, now)? else { return Ok(None) };
        self.waits = true;
        let (source, events) = (event.source, Vec::from([Arc::new(event)]));
        Ok(Some(Step { source, events, timers: Vec::new(), consumed: None }))
    }

    /// When the next timer is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.timers.next_due()
    }

    /// The step is durable: its timers run from here on.
    pub fn durable(&mut self, step: Step) {
        self.waits = false;
        self.through = self.through.max(step.consumed);
        step.timers.into_iter().for_each(|timer| self.timers.set(timer));
    }

    /// The agent failed at `now`, while it took an event: what to tell the log, and whether it may be
    /// made again.
    pub fn failed(&mut self, now: Timestamp) -> Failed {
        let (restarts, escalates) = match self.restarts.failed(now) {
            Verdict::Restart { restarts } => (restarts, false),
            Verdict::Escalate { restarts } => (restarts, true),
        };
        let reason = "the agent panicked".into();
        let told = AgentStopped { task: self.source(), failed: true, reason, restarts };
        Failed { told, escalates }
    }

    /// Sits a fresh task down, which is then told its past, event by event, with
    /// [`Seat::tell_again`]. Timers and what is decided stay.
    pub fn begin_again(&mut self, task: Task) {
        self.task = task;
    }

    /// Tells a fresh task an event that it took before; what it says to it is known.
    pub fn tell_again(&mut self, event: &Event) {
        if self.task.wants(event) {
            let _ = self.task.step(event);
        }
    }
}
