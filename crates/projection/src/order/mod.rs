//! One order: its terms, where it stands, what became of it, and the ids that say why.

mod fold;
mod state;

use alloc::vec::Vec;

use event::{
    Amount, EventId, InstrumentId, Label, MoneyError, OrderId, Price, Quantity, Timestamp,
    choices::{AttemptAction, Side},
    message, nested,
};

pub use state::{OrderState, Step, TRANSITIONS};

message! {
    /// An attempt at the broker.
    Attempt {
        /// Its number, from 1.
        1 attempt: u32,
        /// What was attempted.
        2 action: AttemptAction,
        /// The `SubmitAttempted` event.
        3 event: EventId,
        /// The broker must not act on it after this instant.
        4 expires: Timestamp,
    }

    /// A change of terms that was asked for and has no answer.
    Change {
        /// The new total quantity.
        1 quantity: Quantity,
        /// The new limit.
        2 limit_price: Price,
        /// The proposal that asked for it.
        3 proposal: OrderId,
        /// Whether its outcome is not known.
        4 lost: bool,
    }

    /// An order.
    Order {
        /// Its id; as an event id, the `OrderProposed` it began with.
        1 order: OrderId,
        /// Its instrument.
        2 instrument: InstrumentId,
        /// Which way.
        3 side: Side,
        /// Where it stands.
        4 state: OrderState,
        /// Total quantity.
        5 quantity: Quantity,
        /// The limit, for limit orders.
        6 limit_price: Option<Price>,
        /// Quantity executed in all, the sum of its executions.
        7 cumulative: Amount,
        /// Quantity × price over its executions, for the average price.
        8 turnover: Amount,
        /// How many executions it has, busted ones left out.
        9 executions: u32,
        /// Whether it began at the broker, not with us.
        10 external: bool,
        /// The broker's name for it.
        11 venue_order: Option<Label>,
        /// The open order it is to change.
        12 replaces: Option<OrderId>,
        /// The `OrderApproved` event, which reserved its exposure.
        13 approval: Option<EventId>,
        /// The `SubmitOrder` event.
        14 command: Option<EventId>,
        /// Attempts, in order.
        15 attempts: Vec<Attempt>,
        /// A change of terms without an answer.
        16 change: Option<Change>,
        /// Time of the last event that touched it.
        17 touched: Timestamp,
    }
}

nested!(Attempt, Change, Order);

impl Order {
    /// An order seen for the first time.
    pub(crate) const fn new(
        order: OrderId,
        instrument: InstrumentId,
        side: Side,
        quantity: Quantity,
        state: OrderState,
    ) -> Self {
        Self {
            order,
            instrument,
            side,
            state,
            quantity,
            limit_price: None,
            cumulative: Amount::ZERO,
            turnover: Amount::ZERO,
            executions: 0,
            external: false,
            venue_order: None,
            replaces: None,
            approval: None,
            command: None,
            attempts: Vec::new(),
            change: None,
            touched: Timestamp(i64::MIN),
        }
    }

    /// What may still execute; nothing once it has ended.
    #[must_use]
    pub fn remaining(&self) -> Amount {
        if self.state.is_terminal() {
            return Amount::ZERO;
        }
        Amount(self.quantity.amount().0.saturating_sub(self.cumulative.0).max(0))
    }

    /// The average price of its executions, rounded half to even; `None` before the first.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn average_price(&self) -> Result<Option<Price>, MoneyError> {
        if self.cumulative.is_zero() {
            return Ok(None);
        }
        let raw = self.turnover.scaled(1_000_000_000, self.cumulative.0)?;
        i64::try_from(raw.0).map(|price| Some(Price(price))).map_err(|_| MoneyError::Overflow)
    }

    /// When the last attempt of this action stops being possible at the broker.
    #[must_use]
    pub fn expires(&self, action: AttemptAction) -> Option<Timestamp> {
        self.attempts.iter().rev().find(|attempt| attempt.action == action).map(|a| a.expires)
    }
}
