//! What the broker answers, as events.

use broker::{Answer, Broker, Moment};
use event::{
    Body, Event, EventId, InstrumentId, Label, OrderId,
    choices::AttemptAction,
    id::broker_fact_id,
    trading::{CancelRejected, OrderAccepted, OrderRejected, OrderUnknown},
};

use crate::{
    Call, Gateway, GatewayError, Latch,
    plan::{EXPIRED, HALTED, Turn},
};

/// An attempt, as far as its answer needs it.
#[derive(Clone, Copy)]
struct Asked {
    order: OrderId,
    instrument: InstrumentId,
    action: AttemptAction,
    attempt: u32,
}

impl Gateway {
    /// Makes a call whose attempt is durable, and returns what the broker said as events.
    ///
    /// # Errors
    /// [`GatewayError::Broker`] when the broker itself failed; the attempt then stays unanswered.
    pub fn perform(
        &mut self,
        call: &Call,
        broker: &mut dyn Broker,
        now: Moment,
    ) -> Result<Vec<Event>, GatewayError> {
        let answer = match call {
            Call::Submit(request) => broker.submit(now, request)?,
            Call::Cancel(request) => broker.cancel(now, request)?,
            Call::Replace(request) => broker.replace(now, request)?,
            Call::Snapshot { request, cycle } => {
                let taken = self.take_snapshot(request, *cycle, broker, now);
                return Ok(taken.into_iter().collect());
            }
        };
        Ok(self.answered(call, answer, now).into_iter().collect())
    }

