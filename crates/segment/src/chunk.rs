//! What a reader has read and not yet given out.

use std::io;

use bytes::{Bytes, BytesMut};

/// Bytes of the segment from the cursor on: a part of a block whose memory is used again once
/// nobody shares it.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    block: Bytes,
    start: usize,
    end: usize,
}

impl Chunk {
    /// What it holds.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.block.get(self.start..self.end).unwrap_or_default()
    }

    /// Takes the first `length` bytes, sharing the block's memory.
    pub(crate) fn split_to(&mut self, length: usize) -> Bytes {
        let taken = self.block.slice(self.start..self.start + length);
        self.start += length;
        taken
    }

    /// Forgets what it holds and keeps the memory.
    pub(crate) fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }

    /// Makes the chunk up to `length` bytes long: `read` fills what lies behind what it holds
    /// already, and says how much there was.
    pub(crate) fn extend_to(
        &mut self,
        length: usize,
        read: impl FnOnce(&mut [u8], usize) -> io::Result<usize>,
    ) -> io::Result<()> {
        let held = self.end - self.start;
        let mut block = match std::mem::take(&mut self.block).try_into_mut() {
            Ok(mut block) if block.len() >= length => {
                block.copy_within(self.start..self.end, 0);
                block
            }
            Ok(old) => copied(&old, self.start, self.end, length),
            Err(shared) => copied(&shared, self.start, self.end, length),
        };
        let outcome = match block.get_mut(held..length) {
            Some(rest) => read(rest, held),
            None => Ok(0),
        };
        self.block = block.freeze();
        (self.start, self.end) = (0, held + *outcome.as_ref().unwrap_or(&0));
        outcome.map(|_| ())
    }
}

/// A block of `length` bytes that begins with a part of an old one.
fn copied(old: &[u8], start: usize, end: usize, length: usize) -> BytesMut {
    let mut block = BytesMut::zeroed(length);
    let held = old.get(start..end).unwrap_or_default();
    if let Some(slot) = block.get_mut(..held.len()) {
        slot.copy_from_slice(held);
    }
    block
}
