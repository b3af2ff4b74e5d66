//! What the gateway knows of one order: our name, the broker's name, attempts, and whether it can
//! still trade.

use event::{
    Body, Event, EventId, InstrumentId, Label, OrderId, Price, Quantity, Timestamp, TraceId,
    choices::{AttemptAction, OrderType, Side, TimeInForce},
    trading::{ReplaceOrder, SubmitOrder},
};

use crate::Gateway;

/// The terms of a submit, as commanded.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) side: Side,
    pub(crate) order_type: OrderType,
    pub(crate) quantity: Quantity,
    pub(crate) limit_price: Option<Price>,
    pub(crate) time_in_force: TimeInForce,
}

/// The terms of a replace, as commanded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewTerms {
    pub(crate) quantity: Quantity,
    pub(crate) limit_price: Price,
    pub(crate) proposal: OrderId,
}

/// An attempt the broker has not answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PendingAttempt {
    pub(crate) action: AttemptAction,
    pub(crate) attempt: u32,
    pub(crate) expires: Timestamp,
}

/// One order.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) instrument: InstrumentId,
    pub(crate) terms: Option<Terms>,
    pub(crate) new_terms: Option<NewTerms>,
    pub(crate) attempts: u32,
    pub(crate) pending: Option<PendingAttempt>,
    pub(crate) sent: bool,
    pub(crate) terminal: bool,
    pub(crate) unknown: bool,
    /// The attempt that facts about this order descend from.
    pub(crate) origin: Option<(EventId, TraceId)>,
}

impl Link {
    const fn new(instrument: InstrumentId) -> Self {
        Self {
            instrument,
            terms: None,
            new_terms: None,
            attempts: 0,
            pending: None,
            sent: false,
            terminal: false,
            unknown: false,
            origin: None,
        }
    }

    /// Whether the broker may still be working it.
    pub(crate) const fn is_open(&self) -> bool {
        self.sent && !self.terminal
    }
}

/// Our name for an order at the broker: its id in hexadecimal, which every venue accepts.
///
/// # Errors
/// Never in practice: 32 hexadecimal digits are a label.
pub(crate) fn client_order_id(order: OrderId) -> Result<Label, event::LabelError> {
    Label::new(&order.to_string())
}

impl Gateway {
    /// Folds an event about one order of this account.
    pub(crate) fn fold_order(&mut self, event: &Event) {
        let (Some(order), Some(instrument)) = (event.body.order(), event.body.instrument()) else {
            return;
        };
        let link = self.links.entry(order).or_insert_with(|| Link::new(instrument));
        match &event.body {
            Body::SubmitOrder(command) => link.terms = Some(terms_of(command)),
            Body::ReplaceOrder(command) => link.new_terms = Some(new_terms_of(command)),
            Body::SubmitAttempted(attempt) => {
                link.attempts = link.attempts.max(attempt.attempt);
                link.pending = Some(PendingAttempt {
                    action: attempt.action,
                    attempt: attempt.attempt,
                    expires: attempt.expires,
                });
                if attempt.action == AttemptAction::Submit {
                    link.sent = true;
                    link.origin = Some((event.event_id, event.trace_id));
                }
            }
            Body::OrderAccepted(accepted) => {
                link.sent = true;
                link.unknown = false;
                link.settle(AttemptAction::Submit);
                if accepted.external {
                    link.origin = Some((event.event_id, event.trace_id));
                }
            }
            Body::OrderRejected(_) => {
                link.terminal = true;
                link.unknown = false;
                link.settle(AttemptAction::Submit);
            }
            Body::OrderExpired(_) => {
                link.terminal = true;
                link.unknown = false;
                link.pending = None;
            }
            Body::OrderCancelled(_) => {
                link.terminal = true;
                link.unknown = false;
                link.pending = None;
            }
            Body::OrderReplaced(replaced) => {
                link.settle(AttemptAction::Replace);
                if let Some(terms) = &mut link.terms {
                    terms.quantity = replaced.quantity;
                    terms.limit_price = Some(replaced.limit_price);
                }
            }
            Body::CancelRejected(rejected) => link.settle(rejected.action),
            Body::OrderLapsed(lapsed) if lapsed.action == AttemptAction::Submit => {
                link.terminal = true;
            }
            Body::OrderUnknown(unknown) => {
                link.settle(unknown.action);
                link.unknown = unknown.action == AttemptAction::Submit;
            }
            Body::OrderExecuted(execution) => {
                link.sent = true;
                link.unknown = false;
                link.settle(AttemptAction::Submit);
                if execution.leaves.is_zero() {
                    link.terminal = true;
                    link.pending = None;
                }
            }
            _ => {}
        }
    }
}

impl Link {
    /// The pending attempt of this action has its answer.
    fn settle(&mut self, action: AttemptAction) {
        if self.pending.is_some_and(|pending| pending.action == action) {
            self.pending = None;
        }
    }
}

fn terms_of(command: &SubmitOrder) -> Terms {
    Terms {
        side: command.side,
        order_type: command.order_type,
        quantity: command.quantity,
        limit_price: command.limit_price,
        time_in_force: command.time_in_force,
    }
}

const fn new_terms_of(command: &ReplaceOrder) -> NewTerms {
    NewTerms {
        quantity: command.quantity,
        limit_price: command.limit_price,
        proposal: command.proposal,
    }
}
