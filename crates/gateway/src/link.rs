//! What the gateway knows of one order: our name, the broker's name, attempts, and whether it can
//! still trade.

use event::{
    Body, Event, EventId, InstrumentId, Label, OrderId, Price, Quantity, Timestamp, TraceId,
    choices::{AttemptAction, OrderType, Side, TimeInForce},
    trading::{CancelRejected, ReplaceOrder, SubmitAttempted, SubmitOrder},
};

use crate::Gateway;

/// The terms of a submit, as commanded.
#[derive(Clone, Copy, Debug)]
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

/// What is asked of the broker.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wish {
    Submit(Terms),
    Cancel,
    Replace(NewTerms),
}

impl Wish {
    /// The proposal that asked for it, for a replace.
    pub(crate) const fn proposal(&self) -> Option<OrderId> {
        match self {
            Self::Replace(terms) => Some(terms.proposal),
            Self::Submit(_) | Self::Cancel => None,
        }
    }
}

/// An attempt without an answer, or a change that was promised and has not been reported.
///
/// The log does not say which of the two it is, since an answer that only promises is no event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PendingAttempt {
    pub(crate) action: AttemptAction,
    pub(crate) attempt: u32,
    pub(crate) expires: Timestamp,
    /// What was asked, where its command is in the log.
    pub(crate) wish: Option<Wish>,
}

/// An attempt to change an order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) action: AttemptAction,
    pub(crate) attempt: u32,
    /// The proposal that asked for it; none for a cancel.
    pub(crate) proposal: Option<OrderId>,
}

/// One order.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) instrument: InstrumentId,
    /// Number of the last attempt.
    pub(crate) attempts: u32,
    /// Attempts under way, in order; at most one of each action.
    pub(crate) pending: Vec<PendingAttempt>,
    pub(crate) changes: Vec<Change>,
    pub(crate) sent: bool,
    pub(crate) terminal: bool,
    pub(crate) unknown: bool,
    /// Everything was to be cancelled while its submit had no answer.
    pub(crate) cancel_owed: bool,
    /// It was to be cancelled before it was sent, so it never is.
    pub(crate) withdrawn: bool,
    /// The attempt that facts about this order descend from.
    pub(crate) origin: Option<(EventId, TraceId)>,
}

impl Link {
    const fn new(instrument: InstrumentId) -> Self {
        Self {
            instrument,
            attempts: 0,
            pending: Vec::new(),
            changes: Vec::new(),
            sent: false,
            terminal: false,
            unknown: false,
            cancel_owed: false,
            withdrawn: false,
            origin: None,
        }
    }

    /// Whether the broker may still be working it.
    pub(crate) const fn is_open(&self) -> bool {
        self.sent && !self.terminal
    }

    /// Whether an attempt at this may follow those under way. A cancel may overtake a replace, and
    /// nothing a submit.
    pub(crate) fn admits(&self, action: AttemptAction) -> bool {
        match action {
            AttemptAction::Cancel => {
                !self.is_pending(AttemptAction::Submit) && !self.is_pending(AttemptAction::Cancel)
            }
            AttemptAction::Submit | AttemptAction::Replace => self.pending.is_empty(),
        }
    }

    /// Whether an attempt at this is under way.
    pub(crate) fn is_pending(&self, action: AttemptAction) -> bool {
        self.pending.iter().any(|pending| pending.action == action)
    }

    /// Number of the last attempt to cancel the order, or to change it for this proposal.
    pub(crate) fn last_change(
        &self,
        action: AttemptAction,
        proposal: Option<OrderId>,
    ) -> Option<u32> {
        let same = |change: &&Change| change.action == action && change.proposal == proposal;
        self.changes.iter().rev().find(same).map(|change| change.attempt)
    }

    /// The submit has its answer.
    fn submit_settled(&mut self) {
        self.pending.retain(|pending| pending.action != AttemptAction::Submit);
    }

    /// The replace that this proposal asked for has its end.
    fn replace_settled(&mut self, proposal: Option<OrderId>) {
        let is_meant = |pending: &PendingAttempt| {
            let asked_by = pending.wish.and_then(|wish| wish.proposal());
            asked_by.is_none() || proposal.is_none() || asked_by == proposal
        };
        self.pending
            .retain(|pending| pending.action != AttemptAction::Replace || !is_meant(pending));
    }

    fn change_refused(&mut self, rejected: &CancelRejected) {
        match rejected.action {
            AttemptAction::Submit => {}
            AttemptAction::Cancel => {
                self.pending.retain(|pending| pending.action != AttemptAction::Cancel);
            }
            AttemptAction::Replace => self.replace_settled(rejected.proposal),
        }
    }

    /// The broker works it, or did.
    fn arrived(&mut self) {
        self.sent = true;
        self.unknown = false;
        self.submit_settled();
    }

