//! The port: what a gateway asks of a trading broker, and what a broker says.
//!
//! Two ways of speaking are kept apart. An [`Answer`] is what a call returned: an acceptance is a
//! promise, a missing answer proves nothing. A [`Report`] is a fact the broker pushed: numbered,
//! read again as often as wanted, and the same every time.

use event::{
    AccountId, Amount, Currency, InstrumentId, Label, OrderId, Price, Quantity, Timestamp,
    books::{
        Balance, BrokerBooking, BrokerExecution, BrokerOrder, BrokerPosition, OpeningPosition,
    },
    choices::{AttemptAction, Liquidity, OrderType, Side, TimeInForce},
};

use crate::BrokerError;

/// The session clock, and how much of the tape the venue has printed.
///
/// Moments handed to one broker never go backwards, except after a restart, when a driver takes
/// its broker through moments it has been through before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// The session clock.
    pub time: Timestamp,
    /// Ordinal of the last market record the venue has printed, counted from 1.
    pub position: u64,
}

/// A new order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRequest {
    /// Our name for the order.
    pub order: OrderId,
    /// Our name for it at the broker, unique within the account for ever.
    pub client_order_id: Label,
    /// The attempt's number for this order, from 1; order and attempt name a call.
    pub attempt: u32,
    /// In what.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// How priced.
    pub order_type: OrderType,
    /// How much, always positive.
    pub quantity: Quantity,
    /// The limit, for limit orders.
    pub limit_price: Option<Price>,
    /// How long it rests.
    pub time_in_force: TimeInForce,
    /// The broker must not act on it after this instant.
    pub expires: Timestamp,
}

/// The end of an order, asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelRequest {
    /// Our name for the order.
    pub order: OrderId,
    /// Our name for it at the broker.
    pub client_order_id: Label,
    /// The attempt's number for this order.
    pub attempt: u32,
    /// Its instrument.
    pub instrument: InstrumentId,
}

/// Other terms for an order, asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplaceRequest {
    /// Our name for the order.
    pub order: OrderId,
    /// The attempt's number for this order.
    pub attempt: u32,
    /// Its instrument.
    pub instrument: InstrumentId,
    /// The new total quantity.
    pub quantity: Quantity,
    /// The new limit.
    pub limit_price: Price,
    /// The proposal that asked for it.
    pub proposal: OrderId,
}

/// What a call returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The broker took it. For a cancel or a replace this is a promise; its report is the fact.
    Accepted {
        /// The broker's name for the order.
        venue_order: Label,
    },
    /// The broker refused it; nothing changed.
    Rejected {
        /// The broker's code.
        code: Label,
        /// The broker's words.
        reason: String,
    },
    /// No answer came: it may have happened or not.
    NoAnswer {
        /// What came instead.
        reason: String,
    },
}

/// A fact the broker pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its number within the account: from 1, without gaps, in order of delivery.
    pub number: u64,
    /// When it happened, by the broker's clock; a late report was delivered after this.
    pub at: Timestamp,
    /// What happened.
    pub fact: Fact,
}

