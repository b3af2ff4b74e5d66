//! The persistent halt latch, checked before every send.
//!
//! Whoever halts writes the one register, only a run writes the other: up to which halt trading was
//! released. So a release never undoes a halt that came meanwhile, and neither waits for the other.

use std::path::Path;

use event::{Body, Event, EventId, choices::OperatorVerb};
use gateway::Latch;

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

/// The latch: of each register the newer of two slots holds, and damage in any reads as halted.
#[derive(Debug)]
pub(crate) struct HaltLatch {
    slots: Slots,
}

/// Slots of a register.
const PAIR: u64 = 2;
const HALTS: u64 = 0;
const RELEASES: u64 = HALTS + PAIR;
/// Up to which halt the log holds the operators' commands. A halt is not released before the log has
/// it: a resume in front of it was given without knowing of it. What cannot be read here is not logged.
const LOGGED: u64 = RELEASES + PAIR;
const SLOTS: u64 = LOGGED + PAIR;
/// Bytes of an id in hexadecimal and the space behind it.
const ID_BYTES: usize = 33;

/// Why a latch is halted that was made anew.
const LOST: &str = "the latch was lost, and with it what it said";

/// The newest halt.
#[derive(Debug)]
struct Halt {
    number: u64,
    /// The operator's command that set it; none when the log did.
    command: Option<EventId>,
    reason: String,
}

impl HaltLatch {
    /// Makes the latch of a directory in which nothing ever ran, open.
    ///
    /// # Errors
    /// [`ControlError::Io`].
    pub(crate) fn make(dir: &Path) -> Result<Self, ControlError> {
        Slots::open(&dir.join("latch"), SLOTS).map(Self::of)
    }

    /// Opens the latch in `dir`. One that is not there any more is made anew, halted: nobody knows what it
    /// said.
    ///
    /// # Errors
    /// [`ControlError::Io`].
    pub(crate) fn open(dir: &Path) -> Result<Self, ControlError> {
        let lost = format!("- {LOST}");
        let halted = [(HALTS, 1, lost.as_str()), (HALTS + 1, 1, lost.as_str())];
        Slots::open_or_make(&dir.join("latch"), SLOTS, &halted).map(Self::of)
    }

    /// What the latch in `dir` says; one that is not there any more says halted.
    ///
    /// # Errors
    /// [`ControlError::Io`].
    pub(crate) fn peek(dir: &Path) -> Result<LatchState, ControlError> {
        match Slots::open_to_read(&dir.join("latch"), SLOTS)? {
            Some(slots) => Ok(Self::of(slots).state()),
            None => Ok(LatchState::Halted { reason: LOST.into() }),
        }
    }

    fn of(slots: Slots) -> Self {
        Self { slots }
    }

    /// What it says. A latch that cannot be read is halted: the safe state needs no proof.
    #[must_use]
    pub(crate) fn state(&self) -> LatchState {
        match self.in_force() {
            Ok(None) => LatchState::Open,
            Ok(Some(halt)) => LatchState::Halted { reason: halt.reason },
            Err(error) => LatchState::Halted { reason: error.to_string() },
        }
    }

    /// What it says to orders.
    #[must_use]
    pub(crate) fn for_orders(&self) -> Latch {
        match self.state() {
            LatchState::Open => Latch::Open,
            LatchState::Halted { .. } => Latch::Halted,
        }
    }

    /// Halts by an operator's command that could not be recorded: the next resume releases it.
    ///
    /// # Errors
    /// [`ControlError`].
    pub(crate) fn halt_unrecorded(&self, reason: &str) -> Result<(), ControlError> {
        self.set(None, reason)
    }

    /// Halts by an operator's command, durably.
    ///
    /// # Errors
    /// [`ControlError`].
    pub(crate) fn halt(&self, command: EventId, reason: &str) -> Result<(), ControlError> {
        self.set(Some(command), reason)
    }

    /// Keeps the latch in step with what the log says, event by event, in its order.
    ///
    /// # Errors
    /// [`ControlError`].
    pub(crate) fn follow(&self, event: &Event) -> Result<(), ControlError> {
        match &event.body {
            Body::OperatorCommanded(command) if command.verb == OperatorVerb::Halt => {
                if let Some((number, text)) = self.newest(HALTS).ok().flatten()
                    && halt_of(number, &text).command == Some(event.event_id)
                {
                    self.write(LOGGED, number, "")?;
                }
            }
            Body::TradingHalted(halt) if self.state() == LatchState::Open => {
                self.set(None, &format!("{}: {}", halt.by, halt.reason))?;
            }
            Body::TradingResumed(_) => self.release()?,
            _ => {}
        }
        Ok(())
    }

    /// Opens again, unless what holds it is a halt that the log does not hold yet. Damage is never
    /// released: a halt on top of it makes the latch readable first.
    fn release(&self) -> Result<(), ControlError> {
        let Ok(Some(halt)) = self.in_force() else { return Ok(()) };
        let logged = self.newest(LOGGED).ok().flatten().map_or(0, |(number, _)| number);
        if halt.command.is_some() && logged < halt.number {
            return Ok(());
        }
        self.write(RELEASES, halt.number, "")
    }

    fn set(&self, command: Option<EventId>, reason: &str) -> Result<(), ControlError> {
        // A damaged slot is overwritten: setting the latch must always be possible.
        let known = (0..SLOTS).filter_map(|slot| self.slots.read(slot).ok().flatten());
        let number = known.map(|(number, _)| number).max().unwrap_or(0) + 1;
        let mut end = reason.len().min(super::slots::TEXT_BYTES_MAX - ID_BYTES);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        let id = command.map_or_else(|| "-".into(), |command| command.to_string());
        let reason = reason.get(..end).unwrap_or_default();
        self.write(HALTS, number, &format!("{id} {reason}"))?;
        // A damaged release reads as halted, for ever if it stayed.
        if self.newest(RELEASES).is_err() {
            self.write(RELEASES, 0, "")?;
        }
        Ok(())
    }

    /// Both slots of a register are written, so damage in one does not outlive the next setting.
    fn write(&self, register: u64, number: u64, text: &str) -> Result<(), ControlError> {
        self.slots.write(register + number % PAIR, number, text)?;
        self.slots.write(register + (number + 1) % PAIR, number, text)
    }

    /// The halt that is not released.
    fn in_force(&self) -> Result<Option<Halt>, ControlError> {
        let (halt, released) = (self.newest(HALTS)?, self.newest(RELEASES)?);
        let released = released.map_or(0, |(number, _)| number);
        let halt = halt.filter(|(number, _)| *number > released);
        Ok(halt.map(|(number, text)| halt_of(number, &text)))
    }

    fn newest(&self, register: u64) -> Result<Option<(u64, String)>, ControlError> {
        // Damage in either slot propagates, and reads as halted: the damaged one may have been newer.
        let (one, two) = (self.slots.read(register)?, self.slots.read(register + 1)?);
        Ok(one.into_iter().chain(two).max_by_key(|(number, _)| *number))
    }
}

fn halt_of(number: u64, text: &str) -> Halt {
    let (id, reason) = text.split_once(' ').unwrap_or(("", text));
    Halt { number, command: id.parse().ok(), reason: reason.into() }
}
