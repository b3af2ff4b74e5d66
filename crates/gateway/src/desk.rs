//! A gateway that runs free: what must be durable, then what is asked of the broker, in turn.
//!
//! A driver feeds it the log in order, says what time it is and how the latch stands, and keeps the
//! order of effects that the desk says: a [`Batch`] is made durable before anything else happens; the
//! calls it owes come after it, one by one, and what each brings is a batch again. Until a batch is
//! durable the desk does nothing: that an attempt is in the log before the broker hears of it (G-1)
//! is this order and nothing else.

use std::collections::VecDeque;

use broker::{Broker, Moment};
use event::{AccountId, Currency, Event, Family, Source};

use crate::{Call, Facts, Gateway, GatewayError, Latch, Plan};

/// Events of one source that must become durable together before the desk goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Whose unit it is.
    pub source: Source,
    /// Its events.
    pub events: Vec<Event>,
    /// The delivery it answers.
    pub consumed: Option<u64>,
    /// How far the broker's reports have been read with it.
    pub mark: Option<u64>,
}

/// A gateway, where it stands in the log, and what it owes the broker.
#[derive(Debug)]
pub struct Desk {
    gateway: Gateway,
    through: Option<u64>,
    calls: VecDeque<Call>,
    waits: bool,
}

impl Desk {
    /// A desk at its beginning.
    ///
    /// # Errors
    /// [`GatewayError::Name`].
    pub fn new(account: AccountId) -> Result<Self, GatewayError> {
        let gateway = Gateway::new(account)?;
        Ok(Self { gateway, through: None, calls: VecDeque::new(), waits: false })
    }

    /// The gateway.
    #[must_use]
    pub const fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Whether a batch is not durable yet.
    #[must_use]
    pub const fn waits(&self) -> bool {
        self.waits
    }

    /// The next call it owes the broker, once nothing waits.
    #[must_use]
    pub fn owes(&self) -> Option<&Call> {
        self.calls.front()
    }

    /// Takes back from its progress record how far commands were answered.
    pub fn resume(&mut self, through: Option<u64>) {
        self.through = self.through.max(through);
    }

    /// Takes note of an event of the log, as a restart finds it; see [`Gateway::remember`].
    pub fn remember(&mut self, event: &Event) {
        if is_of_desk(event) {
            self.gateway.remember(event);
        }
    }

    /// Takes note of how far reports were read; see [`Gateway::remember_mark`].
    pub fn remember_mark(&mut self, mark: u64) {
        self.gateway.remember_mark(mark);
    }

    /// Goes through an event again, once all are remembered. What has no answer is given up by
    /// [`Desk::begin`], not asked again.
    pub fn redeliver(&mut self, event: &Event) {
        if is_of_desk(event) {
            let _ = self.gateway.redeliver(event);
        }
    }

    /// What a start has to say before the first delivery: attempts without an answer are unknown,
    /// since nothing is sent twice; then the books are opened. Asked until it has nothing to say.
    ///
    /// # Errors
    /// [`GatewayError::Broker`].
    pub fn begin(
        &mut self,
        broker: &mut dyn Broker,
        reporting_currency: Currency,
        now: Moment,
    ) -> Result<Option<Batch>, GatewayError> {
        let unknown = self.gateway.give_up_unanswered(now);
        if !unknown.is_empty() {
            return Ok(self.facts(unknown, None));
        }
        let opened = self.gateway.open_books(broker, reporting_currency, now)?;
        Ok(self.facts(opened.into_iter().collect(), None))
    }

    /// Takes the event at `index` and says what must be durable first; calls may be owed either way.
    pub fn take(&mut self, index: u64, event: &Event, now: Moment, latch: Latch) -> Option<Batch> {
        debug_assert!(!self.waits && self.calls.is_empty(), "the delivery before is not done");
        if !is_of_desk(event) || self.through.is_some_and(|through| index <= through) {
            return None;
        }
        let Plan { events, calls } = self.gateway.plan(event, now, latch);
        self.calls.extend(calls);
        if events.is_empty() {
            return None;
        }
        self.waits = true;
        Some(Batch { source: self.gateway.source(), events, consumed: Some(index), mark: None })
    }

    /// The batch is durable.
    pub fn durable(&mut self, batch: &Batch) {
        self.waits = false;
        self.through = self.through.max(batch.consumed);
    }

    /// Makes the next call it owes, and says what that brought.
    ///
    /// Making the attempt durable takes time. What is past its time by now, or was halted since, is
    /// not sent but refused in the broker's place: the last look is the one before the call.
    ///
    /// # Errors
    /// [`GatewayError::Broker`] when the broker itself failed; the attempt then stays unanswered.
    pub fn call(
        &mut self,
        broker: &mut dyn Broker,
        now: Moment,
        latch: Latch,
    ) -> Result<Option<Batch>, GatewayError> {
        debug_assert!(!self.waits, "an attempt is durable before the broker hears of it");
        let Some(call) = self.calls.pop_front() else { return Ok(None) };
        let facts = match self.gateway.too_late(&call, now, latch) {
            Some(why) => self.gateway.refuse(&call, why, now).into_iter().collect(),
            None => self.gateway.perform(&call, broker, now)?,
        };
        Ok(self.facts(facts, None))
    }

    /// Reads what the broker reports.
    ///
    /// # Errors
    /// [`GatewayError::Broker`].
    pub fn reports(
        &mut self,
        broker: &mut dyn Broker,
        now: Moment,
    ) -> Result<Option<Batch>, GatewayError> {
        debug_assert!(!self.waits, "the batch before is not durable");
        let Some(Facts { events, mark }) = self.gateway.read_reports(broker, now)? else {
            return Ok(None);
        };
        Ok(self.facts(events, Some(mark)))
    }

    fn facts(&mut self, events: Vec<Event>, mark: Option<u64>) -> Option<Batch> {
        if events.is_empty() && mark.is_none() {
            return None;
        }
        self.waits = true;
        Some(Batch { source: self.gateway.broker_source(), events, consumed: None, mark })
    }
}

/// Gateways have nothing to do with market data.
const fn is_of_desk(event: &Event) -> bool {
    !matches!(event.body.kind().family(), Family::Market | Family::Signal)
}
