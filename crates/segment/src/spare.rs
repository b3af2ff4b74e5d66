//! The segment after this one: zero-filled before it is needed, so that no commit waits for blocks.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

use crate::{Disk, DiskFile, disk::zero_fill};

/// A zero-filled, synced file under a name that is no segment's.
#[derive(Debug)]
pub(crate) struct SpareFile {
    pub(crate) path: PathBuf,
    pub(crate) capacity: u64,
    pub(crate) file: Arc<dyn DiskFile>,
}

/// Makes spare files: on a thread of its own, or at once where every step must be repeatable.
#[derive(Debug)]
pub(crate) struct Spares {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    stage: Stage,
    /// Whether the last attempt failed: until one succeeds, room counts as missing.
    failed: bool,
}

#[derive(Debug)]
enum Stage {
    Idle,
    Wanted(u64),
    Making,
    Ready(SpareFile),
    Ended,
}

/// Where the next segment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpareState {
    /// Ready to be used.
    Ready,
    /// Asked for, not ready yet.
    Coming,
    /// The medium refused it, or none was asked for.
    Missing,
}

impl Spares {
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: &Path, background: bool) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            disk,
            dir: dir.to_path_buf(),
            state: Mutex::new(State { stage: Stage::Idle, failed: false }),
            changed: Condvar::new(),
        });
        let thread = background
            .then(|| {
                let shared = Arc::clone(&shared);
                std::thread::Builder::new()
                    .name("segment-spare".into())
                    .spawn(move || shared.serve())
            })
            .transpose()?;
        Ok(Self { shared, thread })
    }

    /// Asks for a spare, unless one is there or on its way.
    pub(crate) fn request(&self, capacity: u64) {
        let mut state = self.shared.lock();
        if !matches!(state.stage, Stage::Idle) {
            return;
        }
        if self.thread.is_some() {
            state.stage = Stage::Wanted(capacity);
            self.shared.changed.notify_all();
        } else {
            let made = self.shared.make(capacity);
            state.keep(made);
        }
    }

    pub(crate) fn state(&self) -> SpareState {
        let state = self.shared.lock();
        match state.stage {
            Stage::Ready(_) => SpareState::Ready,
            Stage::Wanted(_) | Stage::Making if !state.failed => SpareState::Coming,
            _ => SpareState::Missing,
        }
    }

    /// Takes a spare of at least `capacity` bytes, waiting for one on its way, else making it now.
    pub(crate) fn take(&self, capacity: u64) -> io::Result<SpareFile> {
        let coming = |s: &mut State| matches!(s.stage, Stage::Wanted(_) | Stage::Making);
        let mut state = self
            .shared
            .changed
            .wait_while(self.shared.lock(), coming)
            .unwrap_or_else(PoisonError::into_inner);
        if let Stage::Ready(spare) = std::mem::replace(&mut state.stage, Stage::Idle)
            && spare.capacity >= capacity
        {
            return Ok(spare);
        }
        let made = self.shared.make(capacity);
        state.failed = made.is_err();
        made
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        let left = std::mem::replace(&mut self.shared.lock().stage, Stage::Ended);
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        if let Stage::Ready(_) | Stage::Making = left {
            let _ = self.shared.disk.remove(&self.shared.path());
        }
    }
}

impl State {
    /// Takes note of an attempt's outcome.
    fn keep(&mut self, made: io::Result<SpareFile>) {
        self.failed = made.is_err();
        self.stage = made.map_or(Stage::Idle, Stage::Ready);
    }
}

impl Shared {
    fn serve(&self) {
        loop {
            let idle = |s: &mut State| !matches!(s.stage, Stage::Wanted(_) | Stage::Ended);
            let mut state =
                self.changed.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
            let Stage::Wanted(capacity) = state.stage else { return };
            state.stage = Stage::Making;
            drop(state);
            let made = self.make(capacity);
            let mut state = self.lock();
            if matches!(state.stage, Stage::Ended) {
                return;
            }
            state.keep(made);
            drop(state);
            self.changed.notify_all();
        }
    }

    fn make(&self, capacity: u64) -> io::Result<SpareFile> {
        // Asking first spares others a disk that is full for as long as the attempt takes.
        if self.disk.free_bytes(&self.dir)? < capacity {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let path = self.path();
        let fill = || {
            let file = self.disk.create(&path)?;
            zero_fill(&*file, 0, capacity)?;
            file.sync()?;
            Ok(file)
        };
        match fill() {
            Ok(file) => Ok(SpareFile { path, capacity, file }),
            Err(error) => {
                // Half a spare is no use and takes room others need.
                let _ = self.disk.remove(&path);
                Err(error)
            }
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.join("spare.tmp")
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
