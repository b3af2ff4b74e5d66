//! The fold: orders, executions, positions, cash, profit and exposure, rebuilt from events alone.
//!
//! Enter at [`Books`]. It folds what moves an order or money and ignores market data altogether;
//! [`Books::wants`] tells a caller which records need no decoding. [`Marks`] keeps last prices
//! beside it, [`Tally`] counts, [`LogDigest`] says whether two logs hold the same events.
//!
//! The same events in the same order give the same state, the same bytes and the same digest. Time
//! is the events' own. What cannot be right, an illegal transition or an execution of an unknown
//! instrument, becomes a [`Finding`], never a panic and never silence.
//!
//! | rule | meaning |
//! |---|---|
//! | position | opening + executions + adjustments - fees in the base asset |
//! | cost | the total is kept, the average derived; average-cost method; crossing zero is a close and an open |
//! | rounding | one product, rounded half to even once at 1e-18 when it is booked; the last lot takes all that is left, so parts sum to the whole |
//! | order status | derived from executions, never from a status the broker says |
//! | order | positions fold executions by the broker's clock, so one told late leaves them as if it had been told in time |
//! | execution | counted once per account and execution id; a bust leaves the books as if it had never been |
//!
//! It knows no clock, no broker, no bus and no agent.
//!
//! Cost: an event about an order is a few map look-ups; a bust or correction folds the executions
//! of its instrument again. Closed orders are kept as their bytes, about 150 each.

#![no_std]
#![deny(clippy::float_arithmetic)]

extern crate alloc;

mod account;
mod books;
mod cash;
mod contract;
mod execution;
mod exposure;
mod finding;
mod instruments;
mod log_digest;
mod marks;
mod order;
mod position;
mod snapshot;
mod tally;
#[cfg(test)]
mod tests;

pub use account::{Account, Adjustment, Booking, Halt, OpenBreak};
pub use books::Books;
pub use cash::Cash;
pub use contract::Contract;
pub use execution::Execution;
pub use exposure::Exposure;
pub use finding::Finding;
pub use log_digest::{Chain, LogDigest};
pub use marks::{Mark, Marks, Worth};
pub use order::{Attempt, Change, Order, OrderState, Step, TRANSITIONS};
pub use position::Position;
pub use snapshot::{FOLD_VERSION, SnapshotError};
pub use tally::Tally;
