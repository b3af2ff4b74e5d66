//! A disk in memory that loses power.
//!
//! It keeps what a running system sees apart from what is durable. Writes become durable by a sync
//! of their file, names by a sync of their directory. A crash keeps what was durable and, of the
//! rest, as much as the chosen [`PowerLoss`] says: nothing, everything, a torn last write, or any
//! mixture of sectors. A failed sync keeps nothing of what it was to make durable, while reads
//! still show it, as the page cache of a real system does.

mod file;
mod power;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use power::PowerLoss;

use crate::{Access, Disk, DiskFile, Lock};
use file::{SimFile, Write};

/// A disk in memory that counts every effect and fails where it is told to.
#[derive(Clone, Debug, Default)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// Names as a running system sees them.
    names: BTreeMap<PathBuf, usize>,
    /// Names that survive a crash.
    durable_names: BTreeMap<PathBuf, usize>,
    inodes: Vec<Inode>,
    locks: BTreeSet<PathBuf>,
    /// Effects so far: creations, writes, syncs, renames, removals.
    effects: u64,
    /// Syncs so far, failed ones among them.
    syncs: u64,
    crash_at: Option<u64>,
    fail_sync_at: Option<u64>,
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

    /// Loses power at the effect with this number, from 0: it and all after it fail.
    pub fn crash_at(&self, effect: u64) {
        self.state().crash_at = Some(effect);
    }

    /// Lets the sync with this number, from 0, fail.
    pub fn fail_sync_at(&self, sync: u64) {
        self.state().fail_sync_at = Some(sync);
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
        let names = match loss {
            PowerLoss::KeepsAll => state.names.clone(),
            _ => state.durable_names.clone(),
        };
        let inodes: Vec<Inode> = (0_u64..)
            .zip(&state.inodes)
            .map(|(number, inode)| {
                let found = loss.content(number, &inode.durable, &inode.pending);
                Inode { live: found.clone(), durable: found, pending: Vec::new() }
            })
            .collect();
        let found = State { durable_names: names.clone(), names, inodes, ..State::default() };
        Self { state: Arc::new(Mutex::new(found)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn inode_of(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Counts an effect; fails when power is gone or the disk is read-only.
    fn effect(&mut self, effect: Effect) -> io::Result<()> {
        if self.read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        let number = self.effects;
        self.effects += 1;
        if self.crash_at.is_some_and(|at| number >= at) {
            return Err(io::Error::other("power is gone"));
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
        let named: BTreeSet<usize> = self.names.values().copied().collect();
        named.iter().filter_map(|&at| self.inodes.get(at)).map(|i| i.live.len() as u64).sum()
    }
}

impl Disk for SimDisk {
    fn create_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        state.effect(Effect::Change)?;
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        let _ = state.names.insert(path.to_path_buf(), inode);
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
        let of_dir = |path: &PathBuf| {
            (path.parent() == Some(dir))
                .then(|| path.file_name()?.to_str().map(String::from))
                .flatten()
        };
        Ok(state.names.keys().filter_map(of_dir).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.effect(Effect::Change)?;
        let inode = state.inode_of(from)?;
        let _ = state.names.remove(from);
        let _ = state.names.insert(to.to_path_buf(), inode);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.effect(Effect::Change)?;
        state.names.remove(path).map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.effect(Effect::Sync)?;
        let in_dir = |path: &Path| path.parent() == Some(dir);
        state.durable_names.retain(|path, _| !in_dir(path));
        let kept: Vec<_> =
            state.names.iter().filter(|(p, _)| in_dir(p)).map(|(p, i)| (p.clone(), *i)).collect();
        state.durable_names.extend(kept);
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
