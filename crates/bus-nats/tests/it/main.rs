//! The engine on the genuine server.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod claims;
mod conformance;
mod history;
mod identity;
mod intruders;
mod outages;
mod refusals;
mod rig;
mod strangers;
