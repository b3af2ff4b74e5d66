//! Snapshots by name and index, in a store that may vanish.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use event::{Digest, id::digest_of};

/// State as it was once every entry at or below `index` had been folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last index folded.
    pub index: u64,
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

/// What is stored for one snapshot.
#[derive(bincode::Encode, bincode::Decode)]
struct Wrapped {
    fold_version: u32,
    index: u64,
    digest: [u8; 32],
    state: Vec<u8>,
}

/// A store of snapshots.
#[derive(Debug)]
pub struct SnapshotStore {
    tree: sled::Db,
}

/// Snapshots kept of each name; older ones are dropped.
const KEPT: usize = 32;

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
            Ok(tree) => Ok(Self { tree }),
            Err(sled::Error::Io(error)) if error.kind() != std::io::ErrorKind::InvalidData => {
                Err(failed(sled::Error::Io(error)))
            }
            Err(_) => {
                std::fs::remove_dir_all(dir).map_err(|error| failed(sled::Error::Io(error)))?;
                open().map(|tree| Self { tree }).map_err(failed)
            }
        }
    }

    /// Keeps a snapshot of `name` as of `index`.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn keep(
        &self,
        name: &str,
        fold_version: u32,
        snapshot: &Snapshot,
    ) -> Result<(), SnapshotError> {
        let bytes = wrap(name, fold_version, snapshot)?;
        let _ = self.tree.insert(key(name, snapshot.index), bytes).map_err(SnapshotError::Write)?;
        let kept: Vec<_> = self.tree.scan_prefix(prefix(name)).keys().flatten().collect();
        for surplus in kept.iter().take(kept.len().saturating_sub(KEPT)) {
            let _ = self.tree.remove(surplus).map_err(SnapshotError::Write)?;
        }
        Ok(())
    }

    /// The newest sound snapshot of `name` at or below `index`. Damaged ones and ones of another
    /// fold version are dropped on the way.
    #[must_use]
    pub fn newest(&self, name: &str, fold_version: u32, index: u64) -> Option<Snapshot> {
        let range = key(name, 0)..=key(name, index);
        for entry in self.tree.range(range).rev() {
            let Ok((key, bytes)) = entry else { return None };
            if let Some(snapshot) = unwrap(name, fold_version, &bytes) {
                return Some(snapshot);
            }
            // It only costs time to be without it.
            let _ = self.tree.remove(key);
        }
        None
    }
}

/// Memory sled may use for its cache.
const CACHE_BYTES: u64 = 8 << 20;

pub(crate) fn wrap(
    name: &str,
    fold_version: u32,
    snapshot: &Snapshot,
) -> Result<Vec<u8>, SnapshotError> {
    let Snapshot { index, state } = snapshot;
    let wrapped = Wrapped {
        fold_version,
        index: *index,
        digest: digest_of("snapshot", &[name.as_bytes(), &index.to_le_bytes(), state]).0,
        state: state.clone(),
    };
    bincode::encode_to_vec(wrapped, bincode::config::standard()).map_err(SnapshotError::Encode)
}

pub(crate) fn unwrap(name: &str, fold_version: u32, bytes: &[u8]) -> Option<Snapshot> {
    let (wrapped, _): (Wrapped, usize) =
        bincode::decode_from_slice(bytes, bincode::config::standard().with_limit::<LIMIT>())
            .ok()?;
    let Wrapped { fold_version: found, index, digest, state } = wrapped;
    let expected = digest_of("snapshot", &[name.as_bytes(), &index.to_le_bytes(), &state]);
    (found == fold_version && expected == Digest(digest)).then_some(Snapshot { index, state })
}

/// Bytes a snapshot may have; a damaged length cannot ask for more.
const LIMIT: usize = 1 << 30;

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
