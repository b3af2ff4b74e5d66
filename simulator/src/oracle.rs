//! Reads the log as it grows and holds every entry against the invariants.

use std::collections::{BTreeMap, BTreeSet};

use bus::{Delivered, Entry, Progress};
use bytes::Bytes;
use event::{
    Amount, Body, Event, EventId, InstrumentId, OrderId, SECOND_NS, Source, Timestamp,
    id::{derived_id, timer_id},
    trading::{OrderApproved, SubmitAttempted},
};
use projection::{Books, LogDigest};

use crate::{
    cast::POSITION_LIMIT,
    invariant::{Invariant, Violation, require},
    medium::EngineKind,
    rival::build_of,
    sums::Sums,
};

/// Attempts of one order within a second at most.
const ATTEMPTS_MAX: usize = 6;

/// What the log says of one order.
#[derive(Clone, Debug, Default)]
pub(crate) struct OrderFacts {
    pub(crate) approved: Option<OrderApproved>,
    pub(crate) attempts: BTreeMap<u32, SubmitAttempted>,
    attempted: Vec<Timestamp>,
    /// A submit whose outcome was not known.
    pub(crate) unknown: bool,
}

/// An event that is in the log.
#[derive(Clone, Debug)]
struct Known {
    index: u64,
    bytes: Bytes,
}

/// The log as it must be.
pub(crate) struct Oracle {
    engine: EngineKind,
    /// Every entry's place and bytes, repeats with them.
    next_index: u64,
    known: BTreeMap<EventId, Known>,
    /// Events delivered to readers, in order: index and id.
    pub(crate) order: Vec<(u64, EventId)>,
    last_seq: BTreeMap<Source, u64>,
    /// The last cause a task answered, how many outputs it has so far, and whether the progress
    /// record behind them is there.
    answering: BTreeMap<Source, Answering>,
    answered: BTreeSet<(Source, EventId)>,
    /// How far every task has said, or was seen to be, when it was stopped.
    taken: BTreeMap<Source, u64>,
    /// The builds of every task: where each begins to decide.
    pub(crate) builds: BTreeMap<Source, Vec<(u64, u32)>>,
    timers_asked: BTreeSet<(Source, u64)>,
    timers_fired: BTreeSet<(Source, u64)>,
    pub(crate) tasks: BTreeSet<Source>,
    pub(crate) books: Books,
    pub(crate) digest: LogDigest,
    /// The books as the risk gate had them, and what it has not read yet.
    gate: Books,
    unread: Vec<(u64, std::sync::Arc<Event>)>,
    /// Proposals that change an order, and their approvals.
    changes: BTreeMap<EventId, OrderId>,
    changed_by: BTreeSet<OrderId>,
    pub(crate) orders: BTreeMap<OrderId, OrderFacts>,
    pub(crate) events: u64,
    pub(crate) sums: Sums,
}

#[derive(Clone, Debug)]
struct Answering {
    cause: EventId,
    slots: u32,
    open: bool,
}

impl Oracle {
    pub(crate) fn new(engine: EngineKind, tasks: BTreeSet<Source>) -> Self {
        Self {
            engine,
            next_index: 0,
            known: BTreeMap::new(),
            order: Vec::new(),
            last_seq: BTreeMap::new(),
            answering: BTreeMap::new(),
            answered: BTreeSet::new(),
            taken: BTreeMap::new(),
            builds: BTreeMap::new(),
            timers_asked: BTreeSet::new(),
            timers_fired: BTreeSet::new(),
            tasks,
            books: Books::new(),
            digest: LogDigest::default(),
            gate: Books::new(),
            unread: Vec::new(),
            changes: BTreeMap::new(),
            changed_by: BTreeSet::new(),
            orders: BTreeMap::new(),
            events: 0,
            sums: Sums::default(),
        }
    }

    /// The index of the next entry to read.
    pub(crate) const fn next_index(&self) -> u64 {
        self.next_index
    }

