//! Format version 1: where every byte of a segment stands. All numbers are little-endian.
//!
//! ```text
//! segment   64   head, then batches, then zeros up to the capacity
//! batch     56   head, then records, then zeros up to a multiple of 8
//! record    40   head, then the body
//!
//! segment head: magic 8 | version u16 | head bytes u16 | crc u32 over the rest | incarnation u64
//!               | first index u64 | capacity u64 | ordinal u64 | rewritten u64 | 0 u64
//! batch head:   magic u32 | crc u32 over the rest | bytes u32 | records u32 | first index u64
//!               | span u32 | kind u8 | 0 u24 | stored at i64 | synced offset u64
//!               | crc u32 over the records | incarnation u32, its low half
//! record head:  crc u32 over the rest and the body | body bytes u32 | index u64 | sequence u64
//!               | time i64 | kind u16 | partition u16 | stream u8 | tag u8 | 0 u16
//! ```
//!
//! `span` is how many indexes the batch stands for: as many as it has records, or more once a
//! rewrite took some out. `synced offset` is the offset below which this segment was durable when
//! the batch was written: it tells a torn tail from damage. A record is covered twice: by its
//! batch's checksum, which makes the batch atomic and is what reading computes, and by its own,
//! which stays with it when a rewrite moves it.

use std::path::{Path, PathBuf};

use crate::{SegmentError, crc32c};

/// The format this version writes.
pub const FORMAT_VERSION: u16 = 1;
/// Bytes of a batch's head.
pub const BATCH_HEAD_BYTES: usize = 56;
/// Bytes of a record's head.
pub const RECORD_HEAD_BYTES: usize = 40;
/// Most bytes of one batch.
pub const BATCH_BYTES_MAX: usize = 256 << 20;

/// Largest index, ordinal or capacity that is believed.
const NUMBER_MAX: u64 = 1 << 62;

pub(crate) const SEGMENT_HEAD_BYTES: usize = 64;
const SEGMENT_MAGIC: [u8; 8] = *b"BLOTSEG\n";
pub(crate) const BATCH_MAGIC: u32 = u32::from_le_bytes(*b"BTCH");

/// Kinds of batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum BatchKind {
    /// Records.
    Records = 1,
    /// The segment ends here; the next begins with the next index.
    Seal = 2,
    /// The writer shut down cleanly: everything below is durable.
    Close = 3,
}

/// A segment's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHead {
    pub(crate) incarnation: u64,
    pub(crate) first_index: u64,
    pub(crate) capacity: u64,
    pub(crate) ordinal: u64,
    pub(crate) rewritten: bool,
}

/// A batch's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchHead {
    pub(crate) bytes: u32,
    pub(crate) records: u32,
    pub(crate) first_index: u64,
    pub(crate) span: u32,
    pub(crate) kind: BatchKind,
    pub(crate) stored_at: i64,
    pub(crate) synced_offset: u64,
    pub(crate) records_crc: u32,
    pub(crate) incarnation: u32,
}

impl BatchHead {
    pub(crate) const fn next_index(&self) -> u64 {
        self.first_index + self.span as u64
    }
}

/// Reads little-endian numbers one after another; past the end they are zero, which no check of a
/// checksum survives.
pub(crate) struct Numbers<'a>(pub(crate) &'a [u8]);

impl Numbers<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk::<N>() {
            Some((head, rest)) => {
                self.0 = rest;
                *head
            }
            None => [0; N],
        }
    }
    pub(crate) fn u8(&mut self) -> u8 {
        let [byte] = self.take();
        byte
    }
    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }
    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }
    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
    pub(crate) fn i64(&mut self) -> i64 {
        i64::from_le_bytes(self.take())
    }
}

impl SegmentHead {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(SEGMENT_HEAD_BYTES);
        out.extend_from_slice(&SEGMENT_MAGIC);
        out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        out.extend_from_slice(&(SEGMENT_HEAD_BYTES as u16).to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        for number in [
            self.incarnation,
            self.first_index,
            self.capacity,
            self.ordinal,
            u64::from(self.rewritten),
            0,
        ] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        let crc = Self::crc_of(&out);
        if let Some(slot) = out.get_mut(12..16) {
            slot.copy_from_slice(&crc.to_le_bytes());
        }
        out
    }

    /// The checksum of a head's bytes, its own four taken as zero.
    pub(crate) fn crc_of(bytes: &[u8]) -> u32 {
        let mut copy = bytes.to_vec();
        if let Some(slot) = copy.get_mut(12..16) {
            slot.fill(0);
        }
        crc32c(&copy)
    }

