//! From a command to an attempt, or to a lapse.

use broker::{CancelRequest, Moment, OrderRequest, ReplaceRequest};
use event::{
    Body, Event, EventId, InstrumentId, Label, OrderId, Timestamp, TraceId,
    choices::{AttemptAction, OperatorVerb},
    trading::{CancelRejected, OrderLapsed, SubmitAttempted},
};

use crate::{
    Gateway,
    link::{Link, PendingAttempt, Wish, client_order_id},
};

/// Whether the persistent halt latch is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latch {
    /// Orders may go out.
    Open,
    /// Nothing that adds exposure may go out.
    Halted,
}

/// Whether a call may have been made before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It was planned just now.
    First,
    /// A crash left it without an answer.
    Again,
}

/// What to ask the broker, once the plan's events are durable.
#[derive(Clone, Debug)]
pub enum Call {
    /// A new order.
    Submit(OrderRequest),
    /// A cancel.
    Cancel(CancelRequest),
    /// A change.
    Replace(ReplaceRequest),
    /// A snapshot for the request with this id, of this cycle.
    Snapshot {
        /// The request.
        request: Box<Event>,
        /// Its cycle.
        cycle: u64,
    },
}

impl Call {
    /// Whether the call may change something at the broker, so that its attempt must be durable
    /// first.
    #[must_use]
    pub const fn is_attempt(&self) -> bool {
        !matches!(self, Self::Snapshot { .. })
    }
}

/// What follows from one delivered event: events first, then calls.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Events of source `gateway/<account>`, one unit.
    pub events: Vec<Event>,
    /// Calls, in order; none may be made before the events are durable.
    pub calls: Vec<Call>,
}

/// Why an order was not sent.
pub(crate) const EXPIRED: &str = "expired";
/// Why an order was not sent.
pub(crate) const HALTED: &str = "halted";
/// Why an order was not sent: a cancel came first.
pub(crate) const WITHDRAWN: &str = "withdrawn";

/// What to attempt, and until when.
#[derive(Clone, Copy)]
pub(crate) struct Attempt {
    pub(crate) order: OrderId,
    pub(crate) action: AttemptAction,
    pub(crate) valid_until: Timestamp,
}

impl Gateway {
    /// Says what follows from a delivered event. `now` is the session clock.
    ///
    /// Delivering a command again changes nothing: a command that led to anything is answered. Where
    /// the log shows what the event led to, the plan holds only calls that may not have been made:
    /// for a broker that keeps a record of attempts, and answers a known one from it.
    pub fn plan(&mut self, event: &Event, now: Moment, latch: Latch) -> Plan {
        let mut plan = Plan::default();
        if let Some(calls) = self.redeliver(event) {
            plan.calls = calls;
            return plan;
        }
        if !self.concerns(event) || self.answered.contains(&event.event_id) {
            return plan;
        }
        match &event.body {
            Body::SubmitOrder(_) | Body::ReplaceOrder(_) | Body::CancelOrder(_) => {
                self.command(&mut plan, event, now, latch);
            }
            Body::TradingHalted(_) => self.cancel_all(&mut plan, event, now),
            Body::OperatorCommanded(command) if command.verb == OperatorVerb::CancelAll => {
                self.cancel_all(&mut plan, event, now);
            }
            Body::SnapshotRequested(request) => {
                plan.calls.push(Call::Snapshot {
                    request: Box::new(event.clone()),
                    cycle: request.cycle,
                });
            }
            body => {
                if let Some(order) = body.order() {
                    self.cancel_owed(&mut plan, event, order, now);
                }
            }
        }
        plan
    }

    /// Attempts what is commanded, or says why not.
    fn command(&mut self, plan: &mut Plan, event: &Event, now: Moment, latch: Latch) {
        let Some(&wish) = self.commands.get(&event.event_id) else { return };
        let Some((attempt, instrument)) = asked_by(&event.body) else { return };
        let unsent = match self.unsent(wish, attempt, instrument, now, latch) {
            None => return self.send(plan, event, attempt, now),
            Some(unsent) => unsent,
        };
        let unsent = self.own_event(event, plan.events.len() as u32, now.time, unsent);
        plan.events.push(unsent);
    }

