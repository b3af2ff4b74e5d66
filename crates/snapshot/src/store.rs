//! Snapshots by name and index, in a store that may vanish.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use event::{Digest, id::digest_of};

/// State as it was once every entry at or below `index` had been folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last index folded.
    pub index: u64,
    /// What stands at `index` in the log that was folded, by a digest that only that log can have
    /// there. Whoever restores looks it up again, so that a snapshot of another log is no snapshot.
    pub cut: Digest,
    /// The state.
    pub state: Vec<u8>,
}

/// Why a snapshot could not be kept. Callers carry on without one.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The store will not open: another process has it, or the directory cannot be written.
    #[error(
        "E5001 the snapshot store {path} cannot be opened; state is folded from the journal instead"
    )]
    Open {
        /// The store's directory.
        path: PathBuf,
        /// Why.
        source: sled::Error,
    },
    /// The store refused a snapshot.
    #[error("E5002 a snapshot could not be kept")]
    Write(#[source] sled::Error),
    /// The snapshot could not be wrapped.
    #[error("E5003 a snapshot could not be encoded")]
    Encode(#[source] bincode::error::EncodeError),
}

/// A snapshot that was no good and is gone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "E5004 the snapshot of `{name}` at {index} {flaw}; it is dropped, and state is folded anew"
)]
pub struct Dropped {
    /// What it was of.
    pub name: String,
    /// The index it claimed.
    pub index: u64,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// What is wrong with a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Its bytes are not what was written.
    Damaged,
    /// Another version made it.
    OtherVersion,
    /// The log it was made of is not this one.
    OtherLog,
    /// Folding the log gives another state.
    OtherState,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Damaged => "is damaged",
            Self::OtherVersion => "was made by another version",
            Self::OtherLog => "is of another log",
            Self::OtherState => "is not what the log adds up to",
        })
    }
}

/// What is stored for one snapshot.
#[derive(bincode::Encode, bincode::BorrowDecode)]
struct Wrapped<'a> {
    version: [u8; 32],
    index: u64,
    cut: [u8; 32],
    digest: [u8; 32],
    /// Borrowed: a length that is not there costs no memory.
    state: &'a [u8],
}

/// A store of snapshots.
#[derive(Debug)]
pub struct SnapshotStore {
    tree: sled::Db,
    was_damaged: bool,
}

impl SnapshotStore {
    /// Opens the store in `dir`, deleting it first when its files are damaged.
    ///
    /// # Errors
    /// [`SnapshotError::Open`] when it cannot be opened even so, as when another process has it.
    pub fn open(dir: &Path) -> Result<Self, SnapshotError> {
        let open = || {
            // sled asserts its way through some damaged files.
            catch_unwind(AssertUnwindSafe(|| {
                sled::Config::new().path(dir).cache_capacity(CACHE_BYTES).open()
            }))
            .unwrap_or_else(|_| Err(sled::Error::Corruption { at: None, bt: () }))
        };
        let failed = |source| SnapshotError::Open { path: dir.to_path_buf(), source };
        match open() {
            Ok(tree) => Ok(Self { tree, was_damaged: false }),
            Err(sled::Error::Io(error)) if error.kind() != std::io::ErrorKind::InvalidData => {
                Err(failed(sled::Error::Io(error)))
            }
            Err(_) => {
                std::fs::remove_dir_all(dir).map_err(|error| failed(sled::Error::Io(error)))?;
                open().map(|tree| Self { tree, was_damaged: true }).map_err(failed)
            }
        }
    }

    /// Whether its files were damaged, so that it was made anew.
    #[must_use]
    pub const fn was_damaged(&self) -> bool {
        self.was_damaged
    }

