//! Why a feed cannot be opened, read or written.

use std::{io, path::PathBuf};

/// Why market data cannot be taken in. All of these are fatal to the reader: a record that does not
/// parse is none of them, it is quarantined and the tape goes on.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The file cannot be opened or read.
    #[error("E4001 {path} cannot be read")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A pipe, a device or a directory: a tape is read twice, once for its digest.
    #[error("E4002 {path} is not a regular file; a tape is read twice, so save it to a file first")]
    NotAFile {
        /// Which path.
        path: PathBuf,
    },
    /// Nothing is in it.
    #[error("E4003 {path} holds no records: {found}")]
    Empty {
        /// Which file.
        path: PathBuf,
        /// What was found.
        found: &'static str,
    },
    /// The content is of another kind than the ones that are read.
    #[error(
        "E4004 {path} is {found}; supported are recorded Binance frames (`<receive ns> <json>`) \
         and JSON lines, plain or gzip"
    )]
    Unsupported {
        /// Which file.
        path: PathBuf,
        /// What was found.
        found: String,
    },
    /// Two inputs have the same content, so their events would have the same ids.
    #[error("E4005 {path} has the same content as {earlier}; give each tape once")]
    Repeated {
        /// The later one.
        path: PathBuf,
        /// The earlier one.
        earlier: PathBuf,
    },
    /// The file is not what it was when its digest was taken.
    #[error("E4006 {path} changed while it was read; its records cannot be identified, run again")]
    Changed {
        /// Which file.
        path: PathBuf,
    },
    /// A definition of an instrument cannot be used.
    #[error("E4007 {origin}, line {line}: {reason}")]
    Instrument {
        /// Which file.
        origin: String,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// The generated day cannot be written.
    #[error("E4008 {path} cannot be written")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl FeedError {
    pub(crate) fn read(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Read { path, source }
    }
}
