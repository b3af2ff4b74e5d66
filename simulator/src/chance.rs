//! Chance from a seed: the same seed, the same draws, on every machine.

/// A source of draws.
///
/// Source: G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators" (2014).
#[derive(Clone, Debug)]
pub struct Chance {
    state: u64,
}

impl Chance {
    /// Draws that depend on `seed` and on what they are for.
    #[must_use]
    pub const fn of(seed: u64, purpose: u64) -> Self {
        let mut chance = Self { state: seed ^ purpose.wrapping_mul(0xd1b5_4a32_d192_ed03) };
        // The first draw of neighbouring seeds would be related.
        let state = chance.draw();
        Self { state: state ^ purpose.rotate_left(17) }
    }

    /// The next draw.
    pub const fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; zero when the bound is.
    pub const fn below(&mut self, bound: u64) -> u64 {
        // The bias is below 2^-40 for the bounds used here.
        ((self.draw() as u128 * bound as u128) >> 64) as u64
    }

    /// A number from `least` on and below `end`.
    pub const fn between(&mut self, least: u64, end: u64) -> u64 {
        least + self.below(end - least)
    }

    /// Whether something of this rate, in parts per million, happens.
    pub const fn happens(&mut self, rate_ppm: u32) -> bool {
        rate_ppm > 0 && self.below(1_000_000) < rate_ppm as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_depend_on_seed_and_purpose_alone() {
        let draws = |seed, purpose| {
            let mut chance = Chance::of(seed, purpose);
            [chance.draw(), chance.draw(), chance.below(10)]
        };
        assert_eq!(draws(1, 2), draws(1, 2));
        assert_ne!(draws(1, 2), draws(2, 2));
        assert_ne!(draws(1, 2), draws(1, 3));
    }

    #[test]
    fn rates_are_met() {
        let mut chance = Chance::of(7, 7);
        let met = (0..100_000).filter(|_| chance.happens(250_000)).count();
        assert!((24_000..26_000).contains(&met), "{met}");
        assert!(!(0..1_000).any(|_| chance.happens(0)));
    }
}