    /// Keeps a snapshot of `name`. `version` stands for everything beside the log that the state
    /// depends on.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn keep(
        &self,
        name: &str,
        version: Digest,
        snapshot: Snapshot,
    ) -> Result<(), SnapshotError> {
        let key = key(name, snapshot.index);
        let bytes = snapshot.wrap(name, version)?;
        let _ = self.tree.insert(key, bytes).map_err(SnapshotError::Write)?;
        Ok(())
    }

    /// The newest sound snapshot of `name` at or below `index`. Those that are damaged, of another
    /// version, or that `is_of_this_log` refuses are dropped on the way, and said to be.
    pub fn newest(
        &self,
        name: &str,
        version: Digest,
        index: u64,
        mut is_of_this_log: impl FnMut(&Snapshot) -> bool,
    ) -> (Option<Snapshot>, Vec<Dropped>) {
        let mut dropped = Vec::new();
        for entry in self.tree.range(key(name, 0)..=key(name, index)).rev() {
            let Ok((key, bytes)) = entry else { break };
            let found = match Snapshot::unwrap(name, version, &bytes) {
                Ok(snapshot) if snapshot.index != index_of(&key) => Err(Flaw::Damaged),
                Ok(snapshot) if !is_of_this_log(&snapshot) => Err(Flaw::OtherLog),
                found => found,
            };
            match found {
                Ok(snapshot) => return (Some(snapshot), dropped),
                Err(flaw) => {
                    dropped.push(Dropped { name: name.into(), index: index_of(&key), flaw });
                    // It only costs time to be without it.
                    let _ = self.tree.remove(key);
                }
            }
        }
        (None, dropped)
    }

    /// The snapshot of `name` at exactly `index`.
    ///
    /// # Errors
    /// What is wrong with it; one that is not there is as good as damaged.
    pub fn at(&self, name: &str, version: Digest, index: u64) -> Result<Snapshot, Flaw> {
        let bytes = self.tree.get(key(name, index)).ok().flatten().ok_or(Flaw::Damaged)?;
        let snapshot = Snapshot::unwrap(name, version, &bytes)?;
        if snapshot.index == index { Ok(snapshot) } else { Err(Flaw::Damaged) }
    }

    /// Drops a snapshot that turned out to be no good.
    #[must_use]
    pub fn drop_at(&self, name: &str, index: u64, flaw: Flaw) -> Dropped {
        let _ = self.tree.remove(key(name, index));
        Dropped { name: name.into(), index, flaw }
    }

    /// Drops all but the newest `kept` snapshots of `name`.
    pub fn prune(&self, name: &str, kept: usize) {
        let keys: Vec<_> = self.tree.scan_prefix(prefix(name)).keys().flatten().collect();
        for surplus in keys.iter().take(keys.len().saturating_sub(kept)) {
            let _ = self.tree.remove(surplus);
        }
    }

    /// The indexes that have a snapshot of `name`, ascending.
    #[must_use]
    pub fn indexes(&self, name: &str) -> Vec<u64> {
        self.tree.scan_prefix(prefix(name)).keys().flatten().map(|key| index_of(&key)).collect()
    }
}

/// Memory sled may use for its cache.
const CACHE_BYTES: u64 = 8 << 20;

impl Snapshot {
    /// The bytes that are stored for it.
    ///
    /// # Errors
    /// [`SnapshotError::Encode`].
    pub fn wrap(&self, name: &str, version: Digest) -> Result<Vec<u8>, SnapshotError> {
        let wrapped = Wrapped {
            version: version.0,
            index: self.index,
            cut: self.cut.0,
            digest: digest(name, version, self).0,
            state: &self.state,
        };
        bincode::encode_to_vec(wrapped, bincode::config::standard()).map_err(SnapshotError::Encode)
    }

    /// Takes back what [`Snapshot::wrap`] gave.
    ///
    /// # Errors
    /// The [`Flaw`] of bytes that are not what was written, or of another version.
    pub fn unwrap(name: &str, version: Digest, bytes: &[u8]) -> Result<Self, Flaw> {
        let (wrapped, _): (Wrapped<'_>, usize) =
            bincode::borrow_decode_from_slice(bytes, bincode::config::standard())
                .map_err(|_| Flaw::Damaged)?;
        let Wrapped { version: found, index, cut, digest: stored, state } = wrapped;
        let snapshot = Self { index, cut: Digest(cut), state: state.to_vec() };
        if digest(name, Digest(found), &snapshot) != Digest(stored) {
            return Err(Flaw::Damaged);
        }
        if Digest(found) == version { Ok(snapshot) } else { Err(Flaw::OtherVersion) }
    }
}

fn digest(name: &str, version: Digest, snapshot: &Snapshot) -> Digest {
    let Snapshot { index, cut, state } = snapshot;
    digest_of("snapshot", &[name.as_bytes(), &version.0, &index.to_le_bytes(), &cut.0, state])
}

fn prefix(name: &str) -> Vec<u8> {
    let mut key = name.as_bytes().to_vec();
    key.push(0);
    key
}

fn key(name: &str, index: u64) -> Vec<u8> {
    let mut key = prefix(name);
    key.extend_from_slice(&index.to_be_bytes());
    key
}

/// The index a key ends with.
fn index_of(key: &[u8]) -> u64 {
    key.last_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