/// What a broker can say happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Some of an order was executed.
    Executed {
        /// Our name for the order; absent when it began at the broker.
        order: Option<OrderId>,
        /// The broker's name for the order.
        venue_order: Label,
        /// The broker's name for the execution, unique within the account.
        exec_id: Label,
        /// The instrument.
        instrument: InstrumentId,
        /// Which way.
        side: Side,
        /// Price of this execution.
        price: Price,
        /// Quantity of this execution.
        quantity: Quantity,
        /// Quantity executed in all.
        cumulative: Quantity,
        /// Quantity still working.
        leaves: Quantity,
        /// Fee paid; negative is a rebate.
        fee: Amount,
        /// The fee's currency.
        fee_currency: Currency,
        /// Added or took liquidity.
        liquidity: Liquidity,
        /// Trade date, as 20240809.
        trade_date: u32,
    },
    /// The rest of an order was cancelled: terminal.
    Cancelled {
        /// Our name for the order; absent when it began at the broker.
        order: Option<OrderId>,
        /// The broker's name for the order.
        venue_order: Label,
        /// The instrument.
        instrument: InstrumentId,
        /// Quantity executed in all.
        cumulative: Quantity,
        /// The broker's words.
        reason: String,
    },
    /// The rest of an order expired: terminal.
    Expired {
        /// Our name for the order; absent when it began at the broker.
        order: Option<OrderId>,
        /// The broker's name for the order.
        venue_order: Label,
        /// The instrument.
        instrument: InstrumentId,
        /// Quantity executed in all.
        cumulative: Quantity,
        /// The broker's words.
        reason: String,
    },
    /// An order has other terms from now on.
    Replaced {
        /// Our name for the order.
        order: OrderId,
        /// The broker's name for it from now on.
        venue_order: Label,
        /// The instrument.
        instrument: InstrumentId,
        /// The total quantity from now on.
        quantity: Quantity,
        /// The limit from now on.
        limit_price: Price,
        /// The proposal that asked for it.
        proposal: OrderId,
    },
    /// A cancel or a replace that was promised came too late.
    CancelRejected {
        /// Our name for the order.
        order: OrderId,
        /// The broker's name for the order.
        venue_order: Label,
        /// The instrument.
        instrument: InstrumentId,
        /// What was refused.
        action: AttemptAction,
        /// The broker's words.
        reason: String,
        /// The proposal that asked, for a replace.
        proposal: Option<OrderId>,
    },
    /// An execution was taken back.
    Busted {
        /// Our name for the order; absent when it began at the broker.
        order: Option<OrderId>,
        /// The broker's name for the order.
        venue_order: Label,
        /// The instrument.
        instrument: InstrumentId,
        /// The execution taken back.
        exec_id: Label,
        /// The broker's name for the bust.
        bust_id: Label,
        /// The broker's words.
        reason: String,
    },
    /// An execution's economics changed.
    Corrected {
        /// Our name for the order; absent when it began at the broker.
        order: Option<OrderId>,
        /// The broker's name for the order.
        venue_order: Label,
        /// The instrument.
        instrument: InstrumentId,
        /// The execution corrected.
        exec_id: Label,
        /// The broker's name for the correction.
        correction_id: Label,
        /// Price from now on.
        price: Price,
        /// Quantity from now on.
        quantity: Quantity,
        /// Fee from now on.
        fee: Amount,
        /// The broker's words.
        reason: String,
    },
    /// A fee outside any execution.
    Fee {
        /// The broker's name for the booking.
        fee_id: Label,
        /// The currency.
        currency: Currency,
        /// The fee; negative is a rebate.
        amount: Amount,
        /// The broker's words.
        reason: String,
        /// The execution it belongs to, where the broker says.
        exec_id: Option<Label>,
    },
    /// Funding of a perpetual position.
    Funding {
        /// The broker's name for the booking.
        funding_id: Label,
        /// The perpetual.
        instrument: InstrumentId,
        /// The currency.
        currency: Currency,
        /// Received when positive, paid when negative.
        amount: Amount,
    },
    /// Cash moved in or out.
    Transfer {
        /// The broker's name for the booking.
        transfer_id: Label,
        /// The currency.
        currency: Currency,
        /// In when positive, out when negative.
        amount: Amount,
        /// The broker's words.
        reason: String,
    },
    /// The broker's statement of cash.
    Balances {
        /// Cash, by currency.
        balances: Vec<Balance>,
    },
    /// An order that began at the broker is working.
    ExternalAccepted {
        /// The broker's name for the order.
        venue_order: Label,
        /// The instrument.
        instrument: InstrumentId,
        /// Which way.
        side: Side,
        /// How much.
        quantity: Quantity,
        /// The limit, for limit orders.
        limit_price: Option<Price>,
    },
}

/// A trading broker, as one account's gateway sees it.
///
/// A call is named by order and attempt. A broker that keeps a record of calls answers a known one
/// from the record; one that does not is never asked twice.
///
/// Everything a broker returns is durable on its side: an answer, a report or a position that was
/// handed out is still true after the broker restarts.
pub trait Broker: Send {
    /// The account.
    fn account(&self) -> AccountId;

    /// Asks for a new order.
    ///
    /// # Errors
    /// [`BrokerError`] when the broker itself failed; a refusal is an [`Answer`].
    fn submit(&mut self, now: Moment, request: &OrderRequest) -> Result<Answer, BrokerError>;

    /// Asks for the end of an order.
    ///
    /// # Errors
    /// [`BrokerError`].
    fn cancel(&mut self, now: Moment, request: &CancelRequest) -> Result<Answer, BrokerError>;

    /// Asks for other terms.
    ///
    /// # Errors
    /// [`BrokerError`].
    fn replace(&mut self, now: Moment, request: &ReplaceRequest) -> Result<Answer, BrokerError>;

    /// Reports delivered by `now` with a number over `after`, in order, at most `max`.
    ///
    /// # Errors
    /// [`BrokerError`].
    fn reports(&mut self, now: Moment, after: u64, max: usize) -> Result<Vec<Report>, BrokerError>;

    /// Orders that work.
    ///
    /// # Errors
    /// [`BrokerError`].
    fn open_orders(&mut self, now: Moment) -> Result<Vec<BrokerOrder>, BrokerError>;

    /// Executions from the `cursor`-th on (0 is the first) that stand, and the cursor after them.
    ///
    /// An execution that was taken back is left out; one that was corrected is as corrected.
    ///
    /// # Errors
    /// [`BrokerError`].
    fn executions_since(
        &mut self,
        now: Moment,
        cursor: u64,
    ) -> Result<(Vec<BrokerExecution>, u64), BrokerError>;

    /// Bookings outside executions from the `cursor`-th on, and the cursor after them.
    ///
    /// # Errors
    /// [`BrokerError`].
    fn bookings_since(
        &mut self,
        now: Moment,
        cursor: u64,
    ) -> Result<(Vec<BrokerBooking>, u64), BrokerError>;

    /// Positions that are not zero, by instrument.
    ///
    /// # Errors
    /// [`BrokerError`].
    fn positions(&mut self, now: Moment) -> Result<Vec<BrokerPosition>, BrokerError>;

    /// Cash, by currency.
    ///
    /// # Errors
    /// [`BrokerError`].
    fn balances(&mut self, now: Moment) -> Result<Vec<Balance>, BrokerError>;

    /// What the account began with: cash and positions.
    ///
    /// # Errors
    /// [`BrokerError`].
    fn opening(&self) -> Result<(Vec<Balance>, Vec<OpeningPosition>), BrokerError>;
}
