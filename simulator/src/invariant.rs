//! What must hold, by name. `docs/invariants.md` says what each promises.

use core::fmt;

macro_rules! invariants {
    ($($(#[$doc:meta])* $name:ident = $id:literal;)*) => {
        /// What must hold.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Invariant { $($(#[$doc])* $name,)* }

        impl Invariant {
            /// Every invariant.
            pub const ALL: [Self; [$($id),*].len()] = [$(Self::$name),*];

            /// Its name in `docs/invariants.md`, and here.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }
        }
    };
}

invariants! {
    /// What was answered or delivered as stored is still there, at its place, with its bytes.
    Durable = "B-1";
    /// Every part is delivered every event once, in the order of the log.
    KeyOrder = "B-2";
    /// Outputs, what was consumed and timers are there together or not at all.
    UnitWhole = "B-3";
    /// A repeat is stored only where the engine's window says so; the same id has the same bytes.
    OneBytesPerId = "B-4";
    /// A rewound log is seen by every reader, and never skipped over.
    RewindSeen = "B-6";
    /// Trace and cause come from what triggered an event; cause and basis are in the log before it.
    CauseExists = "U-1";
    /// A source's sequence has no gap.
    SequenceWhole = "U-2";
    /// One output per cause, task and slot, with the id that they make.
    OneOutputPerSlot = "U-3";
    /// What a version of an agent took is never decided again.
    DecidedOnce = "U-8";
    /// A timer asked for fires once, and one that was not does not fire.
    TimerOnce = "U-7";
    /// A position is openings, executions and adjustments less fees in its base, added up.
    BooksAddUp = "P-2";
    /// Held, reserved, open and unknown together stay within the position limit.
    WithinLimit = "R-1";
    /// Nothing is sent without an approval that reserves it.
    Approved = "R-2";
    /// An attempt is in the log before the broker hears of it.
    AttemptDurable = "G-1";
    /// An attempt is sent once, and never after its outcome was unknown.
    NeverSentAgain = "G-2";
    /// Nothing is sent after its time.
    NotSentLate = "G-3";
    /// Nothing that adds exposure is sent while halted.
    NotSentHalted = "G-9";
    /// Every task run again over the log says the same bytes and holds the same state.
    SameAgain = "D-3";
    /// Books folded again are the books carried.
    BooksAgain = "D-5";
    /// The journal holds every entry of the log, byte for byte.
    Journaled = "F-1";
    /// A byte that changed is found.
    DamageFound = "F-2";
    /// Once all is quiet our books are the broker's, and no break is open.
    BooksAgree = "S-1";
    /// Once nothing goes wrong any more all comes to rest.
    ComesToRest = "S-2";
    /// What must be told was told, once.
    ToldOnce = "S-5";
    /// Nothing fails that was not made to fail.
    NoSurprise = "S-3";
}

impl fmt::Display for Invariant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {self:?}", self.id())
    }
}

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{invariant}: {detail}")]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// What was found.
    pub detail: String,
}

impl Violation {
    pub(crate) fn of(invariant: Invariant, detail: impl Into<String>) -> Self {
        Self { invariant, detail: detail.into() }
    }
}

/// Checks that something holds.
pub(crate) fn require(
    holds: bool,
    invariant: Invariant,
    detail: impl FnOnce() -> String,
) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation::of(invariant, detail())) }
}
