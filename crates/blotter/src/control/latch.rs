//! The persistent halt latch, checked before every send.

use std::path::Path;

use super::{ControlError, slots::Slots};

/// What the latch says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LatchState {
    /// Trading may go on.
    Open,
    /// Trading is halted, and why.
    Halted {
        /// Why, and by whom.
        reason: String,
    },
}

/// The latch: the newer of two slots holds, and damage in either reads as halted.
#[derive(Debug)]
pub(crate) struct HaltLatch {
    slots: Slots,
}

const SLOTS: u64 = 2;
const OPEN: &str = "open";
const HALTED: &str = "halted ";

impl HaltLatch {
    /// Opens the latch in `dir`, making it when it is not there.
    ///
    /// # Errors
    /// [`ControlError::Io`].
    pub(crate) fn open(dir: &Path) -> Result<Self, ControlError> {
        Slots::open(&dir.join("latch"), SLOTS).map(|slots| Self { slots })
    }

    /// What the latch in `dir` says; a directory without one is open.
    ///
    /// # Errors
    /// [`ControlError::Io`].
    pub(crate) fn peek(dir: &Path) -> Result<LatchState, ControlError> {
        match Slots::open_to_read(&dir.join("latch"), SLOTS)? {
            Some(slots) => Ok(Self { slots }.state()),
            None => Ok(LatchState::Open),
        }
    }

    /// What it says. A latch that cannot be read is halted: the safe state needs no proof.
    #[must_use]
    pub(crate) fn state(&self) -> LatchState {
        match self.newest() {
            Ok(None) => LatchState::Open,
            Ok(Some((_, text))) if text == OPEN => LatchState::Open,
            Ok(Some((_, text))) => {
                LatchState::Halted { reason: text.strip_prefix(HALTED).unwrap_or(&text).to_owned() }
            }
            Err(error) => LatchState::Halted { reason: error.to_string() },
        }
    }

    /// Halts, durably.
    ///
    /// # Errors
    /// [`ControlError`].
    pub(crate) fn halt(&self, reason: &str) -> Result<(), ControlError> {
        let room = super::slots::TEXT_BYTES_MAX - HALTED.len();
        let mut end = reason.len().min(room);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        self.set(&format!("{HALTED}{}", reason.get(..end).unwrap_or_default()))
    }

    /// Opens again, durably.
    ///
    /// # Errors
    /// [`ControlError`].
    pub(crate) fn release(&self) -> Result<(), ControlError> {
        self.set(OPEN)
    }

    fn set(&self, text: &str) -> Result<(), ControlError> {
        // A damaged newest slot is overwritten: setting the latch must always be possible.
        // Both slots are written, so damage in one does not outlive the next setting.
        let known = [self.slots.read(0), self.slots.read(1)];
        let newest = known.into_iter().filter_map(|slot| slot.ok().flatten()).map(|(n, _)| n).max();
        let number = newest.unwrap_or(0) + 1;
        self.slots.write(number % SLOTS, number, text)?;
        self.slots.write((number + 1) % SLOTS, number, text)
    }

    fn newest(&self) -> Result<Option<(u64, String)>, ControlError> {
        // Damage in either slot propagates, and reads as halted: the damaged one may have been newer.
        let (one, two) = (self.slots.read(0)?, self.slots.read(1)?);
        Ok(one.into_iter().chain(two).max_by_key(|(number, _)| *number))
    }
}