    /// Why a call whose attempt is durable is not made after all: its time is over, or trading was
    /// halted while the attempt was on its way to the log.
    pub(crate) fn too_late(&self, call: &Call, now: Moment, latch: Latch) -> Option<&'static str> {
        let (order, attempt) = match call {
            Call::Submit(request) => (request.order, request.attempt),
            Call::Replace(request) => (request.order, request.attempt),
            Call::Cancel(_) | Call::Snapshot { .. } => return None,
        };
        let pending = &self.links.get(&order)?.pending;
        let expires = pending.iter().find(|pending| pending.attempt == attempt)?.expires;
        if latch == Latch::Halted {
            return Some(HALTED);
        }
        (now.time > expires).then_some(EXPIRED)
    }

    /// As [`Gateway::perform`], with a last look at the latch. While it is halted nothing that adds
    /// exposure is called: what was never called is refused in the broker's place, and what a crash
    /// left without an answer may have arrived, so it is unknown.
    ///
    /// # Errors
    /// [`GatewayError::Broker`].
    pub fn perform_under(
        &mut self,
        latch: Latch,
        turn: Turn,
        call: &Call,
        broker: &mut dyn Broker,
        now: Moment,
    ) -> Result<Vec<Event>, GatewayError> {
        if latch == Latch::Open || matches!(call, Call::Cancel(_) | Call::Snapshot { .. }) {
            return self.perform(call, broker, now);
        }
        let fact = match turn {
            Turn::First => self.refuse(call, HALTED, now),
            Turn::Again => {
                let reason = "halted before it was asked again".into();
                self.answered(call, Answer::NoAnswer { reason }, now)
            }
        };
        Ok(fact.into_iter().collect())
    }

    /// Answers a call in the broker's place, which never hears of it: refused.
    pub(crate) fn refuse(&mut self, call: &Call, why: &str, now: Moment) -> Option<Event> {
        let code = Label::new(why).ok()?;
        let reason = format!("not sent: {why} while the attempt was made durable");
        self.answered(call, Answer::Rejected { code, reason }, now)
    }

    fn answered(&mut self, call: &Call, answer: Answer, now: Moment) -> Option<Event> {
        match call {
            Call::Submit(request) => self.submit_answered(request, answer, now),
            Call::Cancel(request) => {
                let asked = Asked {
                    order: request.order,
                    instrument: request.instrument,
                    action: AttemptAction::Cancel,
                    attempt: request.attempt,
                };
                self.change_answered(asked, None, answer, now)
            }
            Call::Replace(request) => {
                let asked = Asked {
                    order: request.order,
                    instrument: request.instrument,
                    action: AttemptAction::Replace,
                    attempt: request.attempt,
                };
                self.change_answered(asked, Some(request.proposal), answer, now)
            }
            Call::Snapshot { .. } => None,
        }
    }

    /// Records attempts a crash left unanswered as unknown: what a live venue was asked may have
    /// happened, and is never asked again. Called when the whole log has been gone through, so a
    /// command that led to nothing yet meets all of it: what the log has halted since is not sent.
    pub fn give_up_unanswered(&mut self, now: Moment) -> Vec<Event> {
        let asked = self.links.iter().flat_map(|(&order, link)| {
            link.pending.iter().map(move |pending| Asked {
                order,
                instrument: link.instrument,
                action: pending.action,
                attempt: pending.attempt,
            })
        });
        let asked: Vec<Asked> = asked.collect();
        let reason = "the process stopped before the answer";
        asked.into_iter().filter_map(|asked| self.unknown(asked, reason.into(), now)).collect()
    }

    /// Opens the account's books with what the broker says it holds.
    ///
    /// # Errors
    /// [`GatewayError::Broker`].
    pub fn open_books(
        &mut self,
        broker: &mut dyn Broker,
        reporting_currency: event::Currency,
        now: Moment,
    ) -> Result<Option<Event>, GatewayError> {
        if self.opened {
            return Ok(None);
        }
        let (balances, positions) = broker.opening()?;
        let body = event::books::AccountOpened {
            account: self.account,
            reporting_currency,
            balances,
            positions,
        };
        let id = broker_fact_id(self.account, "opened", b"");
        Ok(self.broker_event(id, None, now.time, None, body))
    }

    fn submit_answered(
        &mut self,
        request: &broker::OrderRequest,
        answer: Answer,
        now: Moment,
    ) -> Option<Event> {
        let (order, account, instrument) = (request.order, self.account, request.instrument);
        let body = match answer {
            Answer::Accepted { venue_order } => Body::from(OrderAccepted {
                order,
                account,
                instrument,
                venue_order,
                side: request.side,
                quantity: request.quantity,
                limit_price: request.limit_price,
                external: false,
            }),
            Answer::Rejected { code, reason } => {
                OrderRejected { order, account, instrument, code, reason }.into()
            }
            Answer::NoAnswer { reason } => {
                let (action, attempt) = (AttemptAction::Submit, request.attempt);
                let asked = Asked { order, instrument, action, attempt };
                return self.unknown(asked, reason, now);
            }
        };
        let id = self.order_fact(order, body.kind().as_str(), request.attempt);
        self.broker_event(id, self.origin_of(order), now.time, None, body)
    }

    fn change_answered(
        &mut self,
        asked: Asked,
        proposal: Option<OrderId>,
        answer: Answer,
        now: Moment,
    ) -> Option<Event> {
        let Asked { order, instrument, action, attempt } = asked;
        match answer {
            // An accepted cancel or replace is a promise, not a fact: the fact is its report.
            Answer::Accepted { .. } => None,
            Answer::Rejected { reason, .. } => {
                let account = self.account;
                let body = CancelRejected { order, account, instrument, action, reason, proposal };
                let id = self.order_fact(order, CHANGE_REJECTED, attempt);
                self.broker_event(id, self.origin_of(order), now.time, None, body)
            }
            Answer::NoAnswer { reason } => self.unknown(asked, reason, now),
        }
    }

    fn unknown(&mut self, asked: Asked, reason: String, now: Moment) -> Option<Event> {
        let Asked { order, instrument, action, attempt } = asked;
        let account = self.account;
        let body = OrderUnknown { order, account, instrument, action, attempt, reason };
        let id = self.order_fact(order, "unknown", attempt);
        self.broker_event(id, self.origin_of(order), now.time, None, body)
    }

    /// Id of a fact about an attempt. Told in an answer or in a report, it is the same fact.
    pub(crate) fn order_fact(&self, order: OrderId, fact: &str, attempt: u32) -> EventId {
        let mut reference = order.0.to_vec();
        reference.extend_from_slice(&attempt.to_le_bytes());
        broker_fact_id(self.account, fact, &reference)
    }
}

/// The fact that a cancel or a replace was refused.
pub(crate) const CHANGE_REJECTED: &str = "change-rejected";
