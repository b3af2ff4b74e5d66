//! The harness of integration tests: the real binary, a directory of its own, and tapes made in code.
//!
//! A test runs what people run: `blotter` as a process. It reads the last line of stdout, which is one
//! JSON object for every command, and the exit code. Nothing here waits by sleeping.
//!
//! Enter at [`Desk`].

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod binary;
mod desk;
mod documents;
mod nats_wire;
mod page;
pub mod tape;

pub use binary::{blotter, large_trades};
pub use desk::{Desk, Outcome, Running};
pub use documents::yaml;
pub use nats_wire::NatsWire;
pub use page::{Block, blocks};
pub use servers::SmallDisk;
