//! The journal: every entry of every stream, its bytes verbatim and where the bus had it.
//!
//! A [`Journal`] takes entries in the order the bus accepted them, makes them durable, and only then
//! counts them as taken: its own last record is its checkpoint, so there is no other file that could
//! disagree with it. It drops nothing. An entry that comes again is recognised by its position; a
//! position that is skipped, or that now holds other bytes, stops it.
//!
//! What is claimed: every entry the bus gave this journal is in it, in order, as received, and any
//! change of a byte is detected by a checksum. What is not: that nobody with write access to the
//! disk changed bytes and checksums together. Each record keeps eight bytes free for a reference
//! into a tree of hashes, which is what proves that.
//!
//! It knows no body. Enter at [`Journal`] to write, at [`JournalReader`] to read.
//!
//! Cost: 40 bytes a record beside the segment's own head, one fsync per batch taken.

mod error;
mod journal;
mod reader;
mod stamp;

#[cfg(test)]
mod tests;

pub use error::JournalError;
pub use journal::{Journal, Taken, What};
pub use reader::{JournalEntry, JournalReader};
pub use stamp::Stamp;
