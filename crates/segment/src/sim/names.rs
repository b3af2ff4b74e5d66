//! Names of the simulated disk: which file each stands for, now and after a loss of power.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::PowerLoss;

/// A change of names that no sync of its directory has made durable yet.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// A directory was made.
    Folder(PathBuf),
    /// A name stands for this file.
    Put(PathBuf, usize),
    /// A name was given to what another stood for: both at once, or neither.
    Move(PathBuf, PathBuf, usize),
    /// A name was removed.
    Take(PathBuf),
}

impl Change {
    /// Whether it changes the names of this directory. No file is moved between directories.
    fn is_in(&self, dir: &Path) -> bool {
        let (Self::Folder(path) | Self::Put(path, _) | Self::Move(_, path, _) | Self::Take(path)) =
            self;
        path.parent() == Some(dir)
    }
}

/// Names and what they stand for.
#[derive(Clone, Debug, Default)]
struct Tree {
    files: BTreeMap<PathBuf, usize>,
    folders: BTreeSet<PathBuf>,
}

impl Tree {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Folder(path) => {
                let _ = self.folders.insert(path.clone());
            }
            Change::Put(path, file) => {
                let _ = self.files.insert(path.clone(), *file);
            }
            Change::Move(from, to, file) => {
                let _ = self.files.remove(from);
                let _ = self.files.insert(to.clone(), *file);
            }
            Change::Take(path) => {
                let _ = self.files.remove(path);
            }
        }
    }

    /// Whether a directory and all those above it are there.
    fn holds(&self, dir: &Path) -> bool {
        dir.ancestors().all(|dir| is_root(dir) || self.folders.contains(dir))
    }
}

/// The directory that is always there.
fn is_root(dir: &Path) -> bool {
    dir == Path::new("/") || dir == Path::new("")
}

/// Names as a running system sees them, and as a loss of power would leave them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    live: Tree,
    durable: Tree,
    pending: Vec<Change>,
}

impl Names {
    pub(crate) fn file(&self, path: &Path) -> Option<usize> {
        self.live.files.get(path).copied()
    }

    pub(crate) fn files(&self) -> &BTreeMap<PathBuf, usize> {
        &self.live.files
    }

    pub(crate) fn has_folder(&self, dir: &Path) -> bool {
        self.live.holds(dir)
    }

    pub(crate) fn change(&mut self, change: Change) {
        self.live.apply(&change);
        self.pending.push(change);
    }

    /// Makes the names in a directory durable.
    pub(crate) fn sync(&mut self, dir: &Path) {
        for change in self.pending.extract_if(.., |change| change.is_in(dir)) {
            self.durable.apply(&change);
        }
    }

    /// The names that are found after a loss of power. What lies in a directory that is not found
    /// is not found either.
    pub(crate) fn after(&self, loss: PowerLoss) -> Self {
        let mut found = self.durable.clone();
        loss.names(&self.pending).for_each(|change| found.apply(change));
        let all = found.clone();
        found.folders.retain(|dir| all.holds(dir));
        found.files.retain(|path, _| path.parent().is_some_and(|dir| all.holds(dir)));
        Self { live: found.clone(), durable: found, pending: Vec::new() }
    }
}
