//! A task that runs free: what it decides on, what must become durable, and where a restart goes on.
//!
//! A driver feeds it the log in order and says what time it is. What it answers is a [`Step`]: events,
//! timers and the input they came from, to become durable together. Until the driver says that they
//! are, the seat takes nothing more; a step whose answer was lost is offered again as it was, and the
//! bus answers a repeat with the places of the first.
//!
//! After a restart the driver says how far the log has seen the task decide ([`Seat::resume`]) and
//! what stands there of it, in order ([`Seat::asked`], [`Seat::emitted`], [`Seat::remember`]), makes the
//! start durable that it answers with ([`Seat::start`]), then delivers the log from its beginning: what
//! was decided is stepped over, which rebuilds the agent's state. Where the code changed, what is below
//! the fence counts as decided, and numbers go on behind it.
//!
//! Most inputs have no consequence, and the log would not show that they were taken: a seat says so at a
//! stop ([`Seat::rest`]), and on its own after so many.

use alloc::{sync::Arc, vec::Vec};

use event::{
    Body, Digest, Event, LabelError, Source, Timestamp,
    operations::{AgentStarted, AgentStopped, TimerFired},
};
use guard::{RestartIntensity, Verdict};

use crate::{Effects, Fences, PendingTimer, Task, Timers};

/// Inputs taken without a consequence before the log is told that they were.
const UNSAID_MAX: u64 = 4096;

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
    fences: Fences,
    /// Whether the task's numbers go on behind the fence by now.
    is_behind_fence: bool,
    /// The input behind which the task was restored from a snapshot.
    restored_behind: Option<u64>,
    through: Option<u64>,
    /// The last entry taken that was not decided before.
    taken: Option<u64>,
    /// The same of those that the agent takes.
    taken_input: Option<u64>,
    restarts: RestartIntensity,
    waits: bool,
}

impl Seat {
    /// A seat at its beginning.
    #[must_use]
    pub fn new(task: Task) -> Self {
        Self {
            fences: Fences::of(task.source()),
            task,
            timers: Timers::default(),
            is_behind_fence: false,
            restored_behind: None,
            through: None,
            taken: None,
            taken_input: None,
            restarts: RestartIntensity::default(),
            waits: false,
        }
    }

    /// A seat whose task was restored from a snapshot, taken behind the input at `index`, of this very
    /// version. The log is delivered from there on.
    #[must_use]
    pub fn restored(task: Task, index: u64) -> Self {
        Self { restored_behind: Some(index), ..Self::new(task) }
    }

    /// Takes back how far the task had decided, from its progress record.
    pub fn resume(&mut self, through: Option<u64>) {
        self.through = self.through.max(through);
    }

    /// Takes back a timer that one of the task's units asked for.
    pub fn asked(&mut self, timer: PendingTimer) {
        self.fences.asked(timer.request);
        self.timers.set(timer);
    }

    /// Takes note of an event of the task's own that is in the log, by its number.
    pub fn emitted(&mut self, source_seq: u64) {
        self.fences.emitted(source_seq);
    }

    /// Takes note of an event that is in the log: a timer that fired does not fire again, and a start
    /// of other code is a fence.
    pub fn remember(&mut self, event: &Event) {
        match &event.body {
            Body::TimerFired(TimerFired { task, .. }) if *task == self.source() => {
                self.timers.fired(event);
            }
            Body::AgentStarted(start) => {
                let before = self.fences.fence();
                self.fences.started(start);
                // A seat that follows the log meets a fence behind the one its numbers go on from.
                self.is_behind_fence &= self.fences.fence() == before;
            }
            _ => {}
        }
    }

    /// What this start tells the log. It is durable before the seat takes anything: where the code or
    /// its configuration is another than at the start before, it is the fence between the two.
    pub fn start(&mut self, epoch: u64, config: Digest) -> AgentStarted {
        self.fences.start(epoch, self.task.version(), config, self.through)
    }

    /// Whether the code, or its configuration, is another than at the last start in the log.
    #[must_use]
    pub fn is_upgrade(&self, config: Digest) -> bool {
        self.fences.is_change(self.task.version(), config)
    }

    /// The input behind which the task was restored from a snapshot.
    #[must_use]
    pub const fn restored_behind(&self) -> Option<u64> {
        self.restored_behind
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
        if self.task.wants(event) {
            self.timers.fired(event);
        }
        let effects = self.step(index, event);
        if self.is_decided(index) {
            return None;
        }
        self.taken = Some(index);
        if self.task.wants(event) {
            self.taken_input = Some(index);
        }
        match effects {
            Some(Effects { events, timers }) => {
                self.waits = true;
                let events = events.into_iter().map(Arc::new).collect();
                Some(Step { source: self.source(), events, timers, consumed: Some(index) })
            }
            None if index >= self.through.map_or(0, |last| last + 1) + UNSAID_MAX => self.rest(),
            None => None,
        }
    }

    /// The same as [`Seat::rest`], where it took something that the log waits for it to have taken; who
    /// watches the task from elsewhere is told so, and of nothing else.
    pub fn say(&mut self) -> Option<Step> {
        let owes = self.taken_input.is_some_and(|taken| self.through < Some(taken));
        if owes { self.rest() } else { None }
    }

    /// Says how far the task has taken its inputs, when the log does not show it: a unit without
    /// events, for a stop. What it took is then its own, whatever code comes after it.
    pub fn rest(&mut self) -> Option<Step> {
        debug_assert!(!self.waits, "{} has a step that is not durable", self.source());
        let consumed = self.taken.filter(|taken| self.through < Some(*taken));
        self.waits = consumed.is_some();
        consumed?;
        let (events, timers) = (Vec::new(), Vec::new());
        Some(Step { source: self.source(), events, timers, consumed })
    }

    fn step(&mut self, index: u64, event: &Event) -> Option<Effects> {
        if !self.task.wants(event) {
            return None;
        }
        if let Some(fence) = self.fences.fence()
            && index >= fence.index
            && !self.is_behind_fence
        {
            self.is_behind_fence = true;
            // What was restored behind the fence has its numbers.
            if self.restored_behind.is_none_or(|restored| restored < fence.index) {
                self.task.go_on_behind(&fence);
            }
        }
        self.task.step(event)
    }

    /// Whether an input was decided before, by this version or by the one before it.
    fn is_decided(&self, index: u64) -> bool {
        self.through.is_some_and(|through| index <= through)
            || self.fences.fence().is_some_and(|fence| index < fence.index)
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
        (self.is_behind_fence, self.restored_behind) = (false, None);
    }

    /// Tells a fresh task an event that it took before; what it says to it is known.
    pub fn tell_again(&mut self, index: u64, event: &Event) {
        let _ = self.step(index, event);
    }
}
