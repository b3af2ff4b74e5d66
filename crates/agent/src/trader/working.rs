//! The one order that works towards a target.

use alloc::format;

use event::{
    Amount, Body, EventId, Label, OrderId, Price, Quantity,
    choices::{AttemptAction, Side},
    message, nested,
};

use crate::label;

message! {
    /// An order proposed and not known to have ended.
    Working {
        /// The order.
        1 order: OrderId,
        /// Its side.
        2 side: Side,
        /// Its total quantity.
        3 quantity: Quantity,
        /// What of it was executed.
        4 filled: Amount,
        /// Its limit.
        5 limit_price: Price,
        /// The signal it follows.
        6 signal: EventId,
        /// Whether the broker works it.
        7 accepted: bool,
        /// Whether it was repriced.
        8 repriced: bool,
        /// The replace that was asked for and not answered.
        9 replacing: Option<OrderId>,
        /// Whether its cancel was asked for and not answered.
        10 cancelling: bool,
        /// Whether its cancel was refused: it is asked for again when its timer fires.
        11 cancel_refused: bool,
    }
}

nested!(Working);

/// What a fact means for the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It goes on.
    Stands,
    /// It goes on, and is still to be cancelled.
    CancelFailed,
    /// It ended.
    Ended,
}

impl Working {
    /// Takes a fact about an order, this one or a change of it.
    pub(super) fn fold(&mut self, body: &Body) -> Turn {
        let about = body.order();
        if let Body::OrderDenied(_) = body
            && about == self.replacing
        {
            self.replacing = None;
            return Turn::Stands;
        }
        if about != Some(self.order) {
            return Turn::Stands;
        }
        match body {
            Body::OrderAccepted(_) => self.accepted = true,
            Body::OrderReplaced(fact) => {
                self.quantity = fact.quantity;
                self.limit_price = fact.limit_price;
                self.replacing = None;
            }
            Body::CancelRejected(fact) => return self.not_done(fact.action),
            Body::OrderLapsed(fact) if fact.action != AttemptAction::Submit => {
                return self.not_done(fact.action);
            }
            Body::OrderLapsed(_)
            | Body::OrderDenied(_)
            | Body::OrderRejected(_)
            | Body::OrderCancelled(_)
            | Body::OrderExpired(_) => return Turn::Ended,
            _ => {}
        }
        Turn::Stands
    }

    const fn not_done(&mut self, action: AttemptAction) -> Turn {
        match action {
            AttemptAction::Replace => self.replacing = None,
            AttemptAction::Cancel => {
                (self.cancelling, self.cancel_refused) = (false, true);
                return Turn::CancelFailed;
            }
            AttemptAction::Submit => {}
        }
        Turn::Stands
    }

    /// Whether everything was executed.
    pub(super) fn is_filled(&self) -> bool {
        self.filled >= self.quantity.amount()
    }

    /// The name of its timer of this sort: timers carry no order, so the name says which.
    pub(super) fn timer(order: OrderId, sort: &str) -> Label {
        let OrderId(id) = order;
        let head = id.first_chunk().map_or(0, |head| u64::from_be_bytes(*head));
        label(&format!("{sort}/{head:016x}"))
    }
}
