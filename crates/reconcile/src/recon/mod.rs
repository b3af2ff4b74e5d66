//! The agent: asks for snapshots, keeps breaks, emits what is missing.

mod cycle;
mod life;
mod repairs;
mod requests;
mod standing;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

use agent::{Agent, Outbox, RestoreError, Scope};
use event::{
    AccountId, Amount, Body, BreakId, Event, EventId, Kind, Label, SECOND_NS, Timestamp,
    books::{BrokerBooking, BrokerExecution},
    choices::{BookingKind, BreakCode, Severity},
    message, nested,
};
use projection::Books;

use crate::Tolerances;

/// What the agent is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The account.
    pub account: AccountId,
    /// Between regular snapshots, in nanoseconds.
    pub interval_ns: i64,
    /// From the opening of the books to the first snapshot, in nanoseconds.
    pub first_after_ns: i64,
    /// From a snapshot that opened a break, or proved nothing, to the next, in nanoseconds.
    pub confirm_after_ns: i64,
    /// How often the same difference in flight is put off before it opens a break after all.
    pub deferrals_max: u32,
    /// How often in a row a snapshot that proved nothing is asked for again before the interval.
    pub retries_max: u32,
    /// What counts as the same.
    pub tolerances: Tolerances,
}

impl Config {
    /// The shipped settings for an account: every minute, first after a second, breaks confirmed
    /// after ten.
    #[must_use]
    pub fn of(account: AccountId) -> Self {
        Self {
            account,
            interval_ns: 60 * SECOND_NS,
            first_after_ns: SECOND_NS,
            confirm_after_ns: 10 * SECOND_NS,
            deferrals_max: 3,
            retries_max: 3,
            tolerances: Tolerances::default(),
        }
    }
}

message! {
    /// A break that has not ended.
    Tracked {
        /// What kind.
        1 code: BreakCode,
        /// What it is about.
        2 subject: String,
        /// The break.
        3 break_id: BreakId,
        /// When it was opened.
        4 opened_at: Timestamp,
        /// Consecutive comparisons that saw it.
        5 cycles: u32,
        /// Seen twice past the grace.
        6 confirmed: bool,
        /// Its cause was found and its repair emitted.
        7 explained: bool,
        /// Its repair was an adjustment.
        8 adjusted: bool,
        /// The last difference seen.
        9 difference: Amount,
        /// It is told of again when it is this old.
        10 told_again_at_age_ns: i64,
    }

    /// A difference in flight.
    Deferred {
        /// What kind.
        1 code: BreakCode,
        /// What it is about.
        2 subject: String,
        /// The difference.
        3 difference: Amount,
        /// How often it was seen so.
        4 times: u32,
    }

    /// An execution the broker listed and we do not know.
    Listed {
        /// It stands at least here in the broker's count of executions.
        1 ordinal: u64,
        /// The execution.
        2 execution: BrokerExecution,
    }
}

nested!(Tracked, Deferred, Listed);

/// Reconciles one account.
///
/// It folds the account's events into books of its own and compares them with snapshots the
/// gateway takes for it. It emits `SnapshotRequested`, the `Break…` events, `AdjustmentBooked`,
/// `AdjustmentReversed`, and facts the broker's snapshot proves and nothing told us of. After a halt,
/// and when a resume asks, the first comparison that finds nothing critical is told of as the alert
/// [`agent::monitor::BOOKS_COMPARED`], which a resume waits for.
#[derive(Clone, Debug)]
pub struct Recon {
    config: Config,
    books: Books,
    breaks: BTreeMap<(BreakCode, String), Tracked>,
    deferred: BTreeMap<(BreakCode, String), Deferred>,
    /// Unknown executions, kept because the broker's listing moves on.
    listed: BTreeMap<Label, Listed>,
    /// Unknown bookings, kept for the same reason.
    bookings: BTreeMap<(BookingKind, Label), BrokerBooking>,
    /// Repairs emitted and not yet delivered back: until they are, the books are behind.
    repairs: BTreeSet<EventId>,
    started: bool,
    /// The last cycle asked for.
    cycle: u64,
    /// The last cycle compared.
    compared: u64,
    inconclusive: u32,
    /// Snapshots others asked for and that are not answered yet. They count in no cycle.
    asked: BTreeSet<EventId>,
    /// Somebody waits to hear that the books were compared and nothing critical was found: trading
    /// was halted, or a resume asked.
    word_owed: bool,
    /// When the next snapshot beside the regular ones is due.
    again_at: Option<Timestamp>,
}

