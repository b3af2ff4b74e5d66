//! Why a broker failed, as against refused.

use std::{io, path::PathBuf};

use event::{AccountId, DecodeError, LabelError, MoneyError};

/// Why the broker cannot go on. All but [`BrokerError::ReadOnly`] are fatal: the caller stops.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The record cannot be read or written.
    #[error("E9011 the broker's record {path} cannot be {action}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The record is damaged before its end.
    #[error("E9002 the broker's record {path} is damaged at byte {at}: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        at: u64,
        /// What is wrong.
        what: String,
    },
    /// The record was written by a newer version.
    #[error("E9012 the broker's record {path} was written by a newer version; upgrade blotter")]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// The record does not decode.
    #[error("E9003 the broker's record holds an entry this version cannot read")]
    Entry(#[from] DecodeError),
    /// The record is another account's.
    #[error("E9004 the broker's record {path} is of account {found}, not {expected}")]
    OtherAccount {
        /// The file.
        path: PathBuf,
        /// The account asked for.
        expected: AccountId,
        /// The account found.
        found: AccountId,
    },
    /// A sum left the range of the ledger.
    #[error("E9005 the broker's ledger cannot book {what}")]
    Money {
        /// What was booked.
        what: &'static str,
        /// Why it cannot be.
        source: MoneyError,
    },
    /// A name of the broker's own is no label.
    #[error("E9006 the broker cannot name an order or an execution")]
    Name(#[from] LabelError),
    /// The record was opened for reading.
    #[error("E9007 the broker's record was opened for reading; it takes no orders")]
    ReadOnly,
    /// A write failed before, so what the record holds is not known.
    #[error("E9008 a write to the broker's record failed before; open it again")]
    Poisoned,
    /// Another process writes the record.
    #[error("E9009 another process has the broker's record {path} open")]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The record contradicts itself.
    #[error("E9010 the broker's record names {what} that it does not hold")]
    Unknown {
        /// What is missing.
        what: &'static str,
    },
}

impl BrokerError {
    /// Wraps a failed sum.
    pub(crate) fn money(what: &'static str) -> impl FnOnce(MoneyError) -> Self {
        move |source| Self::Money { what, source }
    }
}
