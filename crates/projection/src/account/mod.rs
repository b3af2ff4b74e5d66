//! One account's books: orders, executions, positions, cash, breaks.

mod adjustments;
mod bookings;
mod executions;
mod orders;
mod reads;

use alloc::{boxed::Box, collections::BTreeMap, string::String, vec::Vec};

use event::{
    AccountId, Amount, BreakId, Currency, EventId, InstrumentId, Label, OrderId, Price, Timestamp,
    books::{Balance, LimitsLoaded},
    choices::{BookingKind, BreakCode, Severity},
    message, nested,
};

use crate::{Cash, Order, Position, execution::Executions};

message! {
    /// A cash booking outside any execution.
    Booking {
        /// What it is.
        1 booking: BookingKind,
        /// The broker's name for it.
        2 booking_id: Label,
        /// The currency.
        3 currency: Currency,
        /// Signed change of cash.
        4 amount: Amount,
        /// The event that told of it.
        5 event: EventId,
    }

    /// A difference with the broker that has not ended.
    OpenBreak {
        /// The break.
        1 break_id: BreakId,
        /// What kind.
        2 code: BreakCode,
        /// What it is about.
        3 subject: String,
        /// How loud.
        4 severity: Severity,
        /// When it was opened.
        5 opened_at: Timestamp,
        /// Cycles that saw it.
        6 cycles: u32,
        /// Whether it was confirmed.
        7 confirmed: bool,
        /// Whether its cause was found.
        8 explained: bool,
        /// The difference, where it is a number.
        9 difference: Amount,
    }

    /// A correction of the books.
    Adjustment {
        /// The `AdjustmentBooked` event.
        1 event: EventId,
        /// The break it answers.
        2 break_id: BreakId,
        /// What that break is about.
        3 subject: String,
        /// The currency, for cash.
        4 currency: Option<Currency>,
        /// Signed change of cash.
        5 amount: Amount,
        /// The instrument, for a position.
        6 instrument: Option<InstrumentId>,
        /// Signed change of the position.
        7 quantity: Amount,
        /// Signed change of its cost.
        8 cost: Amount,
        /// Taken back, because the missing fact arrived.
        9 reversed: bool,
    }

    /// Why nothing that adds exposure may be sent.
    Halt {
        /// Why.
        1 reason: String,
        /// The agent or operator that halted it.
        2 by: String,
        /// Since when.
        3 since: Timestamp,
    }

    /// What changed a position beside executions, in its place among them.
    Posting {
        /// The instrument.
        1 instrument: InstrumentId,
        /// How many executions of the account came before it.
        2 after: u64,
        /// Signed change of quantity.
        3 quantity: Amount,
        /// Signed change of cost.
        4 cost: Amount,
        /// A late fee in the base asset, paid out of the position.
        5 base_fee: Amount,
        /// The price of the execution that fee belongs to.
        6 price: Price,
        /// When.
        7 at: Timestamp,
        /// A late fee in another currency.
        8 fee: Option<Balance>,
    }
}

nested!(Booking, OpenBreak, Adjustment, Halt, Posting);

/// One account's books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub(crate) account: AccountId,
    pub(crate) reporting_currency: Option<Currency>,
    pub(crate) live: BTreeMap<OrderId, Box<Order>>,
    /// Orders that have ended, as their bytes: most orders are, and few are ever read again.
    pub(crate) closed: BTreeMap<OrderId, Box<[u8]>>,
    pub(crate) by_venue: BTreeMap<Label, OrderId>,
    pub(crate) executions: Executions,
    pub(crate) positions: BTreeMap<InstrumentId, Position>,
    pub(crate) postings: Vec<Posting>,
    pub(crate) cash: BTreeMap<Currency, Cash>,
    pub(crate) bookings: BTreeMap<(BookingKind, Label), Booking>,
    pub(crate) breaks: BTreeMap<BreakId, OpenBreak>,
    pub(crate) adjustments: BTreeMap<EventId, Adjustment>,
    pub(crate) limits: Option<LimitsLoaded>,
    pub(crate) halt: Option<Halt>,
    pub(crate) reported: Vec<Balance>,
}

impl Account {
    pub(crate) const fn new(account: AccountId, halt: Option<Halt>) -> Self {
        Self {
            account,
            reporting_currency: None,
            live: BTreeMap::new(),
            closed: BTreeMap::new(),
            by_venue: BTreeMap::new(),
            executions: Executions::new(),
            positions: BTreeMap::new(),
            postings: Vec::new(),
            cash: BTreeMap::new(),
            bookings: BTreeMap::new(),
            breaks: BTreeMap::new(),
            adjustments: BTreeMap::new(),
            limits: None,
            halt,
            reported: Vec::new(),
        }
    }
}
