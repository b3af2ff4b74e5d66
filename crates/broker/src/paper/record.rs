//! The broker's own durable record: a file of frames, one frame per step of the broker.
//!
//! A frame is a head of 20 bytes (ordinal, length, checksum of the payload, checksum of the head)
//! and its payload. It is synced before anything that follows from it is handed out, so no frame
//! begins before the one before it is durable: a bad frame with a good one behind it is damage,
//! and a bad frame with none behind it is a torn tail, which is cut off when the file is opened
//! for writing.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use crc_fast::{CrcAlgorithm, checksum};

use crate::BrokerError;

/// The file's name in the broker's directory.
const FILE: &str = "record";
/// What the file begins with: name and version of the format.
const MAGIC: &[u8; 8] = b"BLPAPER1";
const HEAD_BYTES: usize = 20;

/// The record, open.
#[derive(Debug)]
pub(crate) struct Record {
    path: PathBuf,
    file: File,
    frames: u64,
    writable: bool,
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
    pub(crate) fn open(dir: &Path) -> Result<Opened, BrokerError> {
        let path = dir.join(FILE);
        fs::create_dir_all(dir).map_err(io_error(&path, "made"))?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io_error(&path, "opened"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BrokerError::Busy { path }),
            Err(TryLockError::Error(source)) => return Err(io_error(&path, "locked")(source)),
        }
        let bytes = read_all(&mut file, &path)?;
        let (frames, good) = if bytes.len() < MAGIC.len() && MAGIC.starts_with(&bytes) {
            file.set_len(0).map_err(io_error(&path, "cut"))?;
            file.seek(SeekFrom::Start(0)).map_err(io_error(&path, "written"))?;
            file.write_all(MAGIC).map_err(io_error(&path, "written"))?;
            sync_with_directory(&file, dir, &path)?;
            (Vec::new(), MAGIC.len() as u64)
        } else {
            parse(&bytes, &path)?
        };
        if (bytes.len() as u64) > good {
            file.set_len(good).map_err(io_error(&path, "cut"))?;
            file.sync_all().map_err(io_error(&path, "synced"))?;
        }
        file.seek(SeekFrom::Start(good)).map_err(io_error(&path, "written"))?;
        let count = frames.len() as u64;
        let record = Self { path, file, frames: count, writable: true, poisoned: false };
        Ok(Opened { record, frames })
    }

    /// Opens for reading; a torn tail is left where it is and not read.
    pub(crate) fn open_read_only(dir: &Path) -> Result<Opened, BrokerError> {
        let path = dir.join(FILE);
        let mut file = File::open(&path).map_err(io_error(&path, "opened"))?;
        let bytes = read_all(&mut file, &path)?;
        let (frames, _) = parse(&bytes, &path)?;
        let count = frames.len() as u64;
        let record = Self { path, file, frames: count, writable: false, poisoned: false };
        Ok(Opened { record, frames })
    }

    /// Appends a frame and makes it durable.
    pub(crate) fn append(&mut self, payload: &[u8]) -> Result<(), BrokerError> {
        self.check_writable()?;
        let frame = framed(self.frames, payload);
        // Until the sync has returned, what the file holds is not known.
        self.poisoned = true;
        self.file.write_all(&frame).map_err(io_error(&self.path, "written"))?;
        self.file.sync_data().map_err(io_error(&self.path, "synced"))?;
        self.poisoned = false;
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
        if !self.writable {
            return Err(BrokerError::ReadOnly);
        }
        Ok(())
    }

    /// Reads all frames again.
    pub(crate) fn read_again(&self) -> Result<Vec<Vec<u8>>, BrokerError> {
        let mut file = File::open(&self.path).map_err(io_error(&self.path, "opened"))?;
        let bytes = read_all(&mut file, &self.path)?;
        Ok(parse(&bytes, &self.path)?.0)
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

fn sync_with_directory(file: &File, dir: &Path, path: &Path) -> Result<(), BrokerError> {
    file.sync_all().map_err(io_error(path, "synced"))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_error(path, "synced"))
}

fn read_all(file: &mut File, path: &Path) -> Result<Vec<u8>, BrokerError> {
    let mut bytes = Vec::new();
    let _ = file.read_to_end(&mut bytes).map_err(io_error(path, "read"))?;
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
fn parse(bytes: &[u8], path: &Path) -> Result<(Vec<Vec<u8>>, u64), BrokerError> {
    let damaged = |at: usize, what: &str| BrokerError::Damaged {
        path: path.to_path_buf(),
        at: at as u64,
        what: what.into(),
    };
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
    Ok((frames, at as u64))
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
