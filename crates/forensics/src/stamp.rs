//! The position record: where the bus had an entry, kept beside its bytes, never inside.
//!
//! ```text
//! form u16 | flags u16 | 0 u32 | incarnation u64 | log index u64 | stored at i64 | proof 8 bytes
//! ```

use event::Timestamp;

/// The form this version writes.
pub(crate) const FORM: u16 = 1;
/// Bytes of a position record.
pub(crate) const STAMP_BYTES: usize = 40;

/// Where the bus had an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Which life of the log.
    pub incarnation: u64,
    /// The place in its total order.
    pub log_index: u64,
    /// When the bus stored it, by its writer's wall clock.
    pub stored_at: Timestamp,
}

impl Stamp {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&FORM.to_le_bytes());
        out.extend_from_slice(&[0; 6]);
        out.extend_from_slice(&self.incarnation.to_le_bytes());
        out.extend_from_slice(&self.log_index.to_le_bytes());
        out.extend_from_slice(&self.stored_at.0.to_le_bytes());
        out.extend_from_slice(&[0; 8]);
    }

    /// Form, position record and the bytes after it; `None` when the record is too short for one.
    pub(crate) fn split(record: &[u8]) -> Option<(u16, Self, &[u8])> {
        let (head, bytes) = record.split_at_checked(STAMP_BYTES)?;
        let word = |at: usize| {
            head.get(at..).and_then(<[u8]>::first_chunk).copied().map(u64::from_le_bytes)
        };
        let form = head.first_chunk().copied().map(u16::from_le_bytes)?;
        let stamp = Self {
            incarnation: word(8)?,
            log_index: word(16)?,
            stored_at: Timestamp(word(24)? as i64),
        };
        Some((form, stamp, bytes))
    }
}
