//! One agent over one scope, stepped one input at a time.

use alloc::{boxed::Box, format, vec::Vec};

use agent::{Agent, Outbox, Scope};
use event::{
    AccountId, Body, Event, EventId, Key, Kind, Label, LabelError, Source, Timestamp,
    id::{derived_id, root_trace},
};

use crate::{Fence, PendingTimer};

/// What one step asks to become durable together with the input it consumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effects {
    /// Events, in order, fully minted.
    pub events: Vec<Event>,
    /// Timers requested, in order.
    pub timers: Vec<PendingTimer>,
}

/// Why a task cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// Agent name and scope make no source name.
    #[error("E3001 agent and scope make no source name: {0}")]
    Name(LabelError),
}

/// Kinds as bits: one test per event and task.
#[derive(Clone, Copy, Debug, Default)]
struct KindSet([u64; 4]);

impl KindSet {
    fn of(kinds: &[Kind]) -> Self {
        let mut set = Self::default();
        for kind in kinds {
            let number = *kind as usize;
            if let Some(word) = set.0.get_mut(number / 64) {
                *word |= 1 << (number % 64);
            }
        }
        set
    }

    #[inline]
    fn contains(self, kind: Kind) -> bool {
        let number = kind as usize;
        self.0.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }
}

/// A task: an agent, its name on the bus, and where it stands.
pub struct Task {
    agent: Box<dyn Agent>,
    source: Source,
    kinds: KindSet,
    account: Option<AccountId>,
    clock: Timestamp,
    last_seq: u64,
    last_timer: u64,
    outbox: Outbox,
}

impl Task {
    /// A task at its beginning.
    ///
    /// # Errors
    /// [`TaskError::Name`] when `<agent>/<account>` is longer than a label.
    pub fn new(agent: Box<dyn Agent>) -> Result<Self, TaskError> {
        let account = match agent.scope() {
            Scope::All => None,
            Scope::Account(account) => Some(account),
        };
        let scope = account.as_ref().map_or("0", AccountId::as_str);
        let source = Source::new(&format!("{}/{scope}", agent.name())).map_err(TaskError::Name)?;
        Ok(Self {
            kinds: KindSet::of(agent.subscriptions()),
            account,
            source,
            clock: Timestamp(i64::MIN),
            last_seq: 0,
            last_timer: 0,
            outbox: Outbox::new(EventId([0; 16]), source),
            agent,
        })
    }

    /// The task's name on the bus.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }

    /// The version of the agent's code.
    #[must_use]
    pub fn version(&self) -> Label {
        self.agent.version()
    }

    /// The last sequence this task emitted.
    #[must_use]
    pub const fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// The last timer this task asked for.
    #[must_use]
    pub const fn last_timer(&self) -> u64 {
        self.last_timer
    }

    /// Whether this event is one of the task's inputs.
    #[inline]
    #[must_use]
    pub fn wants(&self, event: &Event) -> bool {
        if let Body::TimerFired(timer) = &event.body {
            return timer.task == self.source;
        }
        self.kinds.contains(event.body.kind())
            && match (self.account, event.body.account()) {
                (Some(ours), Some(theirs)) => ours == theirs,
                _ => true,
            }
    }

    /// Takes one input and returns what follows; `None` when nothing does.
    ///
    /// The caller delivers inputs in order and each once. Given the same inputs, ids, sequences,
    /// times and bytes are the same.
    pub fn step(&mut self, input: &Event) -> Option<Effects> {
        self.clock = self.clock.max(input.time);
        self.outbox.begin(input.event_id);
        self.agent.on_event(self.clock, input, &mut self.outbox);
        if self.outbox.events.is_empty() && self.outbox.timers.is_empty() {
            return None;
        }
        let (task, now) = (self.source, self.clock);
        let mut last_seq = self.last_seq;
        let events = (0_u32..)
            .zip(self.outbox.events.drain(..))
            .map(|(slot, emission)| {
                last_seq += 1;
                Event {
                    event_id: derived_id(input.event_id, task, slot),
                    trace_id: input.trace_id,
                    cause_id: Some(input.event_id),
                    source: task,
                    source_seq: last_seq,
                    key: emission.key,
                    time: now,
                    event_time: None,
                    basis: emission.basis,
                    body: emission.body,
                }
            })
            .collect();
        self.last_seq = last_seq;
        let mut last_timer = self.last_timer;
        let timers = self
            .outbox
            .timers
            .drain(..)
            .map(|request| {
                last_timer += 1;
                PendingTimer { task, request: last_timer, name: request.name, due: request.due }
            })
            .collect();
        self.last_timer = last_timer;
        Some(Effects { events, timers })
    }

    /// Goes on behind what another version of the agent emitted: its numbers continue.
    pub const fn go_on_behind(&mut self, fence: &Fence) {
        (self.last_seq, self.last_timer) = (fence.last_seq, fence.last_timer);
    }

    /// The task's state for a disposable snapshot; `None` when its agent keeps none.
    #[must_use]
    pub fn snapshot(&self) -> Option<Vec<u8>> {
        let state = self.agent.snapshot()?;
        let mut out = Vec::with_capacity(state.len() + 24);
        out.extend_from_slice(&self.clock.0.to_le_bytes());
        out.extend_from_slice(&self.last_seq.to_le_bytes());
        out.extend_from_slice(&self.last_timer.to_le_bytes());
        out.extend_from_slice(&state);
        Some(out)
    }

    /// Takes back what [`Task::snapshot`] gave.
    ///
    /// # Errors
    /// [`agent::RestoreError`]; the task must then be built anew.
    pub fn restore(&mut self, snapshot: &[u8]) -> Result<(), agent::RestoreError> {
        let mut rest = snapshot;
        let mut word = || -> Result<[u8; 8], agent::RestoreError> {
            let (head, tail) = rest.split_first_chunk().ok_or(agent::RestoreError)?;
            rest = tail;
            Ok(*head)
        };
        let (clock, last_seq, last_timer) = (word()?, word()?, word()?);
        self.agent.restore(rest)?;
        self.clock = Timestamp(i64::from_le_bytes(clock));
        self.last_seq = u64::from_le_bytes(last_seq);
        self.last_timer = u64::from_le_bytes(last_timer);
        Ok(())
    }
}

/// Mints a root: an event with no cause inside the system, which begins a trace.
#[must_use]
pub fn root_event(
    event_id: EventId,
    source: Source,
    source_seq: u64,
    time: Timestamp,
    event_time: Option<Timestamp>,
    key: Key,
    body: Body,
) -> Event {
    Event {
        event_id,
        trace_id: root_trace(event_id),
        cause_id: None,
        source,
        source_seq,
        key,
        time,
        event_time,
        basis: None,
        body,
    }
}
