//! What a comparison finds.

use alloc::{collections::BTreeSet, string::String, vec::Vec};

use event::{
    Amount, Body, Currency,
    books::{BrokerBooking, BrokerExecution},
    choices::{BreakCode, Severity},
};

/// Whether a difference may still be timing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing about it is in flight.
    Settled,
    /// Something about it happened within the grace.
    InFlight,
    /// It proves nothing yet, however often it is seen: the broker may still act on the attempt,
    /// or shows what we held before the last executions.
    Early,
}

/// What would make a difference go away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repair {
    /// The facts missing here, which the broker's snapshot proves.
    Facts(Vec<Body>),
    /// A booking of cash the broker lists and nothing told us of.
    Adjust {
        /// The currency.
        currency: Currency,
        /// Signed change of cash.
        amount: Amount,
        /// Why.
        reason: String,
    },
}

/// One difference between our books and the broker's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What kind.
    pub code: BreakCode,
    /// The order, execution, instrument, currency or booking it is about.
    pub subject: String,
    /// Our value.
    pub ours: String,
    /// The broker's value.
    pub broker: String,
    /// The broker's value less ours, where they are numbers and nothing else explains it.
    pub difference: Amount,
    /// The tolerance it was held against.
    pub tolerance: Amount,
    /// How loud.
    pub severity: Severity,
    /// Whether it may still be timing.
    pub standing: Standing,
    /// What would make it go away, where the snapshot proves it.
    pub repair: Option<Repair>,
}

/// What a comparison finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What differs, each code and subject once.
    pub differences: Vec<Difference>,
    /// Codes and subjects that were not compared because something else about them differs; they
    /// are neither equal nor different.
    pub withheld: BTreeSet<(BreakCode, String)>,
    /// Executions listed that are not in our books.
    pub unknown_executions: Vec<BrokerExecution>,
    /// Bookings listed that are neither in our books nor adjusted for.
    pub unknown_bookings: Vec<BrokerBooking>,
}

/// Why a snapshot compares nothing. It is never taken for "the broker holds nothing".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Inconclusive {
    /// The query failed.
    #[error("the broker's snapshot failed: {reason}")]
    Failed {
        /// In the gateway's words.
        reason: String,
    },
    /// Open orders changed while it was read.
    #[error("open orders changed while the snapshot was read")]
    Moved,
    /// It lists no cash at all for an account that holds some.
    #[error("the snapshot lists no cash at all for an account that holds some")]
    NoBalances,
    /// Our books of this account do not begin yet.
    #[error("the books of the account are not opened")]
    NoBooks,
}
