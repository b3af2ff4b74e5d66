//! Market data in: recorded files, JSON lines and the generated day.
//!
//! Enter at [`TapeReader`]: files in, one [`TapeRecord`] per line out, merged by receive time. What
//! an instrument is comes from [`Instruments`]. [`day`] writes a trading day with incidents in it,
//! the same one for the same seed.
//!
//! What this crate must never know: identities of events (ingress mints them), clocks, the bus, the
//! broker. It decides nothing about data that parses; whether it can be believed is an agent's
//! question. No price or size passes through a float: both are read from their text.
//!
//! Nothing is dropped: a line becomes events or is quarantined with its bytes, so the events' records
//! and the quarantined ones add up to the lines read.
//!
//! Cost: a file is read twice, the first time for its digest, and memory is a few hundred kilobytes
//! per file whatever its size.

mod binance;
pub mod day;
mod error;
mod fault;
mod instruments;
mod market;
mod tape;

pub use error::FeedError;
pub use fault::quarantined;
pub use instruments::Instruments;
pub use market::Market;
pub use tape::{Outcome, Refused, RootBody, TapeReader, TapeRecord};
