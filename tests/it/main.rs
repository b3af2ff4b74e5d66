//! The one integration binary: what people run and read, from the outside.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod determinism;
mod interruption;
mod pages;
mod questions;