    /// Whether an event is in the log.
    pub(crate) fn knows(&self, id: EventId) -> bool {
        self.known.contains_key(&id)
    }

    /// Takes the next entry of the log.
    pub(crate) fn take(&mut self, entry: &Entry) -> Result<(), Violation> {
        require(entry.index() == self.next_index, Invariant::Durable, || {
            format!("entry {} follows {}", entry.index(), self.next_index)
        })?;
        self.next_index += 1;
        match entry {
            Entry::Event(delivered) => self.event(delivered),
            Entry::Progress { index, progress, .. } => self.progress(*index, progress),
            Entry::Foreign(_) => Ok(()),
        }
    }

    /// Holds an entry that was taken before against what it was.
    pub(crate) fn recheck(&self, delivered: &Delivered) -> Result<(), Violation> {
        let id = delivered.position.event_id;
        let same = self.known.get(&id).is_some_and(|k| k.bytes == *delivered.record.bytes());
        require(same, Invariant::Durable, || format!("{id} is not what it was after a restart"))
    }

    fn event(&mut self, delivered: &Delivered) -> Result<(), Violation> {
        let (header, index) = (delivered.record.header(), delivered.position.index);
        let (id, bytes) = (header.event_id, delivered.record.bytes().clone());
        if let Some(known) = self.known.get(&id) {
            require(known.bytes == bytes, Invariant::OneBytesPerId, || {
                format!(
                    "{id} of {} at {index} has other bytes than at {}",
                    header.source, known.index
                )
            })?;
            return require(self.engine == EngineKind::Windowed, Invariant::OneBytesPerId, || {
                format!("{id} of {} is stored at {index} and at {}", header.source, known.index)
            });
        }
        let event = delivered.record.event().map_err(|error| {
            Violation::of(Invariant::NoSurprise, format!("{id} does not decode: {error}"))
        })?;
        let last = self.last_seq.entry(header.source).or_default();
        require(header.source_seq == *last + 1, Invariant::SequenceWhole, || {
            format!("{} goes from {last} to {}", header.source, header.source_seq)
        })?;
        *last = header.source_seq;
        self.descent(&event)?;
        self.slot(&event)?;
        let _ = self.known.insert(id, Known { index, bytes: bytes.clone() });
        self.order.push((index, id));
        self.events += 1;
        self.digest.note(Some(event.body.kind()), event.key, &bytes);
        self.fold(index, &event)
    }

    /// Trace and cause are of the event that triggered it; the basis is in the log.
    fn descent(&self, event: &Event) -> Result<(), Violation> {
        let id = event.event_id;
        if let Some(cause) = event.cause_id {
            require(self.knows(cause), Invariant::CauseExists, || {
                format!("{id}: its cause {cause} is not in the log")
            })?;
        }
        let Some(basis) = &event.basis else { return Ok(()) };
        for read in &basis.cut {
            let last = self.last_seq.get(&read.source).copied().unwrap_or(0);
            require(read.source_seq <= last, Invariant::CauseExists, || {
                format!(
                    "{id} rests on {} up to {}, the log has {last}",
                    read.source, read.source_seq
                )
            })?;
        }
        for related in &basis.related {
            require(self.knows(*related), Invariant::CauseExists, || {
                format!("{id} rests on {related}, which is not in the log")
            })?;
        }
        Ok(())
    }

