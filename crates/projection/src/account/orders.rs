//! Orders: finding, beginning, folding and closing them.

use alloc::{boxed::Box, vec::Vec};

use event::{Body, Event, Kind, OrderId, wire::Message};

use super::Account;
use crate::{Finding, Order, Step};

impl Account {
    /// Folds an event about an order that moves no money.
    pub(crate) fn fold_order(&mut self, event: &Event, findings: &mut Vec<Finding>) {
        let proposed = matches!(event.body, Body::OrderProposed(_));
        let id = event.body.order().unwrap_or_else(|| OrderId::from(event.event_id));
        let kind = event.body.kind();
        let known = self.change(id, |order| {
            if proposed {
                let from = order.state;
                findings.push(Finding::IllegalTransition { order: id, from, kind });
            }
            order.fold(event, findings);
        });
        if !known {
            let Some(mut order) = begin(event, id, findings) else { return };
            order.fold(event, findings);
            self.put_order(Box::new(order));
        }
        if let Some((proposal, step)) = proposal_of(&event.body) {
            self.step_proposal(proposal, step, kind, findings);
        }
    }

    /// Changes an order where it stands, open or ended; false when it is not known.
    pub(crate) fn change(&mut self, id: OrderId, change: impl FnOnce(&mut Order)) -> bool {
        let Some(order) = self.live.get_mut(&id) else {
            let Some(bytes) = self.closed.remove(&id) else { return false };
            let Ok(mut order) = Order::decode(&bytes) else { return false };
            change(&mut order);
            self.put_order(Box::new(order));
            return true;
        };
        let named = order.venue_order;
        change(order);
        if order.venue_order != named
            && let Some(venue_order) = order.venue_order
        {
            let _ = self.by_venue.insert(venue_order, id);
        }
        if order.state.is_terminal()
            && let Some(order) = self.live.remove(&id)
        {
            self.close(&order);
        }
        true
    }

    /// Puts an order in: an ended one as its bytes.
    pub(crate) fn put_order(&mut self, order: Box<Order>) {
        if let Some(venue_order) = order.venue_order {
            let _ = self.by_venue.insert(venue_order, order.order);
        }
        if order.state.is_terminal() {
            self.close(&order);
        } else {
            let _ = self.live.insert(order.order, order);
        }
    }

    fn close(&mut self, order: &Order) {
        let mut bytes = Vec::with_capacity(256);
        order.encode(&mut bytes);
        let _ = self.closed.insert(order.order, bytes.into_boxed_slice());
    }

    /// A change of terms ended; the proposal that asked for it ends with it.
    fn step_proposal(
        &mut self,
        proposal: OrderId,
        step: Step,
        kind: Kind,
        findings: &mut Vec<Finding>,
    ) {
        if !self.change(proposal, |order| order.step(step, kind, findings)) {
            findings.push(Finding::UnknownOrder { order: proposal, kind });
        }
    }
}

/// Begins an order with the event that is the first seen of it.
pub(super) fn begin(event: &Event, id: OrderId, findings: &mut Vec<Finding>) -> Option<Order> {
    let order = Order::begun_by(event);
    let expected = match &event.body {
        Body::OrderProposed(_) => true,
        Body::OrderAccepted(b) => b.external,
        Body::OrderExecuted(b) => b.external,
        _ => false,
    };
    if !expected {
        findings.push(Finding::UnknownOrder { order: id, kind: event.body.kind() });
    }
    order
}

/// The proposal whose change of terms this event ends, and how.
fn proposal_of(body: &Body) -> Option<(OrderId, Step)> {
    match body {
        Body::OrderReplaced(b) => Some((b.proposal, Step::Absorb)),
        Body::CancelRejected(b) => b.proposal.map(|proposal| (proposal, Step::Release)),
        Body::OrderLapsed(b) => b.proposal.map(|proposal| (proposal, Step::Release)),
        _ => None,
    }
}
