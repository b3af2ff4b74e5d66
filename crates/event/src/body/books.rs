//! Accounts, risk and reconciliation.

use alloc::{string::String, vec::Vec};

use crate::{
    AccountId, Amount, BreakId, Currency, EventId, InstrumentId, Label, LimitSetId, OrderId, Price,
    Quantity, Timestamp,
    body::choices::{
        BookingKind, BreakCode, BrokerOrderState, Resolution, RiskRule, Severity, Side,
    },
    message,
};

message! {
    /// What an account holds of one currency.
    Balance {
        /// The currency.
        1 currency: Currency,
        /// The amount, owed when negative.
        2 amount: Amount,
    }

    /// A position an account began with.
    OpeningPosition {
        /// The instrument.
        1 instrument: InstrumentId,
        /// Signed quantity.
        2 quantity: Quantity,
        /// Its cost in the settlement currency, signed as the quantity.
        3 total_cost: Amount,
    }

    /// An account's books begin here.
    AccountOpened {
        /// The account.
        1 account: AccountId,
        /// The currency equity is counted in.
        2 reporting_currency: Currency,
        /// Cash at the start.
        3 balances: Vec<Balance>,
        /// Positions at the start.
        4 positions: Vec<OpeningPosition>,
    }

    /// The broker's statement of an account's cash.
    BalancesReported {
        /// The account.
        1 account: AccountId,
        /// Cash, by currency.
        2 balances: Vec<Balance>,
    }

    /// A fee outside any execution, perhaps booked late.
    FeeCharged {
        /// The account.
        1 account: AccountId,
        /// The broker's name for the booking.
        2 fee_id: Label,
        /// The currency.
        3 currency: Currency,
        /// The fee; negative is a rebate.
        4 amount: Amount,
        /// The broker's words.
        5 reason: String,
        /// The execution it belongs to, where the broker says.
        6 exec_id: Option<Label>,
    }

    /// Funding of a perpetual position.
    FundingPaid {
        /// The account.
        1 account: AccountId,
        /// The broker's name for the booking.
        2 funding_id: Label,
        /// The perpetual.
        3 instrument: InstrumentId,
        /// The currency.
        4 currency: Currency,
        /// Received when positive, paid when negative.
        5 amount: Amount,
    }

    /// Cash moved in or out.
    TransferBooked {
        /// The account.
        1 account: AccountId,
        /// The broker's name for the booking.
        2 transfer_id: Label,
        /// The currency.
        3 currency: Currency,
        /// In when positive, out when negative.
        4 amount: Amount,
        /// The broker's words.
        5 reason: String,
    }

    /// One limit.
    Limit {
        /// The rule it feeds.
        1 rule: RiskRule,
        /// The instrument it is for; absent means every instrument.
        2 instrument: Option<InstrumentId>,
        /// The bound, in the rule's unit (see the limits section of the configuration).
        3 bound: Amount,
        /// The window in nanoseconds, for rules over time.
        4 window_ns: i64,
    }

    /// The limits an account trades under from now on.
    LimitsLoaded {
        /// The account.
        1 account: AccountId,
        /// This version of the limits.
        2 limit_set: LimitSetId,
        /// All of them.
        3 limits: Vec<Limit>,
    }

    /// A watched limit was passed.
    LimitBreached {
        /// The account.
        1 account: AccountId,
        /// The rule.
        2 rule: RiskRule,
        /// The instrument, where the limit has one.
        3 instrument: Option<InstrumentId>,
        /// The bound.
        4 limit: Amount,
        /// What was observed.
        5 observed: Amount,
        /// In words.
        6 detail: String,
    }

    /// An alert.
    AlertRaised {
        /// Its name: `FeedUnparseable`, `OrderUnknown`.
        1 alert: Label,
        /// How loud.
        2 severity: Severity,
        /// What it is about: a feed, an instrument, an order.
        3 subject: String,
        /// In words, with the next command to type.
        4 detail: String,
        /// The account, where there is one.
        5 account: Option<AccountId>,
    }

    /// Command: ask the broker for a snapshot of this account.
    SnapshotRequested {
        /// The account.
        1 account: AccountId,
        /// Why now.
        2 reason: Label,
        /// The cycle's number.
        3 cycle: u64,
    }

    /// An order as the broker sees it.
    BrokerOrder {
        /// Our name for it, absent when it did not begin with us.
        1 order: Option<OrderId>,
        /// The broker's name for it.
        2 venue_order: Label,
        /// The instrument.
        3 instrument: InstrumentId,
        /// Which way.
        4 side: Side,
        /// Its state.
        5 state: BrokerOrderState,
        /// Total quantity.
        6 quantity: Quantity,
        /// Quantity executed.
        7 cumulative: Quantity,
        /// The limit, for limit orders.
        8 limit_price: Option<Price>,
    }

    /// An execution as the broker sees it.
    BrokerExecution {
        /// The broker's name for it.
        1 exec_id: Label,
        /// Our name for the order, absent when it did not begin with us.
        2 order: Option<OrderId>,
        /// The broker's name for the order.
        3 venue_order: Label,
        /// The instrument.
        4 instrument: InstrumentId,
        /// Which way.
        5 side: Side,
        /// Price.
        6 price: Price,
        /// Quantity.
        7 quantity: Quantity,
        /// Fee.
        8 fee: Amount,
        /// The fee's currency.
        9 fee_currency: Currency,
        /// When.
        10 executed_at: Timestamp,
        /// Quantity the order has executed in all, this execution with it.
        11 cumulative: Quantity,
        /// Quantity of the order still working after it.
        12 leaves: Quantity,
        /// Whether it took liquidity.
        13 taker: bool,
    }

    /// A position as the broker sees it.
    BrokerPosition {
        /// The instrument.
        1 instrument: InstrumentId,
        /// Signed quantity.
        2 quantity: Quantity,
        /// Its cost in the settlement currency, signed as the quantity.
        3 total_cost: Amount,
    }

    /// A cash booking outside any execution, as the broker lists it.
    BrokerBooking {
        /// The broker's name for it, the `fee_id`, `funding_id` or `transfer_id` of its report.
        1 booking_id: Label,
        /// What it is.
        2 booking: BookingKind,
        /// The currency.
        3 currency: Currency,
        /// Signed change of cash: a fee paid is negative.
        4 amount: Amount,
        /// The instrument, for funding.
        5 instrument: Option<InstrumentId>,
        /// The broker's words.
        6 reason: String,
    }

    /// What the broker said when it was asked; recorded before anything is compared.
    BrokerSnapshotTaken {
        /// The account.
        1 account: AccountId,
        /// The request it answers.
        2 query: EventId,
        /// Why the snapshot cannot be compared; empty when it can. A failed query is never "flat".
        3 failure: String,
        /// Open orders, read before the executions.
        4 orders_before: Vec<BrokerOrder>,
        /// Executions since the cursor of the snapshot before.
        5 executions: Vec<BrokerExecution>,
        /// Positions that are not zero.
        6 positions: Vec<BrokerPosition>,
        /// Cash.
        7 balances: Vec<Balance>,
        /// Open orders, read again at the end.
        8 orders_after: Vec<BrokerOrder>,
        /// The cycle of the request.
        9 cycle: u64,
        /// Bookings outside executions, since the cursor of the snapshot before.
        10 bookings: Vec<BrokerBooking>,
        /// Where the executions listed begin, in the broker's own execution count.
        11 executions_from: u64,
    }

    /// A difference was seen.
    BreakOpened {
        /// The break.
        1 break_id: BreakId,
        /// The account.
        2 account: AccountId,
        /// What kind.
        3 code: BreakCode,
        /// The order, execution, instrument or currency it is about.
        4 subject: String,
        /// Our value.
        5 ours: String,
        /// The broker's value.
        6 broker: String,
        /// The difference, where it is a number.
        7 difference: Amount,
        /// The tolerance it was held against.
        8 tolerance: Amount,
        /// How loud.
        9 severity: Severity,
        /// The snapshot that shows it.
        10 snapshot: EventId,
    }

    /// The difference was seen again, past the grace for what was in flight.
    BreakConfirmed {
        /// The break.
        1 break_id: BreakId,
        /// The account.
        2 account: AccountId,
        /// What kind.
        3 code: BreakCode,
        /// What it is about.
        4 subject: String,
        /// Consecutive cycles that saw it.
        5 cycles: u32,
        /// Age in nanoseconds since it was opened.
        6 age_ns: i64,
        /// How loud.
        7 severity: Severity,
    }

    /// The cause of a break was found.
    BreakExplained {
        /// The break.
        1 break_id: BreakId,
        /// The account.
        2 account: AccountId,
        /// What kind.
        3 code: BreakCode,
        /// What it is about.
        4 subject: String,
        /// In words.
        5 explanation: String,
        /// The events that explain it.
        6 evidence: Vec<EventId>,
    }

    /// A break ended.
    BreakResolved {
        /// The break.
        1 break_id: BreakId,
        /// The account.
        2 account: AccountId,
        /// What kind.
        3 code: BreakCode,
        /// What it was about.
        4 subject: String,
        /// How it ended.
        5 resolution: Resolution,
        /// In words.
        6 detail: String,
    }

    /// A correction of our books. History is never edited.
    AdjustmentBooked {
        /// The break it answers.
        1 break_id: BreakId,
        /// The account.
        2 account: AccountId,
        /// The instrument, for a position.
        3 instrument: Option<InstrumentId>,
        /// Signed change of the position.
        4 quantity: Quantity,
        /// Signed change of its cost.
        5 cost: Amount,
        /// The currency, for cash.
        6 currency: Option<Currency>,
        /// Signed change of cash.
        7 amount: Amount,
        /// Why.
        8 reason: String,
    }

    /// An adjustment taken back because the missing fact arrived.
    AdjustmentReversed {
        /// The break.
        1 break_id: BreakId,
        /// The account.
        2 account: AccountId,
        /// The adjustment taken back.
        3 adjustment: EventId,
        /// The fact that arrived.
        4 because: EventId,
        /// The instrument, for a position.
        5 instrument: Option<InstrumentId>,
        /// Signed change of the position.
        6 quantity: Quantity,
        /// Signed change of its cost.
        7 cost: Amount,
        /// The currency, for cash.
        8 currency: Option<Currency>,
        /// Signed change of cash.
        9 amount: Amount,
    }
}
