//! Orders: what the broker works against what we think it works.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use event::{
    Amount, Body, Label, OrderId, Price, Quantity,
    books::BrokerOrder,
    choices::{AttemptAction, BreakCode, BrokerOrderState, Severity},
    trading::{
        CancelRejected, OrderAccepted, OrderCancelled, OrderExpired, OrderRejected, OrderReplaced,
    },
};
use projection::{Change, Order, OrderState};

use super::{View, listed};
use crate::{Difference, Repair, Standing};

impl View<'_> {
    pub(super) fn orders(&mut self) {
        let there: BTreeMap<OrderId, BrokerOrder> = listed(self).into_iter().collect();
        let account = self.account;
        for order in account.open_orders().filter(|order| order.state.is_at_broker()) {
            match there.get(&order.order) {
                Some(line) => self.present(order, line),
                None => self.absent(order),
            }
        }
        for (id, line) in &there {
            match account.order(*id) {
                Some(order) if order.state.is_at_broker() => {}
                Some(order) => self.ended_here(&order, line),
                None => self.begun_there(*id, line),
            }
        }
    }

    /// Open here, absent there. An execution that is missing here comes first; it may end the
    /// order by itself.
    fn absent(&mut self, order: &Order) {
        let subject = order.order.to_string();
        if self.pending.orders.contains_key(&order.order) {
            self.withhold(BreakCode::OrderMissingAtBroker, subject);
            return;
        }
        let (standing, repair) = match order.state {
            OrderState::Working | OrderState::PartiallyFilled => {
                let reason = "absent from the broker's open orders, its executions complete";
                let standing = self.standing(order.touched, self.tolerances.grace_ns);
                (standing, self.cancelled(order, reason))
            }
            _ => {
                let expires = order.expires(AttemptAction::Submit).unwrap_or(order.touched);
                let proven = expires.plus_ns(self.tolerances.read_lag_ns);
                let early = self.now < proven;
                let standing = self.standing(order.touched, self.tolerances.grace_ns);
                let reason = "absent from open orders and executions after it expired";
                (if early { Standing::Early } else { standing }, self.expired(order, reason))
            }
        };
        self.differs(Difference {
            code: BreakCode::OrderMissingAtBroker,
            subject,
            ours: order.state.to_string(),
            broker: "-".into(),
            difference: Amount(order.remaining().0.saturating_neg()),
            tolerance: Amount::ZERO,
            severity: Severity::Warning,
            standing,
            repair: Some(Repair::Facts(Vec::from([repair]))),
        });
    }

    /// Open on both sides: status, then filled quantity, then terms, then a change without an end.
    fn present(&mut self, order: &Order, line: &BrokerOrder) {
        let standing = self.standing(order.touched, self.tolerances.grace_ns);
        let pending = self.pending.orders.get(&order.order).copied();
        let executed = Amount(order.cumulative.0.saturating_add(pending.unwrap_or_default().0));
        if let Some(fact) = self.status_fact(order, line) {
            if pending.is_some() {
                self.withhold(BreakCode::OrderStatus, order.order.to_string());
            } else {
                self.status(order, line, standing, Some(fact));
            }
        } else if executed != line.cumulative.amount() {
            self.status(order, line, standing, None);
        }
        let limits_agree = order.limit_price == line.limit_price || line.limit_price.is_none();
        if order.quantity != line.quantity || !limits_agree {
            // The terms of an order that began at the broker are the broker's to say.
            let change = order.change.as_ref().filter(|change| is_line(change, line));
            let repair = change
                .map(|change| self.replaced(order, line.venue_order, change))
                .or_else(|| order.external.then(|| self.accepted(order.order, line, true)));
            self.terms(order, line, standing, repair);
        } else if let Some(change) = order.change.as_ref().filter(|change| change.lost) {
            self.change_without_end(order, line, change);
        }
    }

    /// The fact that would give our order the state the broker has it in.
    fn status_fact(&self, order: &Order, line: &BrokerOrder) -> Option<Body> {
        let reason = "ended at the broker, as its snapshot says";
        match line.state {
            BrokerOrderState::Cancelled => Some(self.cancelled(order, reason)),
            BrokerOrderState::Expired => Some(self.expired(order, reason)),
            BrokerOrderState::Rejected => Some(
                OrderRejected {
                    order: order.order,
                    account: self.id,
                    instrument: order.instrument,
                    code: Label::new("RECONCILED").unwrap_or(line.venue_order),
                    reason: reason.into(),
                }
                .into(),
            ),
            BrokerOrderState::Open | BrokerOrderState::PartiallyFilled
                if matches!(order.state, OrderState::Submitted | OrderState::Unknown) =>
            {
                Some(self.accepted(order.order, line, order.external))
            }
            _ => None,
        }
    }

    fn status(
        &mut self,
        order: &Order,
        line: &BrokerOrder,
        standing: Standing,
        fact: Option<Body>,
    ) {
        let executed = order.cumulative;
        self.differs(Difference {
            code: BreakCode::OrderStatus,
            subject: order.order.to_string(),
            ours: format!("{}, {executed} executed", order.state),
            broker: format!("{}, {} executed", line.state, line.cumulative),
            difference: Amount(line.cumulative.amount().0.saturating_sub(executed.0)),
            tolerance: Amount::ZERO,
            severity: Severity::Warning,
            standing,
            repair: fact.map(|fact| Repair::Facts(Vec::from([fact]))),
        });
    }

    fn terms(
        &mut self,
        order: &Order,
        line: &BrokerOrder,
        standing: Standing,
        repair: Option<Body>,
    ) {
        let theirs = line.quantity.amount();
        self.differs(Difference {
            code: BreakCode::OrderTerms,
            subject: order.order.to_string(),
            ours: terms(order.quantity, order.limit_price),
            broker: terms(line.quantity, line.limit_price),
            difference: Amount(theirs.0.saturating_sub(order.quantity.amount().0)),
            tolerance: Amount::ZERO,
            severity: Severity::Warning,
            standing,
            repair: repair.map(|fact| Repair::Facts(Vec::from([fact]))),
        });
    }

    /// A change whose outcome was lost, and the broker still has the old terms: once the attempt
    /// has expired and the read lag is over, it did not happen, and its reservation is released.
    fn change_without_end(&mut self, order: &Order, line: &BrokerOrder, change: &Change) {
        let expires = order.expires(AttemptAction::Replace).unwrap_or(order.touched);
        let early = self.now < expires.plus_ns(self.tolerances.read_lag_ns);
        let refused = CancelRejected {
            order: order.order,
            account: self.id,
            instrument: order.instrument,
            action: AttemptAction::Replace,
            reason: "the order has its old terms after the attempt expired".into(),
            proposal: Some(change.proposal),
        };
        self.differs(Difference {
            code: BreakCode::OrderTerms,
            subject: order.order.to_string(),
            ours: format!("{}, unknown", terms(change.quantity, Some(change.limit_price))),
            broker: terms(line.quantity, line.limit_price),
            difference: Amount::ZERO,
            tolerance: Amount::ZERO,
            severity: Severity::Warning,
            standing: if early { Standing::Early } else { Standing::Settled },
            repair: Some(Repair::Facts(Vec::from([refused.into()]))),
        });
    }

    /// Ended here, open there: what we said of it was wrong, and no fact of ours undoes it.
    fn ended_here(&mut self, order: &Order, line: &BrokerOrder) {
        let open = matches!(line.state, BrokerOrderState::Open | BrokerOrderState::PartiallyFilled);
        if !open {
            return;
        }
        let standing = self.standing(order.touched, self.tolerances.grace_ns);
        self.differs(Difference {
            code: BreakCode::OrderStatus,
            subject: order.order.to_string(),
            ours: order.state.to_string(),
            broker: line.state.to_string(),
            difference: line.quantity.amount(),
            tolerance: Amount::ZERO,
            severity: Severity::Critical,
            standing,
            repair: None,
        });
    }

    /// Open there, unknown here: someone else trades this account, or we lost an order.
    fn begun_there(&mut self, id: OrderId, line: &BrokerOrder) {
        let external = line.order.is_none();
        let adopt = Repair::Facts(Vec::from([self.accepted(id, line, external)]));
        self.differs(Difference {
            code: BreakCode::OrderMissingInternal,
            subject: id.to_string(),
            ours: "-".into(),
            broker: format!("{} {} {}", line.side, line.quantity, line.instrument),
            difference: line.quantity.amount(),
            tolerance: Amount::ZERO,
            severity: Severity::Critical,
            standing: Standing::Settled,
            repair: external.then_some(adopt),
        });
    }

    fn accepted(&self, order: OrderId, line: &BrokerOrder, external: bool) -> Body {
        OrderAccepted {
            order,
            account: self.id,
            instrument: line.instrument,
            venue_order: line.venue_order,
            side: line.side,
            quantity: line.quantity,
            limit_price: line.limit_price,
            external,
        }
        .into()
    }

    fn cancelled(&self, order: &Order, reason: &str) -> Body {
        OrderCancelled {
            order: order.order,
            account: self.id,
            instrument: order.instrument,
            cumulative: executed(order),
            reason: reason.into(),
        }
        .into()
    }

    fn expired(&self, order: &Order, reason: &str) -> Body {
        OrderExpired {
            order: order.order,
            account: self.id,
            instrument: order.instrument,
            cumulative: executed(order),
            reason: reason.into(),
        }
        .into()
    }

    fn replaced(&self, order: &Order, venue_order: Label, change: &Change) -> Body {
        OrderReplaced {
            order: order.order,
            account: self.id,
            instrument: order.instrument,
            venue_order,
            quantity: change.quantity,
            limit_price: change.limit_price,
            proposal: change.proposal,
        }
        .into()
    }
}

fn is_line(change: &Change, line: &BrokerOrder) -> bool {
    change.quantity == line.quantity && Some(change.limit_price) == line.limit_price
}

fn executed(order: &Order) -> Quantity {
    Quantity::from_amount(order.cumulative).unwrap_or_default()
}

fn terms(quantity: Quantity, limit: Option<Price>) -> String {
    match limit {
        Some(limit) => format!("{quantity} @ {limit}"),
        None => quantity.to_string(),
    }
}
