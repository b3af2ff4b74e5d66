//! A disk in memory that loses power.
//!
//! It keeps what a running system sees apart from what is durable. Writes become durable by a sync
//! of their file, names by a sync of their directory, a directory by a sync of the one above it. A
//! crash keeps what was durable and, of the rest, as much as the chosen [`PowerLoss`] says: nothing,
//! everything, a torn or dropped write, or any mixture of sectors and names. A failed sync keeps
//! nothing of what it was to make durable, while reads still show it, as the page cache of a real
//! system does.

mod file;
mod names;
mod power;

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use power::PowerLoss;

use crate::{Access, Disk, DiskFile, Lock};
use file::{SimFile, Write};
use names::{Change, Names};

/// A disk in memory that counts every effect and fails where it is told to.
#[derive(Clone, Debug, Default)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    names: Names,
    inodes: Vec<Inode>,
    locks: BTreeSet<PathBuf>,
    /// Effects so far: creations, writes, syncs, renames, removals.
    effects: u64,
    /// Syncs so far, failed ones among them.
    syncs: u64,
    /// Writes so far, failed ones among them.
    writes: u64,
    crash_at: Option<u64>,
    fail_sync_at: Option<u64>,
    fail_write_at: Option<u64>,
    capacity_bytes: Option<u64>,
    read_only: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Inode {
    live: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Write>,
}

/// What a step on the disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Change,
    Write,
    Sync,
}

impl SimDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Effects so far: what a crash can come between.
    #[must_use]
    pub fn effects(&self) -> u64 {
        self.state().effects
    }

    /// Syncs of files and directories so far.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// Writes so far.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.state().writes
    }

    /// Loses power at the effect with this number, from 0: it and all after it fail.
    pub fn crash_at(&self, effect: u64) {
        self.state().crash_at = Some(effect);
    }

    /// Goes on with everything the page cache shows, as when the process alone was killed; nothing
    /// fails any more.
    pub fn go_on(&self) {
        let mut state = self.state();
        (state.crash_at, state.fail_sync_at, state.fail_write_at) = (None, None, None);
    }

    /// Lets the sync with this number, from 0, fail.
    pub fn fail_sync_at(&self, sync: u64) {
        self.state().fail_sync_at = Some(sync);
    }

    /// Lets the write with this number, from 0, fail half-way.
    pub fn fail_write_at(&self, write: u64) {
        self.state().fail_write_at = Some(write);
    }

    /// Bounds the bytes of all files together; `None` takes the bound away.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity_bytes = bytes;
    }

    /// Refuses every change from now on, as a file system mounted read-only.
    pub fn set_read_only(&self) {
        self.state().read_only = true;
    }

    /// Changes bytes where they lie, as a failing medium does.
    ///
    /// # Errors
    /// `NotFound` when there is no such file.
    pub fn corrupt(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let mut state = self.state();
        let inode = state.inode_of(path)?;
        if let Some(inode) = state.inodes.get_mut(inode) {
            change(&mut inode.live);
            inode.durable = inode.live.clone();
        }
        Ok(())
    }

    /// The content of a file as a running system sees it.
    ///
    /// # Errors
    /// `NotFound` when there is no such file.
    pub fn content(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.state();
        let inode = state.inode_of(path)?;
        Ok(state.inodes.get(inode).map(|inode| inode.live.clone()).unwrap_or_default())
    }

    /// The disk as it is found after a loss of power at this moment.
    #[must_use]
    pub fn after(&self, loss: PowerLoss) -> Self {
        let state = self.state();
        let inodes: Vec<Inode> = (0_u64..)
            .zip(&state.inodes)
            .map(|(number, inode)| {
                let found = loss.content(number, &inode.durable, &inode.pending);
                Inode { live: found.clone(), durable: found, pending: Vec::new() }
            })
            .collect();
        let found = State { names: state.names.after(loss), inodes, ..State::default() };
        Self { state: Arc::new(Mutex::new(found)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn inode_of(&self, path: &Path) -> io::Result<usize> {
        self.names.file(path).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Whether power is gone.
    fn crashed(&self) -> bool {
        self.crash_at.is_some_and(|at| self.effects > at)
    }

    /// Counts an effect; fails when power is gone or the disk is read-only.
    fn effect(&mut self, effect: Effect) -> io::Result<()> {
        if self.read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        self.effects += 1;
        if self.crashed() {
            return Err(io::Error::other("power is gone"));
        }
        if effect == Effect::Write {
            let write = self.writes;
            self.writes += 1;
            if self.fail_write_at == Some(write) {
                return Err(io::Error::other("the device failed to write"));
            }
        }
        if effect == Effect::Sync {
            let sync = self.syncs;
            self.syncs += 1;
            if self.fail_sync_at == Some(sync) {
                return Err(io::Error::other("the device failed to flush"));
            }
        }
        Ok(())
    }

    fn used_bytes(&self) -> u64 {
        let named: BTreeSet<usize> = self.names.files().values().copied().collect();
        named.iter().filter_map(|&at| self.inodes.get(at)).map(|i| i.live.len() as u64).sum()
    }
}

impl Disk for SimDisk {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        let above: Vec<&Path> = dir.ancestors().collect();
        for dir in above.into_iter().rev() {
            if !state.names.has_folder(dir) {
                state.effect(Effect::Change)?;
                state.names.change(Change::Folder(dir.to_path_buf()));
            }
        }
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        state.effect(Effect::Change)?;
        if !path.parent().is_some_and(|dir| state.names.has_folder(dir)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        // Over another file it is the same file, emptied: a crash may find it so.
        let inode = match state.names.file(path) {
            Some(inode) => inode,
            None => {
                let inode = state.inodes.len();
                state.inodes.push(Inode::default());
                state.names.change(Change::Put(path.to_path_buf(), inode));
                inode
            }
        };
        if let Some(inode) = state.inodes.get_mut(inode) {
            inode.live.clear();
            inode.pending.push(Write { offset: 0, bytes: Vec::new(), empties: true });
        }
        Ok(Arc::new(SimFile { disk: self.clone(), inode }))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let state = self.state();
        if state.read_only && access == Access::Write {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        let inode = state.inode_of(path)?;
        Ok(Arc::new(SimFile { disk: self.clone(), inode }))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        if !state.names.has_folder(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let of_dir = |path: &PathBuf| {
            (path.parent() == Some(dir))
                .then(|| path.file_name()?.to_str().map(String::from))
                .flatten()
        };
        Ok(state.names.files().keys().filter_map(of_dir).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.effect(Effect::Change)?;
        let inode = state.inode_of(from)?;
        state.names.change(Change::Move(from.to_path_buf(), to.to_path_buf(), inode));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.effect(Effect::Change)?;
        let _ = state.inode_of(path)?;
        state.names.change(Change::Take(path.to_path_buf()));
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.effect(Effect::Sync)?;
        state.names.sync(dir);
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        let mut state = self.state();
        if state.read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        if !state.locks.insert(path.to_path_buf()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        drop(state);
        Ok(Box::new(SimLock { disk: self.clone(), path: path.to_path_buf() }))
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        let state = self.state();
        Ok(state.capacity_bytes.map_or(u64::MAX, |all| all.saturating_sub(state.used_bytes())))
    }
}

#[derive(Debug)]
struct SimLock {
    disk: SimDisk,
    path: PathBuf,
}

impl Lock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        let _ = self.disk.state().locks.remove(&self.path);
    }
}
