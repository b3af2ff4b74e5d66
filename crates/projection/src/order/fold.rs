//! What each event does to one order.

use event::{
    Amount, Body, Event, Kind, Label, OrderId, Price, Quantity,
    choices::AttemptAction,
    trading::{OrderAccepted, SubmitAttempted},
};

use super::{Attempt, Change, Order, OrderState, Step};
use crate::Finding;

impl Order {
    /// The order an event begins, in the state before that event; `None` when the event does not
    /// say enough to begin one.
    pub(crate) fn begun_by(event: &Event) -> Option<Self> {
        match &event.body {
            Body::OrderProposed(b) => {
                let id = OrderId::from(event.event_id);
                let mut order =
                    Self::new(id, b.instrument, b.side, b.quantity, OrderState::Proposed);
                order.limit_price = b.limit_price;
                order.replaces = b.replaces;
                order.touched = event.time;
                Some(order)
            }
            Body::OrderApproved(b) => Some(Self::new(
                b.order,
                b.instrument,
                b.side,
                b.reserved_quantity,
                OrderState::Proposed,
            )),
            Body::SubmitOrder(b) => {
                let mut order =
                    Self::new(b.order, b.instrument, b.side, b.quantity, OrderState::Approved);
                order.limit_price = b.limit_price;
                Some(order)
            }
            Body::OrderAccepted(b) => {
                Some(Self::new(b.order, b.instrument, b.side, b.quantity, OrderState::Submitted))
            }
            Body::OrderExecuted(b) => {
                let quantity = b.cumulative.plus(b.leaves).unwrap_or(b.cumulative);
                let mut order =
                    Self::new(b.order, b.instrument, b.side, quantity, OrderState::Submitted);
                order.external = b.external;
                Some(order)
            }
            _ => None,
        }
    }

    /// Folds an event about this order; executions are folded by [`Order::filled`].
    pub(crate) fn fold(&mut self, event: &Event, findings: &mut alloc::vec::Vec<Finding>) {
        self.touched = self.touched.max(event.time);
        let step = match &event.body {
            Body::OrderApproved(_) => {
                self.approval = Some(event.event_id);
                Step::Approve
            }
            Body::OrderDenied(_) => Step::Deny,
            Body::SubmitOrder(b) => {
                self.command = Some(event.event_id);
                self.quantity = b.quantity;
                self.limit_price = b.limit_price;
                Step::Command
            }
            Body::CancelOrder(_) => Step::Change,
            Body::ReplaceOrder(b) => {
                let (quantity, limit_price, proposal) = (b.quantity, b.limit_price, b.proposal);
                self.change = Some(Change { quantity, limit_price, proposal, lost: false });
                Step::Change
            }
            Body::SubmitAttempted(b) => self.attempted(b, event),
            Body::OrderAccepted(b) => self.accepted(b),
            Body::OrderRejected(_) => Step::Reject,
            Body::OrderReplaced(b) => {
                self.replaced(b.venue_order, b.quantity, b.limit_price);
                Step::Replace
            }
            Body::CancelRejected(b) => self.change_ended(b.action),
            Body::OrderCancelled(_) => Step::Cancel,
            Body::OrderExpired(_) => Step::Expire,
            Body::OrderLapsed(b) if b.action == AttemptAction::Submit => Step::Lapse,
            Body::OrderLapsed(b) => self.change_ended(b.action),
            Body::OrderUnknown(b) if b.action == AttemptAction::Submit => Step::Lose,
            Body::OrderUnknown(b) => self.change_lost(b.action),
            _ => return,
        };
        self.step(step, event.body.kind(), findings);
    }

    /// Takes a step, or says that it must not happen here and stays.
    pub(crate) fn step(&mut self, step: Step, kind: Kind, findings: &mut alloc::vec::Vec<Finding>) {
        match self.state.after(step) {
            Some(state) => self.state = state,
            None => {
                let (order, from) = (self.order, self.state);
                findings.push(Finding::IllegalTransition { order, from, kind });
            }
        }
        self.derive_status();
        if self.state.is_terminal() {
            self.change = None;
        }
    }

    /// Takes executed quantity in, or out when it is negative, and returns the step it was.
    pub(crate) fn filled(&mut self, quantity: Amount, turnover: Amount, executions: i32) -> Step {
        self.cumulative = Amount(self.cumulative.0.saturating_add(quantity.0));
        self.turnover = Amount(self.turnover.0.saturating_add(turnover.0));
        self.executions = self.executions.saturating_add_signed(executions);
        if quantity.0 < 0 || executions < 0 {
            Step::Unfill
        } else if self.cumulative >= self.quantity.amount() {
            Step::FillAll
        } else {
            Step::Fill
        }
    }

    /// Working, partly filled or filled is a matter of quantities, not of what a broker calls it.
    fn derive_status(&mut self) {
        if !matches!(self.state, OrderState::Working | OrderState::PartiallyFilled) {
            return;
        }
        self.state = if self.cumulative >= self.quantity.amount() {
            OrderState::Filled
        } else if self.cumulative.signum() > 0 {
            OrderState::PartiallyFilled
        } else {
            OrderState::Working
        };
    }

    fn attempted(&mut self, attempted: &SubmitAttempted, event: &Event) -> Step {
        self.attempts.push(Attempt {
            attempt: attempted.attempt,
            action: attempted.action,
            event: event.event_id,
            expires: attempted.expires,
        });
        if attempted.action == AttemptAction::Submit { Step::Attempt } else { Step::Change }
    }

    const fn accepted(&mut self, accepted: &OrderAccepted) -> Step {
        self.venue_order = Some(accepted.venue_order);
        self.external = accepted.external;
        if accepted.external {
            self.limit_price = accepted.limit_price;
            self.quantity = accepted.quantity;
        }
        Step::Accept
    }

    fn replaced(&mut self, venue_order: Label, quantity: Quantity, limit_price: Price) {
        self.venue_order = Some(venue_order);
        self.quantity = quantity;
        self.limit_price = Some(limit_price);
        self.change = None;
    }

    fn change_ended(&mut self, action: AttemptAction) -> Step {
        if action == AttemptAction::Replace {
            self.change = None;
        }
        Step::Change
    }

    const fn change_lost(&mut self, action: AttemptAction) -> Step {
        if matches!(action, AttemptAction::Replace)
            && let Some(change) = &mut self.change
        {
            change.lost = true;
        }
        Step::Change
    }
}