impl Recon {
    /// An agent at its beginning.
    #[must_use]
    pub const fn new(config: Config) -> Self {
        Self {
            config,
            books: Books::new(),
            breaks: BTreeMap::new(),
            deferred: BTreeMap::new(),
            listed: BTreeMap::new(),
            bookings: BTreeMap::new(),
            repairs: BTreeSet::new(),
            started: false,
            cycle: 0,
            compared: 0,
            inconclusive: 0,
            asked: BTreeSet::new(),
            word_owed: false,
            again_at: None,
        }
    }

    /// The books it compares.
    #[must_use]
    pub const fn books(&self) -> &Books {
        &self.books
    }

    /// How many breaks have not ended.
    #[must_use]
    pub fn open_breaks(&self) -> usize {
        self.breaks.len()
    }
}

/// What moves an order, a position or cash of an account; never market data.
const SUBSCRIPTIONS: &[Kind] = &[
    Kind::InstrumentDefined,
    Kind::OrderProposed,
    Kind::OrderApproved,
    Kind::OrderDenied,
    Kind::SubmitOrder,
    Kind::CancelOrder,
    Kind::ReplaceOrder,
    Kind::SubmitAttempted,
    Kind::OrderAccepted,
    Kind::OrderRejected,
    Kind::OrderReplaced,
    Kind::CancelRejected,
    Kind::OrderCancelled,
    Kind::OrderExpired,
    Kind::OrderLapsed,
    Kind::OrderUnknown,
    Kind::OrderExecuted,
    Kind::ExecutionBusted,
    Kind::ExecutionCorrected,
    Kind::AccountOpened,
    Kind::FeeCharged,
    Kind::FundingPaid,
    Kind::TransferBooked,
    Kind::SnapshotRequested,
    Kind::BrokerSnapshotTaken,
    Kind::BreakOpened,
    Kind::BreakResolved,
    Kind::AdjustmentBooked,
    Kind::AdjustmentReversed,
    Kind::TradingHalted,
];

impl Agent for Recon {
    fn name(&self) -> Label {
        label("recon")
    }

    fn version(&self) -> Label {
        label("1")
    }

    fn subscriptions(&self) -> &'static [Kind] {
        SUBSCRIPTIONS
    }

    fn scope(&self) -> Scope {
        Scope::Account(self.config.account)
    }

    fn on_event(&mut self, now: Timestamp, event: &Event, out: &mut Outbox) {
        let _ = self.repairs.remove(&event.event_id);
        // A halt is nothing the books hold.
        let kind = event.body.kind();
        if Books::wants(kind) && kind != Kind::TradingHalted {
            // What cannot be right must be seen, and changes nothing by itself.
            for finding in self.books.apply(event) {
                let alert = finding.alert(Some(self.config.account));
                // A fact told of twice is counted once and is no news.
                if let Some(alert) = alert.filter(|alert| alert.severity != Severity::Info) {
                    out.emit(alert);
                }
            }
        }
        match &event.body {
            Body::AccountOpened(_) => self.start(now, out),
            Body::TimerFired(timer) => self.timer_fired(timer.name, now, out),
            Body::OrderUnknown(unknown) => {
                self.ask_when_known(unknown.order, unknown.action, now, out);
            }
            Body::BrokerSnapshotTaken(snapshot) => {
                self.snapshot_taken(event.event_id, snapshot, now, out);
            }
            Body::FeeCharged(fee) => {
                self.booking_told((BookingKind::Fee, fee.fee_id), event.event_id, out);
            }
            Body::FundingPaid(funding) => {
                let name = (BookingKind::Funding, funding.funding_id);
                self.booking_told(name, event.event_id, out);
            }
            Body::TransferBooked(transfer) => {
                let name = (BookingKind::Transfer, transfer.transfer_id);
                self.booking_told(name, event.event_id, out);
            }
            Body::SnapshotRequested(_) => self.snapshot_asked(event),
            Body::TradingHalted(_) => self.word_owed = true,
            Body::AdjustmentBooked(_) => self.adjustment_told(event.event_id, out),
            _ => {}
        }
    }

    fn snapshot(&self) -> Option<Vec<u8>> {
        Some(self.save())
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), RestoreError> {
        self.load(snapshot)
    }
}

/// A name written in this crate.
fn label(text: &str) -> Label {
    Label::new(text).unwrap_or_else(|_| event::Key::system().label())
}
