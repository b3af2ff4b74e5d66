//! The port to a medium: the few calls a log needs, so that a simulator can stand in for them.

use std::{fmt, io, path::Path, sync::Arc};

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading alone.
    Read,
    /// Reading and writing.
    Write,
}

/// A directory tree on some medium.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Makes a directory and those above it.
    ///
    /// # Errors
    /// Those of the medium.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// Makes an empty file, replacing one of this name.
    ///
    /// # Errors
    /// Those of the medium.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens a file that exists.
    ///
    /// # Errors
    /// Those of the medium; `NotFound` when there is none.
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>>;

    /// The names of a directory's files, sorted.
    ///
    /// # Errors
    /// Those of the medium; `NotFound` when there is no such directory.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Gives a file another name, replacing one that has it.
    ///
    /// # Errors
    /// Those of the medium.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// Those of the medium.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// Those of the medium.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Takes an exclusive lock on a file, making it where there is none; held until dropped.
    ///
    /// # Errors
    /// `WouldBlock` when another holds it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>>;

    /// Bytes that may still be written in this directory.
    ///
    /// # Errors
    /// Those of the medium.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64>;
}

/// A lock that is released when dropped.
pub trait Lock: Send + Sync + fmt::Debug {}

/// An open file.
pub trait DiskFile: Send + Sync + fmt::Debug {
    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// Those of the medium; some of the bytes may then have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Reads at `offset` until `buffer` is full or the file ends; returns the bytes read.
    ///
    /// # Errors
    /// Those of the medium.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Makes what was written durable, with the file's length.
    ///
    /// # Errors
    /// Those of the medium; what had been written since the last success is then in doubt.
    fn sync(&self) -> io::Result<()>;

    /// The file's length in bytes.
    ///
    /// # Errors
    /// Those of the medium.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file is empty.
    ///
    /// # Errors
    /// Those of the medium.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// Makes the names of a directory and of those above it durable, so that a loss of power does not
/// take away what is to be begun in it. Whoever made them may have died before it did.
///
/// # Errors
/// Those of the medium. A directory that is somebody else's, and lets nobody sync it, is left out.
pub fn sync_above(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    dir.ancestors().filter_map(Path::parent).try_for_each(|above| match disk.sync_dir(above) {
        Err(error) if matches!(error.kind(), InvalidInput | PermissionDenied | Unsupported) => {
            Ok(())
        }
        other => other,
    })
}

static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

/// Writes zeros over `bytes` bytes from `offset`: real blocks, so that a later write changes no
/// metadata and its sync is one flush.
pub(crate) fn zero_fill(file: &dyn DiskFile, offset: u64, bytes: u64) -> io::Result<()> {
    let end = offset + bytes;
    let mut at = offset;
    while at < end {
        let part = (end - at).min(ZEROS.len() as u64) as usize;
        file.write_at(ZEROS.get(..part).unwrap_or_default(), at)?;
        at += part as u64;
    }
    Ok(())
}
