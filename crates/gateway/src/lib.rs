//! Bus to broker and back, one fenced instance per account: the only code that calls a broker.
//!
//! The gateway is a state machine over the same log everything else reads. [`Gateway::plan`] turns
//! a command into an attempt, which must be durable before [`Gateway::perform`] writes to the
//! broker; what the broker answers or reports becomes events of source `broker/<account>` with
//! ids made of the broker's own facts, so a fact reported twice is one event.
//!
//! It decides two things by the session clock and records both: a command past its `valid_until`,
//! or any order while trading is halted, becomes `OrderLapsed` and is never sent; nor is an order whose
//! cancel came before it. An attempt whose outcome is not known is never sent again.
//!
//! It knows nothing of positions, limits or strategies. After a restart it is told what the log holds
//! ([`Gateway::remember`]) and goes through the log again; wherever the log shows what it did, it
//! takes that as done ([`Gateway::redeliver`]), so it stands where it stood and never asks twice.

mod answers;
mod desk;
mod halt;
mod link;
mod past;
mod plan;
mod query;
mod reports;
mod snapshot;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use event::{
    AccountId, Body, Event, EventId, Family, Kind, Label, LabelError, OrderId, Source, Timestamp,
    TraceId, choices::OperatorVerb, id::root_trace,
};

pub use desk::{Batch, Desk};
pub use plan::{Call, Latch, Plan, Turn};
pub use reports::Facts;

use link::{Link, Wish};
use past::Past;

/// Why the gateway cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The account's name leaves no room for a source name.
    #[error("E6001 account {account} makes no source name: {reason}")]
    Name {
        /// The account.
        account: AccountId,
        /// What is wrong.
        reason: LabelError,
    },
    /// The broker cannot be reached, or its own record is damaged.
    #[error("E6002 the broker failed")]
    Broker(#[from] broker::BrokerError),
}

/// The gateway of one account.
#[derive(Debug)]
pub struct Gateway {
    account: AccountId,
    source: Source,
    broker_source: Source,
    source_seq: u64,
    broker_seq: u64,
    links: BTreeMap<OrderId, Link>,
    /// Our orders by the broker's names for them.
    venue_orders: BTreeMap<Label, OrderId>,
    /// Commands that led to nothing yet.
    commands: BTreeMap<EventId, Wish>,
    /// The orders that a halt concerns, for halts that led to nothing yet.
    sweeps: BTreeMap<EventId, BTreeSet<OrderId>>,
    /// Commands that already led to an attempt, a lapse or an answer.
    answered: BTreeSet<EventId>,
    /// Facts of the broker that are in the log.
    facts: BTreeSet<EventId>,
    /// Events folded: others' when they are delivered, its own and the broker's when they are made.
    folded: BTreeSet<EventId>,
    /// What the log holds of this gateway's doing and has not been gone through again.
    past: Past,
    /// Executions in the log, whoever emitted them.
    executions: BTreeSet<Label>,
    halted: bool,
    opened: bool,
    report_mark: u64,
    execution_cursor: u64,
    booking_cursor: u64,
}

impl Gateway {
    /// A gateway at its beginning.
    ///
    /// # Errors
    /// [`GatewayError::Name`].
    pub fn new(account: AccountId) -> Result<Self, GatewayError> {
        let named = |prefix: &str| {
            Source::new(&format!("{prefix}/{account}"))
                .map_err(|reason| GatewayError::Name { account, reason })
        };
        Ok(Self {
            account,
            source: named("gateway")?,
            broker_source: named("broker")?,
            source_seq: 0,
            broker_seq: 0,
            links: BTreeMap::new(),
            venue_orders: BTreeMap::new(),
            commands: BTreeMap::new(),
            sweeps: BTreeMap::new(),
            answered: BTreeSet::new(),
            facts: BTreeSet::new(),
            folded: BTreeSet::new(),
            past: Past::default(),
            executions: BTreeSet::new(),
            halted: false,
            opened: false,
            report_mark: 0,
            execution_cursor: 0,
            booking_cursor: 0,
        })
    }

    /// Whose gateway it is.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// The source of its own events.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }

    /// The source of the broker's facts.
    #[must_use]
    pub const fn broker_source(&self) -> Source {
        self.broker_source
    }

    /// Number of the last report of the broker that was read.
    #[must_use]
    pub const fn report_mark(&self) -> u64 {
        self.report_mark
    }

