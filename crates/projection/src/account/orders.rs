//! Orders: finding, beginning, folding and closing them.

use alloc::vec::Vec;

use event::{Body, Event, Kind, OrderId, wire::Message};

use super::Account;
use crate::{Finding, Order, Step};

impl Account {
    /// Folds an event about an order that moves no money.
    pub(crate) fn fold_order(&mut self, event: &Event, findings: &mut Vec<Finding>) {
        let proposed = matches!(event.body, Body::OrderProposed(_));
        let id = event.body.order().unwrap_or_else(|| OrderId::from(event.event_id));
        let kind = event.body.kind();
        let mut order = match self.take_order(id) {
            Some(order) if proposed => {
                let (order_id, from) = (order.order, order.state);
                findings.push(Finding::IllegalTransition { order: order_id, from, kind });
                order
            }
            Some(order) => order,
            None => {
                let Some(order) = begin(event, id, findings) else { return };
                order
            }
        };
        order.fold(event, findings);
        self.put_order(order);
        if let Some((proposal, step)) = proposal_of(&event.body) {
            self.step_proposal(proposal, step, kind, findings);
        }
    }

    /// Takes an order out, to be put back changed.
    pub(crate) fn take_order(&mut self, id: OrderId) -> Option<Order> {
        self.live
            .remove(&id)
            .or_else(|| self.closed.remove(&id).and_then(|bytes| Order::decode(&bytes).ok()))
    }

    /// Puts an order back: an ended one as its bytes.
    pub(crate) fn put_order(&mut self, order: Order) {
        if let Some(venue_order) = order.venue_order {
            let _ = self.by_venue.insert(venue_order, order.order);
        }
        if order.state.is_terminal() {
            let mut bytes = Vec::with_capacity(192);
            order.encode(&mut bytes);
            let _ = self.closed.insert(order.order, bytes.into_boxed_slice());
        } else {
            let _ = self.live.insert(order.order, order);
        }
    }

    /// A change of terms ended; the proposal that asked for it ends with it.
    fn step_proposal(
        &mut self,
        proposal: OrderId,
        step: Step,
        kind: Kind,
        findings: &mut Vec<Finding>,
    ) {
        match self.take_order(proposal) {
            Some(mut order) => {
                order.step(step, kind, findings);
                self.put_order(order);
            }
            None => findings.push(Finding::UnknownOrder { order: proposal, kind }),
        }
    }
}

/// Begins an order with the event that is the first seen of it.
fn begin(event: &Event, id: OrderId, findings: &mut Vec<Finding>) -> Option<Order> {
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

impl Account {
    /// The order an execution belongs to, begun where it is the first seen of it.
    pub(crate) fn order_of_execution(
        &mut self,
        event: &Event,
        id: OrderId,
        findings: &mut Vec<Finding>,
    ) -> Option<Order> {
        self.take_order(id).or_else(|| begin(event, id, findings))
    }
}