    /// Why a command is not sent, as an event. A refusal comes before a lapse: an order that works
    /// does not end because another command to send it came too late.
    fn unsent(
        &self,
        wish: Wish,
        attempt: Attempt,
        instrument: InstrumentId,
        now: Moment,
        latch: Latch,
    ) -> Option<Body> {
        let Attempt { order, action, valid_until } = attempt;
        let (account, proposal) = (self.account, wish.proposal());
        if let Some(reason) = refusal(action, self.links.get(&order)) {
            let reason = reason.into();
            return Some(
                CancelRejected { order, account, instrument, action, reason, proposal }.into(),
            );
        }
        let is_halted = self.halted || latch == Latch::Halted;
        let is_withdrawn = self.links.get(&order).is_some_and(|link| link.withdrawn);
        let reason = match action {
            AttemptAction::Submit if is_withdrawn => WITHDRAWN,
            AttemptAction::Submit | AttemptAction::Replace if is_halted => HALTED,
            _ if now.time > valid_until => EXPIRED,
            _ => return None,
        };
        let reason = Label::new(reason).ok()?;
        let session_time = now.time;
        Some(
            OrderLapsed {
                order,
                account,
                instrument,
                action,
                valid_until,
                session_time,
                reason,
                proposal,
            }
            .into(),
        )
    }

    /// Notes an attempt, and the call that is to be made once that is durable.
    pub(crate) fn send(&mut self, plan: &mut Plan, cause: &Event, attempt: Attempt, now: Moment) {
        let Attempt { order, action, valid_until } = attempt;
        let link = self.links.get(&order);
        let instrument = cause.body.instrument().or_else(|| link.map(|link| link.instrument));
        let (Some(instrument), Ok(client_order_id)) = (instrument, client_order_id(order)) else {
            return;
        };
        let attempted = SubmitAttempted {
            order,
            account: self.account,
            instrument,
            action,
            attempt: link.map_or(0, |link| link.attempts) + 1,
            expires: valid_until,
            client_order_id,
        };
        let slot = plan.events.len() as u32;
        let attempted = self.own_event(cause, slot, now.time, attempted);
        plan.events.push(attempted);
        let pending = self.links.get(&order).and_then(|link| link.pending.last());
        plan.calls.extend(pending.and_then(|&pending| call_of(order, instrument, pending)));
    }

    /// The attempt that facts about `order` descend from, where there was one.
    pub(crate) fn origin_of(&self, order: OrderId) -> Option<(EventId, TraceId)> {
        self.links.get(&order).and_then(|link| link.origin)
    }
}

const fn asked_by(body: &Body) -> Option<(Attempt, InstrumentId)> {
    let (order, action, valid_until, instrument) = match body {
        Body::SubmitOrder(c) => (c.order, AttemptAction::Submit, c.valid_until, c.instrument),
        Body::CancelOrder(c) => (c.order, AttemptAction::Cancel, c.valid_until, c.instrument),
        Body::ReplaceOrder(c) => (c.order, AttemptAction::Replace, c.valid_until, c.instrument),
        _ => return None,
    };
    Some((Attempt { order, action, valid_until }, instrument))
}

/// Why a command about an order makes no sense in the state it is in.
fn refusal(action: AttemptAction, link: Option<&Link>) -> Option<&'static str> {
    let never_sent = "the order was never sent";
    let Some(link) = link else {
        return (action != AttemptAction::Submit).then_some(never_sent);
    };
    match action {
        AttemptAction::Submit if link.sent => Some("the order was sent before"),
        _ if link.terminal => Some("the order is terminal"),
        AttemptAction::Submit => None,
        _ if !link.sent => Some(never_sent),
        AttemptAction::Replace if link.unknown => Some("the order's state is unknown"),
        _ if !link.admits(action) => Some("an attempt for the order has no answer yet"),
        _ => None,
    }
}

/// The call of an attempt; none when the log does not hold the command it came from.
pub(crate) fn call_of(
    order: OrderId,
    instrument: InstrumentId,
    pending: PendingAttempt,
) -> Option<Call> {
    let client_order_id = client_order_id(order).ok()?;
    let attempt = pending.attempt;
    Some(match pending.wish? {
        Wish::Submit(terms) => Call::Submit(OrderRequest {
            order,
            client_order_id,
            attempt,
            instrument,
            side: terms.side,
            order_type: terms.order_type,
            quantity: terms.quantity,
            limit_price: terms.limit_price,
            time_in_force: terms.time_in_force,
            expires: pending.expires,
        }),
        Wish::Cancel => Call::Cancel(CancelRequest { order, client_order_id, attempt, instrument }),
        Wish::Replace(terms) => Call::Replace(ReplaceRequest {
            order,
            attempt,
            instrument,
            quantity: terms.quantity,
            limit_price: terms.limit_price,
            proposal: terms.proposal,
        }),
    })
}
