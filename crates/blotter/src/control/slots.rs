//! Fixed slots in a preallocated file: written in place, each with its own checksum.

use std::{
    fs::{File, OpenOptions},
    io::ErrorKind,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use super::ControlError;

/// Bytes of a slot: one sector, so a write of it is never torn on common media.
const SLOT_BYTES: usize = 512;
/// Number, length and checksum before the text.
const HEAD_BYTES: usize = 8 + 4 + 8;
/// Text a slot holds.
pub(super) const TEXT_BYTES_MAX: usize = SLOT_BYTES - HEAD_BYTES;

/// A file of slots.
#[derive(Debug)]
pub(super) struct Slots {
    file: File,
    path: PathBuf,
    count: u64,
}

impl Slots {
    /// Opens the file, making it with all its space if it is not there.
    pub(super) fn open(path: &Path, count: u64) -> Result<Self, ControlError> {
        Self::open_or_make(path, count, &[])
    }

    /// The same; where it is made, it holds these slots from the beginning.
    pub(super) fn open_or_make(
        path: &Path,
        count: u64,
        slots: &[(u64, u64, &str)],
    ) -> Result<Self, ControlError> {
        let fail =
            |action| move |source| ControlError::Io { path: path.to_path_buf(), action, source };
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                make(path, count, slots).map_err(fail("made"))?;
                OpenOptions::new().read(true).write(true).open(path).map_err(fail("opened"))?
            }
            Err(error) => return Err(fail("opened")(error)),
        };
        Ok(Self { file, path: path.to_path_buf(), count })
    }

    /// Opens the file for reading only; `None` when it is not there.
    pub(super) fn open_to_read(path: &Path, count: u64) -> Result<Option<Self>, ControlError> {
        match File::open(path) {
            Ok(file) => Ok(Some(Self { file, path: path.to_path_buf(), count })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => {
                Err(ControlError::Io { path: path.to_path_buf(), action: "opened", source })
            }
        }
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Holds the file against other processes until the guard is dropped.
    pub(super) fn lock(&self) -> Result<(), ControlError> {
        self.file.lock().map_err(|source| self.io("locked", source))
    }

    pub(super) fn unlock(&self) {
        // Closing the file unlocks it as well.
        let _ = self.file.unlock();
    }

    /// Number and text of a slot; `None` when it was never written.
    pub(super) fn read(&self, slot: u64) -> Result<Option<(u64, String)>, ControlError> {
        let mut bytes = [0; SLOT_BYTES];
        self.file
            .read_exact_at(&mut bytes, slot * SLOT_BYTES as u64)
            .map_err(|source| self.io("read", source))?;
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let damaged = || ControlError::Damaged { path: self.path.clone(), slot };
        let (head, text) = bytes.split_at(HEAD_BYTES);
        let number = head.first_chunk().map(|n| u64::from_le_bytes(*n)).ok_or_else(damaged)?;
        let rest = head.get(8..).unwrap_or_default();
        let len = rest.first_chunk().map(|n| u32::from_le_bytes(*n)).ok_or_else(damaged)?;
        let text = text.get(..len as usize).ok_or_else(damaged)?;
        if rest.get(4..) != Some(checksum(slot, number, text).as_slice()) {
            return Err(damaged());
        }
        let text = std::str::from_utf8(text).map_err(|_| damaged())?;
        Ok(Some((number, text.to_owned())))
    }

    /// Writes a slot and makes it durable.
    pub(super) fn write(&self, slot: u64, number: u64, text: &str) -> Result<(), ControlError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(ControlError::TooLong { max: TEXT_BYTES_MAX });
        }
        self.file
            .write_all_at(&bytes_of(slot, number, text), slot * SLOT_BYTES as u64)
            .and_then(|()| self.file.sync_data())
            .map_err(|source| self.io("written", source))
    }

    fn io(&self, action: &'static str, source: std::io::Error) -> ControlError {
        ControlError::Io { path: self.path.clone(), action, source }
    }
}

/// A slot as it is written.
fn bytes_of(slot: u64, number: u64, text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(SLOT_BYTES);
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&checksum(slot, number, text.as_bytes()));
    bytes.extend_from_slice(text.as_bytes());
    bytes.resize(SLOT_BYTES, 0);
    bytes
}

/// A name that nobody else uses for a file that is not whole yet.
fn fresh_beside(path: &Path) -> PathBuf {
    let (process, thread) = (std::process::id(), std::thread::current().id());
    path.with_extension(format!("fresh-{process}-{thread:?}"))
}

/// Puts a file with these slots in the place of one that is damaged, which is kept under another name.
/// At every moment one of the two has the name.
pub(super) fn replace(
    path: &Path,
    count: u64,
    slots: &[(u64, u64, String)],
) -> Result<PathBuf, ControlError> {
    let fail = |action| move |source| ControlError::Io { path: path.to_path_buf(), action, source };
    let fresh = path.with_extension(format!("mended-{}", std::process::id()));
    let kept = (1_u32..)
        .map(|number| path.with_extension(format!("damaged-{number}")))
        .find(|kept| !kept.exists())
        .unwrap_or_else(|| path.with_extension("damaged"));
    make(&fresh, count, &[]).map_err(fail("made"))?;
    let made = Slots::open(&fresh, count)?;
    for (slot, number, text) in slots {
        made.write(*slot, *number, text)?;
    }
    std::fs::hard_link(path, &kept).map_err(fail("kept"))?;
    std::fs::rename(&fresh, path).map_err(fail("replaced"))?;
    segment::sync_above(&segment::RealDisk, path).map_err(fail("made durable"))?;
    Ok(kept)
}

/// Makes the file with all its space, durably. Nobody sees it before it is whole, and of two who make
/// it at once one is first: a halt is never overwritten by whoever made the file beside it.
fn make(path: &Path, count: u64, slots: &[(u64, u64, &str)]) -> std::io::Result<()> {
    let fresh = fresh_beside(path);
    let whole = || {
        let file = OpenOptions::new().write(true).create_new(true).open(&fresh)?;
        // Zeros are written, not reserved: in-place writes then never allocate.
        file.write_all_at(&vec![0; SLOT_BYTES * count as usize], 0)?;
        for (slot, number, text) in slots {
            file.write_all_at(&bytes_of(*slot, *number, text), slot * SLOT_BYTES as u64)?;
        }
        file.sync_all()
    };
    let made = whole().and_then(|()| match std::fs::hard_link(&fresh, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    let _ = std::fs::remove_file(&fresh);
    made?;
    segment::sync_above(&segment::RealDisk, path)
}

/// The first eight bytes of a digest over place, number and text: a slot that is found in another's
/// place is damage.
fn checksum(slot: u64, number: u64, text: &[u8]) -> [u8; 8] {
    let (slot, number) = (slot.to_le_bytes(), number.to_le_bytes());
    let event::Digest(full) = event::id::digest_of("slot", &[&slot, &number, text]);
    let mut sum = [0; 8];
    sum.iter_mut().zip(full).for_each(|(slot, byte)| *slot = byte);
    sum
}
