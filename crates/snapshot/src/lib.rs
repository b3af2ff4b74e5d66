//! Disposable snapshots: state at a log index, so that a restart or a question about the past need
//! not fold everything from the beginning.
//!
//! Nothing here is the only copy of anything. The store is sled, whose `flush` makes no fsync, and
//! the wrapper is bincode, which cannot read its bytes after a field is added; both are fine for
//! bytes that can be thrown away and are named nowhere else. A snapshot that is damaged, of another
//! version, of another log, or in a store that will not open is dropped, and the log is folded
//! instead; what was dropped is named, so that somebody can be told.
//!
//! It knows nothing of what the state is. Enter at [`SnapshotStore`].
//!
//! Cost: one sled insert per snapshot; looking one up reads one value.

mod store;

#[cfg(test)]
mod tests;

pub use store::{Dropped, Flaw, Snapshot, SnapshotError, SnapshotStore};
