//! Exit codes, one meaning each (`docs/cli.md`).

use broker::BrokerError;
use feed::FeedError;
use forensics::JournalError;
use segment::SegmentError;

use crate::{config::ConfigError, control::ControlError, data_dir::DataDirError};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// As asked.
    Ok = 0,
    /// A check found something.
    CheckFailed = 1,
    /// The command line or a setting is wrong.
    Usage = 2,
    /// A file, disk or process stands in the way.
    Environment = 3,
    /// What was asked for does not exist.
    NotFound = 4,
    /// The directory is bound to something else, or in use.
    Conflict = 5,
    /// Bytes are not what was written.
    Integrity = 6,
    /// Our books and the broker's differ.
    Breaks = 7,
    /// Interrupted by a signal; what was accepted is durable.
    Interrupted = 130,
}

/// Files that cannot be used: bytes that are not what was written are one thing, a disk, a program
/// too old for them or another writer are others.
impl From<&SegmentError> for Exit {
    fn from(error: &SegmentError) -> Self {
        match error {
            SegmentError::SecondWriter { .. } => Self::Conflict,
            SegmentError::Damage { .. } | SegmentError::NotASegment { .. } => Self::Integrity,
            _ => Self::Environment,
        }
    }
}

impl From<&JournalError> for Exit {
    fn from(error: &JournalError) -> Self {
        match error {
            JournalError::Segment(error) => error.into(),
            JournalError::Form { .. } => Self::Environment,
            _ => Self::Integrity,
        }
    }
}

impl From<&BrokerError> for Exit {
    fn from(error: &BrokerError) -> Self {
        match error {
            BrokerError::Damaged { .. } | BrokerError::Entry(_) => Self::Integrity,
            _ => Self::Environment,
        }
    }
}

impl From<&ControlError> for Exit {
    fn from(error: &ControlError) -> Self {
        match error {
            ControlError::Damaged { .. } => Self::Integrity,
            _ => Self::Environment,
        }
    }
}

impl From<&DataDirError> for Exit {
    fn from(error: &DataDirError) -> Self {
        match error {
            DataDirError::Io { .. } => Self::Environment,
            DataDirError::Empty { .. } => Self::NotFound,
            DataDirError::Bound { .. } => Self::Conflict,
            DataDirError::Binding { .. } => Self::Integrity,
        }
    }
}

/// A file that is not there stands in the way; one that says something wrong is a wrong setting.
impl From<&ConfigError> for Exit {
    fn from(error: &ConfigError) -> Self {
        match error {
            ConfigError::Read { .. } => Self::Environment,
            _ => Self::Usage,
        }
    }
}

/// A file that is not there stands in the way; one that is no tape, or defines nothing that can be
/// used, is a wrong argument.
impl From<&FeedError> for Exit {
    fn from(error: &FeedError) -> Self {
        match error {
            FeedError::Read { .. } | FeedError::Write { .. } => Self::Environment,
            _ => Self::Usage,
        }
    }
}

/// Gives an error the exit code that its kind has everywhere.
pub(crate) trait OrItsExit<T> {
    /// Ends with the code of the error when this failed.
    ///
    /// # Errors
    /// [`Failure`] with the code.
    fn or_its_exit(self) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrItsExit<T> for Result<T, E>
where
    for<'a> &'a E: Into<Exit>,
{
    fn or_its_exit(self) -> Result<T, Failure> {
        self.map_err(|error| Failure { exit: (&error).into(), error: error.into() })
    }
}

/// A failure with its exit code and what to do next.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The code.
    pub exit: Exit,
    /// What happened and why, and the next command to type.
    pub error: anyhow::Error,
}

impl Failure {
    /// A failure with words of its own.
    pub(crate) fn new(exit: Exit, words: impl std::fmt::Display) -> Self {
        Self { exit, error: anyhow::anyhow!("{words}") }
    }
}

/// Gives an error its exit code.
pub(crate) trait OrExit<T> {
    /// Ends with `exit` when this failed.
    ///
    /// # Errors
    /// [`Failure`] with the code.
    fn or_exit(self, exit: Exit) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit) -> Result<T, Failure> {
        self.map_err(|error| Failure { exit, error: error.into() })
    }
}
