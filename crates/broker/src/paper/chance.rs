//! Chance from a seed: a draw depends on the seed, on what is drawn for and on whom, never on how
//! many draws came before, so a restart draws the same.

/// What is drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Purpose {
    Reject = 1,
    LoseResponse,
    LoseRequest,
    LateReport,
    DuplicateReport,
    Bust,
    Correction,
}

/// Whether it happens, at `rate_ppm` parts per million.
pub(crate) fn happens(seed: u64, purpose: Purpose, whom: &[u8], rate_ppm: u32) -> bool {
    if rate_ppm == 0 {
        return false;
    }
    let start = mix(seed ^ mix(u64::from(purpose as u8)));
    let drawn = whom.iter().fold(start, |state, &byte| mix(state ^ u64::from(byte)));
    drawn % 1_000_000 < u64::from(rate_ppm)
}

/// One step of splitmix64.
///
/// Source: G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", 2014.
const fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