    /// A task's outputs have the ids of their slots, and a cause is answered by one unit.
    fn slot(&mut self, event: &Event) -> Result<(), Violation> {
        let source = event.source;
        if let Body::TimerFired(timer) = &event.body {
            let key = (timer.task, timer.request);
            require(
                event.event_id == timer_id(timer.task, timer.request),
                Invariant::TimerOnce,
                || format!("the firing of {key:?} has another timer's id"),
            )?;
            require(self.timers_asked.contains(&key), Invariant::TimerOnce, || {
                format!("{key:?} fires and was not asked for")
            })?;
            return require(self.timers_fired.insert(key), Invariant::TimerOnce, || {
                format!("{key:?} fires again")
            });
        }
        if !self.tasks.contains(&source) {
            return Ok(());
        }
        let Some(cause) = event.cause_id else {
            return Err(Violation::of(Invariant::CauseExists, format!("{source} emits a root")));
        };
        let answering =
            self.answering.entry(source).or_insert(Answering { cause, slots: 0, open: false });
        if answering.cause != cause || !answering.open {
            require(!answering.open, Invariant::UnitWhole, || {
                format!(
                    "{source} answers {cause}, and its unit for {} is in parts",
                    answering.cause
                )
            })?;
            require(self.answered.insert((source, cause)), Invariant::OneOutputPerSlot, || {
                format!("{source} answers {cause} again")
            })?;
            *answering = Answering { cause, slots: 0, open: true };
            self.first_decided(source, cause)?;
        }
        let Some(answering) = self.answering.get_mut(&source) else { return Ok(()) };
        let expected = derived_id(cause, source, answering.slots);
        require(event.event_id == expected, Invariant::OneOutputPerSlot, || {
            format!("slot {} of {source} for {cause} has id {}", answering.slots, event.event_id)
        })?;
        answering.slots += 1;
        Ok(())
    }

    /// What a task answers lies behind all that it is known to have taken.
    fn first_decided(&self, source: Source, cause: EventId) -> Result<(), Violation> {
        if source.as_str().starts_with("gateway/") {
            return Ok(());
        }
        let index = self.known.get(&cause).map(|known| known.index);
        let taken = self.taken.get(&source).copied();
        require(index > taken, Invariant::DecidedOnce, || {
            format!("{source} answers {cause} at {index:?}, and has taken all up to {taken:?}")
        })
    }

    /// A task was stopped where it had taken all up to here.
    pub(crate) fn stopped(&mut self, source: Source, taken: Option<u64>) {
        if let Some(taken) = taken {
            let known = self.taken.entry(source).or_default();
            *known = taken.max(*known);
        }
    }

    fn progress(&mut self, index: u64, progress: &Progress) -> Result<(), Violation> {
        for timer in progress.timers() {
            let _ = self.timers_asked.insert((progress.source, timer.request));
        }
        self.stopped(progress.source, progress.through());
        let Some(answering) = self.answering.get_mut(&progress.source) else { return Ok(()) };
        let cause = self.known.get(&answering.cause).map(|known| known.index);
        if answering.open {
            answering.open = false;
            require(progress.through() == cause, Invariant::UnitWhole, || {
                format!(
                    "{} answers {cause:?}, says {:?} at {index}",
                    progress.source,
                    progress.through()
                )
            })?;
        }
        Ok(())
    }

    /// No unit is in parts: asked where nothing is on its way.
    pub(crate) fn units_are_whole(&self) -> Result<(), Violation> {
        let open = self.answering.iter().find(|(_, answering)| answering.open);
        require(open.is_none(), Invariant::UnitWhole, || format!("{open:?} has no progress record"))
    }

