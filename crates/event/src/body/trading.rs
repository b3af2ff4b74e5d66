//! Signals, orders and executions.

use alloc::string::String;

use crate::{
    AccountId, Amount, Currency, EventId, InstrumentId, Label, LimitSetId, OrderId, Price,
    Quantity, Timestamp,
    body::choices::{AttemptAction, Liquidity, OrderType, RiskRule, Side, TimeInForce},
    message,
};

message! {
    /// A strategy's view on an instrument.
    SignalEmitted {
        /// The instrument.
        1 instrument: InstrumentId,
        /// The strategy.
        2 strategy: Label,
        /// Up is buy.
        3 direction: Side,
        /// Strength in parts per million of the strategy's scale.
        4 strength_ppm: u32,
        /// How long it is expected to hold, in nanoseconds.
        5 horizon_ns: i64,
        /// The market it was formed on.
        6 reference_price: Price,
    }

    /// An agent wants an order. Its event id is the order's id. Never sent anywhere by itself.
    OrderProposed {
        /// For which account.
        1 account: AccountId,
        /// In what.
        2 instrument: InstrumentId,
        /// Which way.
        3 side: Side,
        /// How priced.
        4 order_type: OrderType,
        /// How much, always positive.
        5 quantity: Quantity,
        /// The limit, for limit orders.
        6 limit_price: Option<Price>,
        /// How long it rests.
        7 time_in_force: TimeInForce,
        /// Not to be sent after this instant of the session clock.
        8 valid_until: Timestamp,
        /// The price the agent expects, the base of slippage.
        9 expected_price: Price,
        /// The strategy that wants it.
        10 strategy: Label,
        /// The open order it changes, when it is a change of price or quantity.
        11 replaces: Option<OrderId>,
    }

    /// The risk gate approved an order and reserved its exposure, in one event.
    OrderApproved {
        /// The order.
        1 order: OrderId,
        /// Its account.
        2 account: AccountId,
        /// Its instrument.
        3 instrument: InstrumentId,
        /// Its side.
        4 side: Side,
        /// The quantity reserved until a terminal state is confirmed.
        5 reserved_quantity: Quantity,
        /// Its worst-case notional, in `currency`.
        6 reserved_notional: Amount,
        /// The currency of the notional.
        7 currency: Currency,
        /// Worst-case signed position before.
        8 position_before: Amount,
        /// Worst-case signed position with it.
        9 position_after: Amount,
        /// The limits it was held against.
        10 limit_set: LimitSetId,
        /// Whether it only reduces risk (then exposure limits do not apply).
        11 reducing: bool,
    }

    /// The risk gate refused an order.
    OrderDenied {
        /// The order.
        1 order: OrderId,
        /// Its account.
        2 account: AccountId,
        /// Its instrument.
        3 instrument: InstrumentId,
        /// The first rule it broke.
        4 rule: RiskRule,
        /// The limit, as text.
        5 limit: String,
        /// What was observed, as text.
        6 observed: String,
    }

    /// Command: send this order.
    SubmitOrder {
        /// The order.
        1 order: OrderId,
        /// Its account.
        2 account: AccountId,
        /// In what.
        3 instrument: InstrumentId,
        /// Which way.
        4 side: Side,
        /// How priced.
        5 order_type: OrderType,
        /// How much, always positive.
        6 quantity: Quantity,
        /// The limit, for limit orders.
        7 limit_price: Option<Price>,
        /// How long it rests.
        8 time_in_force: TimeInForce,
        /// Not to be sent after this instant of the session clock.
        9 valid_until: Timestamp,
    }

    /// Command: cancel this order.
    CancelOrder {
        /// The order.
        1 order: OrderId,
        /// Its account.
        2 account: AccountId,
        /// Its instrument.
        3 instrument: InstrumentId,
        /// Why.
        4 reason: String,
        /// Not to be sent after this instant of the session clock.
        5 valid_until: Timestamp,
    }

    /// Command: change the price or quantity of this order.
    ReplaceOrder {
        /// The open order.
        1 order: OrderId,
        /// Its account.
        2 account: AccountId,
        /// Its instrument.
        3 instrument: InstrumentId,
        /// The new total quantity.
        4 quantity: Quantity,
        /// The new limit.
        5 limit_price: Price,
        /// Not to be sent after this instant of the session clock.
        6 valid_until: Timestamp,
        /// The proposal that asked for it, whose reservation it uses.
        7 proposal: OrderId,
    }

    /// The gateway is about to write to the broker; durable before it does.
    SubmitAttempted {
        /// The order.
        1 order: OrderId,
        /// Its account.
        2 account: AccountId,
        /// Its instrument.
        3 instrument: InstrumentId,
        /// What is attempted.
        4 action: AttemptAction,
        /// The attempt's number for this order, from 1.
        5 attempt: u32,
        /// The broker must not act on it after this instant.
        6 expires: Timestamp,
        /// Our name for the order at the broker.
        7 client_order_id: Label,
    }

    /// The broker works the order.
    OrderAccepted {
        /// The order.
        1 order: OrderId,
        /// Its account.
        2 account: AccountId,
        /// Its instrument.
        3 instrument: InstrumentId,
        /// The broker's name for it.
        4 venue_order: Label,
        /// Which way.
        5 side: Side,
        /// How much.
        6 quantity: Quantity,
        /// The limit, for limit orders.
        7 limit_price: Option<Price>,
        /// Whether it began at the broker, not with us.
        8 external: bool,
    }

    /// The broker refused the order: terminal.
    OrderRejected {
        /// The order.
        1 order: OrderId,
        /// Its account.
        2 account: AccountId,
        /// Its instrument.
        3 instrument: InstrumentId,
        /// The broker's code.
        4 code: Label,
        /// The broker's words.
        5 reason: String,
    }

    /// The broker changed the order's terms.
    OrderReplaced {
        /// The order.
        1 order: OrderId,
        /// Its account.
        2 account: AccountId,
        /// Its instrument.
        3 instrument: InstrumentId,
        /// The broker's name for it from now on.
        4 venue_order: Label,
        /// The new total quantity.
        5 quantity: Quantity,
        /// The new limit.
        6 limit_price: Price,
        /// The proposal whose reservation now stands for the order.
        7 proposal: OrderId,
    }

    /// The broker refused a cancel or a replace; the order stands as it was.
    CancelRejected {
        /// The order.
        1 order: OrderId,
        /// Its account.
        2 account: AccountId,
        /// Its instrument.
        3 instrument: InstrumentId,
        /// What was refused.
        4 action: AttemptAction,
        /// The broker's words.
        5 reason: String,
        /// The proposal whose reservation is released, for a replace.
        6 proposal: Option<OrderId>,
    }

    /// The broker cancelled the rest of the order: terminal, though a late execution still applies.
    OrderCancelled {
        /// The order.
        1 order: OrderId,
        /// Its account.
        2 account: AccountId,
        /// Its instrument.
        3 instrument: InstrumentId,
        /// Quantity executed in all.
        4 cumulative: Quantity,
        /// The broker's words.
        5 reason: String,
    }

    /// The broker expired the rest of the order: terminal.
    OrderExpired {
        /// The order.
        1 order: OrderId,
        /// Its account.
        2 account: AccountId,
        /// Its instrument.
        3 instrument: InstrumentId,
        /// Quantity executed in all.
        4 cumulative: Quantity,
        /// Why it is known to be gone.
        5 reason: String,
    }

    /// The gateway did not send a command: its time had passed, or trading was halted.
    OrderLapsed {
        /// The order.
        1 order: OrderId,
        /// Its account.
        2 account: AccountId,
        /// Its instrument.
        3 instrument: InstrumentId,
        /// What was not sent.
        4 action: AttemptAction,
        /// When it would have had to be sent.
        5 valid_until: Timestamp,
        /// The session clock when it was looked at.
        6 session_time: Timestamp,
        /// Why: `expired` or `halted`.
        7 reason: Label,
        /// The proposal whose reservation is released, for a replace.
        8 proposal: Option<OrderId>,
    }

    /// An attempt's outcome is not known; the order keeps its exposure and is never sent again.
    OrderUnknown {
        /// The order.
        1 order: OrderId,
        /// Its account.
        2 account: AccountId,
        /// Its instrument.
        3 instrument: InstrumentId,
        /// What was attempted.
        4 action: AttemptAction,
        /// The attempt's number.
        5 attempt: u32,
        /// What happened instead of an answer.
        6 reason: String,
    }

    /// One execution, as the broker reported it.
    OrderExecuted {
        /// The order.
        1 order: OrderId,
        /// Its account.
        2 account: AccountId,
        /// Its instrument.
        3 instrument: InstrumentId,
        /// The broker's name for the execution; unique within the account.
        4 exec_id: Label,
        /// Which way.
        5 side: Side,
        /// Price of this execution.
        6 last_price: Price,
        /// Quantity of this execution.
        7 last_quantity: Quantity,
        /// Quantity executed in all.
        8 cumulative: Quantity,
        /// Quantity still working.
        9 leaves: Quantity,
        /// Fee paid; negative is a rebate.
        10 fee: Amount,
        /// The fee's currency.
        11 fee_currency: Currency,
        /// Added or took liquidity.
        12 liquidity: Liquidity,
        /// Trade date, as 20240809.
        13 trade_date: u32,
        /// Whether the order began at the broker, not with us.
        14 external: bool,
        /// Whether it was learnt from a broker snapshot instead of a report.
        15 recovered: bool,
    }

    /// The broker took an execution back.
    ExecutionBusted {
        /// The order.
        1 order: OrderId,
        /// Its account.
        2 account: AccountId,
        /// Its instrument.
        3 instrument: InstrumentId,
        /// The execution taken back.
        4 exec_id: Label,
        /// The broker's name for the bust.
        5 bust_id: Label,
        /// The broker's words.
        6 reason: String,
    }

    /// The broker changed an execution's economics.
    ExecutionCorrected {
        /// The order.
        1 order: OrderId,
        /// Its account.
        2 account: AccountId,
        /// Its instrument.
        3 instrument: InstrumentId,
        /// The execution corrected.
        4 exec_id: Label,
        /// The broker's name for the correction.
        5 correction_id: Label,
        /// Price from now on.
        6 price: Price,
        /// Quantity from now on.
        7 quantity: Quantity,
        /// Fee from now on.
        8 fee: Amount,
        /// Why, in the broker's words.
        9 reason: String,
        /// What the correction rests on at the broker, where known.
        10 evidence: Option<EventId>,
    }
}
