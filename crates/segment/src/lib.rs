//! Append-only files of checksummed batches: what the embedded bus and the audit log are written on.
//!
//! A log is a directory of segments. A segment is a file of one fixed size, zero-filled before it
//! is used, that holds batches; a batch holds records and is there whole or not at all. Every
//! record has its own checksum and its own index, so a sealed segment can be rewritten without the
//! records that expired, leaving the others where they were.
//!
//! | what is found | what it means |
//! |---|---|
//! | a flaw below a close record, below a later batch that knew it durable, or in a sealed segment | damage: an error, never repaired in silence |
//! | an incomplete last batch, nothing durable after it | a torn tail: reported, zeroed at open |
//! | zeros | the end |
//!
//! This crate knows no event and reads no clock: what a record means, and when it was stored, is
//! said by the layer above. All access to a medium goes through [`Disk`]; [`SimDisk`] is the double
//! that loses power.
//!
//! Enter at [`SegmentLog`] to write and at [`Reader`] to read. Cost: 40 bytes a record, 56 a
//! batch, one write per batch, one `fdatasync` per [`SegmentLog::sync`], no allocation per record.

mod batch;
mod check;
mod chunk;
mod disk;
mod error;
mod format;
mod log;
mod open;
mod reader;
mod real;
mod rewrite;
mod sim;
mod spare;
mod sparse;
mod tail;
mod window;

#[cfg(test)]
mod tests;

pub use batch::{Batch, BatchMark, Entry, EntryRef, ReadBatch};
pub use check::{Checked, check};
pub use disk::{Access, Disk, DiskFile, Lock, sync_above};
pub use error::{Class, SegmentError};
pub use format::{BATCH_BYTES_MAX, BATCH_HEAD_BYTES, FORMAT_VERSION, RECORD_HEAD_BYTES};
pub use log::{Options, Priority, SegmentLog};
pub use open::{Recovery, Torn};
pub use reader::{Reader, SegmentFacts};
pub use real::RealDisk;
pub use rewrite::Rewritten;
pub use sim::{PowerLoss, SimDisk};
pub use tail::Tail;

/// CRC-32C, as in iSCSI.
///
/// Source: RFC 3720, appendix B.4.
#[must_use]
#[inline]
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}
