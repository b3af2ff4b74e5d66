//! Repeatable noise.

/// A generator of numbers: the same seed gives the same ones everywhere.
///
/// Source: `SplitMix64`, G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number
/// generators", 2014.
#[derive(Clone, Debug)]
pub(super) struct Noise(u64);

impl Noise {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn step(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` to `high`, both included, each as likely as the other.
    pub(super) const fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = (high - low) as u128 + 1;
        // The high half of a product is as even as the generator, without a division.
        low + ((self.step() as u128 * span) >> 64) as i64
    }

    /// A number around zero, up to `size` either way.
    pub(super) const fn around(&mut self, size: i64) -> i64 {
        self.between(-size, size)
    }
}
