//! A file of the simulated disk.

use std::io;

use super::{Effect, SimDisk};
use crate::DiskFile;

/// A write no sync has made durable yet.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) offset: usize,
    pub(crate) bytes: Vec<u8>,
    /// Whether the file was emptied first, as making one over another does.
    pub(crate) empties: bool,
}

impl Write {
    /// Puts the whole write into a file's content.
    pub(crate) fn apply_all(&self, content: &mut Vec<u8>) {
        self.apply(content, 0..self.bytes.len());
    }

    /// Puts a part of the write, given from its own beginning, into a file's content.
    pub(crate) fn apply(&self, content: &mut Vec<u8>, part: std::ops::Range<usize>) {
        if self.empties {
            content.clear();
        }
        let Some(bytes) = self.bytes.get(part.clone()).filter(|bytes| !bytes.is_empty()) else {
            return;
        };
        let start = self.offset + part.start;
        let end = start + bytes.len();
        if content.len() < end {
            content.resize(end, 0);
        }
        if let Some(slot) = content.get_mut(start..end) {
            slot.copy_from_slice(bytes);
        }
    }
}

#[derive(Debug)]
pub(crate) struct SimFile {
    pub(crate) disk: SimDisk,
    pub(crate) inode: usize,
}

impl DiskFile for SimFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        let failed = state.effect(Effect::Write);
        let crashed = state.crashed();
        let free = state.capacity_bytes.map(|all| all.saturating_sub(state.used_bytes()));
        let Some(inode) = state.inodes.get_mut(self.inode) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let write = Write { offset: offset as usize, bytes: bytes.to_vec(), empties: false };
        if let Err(error) = failed {
            if crashed {
                // The write that power fails in may have reached the disk, whole or in part.
                inode.pending.push(write);
            } else {
                // The device took a part of it and gave up.
                let part = Write {
                    bytes: bytes.get(..bytes.len() / 2).unwrap_or_default().to_vec(),
                    ..write
                };
                part.apply_all(&mut inode.live);
                inode.pending.push(part);
            }
            return Err(error);
        }
        let grows = (write.offset + write.bytes.len()).saturating_sub(inode.live.len()) as u64;
        if free.is_some_and(|free| grows > free) {
            // A full disk takes what it can before it refuses.
            let fits = write.bytes.len() - (grows - free.unwrap_or(0)) as usize;
            let part = Write { bytes: bytes.get(..fits).unwrap_or_default().to_vec(), ..write };
            part.apply_all(&mut inode.live);
            inode.pending.push(part);
            return Err(io::ErrorKind::StorageFull.into());
        }
        write.apply_all(&mut inode.live);
        inode.pending.push(write);
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.state();
        let live = state.inodes.get(self.inode).map(|inode| inode.live.as_slice());
        let rest = live.and_then(|live| live.get(offset as usize..)).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        for (slot, byte) in buffer.iter_mut().zip(rest) {
            *slot = *byte;
        }
        Ok(read)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let outcome = state.effect(Effect::Sync);
        let crashed = state.crashed();
        if let Some(inode) = state.inodes.get_mut(self.inode)
            && !crashed
        {
            let pending = std::mem::take(&mut inode.pending);
            if outcome.is_ok() {
                for write in &pending {
                    write.apply_all(&mut inode.durable);
                }
            }
        }
        outcome
    }

    fn len(&self) -> io::Result<u64> {
        let state = self.disk.state();
        Ok(state.inodes.get(self.inode).map_or(0, |inode| inode.live.len() as u64))
    }
}
