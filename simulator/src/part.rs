//! The parts of the system: each a state machine that ships, with a reader of the log before it and a
//! window of unanswered units behind it.

use std::{collections::VecDeque, sync::Arc};

use bus::{Cut, Delivered, Run, TimerRequested, Topology, Unit};
use event::Timestamp;
use forensics::Journal;
use gateway::{Batch, Desk};
use worker::{Numbering, Seat, Step};

/// What a part does next, or did last: a crash comes between two of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// It is made, and learns from the log where it stands.
    Begin,
    /// It reads events.
    Read,
    /// It decides on what it read, or mints what enters.
    Decide,
    /// A timer of its fires.
    Fire,
    /// A unit leaves for the bus.
    Send,
    /// The bus stores a unit.
    Store,
    /// The answer comes back.
    Learn,
    /// The broker is called.
    Call,
    /// The broker's reports are read.
    Report,
    /// Entries go into the journal, not durable yet.
    Take,
    /// The journal is made durable.
    Sync,
}

/// What kind of part it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartKind {
    /// What mints roots.
    Ingress,
    /// A task.
    Seat,
    /// Gateway and broker.
    Desk,
    /// The journal.
    Scribe,
}

/// What it is that waits for an answer.
pub(crate) enum Waiting {
    Step(Step),
    Batch(Batch),
    /// The start of another build.
    Start,
    /// What a task whose agent panicked tells of itself, and the delivery it failed on.
    Failure(Delivered),
    /// Roots, and how far the tape has been read with them.
    Roots(Option<u64>),
}

/// Units that leave, and what they are.
pub(crate) struct Post {
    pub(crate) units: Arc<Vec<Unit>>,
    pub(crate) what: Waiting,
    /// The ticket of the call under way; none before it is sent.
    pub(crate) ticket: Option<u64>,
    pub(crate) not_before: Timestamp,
}

/// What a part is.
pub(crate) enum Role {
    Seat(Seat),
    Desk(Desk),
    Ingress(Ingress),
    Scribe(Option<Journal>),
}

/// What mints roots of tape, configuration and operators.
#[derive(Default)]
pub(crate) struct Ingress {
    pub(crate) numbering: Numbering,
    /// What enters before the first record.
    pub(crate) begins: VecDeque<event::Event>,
    /// Records of the tape read.
    pub(crate) records: u64,
}

/// A part of the system.
pub(crate) struct Part {
    pub(crate) kind: PartKind,
    pub(crate) role: Role,
    pub(crate) life: u32,
    pub(crate) cut: Cut,
    pub(crate) inbox: VecDeque<Delivered>,
    /// Deliveries so far in this life.
    pub(crate) read: usize,
    pub(crate) post: Option<Post>,
    pub(crate) last: Effect,
    /// It does nothing before this.
    pub(crate) paused_until: Timestamp,
    /// Nothing passes between it and the bus before this.
    pub(crate) cut_off_until: Timestamp,
    /// How wrong its clock is.
    pub(crate) skew_ns: i64,
    /// Whether it must still say what a start has to say.
    pub(crate) begins: bool,
    /// Whether another has taken its place.
    pub(crate) is_zombie: bool,
}

impl Part {
    pub(crate) fn new(kind: PartKind, role: Role, life: u32) -> Self {
        Self {
            kind,
            role,
            life,
            cut: Cut::default(),
            inbox: VecDeque::new(),
            read: 0,
            post: None,
            last: Effect::Begin,
            paused_until: Timestamp(i64::MIN),
            cut_off_until: Timestamp(i64::MIN),
            skew_ns: 0,
            begins: true,
            is_zombie: false,
        }
    }

    /// Its session clock.
    pub(crate) const fn clock(&self, now: Timestamp) -> Timestamp {
        now.plus_ns(self.skew_ns)
    }

    /// Holds units until the bus has answered them.
    pub(crate) fn hold(&mut self, units: Vec<Unit>, what: Waiting) {
        let not_before = Timestamp(i64::MIN);
        self.post = Some(Post { units: Arc::new(units), what, ticket: None, not_before });
    }
}

/// A step as the bus takes it.
pub(crate) fn unit_of_step(step: &Step, topology: &Topology) -> Unit {
    let mut unit = Unit::of_events(step.source, step.events.iter().map(Arc::clone), topology);
    unit.consumed = step.consumed.map(Run::through).into_iter().collect();
    let timer = |timer: &worker::PendingTimer| TimerRequested {
        request: timer.request,
        name: timer.name,
        due: timer.due,
    };
    unit.timers = step.timers.iter().map(timer).collect();
    unit
}

/// A desk's batch as the bus takes it.
pub(crate) fn unit_of_batch(batch: &Batch, topology: &Topology) -> Unit {
    let mut unit = Unit::of_events(batch.source, batch.events.iter().cloned(), topology);
    unit.consumed = batch.consumed.map(Run::through).into_iter().collect();
    unit.mark = batch.mark;
    unit
}