    /// Nothing more comes of it but late executions.
    fn ended(&mut self) {
        self.terminal = true;
        self.unknown = false;
        self.cancel_owed = false;
        self.pending.clear();
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
    /// Folds an event about one order of this account; `wish` is what was commanded, where the event
    /// is the gateway's own.
    pub(crate) fn fold_order(&mut self, event: &Event, wish: Option<Wish>) {
        match &event.body {
            Body::SubmitOrder(submit) => self.note_command(event, Wish::Submit(terms_of(submit))),
            Body::CancelOrder(_) => return self.note_command(event, Wish::Cancel),
            Body::ReplaceOrder(replace) => {
                return self.note_command(event, Wish::Replace(new_terms_of(replace)));
            }
            Body::OrderAccepted(accepted) if !accepted.external => {
                let _ = self.venue_orders.insert(accepted.venue_order, accepted.order);
            }
            Body::OrderReplaced(replaced) => {
                let _ = self.venue_orders.insert(replaced.venue_order, replaced.order);
            }
            // What the gateway refuses itself never was under way.
            Body::CancelRejected(rejected) if event.source == self.source => {
                return self.note_refused(rejected);
            }
            body if !is_of_a_link(body) => return,
            _ => {}
        }
        let (Some(order), Some(instrument)) = (event.body.order(), event.body.instrument()) else {
            return;
        };
        let link = self.links.entry(order).or_insert_with(|| Link::new(instrument));
        link.fold(event, wish);
    }

    /// A cancel that overtook the command to send its order withdraws the order.
    fn note_refused(&mut self, rejected: &CancelRejected) {
        if rejected.action == AttemptAction::Cancel {
            let fresh = || Link::new(rejected.instrument);
            let link = self.links.entry(rejected.order).or_insert_with(fresh);
            link.withdrawn |= !link.sent && !link.terminal;
        }
    }

    fn note_command(&mut self, event: &Event, wish: Wish) {
        if !self.answered.contains(&event.event_id) {
            let _ = self.commands.insert(event.event_id, wish);
        }
    }
}

impl Link {
    fn fold(&mut self, event: &Event, wish: Option<Wish>) {
        match &event.body {
            Body::SubmitAttempted(attempted) => self.attempted(event, attempted, wish),
            Body::OrderAccepted(accepted) => {
                self.arrived();
                if accepted.external {
                    self.origin = Some((event.event_id, event.trace_id));
                }
            }
            Body::OrderExecuted(execution) => {
                self.arrived();
                if execution.leaves.is_zero() {
                    self.ended();
                }
            }
            Body::OrderUnknown(unknown) => {
                self.pending.retain(|pending| pending.attempt != unknown.attempt);
                self.unknown |= unknown.action == AttemptAction::Submit;
            }
            Body::OrderReplaced(replaced) => self.replace_settled(Some(replaced.proposal)),
            Body::CancelRejected(rejected) => self.change_refused(rejected),
            Body::OrderRejected(_) | Body::OrderCancelled(_) | Body::OrderExpired(_) => {
                self.ended();
            }
            // Only an order that was never sent ends by not being sent.
            Body::OrderLapsed(lapsed) if lapsed.action == AttemptAction::Submit => {
                self.terminal |= !self.sent;
            }
            _ => {}
        }
    }

    fn attempted(&mut self, event: &Event, attempted: &SubmitAttempted, wish: Option<Wish>) {
        let (action, attempt, expires) = (attempted.action, attempted.attempt, attempted.expires);
        // A cancel needs no terms, and one that a halt asked for has no command of its own.
        let wish = if action == AttemptAction::Cancel { Some(Wish::Cancel) } else { wish };
        self.attempts = self.attempts.max(attempt);
        self.pending.push(PendingAttempt { action, attempt, expires, wish });
        if action == AttemptAction::Submit {
            self.sent = true;
            self.origin = Some((event.event_id, event.trace_id));
            return;
        }
        self.cancel_owed &= action != AttemptAction::Cancel;
        let proposal = wish.and_then(|wish| wish.proposal());
        self.changes.push(Change { action, attempt, proposal });
    }
}

/// Whether an event with this body begins or changes what is known of an order at the broker.
const fn is_of_a_link(body: &Body) -> bool {
    matches!(
        body,
        Body::SubmitAttempted(_)
            | Body::OrderRejected(_)
            | Body::CancelRejected(_)
            | Body::OrderCancelled(_)
            | Body::OrderExpired(_)
            | Body::OrderLapsed(_)
            | Body::OrderUnknown(_)
            | Body::OrderExecuted(_)
            | Body::OrderAccepted(_)
    )
}

const fn terms_of(command: &SubmitOrder) -> Terms {
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
