//! The engine on the genuine server.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod conformance;
mod fencing;
mod history;
mod intruders;
mod outages;
mod refusals;
mod rig;
mod side_by_side;
mod strangers;
#[cfg(feature = "tls")]
mod tls;
