//! Halt and command without the bus: a latch and a journal of operator commands, both in files
//! whose space was taken when the directory was made, so a full disk cannot keep an operator from
//! stopping trading.

mod journal;
mod latch;
mod slots;
mod socket;

pub(crate) use journal::{CommandJournal, Mended, OperatorCommand};
pub(crate) use latch::{HaltLatch, LatchState};
pub(crate) use socket::{Published, Publisher, Socket, readable};

/// Why a control file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    /// The file system refused.
    #[error("E7001 {path}: the control file cannot be {action}")]
    Io {
        /// Which file.
        path: std::path::PathBuf,
        /// What was attempted.
        action: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The bytes are not what was written.
    #[error(
        "E7002 {path} is damaged at slot {slot}; trading counts as halted: `blotter halt` writes it anew, then `blotter run` and `blotter resume`"
    )]
    Damaged {
        /// Which file.
        path: std::path::PathBuf,
        /// Where.
        slot: u64,
    },
    /// Every slot holds a command that is not yet logged.
    #[error(
        "E7003 {path} is full of commands that no run has logged; start `blotter run` so that it can"
    )]
    Full {
        /// Which file.
        path: std::path::PathBuf,
    },
    /// The text is longer than a slot.
    #[error("E7004 reason and actor together are longer than {max} bytes")]
    TooLong {
        /// Bytes a command may have.
        max: usize,
    },
}

#[cfg(test)]
mod tests;
