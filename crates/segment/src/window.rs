//! A segment looked at through a window: checking one takes the memory of its largest batch, not
//! its own.

use std::{io, path::Path};

use crate::{
    DiskFile, SegmentError,
    format::{BATCH_HEAD_BYTES, BatchHead},
};

const WINDOW_BYTES: usize = 1 << 20;

/// The part of a segment that is at hand.
pub(crate) struct Window<'a> {
    file: &'a dyn DiskFile,
    pub(crate) path: &'a Path,
    pub(crate) capacity: u64,
    /// Whether the checksum of every record is computed, beside those of batches.
    pub(crate) every_record: bool,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    pub(crate) const fn new(file: &'a dyn DiskFile, path: &'a Path, capacity: u64) -> Self {
        Self { file, path, capacity, every_record: false, start: 0, bytes: Vec::new() }
    }

    /// The same, but every record's own checksum is computed too.
    pub(crate) const fn with_every_record(mut self) -> Self {
        self.every_record = true;
        self
    }

    /// Forgets what was read: a writer may have gone on.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// The bytes from `offset` on, with the whole of the batch that begins there.
    pub(crate) fn batch(&mut self, offset: u64) -> Result<&[u8], SegmentError> {
        let head = self.at(offset, BATCH_HEAD_BYTES)?;
        let head = head.get(..BATCH_HEAD_BYTES).and_then(|head| BatchHead::decode(head).ok());
        self.at(offset, head.map_or(BATCH_HEAD_BYTES, |head| head.bytes as usize))
    }

    /// The bytes from `from` to `to`.
    pub(crate) fn range(&self, from: u64, to: u64) -> Result<Vec<u8>, SegmentError> {
        let mut bytes = vec![0; to.min(self.capacity).saturating_sub(from) as usize];
        let read = self.read(&mut bytes, from)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// The offset after the last byte from `offset` on that is not zero; `offset` when all are.
    pub(crate) fn end_of_bytes(&mut self, offset: u64) -> Result<u64, SegmentError> {
        let (mut end, mut from) = (offset, offset);
        while from < self.capacity {
            let part = self.at(from, 1)?;
            if part.is_empty() {
                break;
            }
            let next = from + part.len() as u64;
            if let Some(last) = part.iter().rposition(|&byte| byte != 0) {
                end = from + last as u64 + 1;
            }
            from = next;
        }
        Ok(end)
    }

    /// The bytes from `offset` on: at least `wanted`, unless the segment ends before.
    fn at(&mut self, offset: u64, wanted: usize) -> Result<&[u8], SegmentError> {
        let left = usize::try_from(self.capacity.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = wanted.min(left);
        let held = (self.start + self.bytes.len() as u64).checked_sub(offset);
        let is_held = offset >= self.start && held.is_some_and(|held| held >= wanted as u64);
        if !is_held {
            let mut bytes = std::mem::take(&mut self.bytes);
            bytes.resize(wanted.max(WINDOW_BYTES).min(left), 0);
            let read = self.read(&mut bytes, offset)?;
            bytes.truncate(read);
            (self.start, self.bytes) = (offset, bytes);
        }
        let at = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        Ok(self.bytes.get(at..).unwrap_or_default())
    }

    fn read(&self, bytes: &mut [u8], offset: u64) -> Result<usize, SegmentError> {
        let read: io::Result<usize> = self.file.read_at(bytes, offset);
        read.map_err(|error| SegmentError::io("read", self.path, error))
    }
}
