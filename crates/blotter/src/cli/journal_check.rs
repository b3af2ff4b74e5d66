//! The journal's files, checked while a run goes on with them.
//!
//! A run reads no more of its journal than its end, so damage further back would be found by the next
//! reader and not by the run. Every byte is read on a thread of its own; a run whose evidence is
//! damaged is stopped, and ends with that.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use segment::{RealDisk, SegmentError};

use crate::{
    data_dir::DataDir,
    exit::{Failure, OrItsExit as _},
};

/// A check under way.
pub(super) struct JournalCheck {
    thread: Option<JoinHandle<Result<(), SegmentError>>>,
}

impl JournalCheck {
    /// Begins to read what is there of the journal; sets `stop` when it is damaged.
    pub(super) fn start(dir: &DataDir, stop: &Arc<AtomicBool>) -> Self {
        let (journal, stop) = (dir.journal(), Arc::clone(stop));
        if !journal.is_dir() {
            return Self { thread: None };
        }
        let thread = std::thread::spawn(move || {
            let checked = check(&journal);
            if checked.is_err() {
                stop.store(true, Ordering::Release);
            }
            checked
        });
        Self { thread: Some(thread) }
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// The damage, with its exit code.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let checked = self.thread.map(JoinHandle::join);
        // A check that panicked has found nothing.
        match checked {
            Some(Ok(checked)) => checked.or_its_exit(),
            Some(Err(_)) | None => Ok(()),
        }
    }
}

/// What cannot be read because a writer is at work there is read again: damage stays where it is.
fn check(journal: &Path) -> Result<(), SegmentError> {
    let damage = |checked| match checked {
        Err(error @ (SegmentError::Damage { .. } | SegmentError::NotASegment { .. })) => Err(error),
        _ => Ok(()),
    };
    let once = || damage(segment::check(&RealDisk, journal).map(drop));
    once().or_else(|_| once())
}