    /// Whether trading is halted for this account, as far as the log says.
    #[must_use]
    pub const fn is_halted(&self) -> bool {
        self.halted
    }

    /// Whether the account's books have been opened.
    #[must_use]
    pub const fn is_opened(&self) -> bool {
        self.opened
    }

    /// Folds an event, once.
    fn observe(&mut self, event: &Event) {
        if is_folded(event.body.kind())
            && self.concerns(event)
            && self.folded.insert(event.event_id)
        {
            self.fold(event);
        }
    }

    /// Takes note of an event of its own or of the broker's: of its number, and that it is known.
    fn number(&mut self, event: &Event) {
        if event.source == self.source {
            self.source_seq = self.source_seq.max(event.source_seq);
        }
        if event.source == self.broker_source {
            self.broker_seq = self.broker_seq.max(event.source_seq);
            let _ = self.facts.insert(event.event_id);
        }
    }

    /// Whether an event says something that the gateway of this account must know.
    fn concerns(&self, event: &Event) -> bool {
        let for_all = matches!(
            event.body.kind(),
            Kind::TradingHalted | Kind::TradingResumed | Kind::OperatorCommanded
        );
        match event.body.account() {
            Some(account) => account == self.account,
            None => for_all,
        }
    }

    /// Folds an event that concerns this account.
    fn fold(&mut self, event: &Event) {
        let (id, is_own) = (event.event_id, event.source == self.source);
        match &event.body {
            Body::TradingHalted(_) => {
                self.halted = true;
                self.note_sweep(id);
            }
            Body::TradingResumed(_) => self.halted = false,
            Body::OperatorCommanded(command) if command.verb == OperatorVerb::CancelAll => {
                self.note_sweep(id);
            }
            Body::AccountOpened(_) => self.opened = true,
            Body::BrokerSnapshotTaken(snapshot) => {
                let _ = self.answered.insert(snapshot.query);
                self.note_cursors(snapshot);
            }
            body => {
                if let Body::OrderExecuted(execution) = body {
                    let _ = self.executions.insert(execution.exec_id);
                }
                let wish = event.cause_id.filter(|_| is_own).and_then(|cause| {
                    let _ = self.answered.insert(cause);
                    let _ = self.sweeps.remove(&cause);
                    self.commands.remove(&cause)
                });
                self.fold_order(event, wish);
            }
        }
    }

    /// Mints a gateway event caused by `cause`.
    fn own_event(
        &mut self,
        cause: &Event,
        slot: u32,
        now: Timestamp,
        body: impl Into<Body>,
    ) -> Event {
        let body = body.into();
        let minted = Event {
            event_id: event::id::derived_id(cause.event_id, self.source, slot),
            trace_id: cause.trace_id,
            cause_id: Some(cause.event_id),
            source: self.source,
            source_seq: self.source_seq + 1,
            key: body.key(),
            time: now.max(cause.time),
            event_time: None,
            basis: None,
            body,
        };
        self.number(&minted);
        self.observe(&minted);
        minted
    }

    /// Mints a broker fact, unless it is in the log already.
    fn broker_event(
        &mut self,
        id: EventId,
        origin: Option<(EventId, TraceId)>,
        now: Timestamp,
        at: Option<Timestamp>,
        body: impl Into<Body>,
    ) -> Option<Event> {
        if self.facts.contains(&id) {
            return None;
        }
        let body = body.into();
        let minted = Event {
            event_id: id,
            trace_id: origin.map_or_else(|| root_trace(id), |(_, trace)| trace),
            cause_id: origin.map(|(cause, _)| cause),
            source: self.broker_source,
            source_seq: self.broker_seq + 1,
            key: body.key(),
            time: now,
            event_time: at,
            basis: None,
            body,
        };
        self.number(&minted);
        self.observe(&minted);
        Some(minted)
    }
}

/// Whether the gateway must know of events of this kind.
const fn is_folded(kind: Kind) -> bool {
    match kind.family() {
        Family::Order => {
            !matches!(kind, Kind::OrderProposed | Kind::OrderApproved | Kind::OrderDenied)
        }
        Family::Execution | Family::Account => true,
        _ => matches!(
            kind,
            Kind::BrokerSnapshotTaken
                | Kind::TradingHalted
                | Kind::TradingResumed
                | Kind::OperatorCommanded
        ),
    }
}
