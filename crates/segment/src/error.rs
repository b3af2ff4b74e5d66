//! What can go wrong with a log, and what to do about it.

use std::{io, path::PathBuf};

/// What the caller does about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// This request is at fault: refuse it, go on.
    Reject,
    /// The same request may succeed later.
    Retry,
    /// Unknown ground: stop.
    Fatal,
}

/// Why a log refuses.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The medium failed.
    #[error("E2001 cannot {action} {}; check the disk and its permissions", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the medium said.
        source: io::Error,
    },
    /// The file is no segment.
    #[error("E2002 {} is no blotter log segment; choose another directory with --data", path.display())]
    NotASegment {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version.
    #[error("E2003 {} has log format {found}, the newest known here is {newest}; upgrade blotter", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u16,
        /// The newest format known here.
        newest: u16,
    },
    /// Bytes that were durable are no longer what was written.
    #[error("E2004 {} is damaged at byte {offset}: {what}; make it anew with `blotter restore` or from a backup, then run `blotter verify`", path.display())]
    Damage {
        /// The file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What does not hold.
        what: &'static str,
    },
    /// Another process writes here.
    #[error("E2005 another process writes {}; stop it, or read with `--json` commands, which need no lock", dir.display())]
    SecondWriter {
        /// The directory.
        dir: PathBuf,
    },
    /// The directory cannot be written.
    #[error("E2006 {} cannot be written; give the user write permission or choose another with --data", dir.display())]
    ReadOnly {
        /// The directory.
        dir: PathBuf,
    },
    /// An earlier sync failed, so what is on disk is in doubt.
    #[error(
        "E2007 an earlier write to the log could not be made durable; stop, check the disk, start again"
    )]
    Poisoned,
    /// No room is left for writes of this priority; nothing was written.
    #[error("E2008 the disk is full: {needed_bytes} bytes find no room in {}; free space, then run the same command again", dir.display())]
    Full {
        /// The directory.
        dir: PathBuf,
        /// Bytes asked for.
        needed_bytes: u64,
    },
    /// A batch above the bound.
    #[error(
        "E2009 a batch of {bytes} bytes is over the bound of {max}; commit fewer events at once"
    )]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The bound.
        max: u64,
    },
    /// There is no log.
    #[error("E2010 there is no log in {}; run `blotter demo` or choose another directory with --data", dir.display())]
    Absent {
        /// The directory.
        dir: PathBuf,
    },
    /// Only sealed segments are rewritten.
    #[error(
        "E2011 the segment from index {first_index} is not sealed; only sealed segments are rewritten"
    )]
    NotSealed {
        /// The segment's first index.
        first_index: u64,
    },
}

impl SegmentError {
    /// What the caller does about it.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::TooLarge { .. } | Self::NotSealed { .. } => Class::Reject,
            Self::Full { .. } => Class::Retry,
            _ => Class::Fatal,
        }
    }

    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io { action, path: path.into(), source }
    }
}
