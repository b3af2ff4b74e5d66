//! The least that keeps events durable: framed records in a zero-filled file, one write and one
//! `fdatasync` per group. No index, no header, no order, no repeats, no recovery.

use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

/// Length and checksum before each record.
pub const FRAME_BYTES: usize = 8;

/// A group-commit writer and nothing else.
#[derive(Debug)]
pub struct BareFile {
    file: File,
    offset: u64,
    group: Vec<u8>,
}

impl BareFile {
    /// A file of `capacity` bytes, zero-filled beforehand.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn create(path: &Path, capacity: u64) -> io::Result<Self> {
        let file = File::create_new(path)?;
        let zeros = vec![0; 1 << 20];
        for at in (0..capacity).step_by(zeros.len()) {
            file.write_all_at(&zeros, at)?;
        }
        file.sync_all()?;
        Ok(Self { file, offset: 0, group: Vec::new() })
    }

    /// Writes records as one group and makes them durable.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn commit<'a>(&mut self, records: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
        self.group.clear();
        for record in records {
            self.group.extend_from_slice(&(record.len() as u32).to_le_bytes());
            self.group.extend_from_slice(&segment::crc32c(record).to_le_bytes());
            self.group.extend_from_slice(record);
        }
        self.file.write_all_at(&self.group, self.offset)?;
        self.offset += self.group.len() as u64;
        Ok(rustix::fs::fdatasync(&self.file)?)
    }

    /// Bytes written.
    #[must_use]
    pub const fn written(&self) -> u64 {
        self.offset
    }
}
