//! What a seed stands for.

use crate::{chance::Chance, defence::Defence, fault::Rates, medium::EngineKind};

/// A run, as a seed has it or as a shrinker made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Everything is drawn from it.
    pub seed: u64,
    /// The engine.
    pub engine: EngineKind,
    /// Records of the tape.
    pub records: usize,
    /// What goes wrong, and how often.
    pub rates: Rates,
    /// The defence that is switched off, to see that its absence is seen.
    pub without: Option<Defence>,
}

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut chance = Chance::of(seed, 0x91a7);
        let engine = match chance.below(8) {
            0..=2 => EngineKind::Atomic,
            3..=4 => EngineKind::Transactional,
            5..=6 => EngineKind::Windowed,
            _ => EngineKind::Log,
        };
        let records = chance.between(250, 700) as usize;
        Self { seed, engine, records, rates: Rates::drawn(seed), without: None }
    }
}
