//! Bus to broker and back, one fenced instance per account: the only code that calls a broker.
//!
//! The gateway is a state machine over the same log everything else reads. [`Gateway::plan`] turns
//! a command into an attempt, which must be durable before [`Gateway::perform`] writes to the
//! broker; what the broker answers or reports becomes events of source `broker/<account>` with
//! ids made of the broker's own facts, so a fact reported twice is one event.
//!
//! It decides two things by the session clock and records both: a command past its `valid_until`,
//! or any order while trading is halted, becomes `OrderLapsed` and is never sent. An attempt whose
//! outcome is not known is never sent again.
//!
//! It knows nothing of positions, limits or strategies, and it never asks twice: after a restart
//! it folds the log ([`Gateway::observe`]) and goes on from there.

mod facts;
mod link;
mod plan;
mod query;

use std::collections::{BTreeMap, BTreeSet};

use event::{
    AccountId, Body, Event, EventId, Label, LabelError, OrderId, Source, Timestamp, TraceId,
    id::root_trace,
};

pub use plan::{Call, Latch, Plan};

use link::Link;

/// A batch of broker facts, and how far the broker's reports have been read with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The facts as events of source `broker/<account>`.
    pub events: Vec<Event>,
    /// Number of the last report read.
    pub mark: u64,
}

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
    /// Commands that already led to an attempt, a lapse or an answer.
    answered: BTreeSet<EventId>,
    /// Facts already emitted, by id.
    facts: BTreeSet<EventId>,
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
            answered: BTreeSet::new(),
            facts: BTreeSet::new(),
            executions: BTreeSet::new(),
            halted: false,
            opened: false,
            report_mark: 0,
            execution_cursor: 0,
            booking_cursor: 0,
        })
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

    /// Takes back how far the broker's reports had been read, from the last progress record.
    pub fn resume_reports(&mut self, mark: u64) {
        self.report_mark = self.report_mark.max(mark);
    }

    /// Whether trading is halted for this account, as far as the log says.
    #[must_use]
    pub const fn is_halted(&self) -> bool {
        self.halted
    }

    /// Folds an event of the log into what the gateway knows.
    ///
    /// Its own events were folded when they were made; folding them again when they are delivered
    /// changes nothing.
    pub fn observe(&mut self, event: &Event) {
        if event.source == self.source {
            if event.source_seq <= self.source_seq {
                return;
            }
            self.source_seq = event.source_seq;
        }
        if event.source == self.broker_source {
            if event.source_seq <= self.broker_seq {
                return;
            }
            self.broker_seq = event.source_seq;
        }
        self.fold(event);
    }

    /// Folds an event that has not been folded.
    fn fold(&mut self, event: &Event) {
        let ours = event.body.account() == Some(self.account);
        if event.source == self.broker_source {
            let _ = self.facts.insert(event.event_id);
        }
        match &event.body {
            Body::TradingHalted(halt) if halt.account.is_none_or(|a| a == self.account) => {
                self.halted = true;
            }
            Body::TradingResumed(resume) if resume.account.is_none_or(|a| a == self.account) => {
                self.halted = false;
            }
            _ if !ours => {}
            Body::AccountOpened(_) => self.opened = true,
            Body::BrokerSnapshotTaken(snapshot) => {
                let _ = self.answered.insert(snapshot.query);
                self.note_cursors(snapshot);
            }
            body => {
                if let Body::OrderExecuted(execution) = body {
                    let _ = self.executions.insert(execution.exec_id);
                }
                if event.source == self.source
                    && let Some(cause) = event.cause_id
                {
                    let _ = self.answered.insert(cause);
                }
                self.fold_order(event);
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
        self.source_seq = minted.source_seq;
        self.fold(&minted);
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
        self.broker_seq = minted.source_seq;
        self.fold(&minted);
        Some(minted)
    }
}
