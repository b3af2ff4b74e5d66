//! The broker's own durable record: a file of frames, one frame per step of the broker.
//!
//! A frame is a head of 20 bytes (ordinal, length, checksum of the payload, checksum of the head)
//! and its payload. It is synced before anything that follows from it is handed out, so no frame
//! begins before the one before it is durable: a bad frame with a good one behind it is damage,
//! and a bad frame with none behind it is a torn tail, which is cut off when the file is opened
//! for writing.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crc_fast::{CrcAlgorithm, checksum};
use segment::{Access, Disk, DiskFile, Lock, sync_above};

use crate::BrokerError;

/// The file's name in the broker's directory.
const FILE: &str = "record";
/// What a writer holds locked.
const LOCK: &str = "lock";
/// The record under this name is not the record yet.
const FRESH: &str = "record.fresh";
/// What the file begins with: name and version of the format.
const MAGIC: &[u8; 8] = b"BLPAPER1";
/// Bytes of the name alone; the version is a digit behind it.
const NAME_BYTES: usize = 7;
const HEAD_BYTES: usize = 20;

/// The record, open.
#[derive(Debug)]
pub(crate) struct Record {
    path: PathBuf,
    disk: Arc<dyn Disk>,
    file: Arc<dyn DiskFile>,
    /// Where the next frame goes.
    end: u64,
    frames: u64,
    /// Held for as long as the record may be written; none when it is only read.
    lock: Option<Box<dyn Lock>>,
    poisoned: bool,
}

/// What opening found.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) record: Record,
    /// Payloads of all frames, in order.
    pub(crate) frames: Vec<Vec<u8>>,
}

impl Record {
    /// Opens for writing; makes directory and file when they are not there, and cuts a torn tail.
    pub(crate) fn open(disk: Arc<dyn Disk>, dir: &Path) -> Result<Opened, BrokerError> {
        let path = dir.join(FILE);
        disk.create_dir(dir).map_err(io_error(&path, "made"))?;
        let lock = match disk.lock(&dir.join(LOCK)) {
            Ok(lock) => lock,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(BrokerError::Busy { path });
            }
            Err(error) => return Err(io_error(&path, "locked")(error)),
        };
        let bytes = match disk.open(&path, Access::Write) {
            Ok(file) => read_all(&*file, &path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(io_error(&path, "opened")(error)),
        };
        let begun = bytes.len() >= MAGIC.len() || !MAGIC.starts_with(&bytes);
        let (frames, good) = if begun { parse(&bytes, &path)? } else { (Vec::new(), 0) };
        let whole = bytes.get(..good).unwrap_or_default();
        if !begun {
            sync_above(&*disk, dir).map_err(io_error(&path, "synced"))?;
            write_anew(&*disk, dir, MAGIC)?;
        } else if whole.len() < bytes.len() {
            write_anew(&*disk, dir, whole)?;
        }
        let file = disk.open(&path, Access::Write).map_err(io_error(&path, "opened"))?;
        if begun {
            let last = frames.last().map_or(0, |payload| HEAD_BYTES + payload.len());
            settle(&*disk, dir, &*file, whole, last).map_err(io_error(&path, "synced"))?;
        }
        let end = whole.len().max(MAGIC.len()) as u64;
        let count = frames.len() as u64;
        let record =
            Self { path, disk, file, end, frames: count, lock: Some(lock), poisoned: false };
        Ok(Opened { record, frames })
    }

    /// Opens for reading; a torn tail is left where it is and not read.
    pub(crate) fn open_read_only(disk: Arc<dyn Disk>, dir: &Path) -> Result<Opened, BrokerError> {
        let path = dir.join(FILE);
        let file = disk.open(&path, Access::Read).map_err(io_error(&path, "opened"))?;
        let (frames, good) = parse(&read_all(&*file, &path)?, &path)?;
        let (count, end) = (frames.len() as u64, good as u64);
        let record = Self { path, disk, file, end, frames: count, lock: None, poisoned: false };
        Ok(Opened { record, frames })
    }

    /// Appends a frame and makes it durable.
    pub(crate) fn append(&mut self, payload: &[u8]) -> Result<(), BrokerError> {
        self.check_writable()?;
        let frame = framed(self.frames, payload);
        // Until the sync has returned, what the file holds is not known.
        self.poisoned = true;
        self.file.write_at(&frame, self.end).map_err(io_error(&self.path, "written"))?;
        self.file.sync().map_err(io_error(&self.path, "synced"))?;
        self.poisoned = false;
        self.end += frame.len() as u64;
        self.frames += 1;
        Ok(())
    }

    /// Says whether what is in memory is what is durable.
    pub(crate) const fn check_sound(&self) -> Result<(), BrokerError> {
        if self.poisoned { Err(BrokerError::Poisoned) } else { Ok(()) }
    }

    /// Says whether a frame could be appended.
    pub(crate) fn check_writable(&self) -> Result<(), BrokerError> {
        self.check_sound()?;
        if self.lock.is_none() {
            return Err(BrokerError::ReadOnly);
        }
        Ok(())
    }

