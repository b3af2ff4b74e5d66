//! Every decoder that other crates can reach, given changed bytes. Those that are private to a crate
//! have the same test beside them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod broker_record;
mod events;
mod logs;
mod tapes;
