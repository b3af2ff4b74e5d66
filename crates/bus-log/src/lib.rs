//! The embedded engine: all streams share one physical log.
//!
//! One fsync makes units of any streams durable together, a batch is there whole or not at all, and
//! there is one total order, which replay follows. Sequences within a partition stand above it.
//! Commits that wait for the same fsync share it; there is no timer.
//!
//! A record's head (stream, partition, kind, sequence, time) is derived from the event's bytes by
//! `bus::Header::of` and can be recomputed from them; `check` does.
//!
//! It knows nothing of what a body means. Enter at [`LogBus`] to write, at [`LogHandle`] to write
//! from several threads, and at [`LogReader`] to read, also while another process writes.

mod checkpoint;
mod engine;
mod follow;
mod handle;
mod map;
mod reader;
mod stored;
mod writer;

#[cfg(test)]
mod tests;

pub use engine::{LogBus, Opened};
pub use handle::LogHandle;
pub use reader::{LogReader, RawEntry};
