//! The vocabulary's promises: money is exact, ids are frozen, bytes and JSON mean the same, and a
//! schema that grows breaks no reader.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod body;
mod defaults;
mod evolution;
mod fuzz;
mod golden;
mod id;
mod json;
mod label;
mod money;
mod proto;
mod time;
