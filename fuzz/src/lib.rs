//! Byte-fuzzing on stable Rust: bytes that were once good, changed by a seed, given to a decoder.
//!
//! A decoder may refuse anything. It may not panic, take longer than [`SLOWEST`], or ask for more
//! memory than its [`Target`] allows. What fails is written to `target/fuzz`; once mended it is
//! committed to the corpus, which is tried first, unchanged.
//!
//! `BLOTTER_FUZZ_INPUTS` says how many inputs each decoder gets, `BLOTTER_SEED` which. Tests that
//! link this crate count what they allocate; enter at [`Target::run`].

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod drive;
mod memory;
mod mutate;

pub use drive::{SLOWEST, Target};
pub use mutate::Chance;
