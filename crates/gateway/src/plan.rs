//! From a command to an attempt, or to a lapse.

use broker::{CancelRequest, Moment, OrderRequest, ReplaceRequest};
use event::{
    Body, Event, EventId, Label, OrderId, Timestamp,
    choices::{AttemptAction, OperatorVerb},
    trading::{CancelRejected, OrderLapsed, SubmitAttempted},
};

use crate::{
    Gateway,
    link::{Link, client_order_id},
};

/// Whether the persistent halt latch is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latch {
    /// Orders may go out.
    Open,
    /// Nothing that adds exposure may go out.
    Halted,
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
const EXPIRED: &str = "expired";
/// Why an order was not sent.
const HALTED: &str = "halted";

impl Gateway {
    /// Says what follows from a delivered event. `now` is the session clock.
    ///
    /// Delivering a command again changes nothing: a command that led to anything is answered.
    pub fn plan(&mut self, event: &Event, now: Moment, latch: Latch) -> Plan {
        self.observe(event);
        let mut plan = Plan::default();
        let ours = event.body.account().is_none_or(|account| account == self.account);
        if !ours || self.answered.contains(&event.event_id) {
            return plan;
        }
        match &event.body {
            Body::SubmitOrder(command) => {
                let gate = Gate { action: AttemptAction::Submit, valid_until: command.valid_until };
                self.attempt(&mut plan, event, command.order, gate, now, latch);
            }
            Body::ReplaceOrder(command) => {
                let gate =
                    Gate { action: AttemptAction::Replace, valid_until: command.valid_until };
                self.attempt(&mut plan, event, command.order, gate, now, latch);
            }
            Body::CancelOrder(command) => {
                let gate = Gate { action: AttemptAction::Cancel, valid_until: command.valid_until };
                self.attempt(&mut plan, event, command.order, gate, now, Latch::Open);
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
            _ => {}
        }
        plan
    }

    /// Attempts that a crash left without an answer, to be asked again of a broker that keeps a
    /// record of attempts (tape mode).
    #[must_use]
    pub fn unanswered(&self) -> Vec<Call> {
        self.links
            .iter()
            .filter(|(_, link)| link.pending.is_some())
            .filter_map(|(&order, link)| self.call_of(order, link))
            .collect()
    }

    /// Cancels of everything the broker may be working, for a process that must end and cannot make
    /// attempts durable any more. A cancel adds no exposure, so it may go first and be logged later.
    #[must_use]
    pub fn emergency_cancels(&self) -> Vec<CancelRequest> {
        self.links
            .iter()
            .filter(|(_, link)| link.is_open())
            .filter_map(|(&order, link)| {
                let client_order_id = client_order_id(order).ok()?;
                let (attempt, instrument) = (link.attempts + 1, link.instrument);
                Some(CancelRequest { order, client_order_id, attempt, instrument })
            })
            .collect()
    }

    /// Whether the account's books have been opened.
    #[must_use]
    pub const fn is_opened(&self) -> bool {
        self.opened
    }

    fn attempt(
        &mut self,
        plan: &mut Plan,
        cause: &Event,
        order: OrderId,
        gate: Gate,
        now: Moment,
        latch: Latch,
    ) {
        let Some(link) = self.links.get(&order) else { return };
        let instrument = link.instrument;
        let slot = plan.events.len() as u32;
        let reason =
            if gate.action != AttemptAction::Cancel && (self.halted || latch == Latch::Halted) {
                Some(HALTED)
            } else if now.time > gate.valid_until {
                Some(EXPIRED)
            } else {
                None
            };
        let proposal = match gate.action {
            AttemptAction::Replace => link.new_terms.map(|terms| terms.proposal),
            AttemptAction::Submit | AttemptAction::Cancel => None,
        };
        if let Some(reason) = reason {
            let Ok(reason) = Label::new(reason) else { return };
            let lapsed = OrderLapsed {
                order,
                account: self.account,
                instrument,
                action: gate.action,
                valid_until: gate.valid_until,
                session_time: now.time,
                reason,
                proposal,
            };
            let lapsed = self.own_event(cause, slot, now.time, lapsed);
            plan.events.push(lapsed);
            return;
        }
        if let Some(refusal) = refusal(gate.action, link) {
            let rejected = CancelRejected {
                order,
                account: self.account,
                instrument,
                action: gate.action,
                reason: refusal.into(),
                proposal,
            };
            let rejected = self.own_event(cause, slot, now.time, rejected);
            plan.events.push(rejected);
            return;
        }
        self.send(plan, cause, order, gate, now);
    }

    fn send(&mut self, plan: &mut Plan, cause: &Event, order: OrderId, gate: Gate, now: Moment) {
        let Some(link) = self.links.get(&order) else { return };
        let Ok(client_order_id) = client_order_id(order) else { return };
        let attempted = SubmitAttempted {
            order,
            account: self.account,
            instrument: link.instrument,
            action: gate.action,
            attempt: link.attempts + 1,
            expires: gate.valid_until,
            client_order_id,
        };
        let slot = plan.events.len() as u32;
        let attempted = self.own_event(cause, slot, now.time, attempted);
        plan.events.push(attempted);
        if let Some(call) = self.links.get(&order).and_then(|link| self.call_of(order, link)) {
            plan.calls.push(call);
        }
    }

    /// Cancels every order the broker may be working; an order whose submit is unknown too.
    fn cancel_all(&mut self, plan: &mut Plan, cause: &Event, now: Moment) {
        let open: Vec<OrderId> = self
            .links
            .iter()
            .filter(|(_, link)| link.is_open() && link.pending.is_none())
            .map(|(&order, _)| order)
            .collect();
        for order in open {
            let gate = Gate { action: AttemptAction::Cancel, valid_until: Timestamp(i64::MAX) };
            self.send(plan, cause, order, gate, now);
        }
    }

    fn call_of(&self, order: OrderId, link: &Link) -> Option<Call> {
        let pending = link.pending?;
        let client_order_id = client_order_id(order).ok()?;
        let (instrument, attempt) = (link.instrument, pending.attempt);
        Some(match pending.action {
            AttemptAction::Submit => {
                let terms = link.terms.clone()?;
                Call::Submit(OrderRequest {
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
                })
            }
            AttemptAction::Cancel => {
                Call::Cancel(CancelRequest { order, client_order_id, attempt, instrument })
            }
            AttemptAction::Replace => {
                let terms = link.new_terms?;
                Call::Replace(ReplaceRequest {
                    order,
                    attempt,
                    instrument,
                    quantity: terms.quantity,
                    limit_price: terms.limit_price,
                    proposal: terms.proposal,
                })
            }
        })
    }

    /// The id of the event that last attempted something for `order`, where one did.
    pub(crate) fn origin_of(&self, order: OrderId) -> Option<(EventId, event::TraceId)> {
        self.links.get(&order).and_then(|link| link.origin)
    }
}

#[derive(Clone, Copy)]
struct Gate {
    action: AttemptAction,
    valid_until: Timestamp,
}

/// Why a command about an order makes no sense in the state it is in.
const fn refusal(action: AttemptAction, link: &Link) -> Option<&'static str> {
    match action {
        AttemptAction::Submit if link.sent => Some("the order was sent before"),
        AttemptAction::Submit => None,
        AttemptAction::Cancel | AttemptAction::Replace if link.terminal => {
            Some("the order is terminal")
        }
        AttemptAction::Cancel | AttemptAction::Replace if !link.sent => {
            Some("the order was never sent")
        }
        AttemptAction::Replace if link.unknown => Some("the order's state is unknown"),
        AttemptAction::Cancel | AttemptAction::Replace if link.pending.is_some() => {
            Some("an attempt for the order has no answer yet")
        }
        AttemptAction::Cancel | AttemptAction::Replace => None,
    }
}
