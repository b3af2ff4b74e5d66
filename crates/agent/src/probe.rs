//! A bench for one agent: for testing agents, also those written elsewhere.
//!
//! [`Probe`] does with one agent what a worker's task does: it delivers what the agent subscribed
//! to, mints what it emits, fires its timers when time passes them, and delivers to it what it
//! emitted where it subscribed to its own kinds. Ids, sequences and times are those the worker
//! would mint, so what a test sees is what the log would hold.
//!
//! ```
//! use agent::{Probe, session::{self, Session}};
//! use event::{Timestamp, market::MarketQuote, InstrumentId, Quantity};
//!
//! let mut probe = Probe::new(Session::new(session::Config::default()))?;
//! let quote = MarketQuote {
//!     instrument: InstrumentId::new("TEST:AB")?,
//!     bid_price: None,
//!     bid_quantity: Quantity::ZERO,
//!     ask_price: None,
//!     ask_quantity: Quantity::ZERO,
//!     venue_sequence: 1,
//! };
//! let said = probe.tell(Timestamp(0), quote);
//! assert_eq!(said.len(), 1);
//! # Ok::<(), event::LabelError>(())
//! ```

use alloc::{collections::BTreeMap, collections::VecDeque, format, vec::Vec};

use event::{
    AccountId, Body, Event, EventId, Key, Label, LabelError, Source, Timestamp,
    id::{derived_id, foreign_id, root_trace, timer_id},
    operations::TimerFired,
};

use crate::{Agent, Outbox, RestoreError, Scope};

/// One agent on the bench.
pub struct Probe<A> {
    agent: A,
    task: Source,
    account: Option<AccountId>,
    clock: Timestamp,
    outbox: Outbox,
    last_seq: u64,
    last_timer: u64,
    timers: BTreeMap<(Timestamp, u64), Label>,
    roots: BTreeMap<Source, u64>,
}

impl<A: Agent> Probe<A> {
    /// Puts an agent on the bench.
    ///
    /// # Errors
    /// [`LabelError`] when agent and account make no source name.
    pub fn new(agent: A) -> Result<Self, LabelError> {
        let account = match agent.scope() {
            Scope::All => None,
            Scope::Account(account) => Some(account),
        };
        let scope = account.as_ref().map_or("0", AccountId::as_str);
        let task = Source::new(&format!("{}/{scope}", agent.name()))?;
        Ok(Self {
            agent,
            task,
            account,
            clock: Timestamp(i64::MIN),
            outbox: Outbox::new(EventId([0; 16]), task),
            last_seq: 0,
            last_timer: 0,
            timers: BTreeMap::new(),
            roots: BTreeMap::new(),
        })
    }

    /// The agent.
    pub const fn agent(&self) -> &A {
        &self.agent
    }

    /// Mints a root of `source`, the next in its sequence.
    pub fn root(&mut self, source: Source, time: Timestamp, body: impl Into<Body>) -> Event {
        let body = body.into();
        let last = self.roots.entry(source).or_default();
        *last += 1;
        let event_id = foreign_id(source, *last);
        Event {
            event_id,
            trace_id: root_trace(event_id),
            cause_id: None,
            source,
            source_seq: *last,
            key: body.key(),
            time,
            event_time: None,
            basis: None,
            body,
        }
    }

    /// Tells the agent a fact, as a root of source `-`, and returns what it emitted: on timers
    /// that went off before, then on the fact.
    pub fn tell(&mut self, time: Timestamp, body: impl Into<Body>) -> Vec<Event> {
        let event = self.root(Source::from_label(Key::system().label()), time, body);
        self.take(&event)
    }

    /// Delivers an event, after the timers due by its time, and returns what the agent emitted.
    pub fn take(&mut self, event: &Event) -> Vec<Event> {
        let mut said = self.advance(event.time);
        said.extend(self.run(event.clone()));
        said
    }

    /// Lets time pass and returns what the agent emitted on its timers.
    pub fn advance(&mut self, to: Timestamp) -> Vec<Event> {
        let mut said = Vec::new();
        while let Some((&(due, request), &name)) = self.timers.first_key_value() {
            if due > to {
                break;
            }
            let _ = self.timers.remove(&(due, request));
            let fired = TimerFired { task: self.task, request, due, name };
            let time = due.max(self.clock);
            let mut event = self.root(self.task, time, fired);
            event.event_id = timer_id(self.task, request);
            event.trace_id = root_trace(event.event_id);
            said.extend(self.run(event));
        }
        said
    }

    /// Stops the agent and goes on with `fresh`, restored from its snapshot.
    ///
    /// # Errors
    /// [`RestoreError`] when it gives no snapshot or refuses its own.
    pub fn restart(&mut self, mut fresh: A) -> Result<(), RestoreError> {
        let snapshot = self.agent.snapshot().ok_or(RestoreError)?;
        fresh.restore(&snapshot)?;
        self.agent = fresh;
        Ok(())
    }

    /// Delivers `event` and, first in first out, what follows from it to the agent itself.
    fn run(&mut self, event: Event) -> Vec<Event> {
        let mut queue = VecDeque::from([event]);
        let mut said = Vec::new();
        while let Some(event) = queue.pop_front() {
            if self.wants(&event) {
                let emitted = self.step(&event);
                queue.extend(emitted.iter().cloned());
                said.extend(emitted);
            }
        }
        said
    }

    fn wants(&self, event: &Event) -> bool {
        if let Body::TimerFired(timer) = &event.body {
            return timer.task == self.task;
        }
        self.agent.subscriptions().contains(&event.body.kind())
            && match (self.account, event.body.account()) {
                (Some(ours), Some(theirs)) => ours == theirs,
                _ => true,
            }
    }

    fn step(&mut self, input: &Event) -> Vec<Event> {
        self.clock = self.clock.max(input.time);
        self.outbox.begin(input.event_id);
        self.agent.on_event(self.clock, input, &mut self.outbox);
        for timer in self.outbox.timers.drain(..) {
            self.last_timer += 1;
            let _ = self.timers.insert((timer.due, self.last_timer), timer.name);
        }
        let mut said = Vec::with_capacity(self.outbox.events.len());
        for (slot, emission) in (0_u32..).zip(self.outbox.events.drain(..)) {
            self.last_seq += 1;
            said.push(Event {
                event_id: derived_id(input.event_id, self.task, slot),
                trace_id: input.trace_id,
                cause_id: Some(input.event_id),
                source: self.task,
                source_seq: self.last_seq,
                key: emission.key,
                time: self.clock,
                event_time: None,
                basis: emission.basis,
                body: emission.body,
            });
        }
        said
    }
}
