//! Orders, promises and executions as the broker keeps them.

use event::{
    Amount, Currency, InstrumentId, Label, OrderId, Price, Quantity, Source, Timestamp,
    books::{BrokerExecution, BrokerOrder},
    choices::{AttemptAction, BrokerOrderState, Liquidity, OrderType, Side, TimeInForce},
};

use super::{
    entry::{self, Printed},
    ledger::{Terms, Trade},
};
use crate::{BrokerError, Moment};

/// Where on the tape something was made: after which record of which position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Since {
    position: u64,
    after: Option<Printed>,
}

impl Since {
    pub(crate) fn new(position: u64, source: Option<Source>, source_seq: u64) -> Self {
        Self { position, after: source.map(|source| Printed { source, source_seq }) }
    }

    /// Whether a market record of a position comes after it.
    pub(crate) fn is_before(&self, position: u64, record: Option<Printed>) -> bool {
        match (self.after, record) {
            (Some(after), Some(record))
                if position == self.position && after.source == record.source =>
            {
                record.source_seq > after.source_seq
            }
            _ => position >= self.position,
        }
    }
}

/// An order in the book, or one that was.
#[derive(Clone, Debug)]
pub(crate) struct PaperOrder {
    pub(crate) order: OrderId,
    pub(crate) external: bool,
    pub(crate) silent: bool,
    pub(crate) venue_order: Label,
    pub(crate) instrument: InstrumentId,
    pub(crate) side: Side,
    pub(crate) order_type: OrderType,
    pub(crate) quantity: Amount,
    pub(crate) cumulative: Amount,
    pub(crate) limit_price: Option<Price>,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) expires: Timestamp,
    /// It meets no market record from before it was made, or from before `live_at`.
    pub(crate) since: Since,
    pub(crate) live_at: Timestamp,
    pub(crate) state: BrokerOrderState,
    pub(crate) rested: bool,
    /// Place in the order of arrival.
    pub(crate) arrival: u64,
}

impl PaperOrder {
    pub(crate) fn new(taken: &entry::Taken, made: Moment, arrival: u64) -> Self {
        Self {
            order: taken.order,
            external: taken.external,
            silent: taken.silent,
            venue_order: taken.venue_order,
            instrument: taken.instrument,
            side: taken.side,
            order_type: taken.order_type,
            quantity: taken.quantity.amount(),
            cumulative: Amount::ZERO,
            limit_price: taken.limit_price,
            time_in_force: taken.time_in_force,
            expires: taken.expires,
            since: Since::new(made.position, taken.after_source, taken.after_seq),
            live_at: taken.live_at,
            state: BrokerOrderState::Open,
            rested: false,
            arrival,
        }
    }

    /// Our name for it; none when it began at the broker.
    pub(crate) fn ours(&self) -> Option<OrderId> {
        (!self.external).then_some(self.order)
    }

    pub(crate) const fn is_open(&self) -> bool {
        matches!(self.state, BrokerOrderState::Open | BrokerOrderState::PartiallyFilled)
    }

    /// What still works; nothing once the order has ended.
    pub(crate) fn leaves(&self) -> Amount {
        if self.is_open() {
            Amount(self.quantity.0.saturating_sub(self.cumulative.0))
        } else {
            Amount::ZERO
        }
    }

    /// Whether the order meets a market record of this moment.
    pub(crate) fn is_live(&self, now: Moment, record: Option<Printed>) -> bool {
        self.is_open() && now.time >= self.live_at && self.since.is_before(now.position, record)
    }

    /// Whether the order trades at `price`.
    pub(crate) fn accepts(&self, price: Price) -> bool {
        match (self.order_type, self.limit_price, self.side) {
            (OrderType::Market, ..) => true,
            (OrderType::Limit, Some(limit), Side::Buy) => price <= limit,
            (OrderType::Limit, Some(limit), Side::Sell) => price >= limit,
            (OrderType::Limit, None, _) => false,
        }
    }

    /// As a snapshot lists it.
    pub(crate) fn listed(&self) -> Result<BrokerOrder, BrokerError> {
        Ok(BrokerOrder {
            order: self.ours(),
            venue_order: self.venue_order,
            instrument: self.instrument,
            side: self.side,
            state: self.state,
            quantity: quantity(self.quantity)?,
            cumulative: quantity(self.cumulative)?,
            limit_price: self.limit_price,
        })
    }
}

/// A cancel or a replace that has not taken effect.
#[derive(Clone, Debug)]
pub(crate) struct Promise {
    pub(crate) order: OrderId,
    pub(crate) action: AttemptAction,
    pub(crate) since: Since,
    pub(crate) quantity: Amount,
    pub(crate) limit_price: Option<Price>,
    pub(crate) proposal: Option<OrderId>,
}

/// An execution.
#[derive(Clone, Debug)]
pub(crate) struct PaperExecution {
    pub(crate) exec_id: Label,
    pub(crate) order: OrderId,
    pub(crate) ours: Option<OrderId>,
    pub(crate) silent: bool,
    pub(crate) venue_order: Label,
    pub(crate) side: Side,
    pub(crate) trade: Trade,
    pub(crate) quantity: Quantity,
    pub(crate) cumulative: Quantity,
    pub(crate) leaves: Quantity,
    pub(crate) liquidity: Liquidity,
    pub(crate) busted: bool,
}

impl PaperExecution {
    pub(crate) fn new(
        executed: &entry::Executed,
        order: &PaperOrder,
        terms: Terms,
    ) -> Result<Self, BrokerError> {
        let size = executed.quantity.amount();
        let signed = match order.side {
            Side::Buy => size,
            Side::Sell => size.negated().map_err(BrokerError::money("an execution"))?,
        };
        Ok(Self {
            exec_id: executed.exec_id,
            order: order.order,
            ours: order.ours(),
            silent: order.silent,
            venue_order: order.venue_order,
            side: order.side,
            trade: Trade {
                instrument: order.instrument,
                terms,
                quantity: signed,
                price: executed.price,
                fee: executed.fee,
                fee_currency: executed.fee_currency,
                at: executed.at,
            },
            quantity: executed.quantity,
            cumulative: quantity(order.cumulative)?,
            leaves: quantity(order.leaves())?,
            liquidity: executed.liquidity,
            busted: false,
        })
    }

    pub(crate) const fn instrument(&self) -> InstrumentId {
        self.trade.instrument
    }

    pub(crate) const fn fee_currency(&self) -> Currency {
        self.trade.fee_currency
    }

    /// As a snapshot lists it.
    pub(crate) fn listed(&self) -> BrokerExecution {
        BrokerExecution {
            exec_id: self.exec_id,
            order: self.ours,
            venue_order: self.venue_order,
            instrument: self.trade.instrument,
            side: self.side,
            price: self.trade.price,
            quantity: self.quantity,
            fee: self.trade.fee,
            fee_currency: self.trade.fee_currency,
            executed_at: self.trade.at,
            cumulative: self.cumulative,
            leaves: self.leaves,
            taker: self.liquidity == Liquidity::Taker,
        }
    }
}

/// The quantity of an amount; the broker deals in no amount that is none.
pub(crate) fn quantity(amount: Amount) -> Result<Quantity, BrokerError> {
    Quantity::from_amount(amount).map_err(BrokerError::money("a quantity"))
}
