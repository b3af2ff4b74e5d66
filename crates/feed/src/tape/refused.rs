//! Lines that would not become events, summed up.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use event::{Source, choices::QuarantineReason, operations::EventQuarantined};

/// Lines of one file that would not become events, for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The file, as it was given.
    pub path: PathBuf,
    /// Why.
    pub reason: QuarantineReason,
    /// How many.
    pub count: u64,
    /// The first of them: its place in the file, from 0.
    pub first: u64,
    /// What is wrong with the first.
    pub detail: String,
}

/// One for each file and reason, so there are few, however long a tape is.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusals {
    by_cause: BTreeMap<(Source, QuarantineReason), Refused>,
}

impl Refusals {
    pub(super) fn note(&mut self, path: &Path, line: &EventQuarantined) {
        let refused = self.by_cause.entry((line.origin, line.reason)).or_insert_with(|| Refused {
            path: path.into(),
            reason: line.reason,
            count: 0,
            first: line.record,
            detail: line.detail.clone(),
        });
        refused.count += 1;
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Refused> {
        self.by_cause.values()
    }
}