    /// Reads all frames again.
    pub(crate) fn read_again(&self) -> Result<Vec<Vec<u8>>, BrokerError> {
        let file =
            self.disk.open(&self.path, Access::Read).map_err(io_error(&self.path, "opened"))?;
        Ok(parse(&read_all(&*file, &self.path)?, &self.path)?.0)
    }

    /// Frames in the record.
    pub(crate) const fn frames(&self) -> u64 {
        self.frames
    }

    /// Appends nothing from here on: what is in memory and what is durable may differ.
    pub(crate) const fn poison(&mut self) {
        self.poisoned = true;
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn io_error(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> BrokerError {
    let path = path.to_path_buf();
    move |source| BrokerError::Io { path, action, source }
}

/// Puts a record of these bytes in place of the one there, at once: there is never half of either.
fn write_anew(disk: &dyn Disk, dir: &Path, bytes: &[u8]) -> Result<(), BrokerError> {
    let (path, fresh) = (dir.join(FILE), dir.join(FRESH));
    let file = disk.create(&fresh).map_err(io_error(&fresh, "made"))?;
    file.write_at(bytes, 0).map_err(io_error(&fresh, "written"))?;
    file.sync().map_err(io_error(&fresh, "synced"))?;
    disk.rename(&fresh, &path).map_err(io_error(&path, "renamed"))?;
    disk.sync_dir(dir).map_err(io_error(&path, "synced"))
}

/// Makes durable what the last writer may have left in doubt: the record's name, and its last frame,
/// of which the page cache can show what a failed sync never brought to the disk.
fn settle(
    disk: &dyn Disk,
    dir: &Path,
    file: &dyn DiskFile,
    whole: &[u8],
    last: usize,
) -> io::Result<()> {
    let from = whole.len().saturating_sub(last);
    file.write_at(whole.get(from..).unwrap_or_default(), from as u64)?;
    file.sync()?;
    disk.sync_dir(dir)
}

fn read_all(file: &dyn DiskFile, path: &Path) -> Result<Vec<u8>, BrokerError> {
    let length = file.len().map_err(io_error(path, "read"))?;
    let mut bytes = vec![0; length as usize];
    let read = file.read_at(&mut bytes, 0).map_err(io_error(path, "read"))?;
    bytes.truncate(read);
    Ok(bytes)
}

fn crc(bytes: &[u8]) -> u32 {
    checksum(CrcAlgorithm::Crc32Iscsi, bytes) as u32
}

fn framed(ordinal: u64, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEAD_BYTES + payload.len());
    frame.extend_from_slice(&ordinal.to_le_bytes());
    frame.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    frame.extend_from_slice(&crc(payload).to_le_bytes());
    let head = crc(&frame);
    frame.extend_from_slice(&head.to_le_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// The payloads of all good frames, and where they end.
fn parse(bytes: &[u8], path: &Path) -> Result<(Vec<Vec<u8>>, usize), BrokerError> {
    let damaged = |at: usize, what: &str| BrokerError::Damaged {
        path: path.to_path_buf(),
        at: at as u64,
        what: what.into(),
    };
    if let (Some(name), Some(&found)) = (bytes.get(..NAME_BYTES), bytes.get(NAME_BYTES))
        && MAGIC.starts_with(name)
        && found.is_ascii_digit()
        && Some(&found) > MAGIC.get(NAME_BYTES)
    {
        return Err(BrokerError::Newer { path: path.to_path_buf() });
    }
    if !bytes.starts_with(MAGIC) {
        return Err(damaged(0, "it does not begin as a paper broker's record"));
    }
    let (mut frames, mut at) = (Vec::new(), MAGIC.len());
    while at < bytes.len() {
        let Some(payload) = frame_at(bytes, at, frames.len() as u64) else {
            let later = (at + 1..bytes.len()).any(|later| {
                (1..=2)
                    .any(|skipped| frame_at(bytes, later, frames.len() as u64 + skipped).is_some())
            });
            if later {
                return Err(damaged(at, "a frame does not match its checksum"));
            }
            break;
        };
        at += HEAD_BYTES + payload.len();
        frames.push(payload.to_vec());
    }
    Ok((frames, at))
}

/// The payload of the frame with this ordinal that begins at `at`, if it is there and whole.
fn frame_at(bytes: &[u8], at: usize, ordinal: u64) -> Option<&[u8]> {
    let head = bytes.get(at..at.checked_add(HEAD_BYTES)?)?;
    let word = |from: usize| -> Option<u32> {
        Some(u32::from_le_bytes(head.get(from..from + 4)?.try_into().ok()?))
    };
    if head.get(..8)? != ordinal.to_le_bytes() || crc(head.get(..16)?) != word(16)? {
        return None;
    }
    let from = at + HEAD_BYTES;
    let payload = bytes.get(from..from.checked_add(word(8)? as usize)?)?;
    (crc(payload) == word(12)?).then_some(payload)
}
