//! Defences that can be switched off, each at a port of the simulator: what ships has no such switch.

macro_rules! defences {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        /// A defence that can be switched off.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Defence { $($(#[$doc])* $name,)* }

        impl Defence {
            /// Every defence.
            pub const ALL: [Self; [$($word),*].len()] = [$(Self::$name),*];

            /// Its name.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

defences! {
    /// A repeat that is stored again is delivered once.
    Dedupe = "dedupe";
    /// Ids are made of cause, task and slot.
    DerivedIds = "derived-ids";
    /// Outputs and progress are stored together.
    UnitAtomicity = "unit-atomicity";
    /// A unit that claims a place which is taken is refused.
    Fencing = "fencing";
    /// An attempt is durable before the broker hears of it.
    DurabilityBarrier = "durability-barrier";
    /// What is past its time is not sent.
    ExpiryCheck = "expiry-check";
    /// What the latch stops is not sent.
    Latch = "latch";
    /// A reader that resumes says what it read last.
    RewindCheck = "rewind-check";
    /// The journal is durable before its checkpoint moves.
    JournalBeforeCheckpoint = "journal-before-checkpoint";
    /// A task steps over what it decided before.
    StepOver = "step-over";
    /// An agent that was upgraded goes on behind its fence.
    Fence = "fence";
    /// A task says at a stop what it took in silence.
    SilenceSaid = "silence-said";
    /// Timers that were asked for are remembered over a restart.
    TimerRecovery = "timer-recovery";
}
