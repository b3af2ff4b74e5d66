//! Exit codes, one meaning each (`docs/cli.md`).

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