    fn fold(&mut self, index: u64, event: &std::sync::Arc<Event>) -> Result<(), Violation> {
        let kind = event.body.kind();
        if Books::wants(kind) {
            let _ = self.books.apply(event);
            self.unread.push((index, std::sync::Arc::clone(event)));
        }
        self.sums.take(event, &self.books)?;
        match &event.body {
            Body::OrderApproved(approved) => {
                self.within_limit(event, approved)?;
                if event.cause_id.is_some_and(|cause| self.changes.contains_key(&cause)) {
                    let _ = self.changed_by.insert(approved.order);
                }
                let facts = self.orders.entry(approved.order).or_default();
                facts.approved = Some(approved.clone());
            }
            Body::OrderProposed(proposed) => {
                if let Some(order) = proposed.replaces {
                    let _ = self.changes.insert(event.event_id, order);
                }
            }
            Body::SubmitAttempted(attempted) => {
                let facts = self.orders.entry(attempted.order).or_default();
                let _ = facts.attempts.insert(attempted.attempt, attempted.clone());
                facts.attempted.push(event.time);
                // A change that is refused and asked for again at once would go on without end.
                let lately = |at: &&Timestamp| event.time.since_ns(**at) < SECOND_NS;
                let lately = facts.attempted.iter().rev().take_while(lately).count();
                require(lately <= ATTEMPTS_MAX, Invariant::ComesToRest, || {
                    format!("{} is attempted {lately} times in a second", attempted.order)
                })?;
            }
            Body::AgentStarted(start) => {
                let build = build_of(start.version);
                let builds = self.builds.entry(start.task).or_default();
                if builds.last().is_none_or(|(_, last)| *last != build) {
                    builds.push((start.fence_index, build));
                }
            }
            Body::OrderUnknown(unknown) => {
                self.orders.entry(unknown.order).or_default().unknown = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// The worst case, of what the gate had read when it approved, stays within the limit.
    fn within_limit(&mut self, event: &Event, approved: &OrderApproved) -> Result<(), Violation> {
        let read = event.cause_id.and_then(|cause| self.known.get(&cause)).map_or(0, |k| k.index);
        let end = self.unread.partition_point(|(index, _)| *index <= read);
        for (_, event) in self.unread.drain(..end) {
            let _ = self.gate.apply(&event);
        }
        if approved.reducing {
            return Ok(());
        }
        let instrument = approved.instrument;
        let changes = event.cause_id.and_then(|cause| self.changes.get(&cause)).copied();
        let mut worst = self.worst(&self.gate, approved);
        // New terms of an order count instead of its old ones, where they are the larger.
        let account = self.gate.account(approved.account);
        let old = changes.and_then(|order| account?.order(order));
        let old = old.filter(|order| order.state.holds_exposure());
        worst += match old {
            Some(old) => (approved.reserved_quantity.amount().0 - old.remaining().0).max(0),
            None => approved.reserved_quantity.amount().0,
        };
        let of_gate = self.unread.iter().filter_map(|(_, event)| match &event.body {
            // What the gate approved itself it knows before it reads it.
            Body::OrderApproved(other) if event.source.as_str().starts_with("risk/") => Some(other),
            _ => None,
        });
        for other in of_gate.filter(|other| other.instrument == instrument) {
            let is_change = self.changed_by.contains(&other.order);
            if other.side == approved.side && other.order != approved.order && !is_change {
                worst += other.reserved_quantity.amount().0;
            }
        }
        let reserved = approved.reserved_quantity.amount().0.max(1);
        let worth = Amount(worst)
            .scaled(approved.reserved_notional.0, reserved)
            .map_err(|error| Violation::of(Invariant::WithinLimit, error.to_string()))?;
        // A reservation's notional is rounded once; its ratio is not exact to the last digit.
        let bound = Amount(Amount::whole(POSITION_LIMIT).0 + 1_000_000_000);
        require(worth <= bound, Invariant::WithinLimit, || {
            format!("{instrument}: {worth} with order {} is over {bound}", approved.order)
        })
    }

    fn worst(&self, books: &Books, approved: &OrderApproved) -> i128 {
        let Some(account) = books.account(approved.account) else { return 0 };
        let exposure = account.exposure(approved.instrument);
        match approved.side {
            event::choices::Side::Buy => exposure.worst_long().0,
            event::choices::Side::Sell => -exposure.worst_short().0,
        }
    }

    /// The position that executions alone make, as the broker lists them.
    pub(crate) fn position(&self, instrument: InstrumentId) -> Amount {
        self.books
            .accounts()
            .filter_map(|account| account.position(instrument))
            .map(|position| position.quantity)
            .next()
            .unwrap_or(Amount::ZERO)
    }
}
