//! What a loss of power leaves of writes that no sync had made durable.

use super::file::Write;

const SECTOR_BYTES: usize = 512;

/// What a loss of power leaves of writes that no sync had made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerLoss {
    /// Nothing.
    KeepsNone,
    /// Everything, names too.
    KeepsAll,
    /// All but the last write of each file, of which the first part stays, cut at this fraction
    /// of 256.
    TearsLast(u8),
    /// Any mixture of sectors, drawn from this seed: later writes may be there and earlier ones
    /// not.
    Mixes(u64),
}

impl PowerLoss {
    /// What is found of a file.
    pub(crate) fn content(self, file: u64, durable: &[u8], pending: &[Write]) -> Vec<u8> {
        let mut found = durable.to_vec();
        let last = pending.len().saturating_sub(1);
        for (at, write) in pending.iter().enumerate() {
            let length = write.bytes.len();
            match self {
                Self::KeepsNone => {}
                Self::KeepsAll => write.apply(&mut found, 0..length),
                Self::TearsLast(_) if at < last => write.apply(&mut found, 0..length),
                Self::TearsLast(part) => {
                    write.apply(&mut found, 0..length * usize::from(part) / 256);
                }
                Self::Mixes(seed) => mix(seed ^ (file << 32) ^ at as u64, write, &mut found),
            }
        }
        found
    }
}

/// Keeps about half of a write's sectors.
fn mix(seed: u64, write: &Write, found: &mut Vec<u8>) {
    let mut state = seed;
    let mut start = 0;
    while start < write.bytes.len() {
        // Sectors are the disk's, not the write's.
        let into = (write.offset + start) % SECTOR_BYTES;
        let end = (start + SECTOR_BYTES - into).min(write.bytes.len());
        if splitmix(&mut state) & 1 == 1 {
            write.apply(found, start..end);
        }
        start = end;
    }
}

/// Source: G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators" (2014).
const fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
