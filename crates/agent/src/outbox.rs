//! What follows from one input: events to emit and timers to set.

use alloc::vec::Vec;

use event::{Basis, Body, Key, Label, OrderId, Timestamp, id::derived_id};

/// An event an agent wants emitted; the worker mints its ids, sequence and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emission {
    /// The entity whose order matters.
    pub key: Key,
    /// What happened.
    pub body: Body,
    /// What the decision rested on, beside its cause.
    pub basis: Option<Basis>,
}

/// A timer an agent wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerRequest {
    /// What the agent calls it; it comes back in `TimerFired`.
    pub name: Label,
    /// When. A time that has passed fires next.
    pub due: Timestamp,
}

/// Collects what follows from one input.
#[derive(Clone, Debug)]
pub struct Outbox {
    cause: event::EventId,
    task: event::Source,
    /// Events, in order.
    pub events: Vec<Emission>,
    /// Timers, in order.
    pub timers: Vec<TimerRequest>,
}

impl Outbox {
    /// An empty outbox for what `task` decides on `cause`.
    #[must_use]
    pub const fn new(cause: event::EventId, task: event::Source) -> Self {
        Self { cause, task, events: Vec::new(), timers: Vec::new() }
    }

    /// Empties the outbox for what `task` decides on another cause, keeping its memory.
    pub fn begin(&mut self, cause: event::EventId) {
        self.cause = cause;
        self.events.clear();
        self.timers.clear();
    }

    /// Emits an event under its natural key.
    pub fn emit(&mut self, body: impl Into<Body>) {
        self.push(body.into(), None);
    }

    /// Emits a decision, with what it rested on.
    pub fn decide(&mut self, body: impl Into<Body>, basis: Basis) {
        self.push(body.into(), Some(basis));
    }

    /// Asks for a timer.
    pub fn timer(&mut self, name: Label, due: Timestamp) {
        self.timers.push(TimerRequest { name, due });
    }

    /// The id the next event emitted will have; for a proposal, the order's id.
    #[must_use]
    pub fn next_order(&self) -> OrderId {
        derived_id(self.cause, self.task, self.events.len() as u32).into()
    }

    fn push(&mut self, body: Body, basis: Option<Basis>) {
        self.events.push(Emission { key: body.key(), body, basis });
    }
}
