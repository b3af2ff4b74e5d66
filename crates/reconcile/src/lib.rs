//! Our books against the broker's: breaks, their life, adjustments.
//!
//! [`compare`] holds [`projection::Books`] against one `BrokerSnapshotTaken` and says what
//! differs. [`Recon`] is the agent around it: it asks for snapshots, opens, confirms, explains and
//! resolves breaks, and emits the facts that are missing here.
//!
//! | rule | |
//! |---|---|
//! | evidence before repair | a snapshot is in the log before anything is compared with it |
//! | failed is not flat | a snapshot that failed, moved or is in part compares nothing |
//! | in flight is not broken | a subject touched within its grace opens no break, unless the same difference stands over several cycles |
//! | twice, then repair | a break opens on first sight and is confirmed by another cycle past the grace; only then is a missing fact emitted |
//! | never invented | a position or cash difference that nothing explains stays open, critical, and gates the account; no fill is made up for it |
//! | linked | a booking the broker lists and we lack is adjusted under its break; the late fact takes the adjustment back in the same unit |
//!
//! It knows no clock, no broker and no bus. Enter at [`compare()`], then [`Recon`].
//!
//! Cost: nothing between snapshots but the fold of account events; a comparison is linear in what
//! the broker lists and what is open here.

#![no_std]
#![deny(clippy::float_arithmetic)]

extern crate alloc;

mod compare;
mod difference;
mod recon;
#[cfg(test)]
mod tests;
mod tolerances;

pub use compare::{booking_subject, compare};
pub use difference::{Comparison, Difference, Inconclusive, Repair, Standing};
pub use recon::{Config, Recon};
pub use tolerances::Tolerances;
