//! The embedded engine: all streams share one physical log.
//!
//! One fsync makes units of any streams durable together, a batch is there whole or not at all, and
//! there is one total order, which replay follows. Sequences within a partition stand above it.
//!
//! A record's head (stream, partition, kind, sequence, time) is derived from the event's bytes by
//! `bus::Header::of` and can be recomputed from them; `check` does.
//!
//! It knows nothing of what a body means. Enter at [`LogBus`] to write and at [`LogReader`] to read,
//! also while another process writes.

mod engine;
mod map;
mod reader;

pub use engine::{LogBus, Opened};
pub use reader::{LogReader, RawEntry};