    /// Reads a segment's head.
    pub(crate) fn decode(bytes: &[u8], path: &Path) -> Result<Self, SegmentError> {
        let not_a_segment = || SegmentError::NotASegment { path: path.to_path_buf() };
        let damage = |what| SegmentError::Damage { path: path.to_path_buf(), offset: 0, what };
        let bytes = bytes.get(..SEGMENT_HEAD_BYTES).ok_or_else(not_a_segment)?;
        let rest = bytes.strip_prefix(&SEGMENT_MAGIC).ok_or_else(not_a_segment)?;
        let mut numbers = Numbers(rest);
        let (version, head_bytes, crc) = (numbers.u16(), numbers.u16(), numbers.u32());
        // Every version keeps the first 64 bytes and their checksum, so that a flipped bit is not
        // taken for a newer version.
        if crc != Self::crc_of(bytes) {
            return Err(damage("the segment's head does not match its checksum"));
        }
        if version > FORMAT_VERSION {
            return Err(SegmentError::Newer {
                path: path.to_path_buf(),
                found: version,
                newest: FORMAT_VERSION,
            });
        }
        if usize::from(head_bytes) != SEGMENT_HEAD_BYTES {
            return Err(damage("the segment's head has another size"));
        }
        let head = Self {
            incarnation: numbers.u64(),
            first_index: numbers.u64(),
            capacity: numbers.u64(),
            ordinal: numbers.u64(),
            rewritten: numbers.u64() == 1,
        };
        // Far beyond what any log reaches, and far enough below the end to count on from.
        if head.ordinal > NUMBER_MAX || head.first_index > NUMBER_MAX || head.capacity > NUMBER_MAX
        {
            return Err(damage("the segment's head contradicts itself"));
        }
        Ok(head)
    }
}

impl BatchHead {
    pub(crate) fn encode(&self) -> [u8; BATCH_HEAD_BYTES] {
        let mut out = [0; BATCH_HEAD_BYTES];
        let mut rest = out.as_mut_slice();
        let mut put = |bytes: &[u8]| {
            let slot = rest.split_off_mut(..bytes.len());
            if let Some(slot) = slot {
                slot.copy_from_slice(bytes);
            }
        };
        put(&BATCH_MAGIC.to_le_bytes());
        put(&[0; 4]);
        put(&self.bytes.to_le_bytes());
        put(&self.records.to_le_bytes());
        put(&self.first_index.to_le_bytes());
        put(&self.span.to_le_bytes());
        put(&[self.kind as u8, 0, 0, 0]);
        put(&self.stored_at.to_le_bytes());
        put(&self.synced_offset.to_le_bytes());
        put(&self.records_crc.to_le_bytes());
        put(&self.incarnation.to_le_bytes());
        let crc = crc32c(out.get(8..).unwrap_or_default());
        if let Some(slot) = out.get_mut(4..8) {
            slot.copy_from_slice(&crc.to_le_bytes());
        }
        out
    }

    /// Reads a batch's head; says what does not hold otherwise.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let bytes = bytes.get(..BATCH_HEAD_BYTES).ok_or("a batch's head is cut off")?;
        let mut numbers = Numbers(bytes);
        if numbers.u32() != BATCH_MAGIC {
            return Err("no batch begins here");
        }
        if numbers.u32() != crc32c(bytes.get(8..).unwrap_or_default()) {
            return Err("a batch's head does not match its checksum");
        }
        let (length, records) = (numbers.u32(), numbers.u32());
        let (first_index, span) = (numbers.u64(), numbers.u32());
        let kind = match numbers.u8() {
            1 => BatchKind::Records,
            2 => BatchKind::Seal,
            3 => BatchKind::Close,
            _ => return Err("a batch of an unknown kind"),
        };
        let _ = (numbers.u8(), numbers.u16());
        let head = Self {
            bytes: length,
            records,
            first_index,
            span,
            kind,
            stored_at: numbers.i64(),
            synced_offset: numbers.u64(),
            records_crc: numbers.u32(),
            incarnation: numbers.u32(),
        };
        let plausible = length as usize >= BATCH_HEAD_BYTES
            && length as usize <= BATCH_BYTES_MAX
            && length % 8 == 0
            && records <= span
            && first_index <= NUMBER_MAX
            && (kind == BatchKind::Records || (span == 0 && records == 0));
        if plausible { Ok(head) } else { Err("a batch's head contradicts itself") }
    }
}

/// The file of the segment that begins with `first_index`.
pub(crate) fn segment_path(dir: &Path, first_index: u64) -> PathBuf {
    dir.join(format!("{first_index:020}.seg"))
}

/// The disposable sparse index beside it.
pub(crate) fn index_path(dir: &Path, first_index: u64) -> PathBuf {
    dir.join(format!("{first_index:020}.idx"))
}

/// The first index in a segment's name; `None` for other files.
pub(crate) fn segment_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    (digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}
