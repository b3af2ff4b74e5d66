//! The least that reads everything back: a memory map and a checksum per record.

use std::{fs::File, path::Path};

use anyhow::{Context as _, ensure};

use crate::FRAME_BYTES;

/// Bytes of all bodies of a bare file, through a memory map.
///
/// # Errors
/// When a checksum does not hold.
pub fn scan_map(path: &Path, written: u64) -> anyhow::Result<u64> {
    let file = File::open(path)?;
    #[expect(unsafe_code, reason = "what the reader is measured against; nothing that ships maps")]
    // SAFETY: the file is private to this process, and nobody writes it while the map lives.
    let map = unsafe { memmap2::Mmap::map(&file)? };
    let mut rest = map.get(..written as usize).context("the file is as long as was written")?;
    let mut bytes = 0;
    while let Some((frame, after)) = rest.split_first_chunk::<FRAME_BYTES>() {
        let [a, b, c, d, checksum @ ..] = *frame;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        let (body, next) = after.split_at_checked(length).context("a whole record")?;
        ensure!(segment::crc32c(body) == u32::from_le_bytes(checksum), "its checksum holds");
        bytes += length as u64;
        rest = next;
    }
    Ok(bytes)
}
