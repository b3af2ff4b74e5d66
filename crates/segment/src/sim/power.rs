//! What a loss of power leaves of what no sync had made durable.

use super::{file::Write, names::Change};

const SECTOR_BYTES: usize = 512;

/// What a loss of power leaves of writes and names that no sync had made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerLoss {
    /// Nothing.
    KeepsNone,
    /// Everything, names too.
    KeepsAll,
    /// All but the last write of each file, of which the first part stays, cut at this fraction
    /// of 256. No names.
    TearsLast(u8),
    /// As [`PowerLoss::TearsLast`], with every name: a file system that keeps its names before
    /// what the files hold.
    TearsLastKeepsNames(u8),
    /// Everything but the write of each file that is this far before its last, and the name that
    /// is this far before the last: dropped, while later ones are there.
    Drops(u8),
    /// Of each file the last write alone, and the last name alone: the order turned round.
    KeepsLast,
    /// Names without what the files hold.
    KeepsNames,
    /// What the files hold without their names.
    KeepsContent,
    /// Any mixture of sectors and names, drawn from this seed: later writes may be there and
    /// earlier ones not.
    Mixes(u64),
}

impl PowerLoss {
    /// Every kind, some with several of their numbers.
    pub const EACH: [Self; 17] = [
        Self::KeepsNone,
        Self::KeepsAll,
        Self::KeepsNames,
        Self::KeepsContent,
        Self::KeepsLast,
        Self::Drops(0),
        Self::Drops(1),
        Self::Drops(2),
        Self::TearsLast(1),
        Self::TearsLast(100),
        Self::TearsLast(255),
        Self::TearsLastKeepsNames(128),
        Self::Mixes(1),
        Self::Mixes(2),
        Self::Mixes(3),
        Self::Mixes(4),
        Self::Mixes(5),
    ];

    /// What is found of a file.
    pub(crate) fn content(self, file: u64, durable: &[u8], pending: &[Write]) -> Vec<u8> {
        let mut found = durable.to_vec();
        for (at, write) in pending.iter().enumerate() {
            let length = write.bytes.len();
            let before_last = pending.len() - 1 - at;
            match self {
                Self::KeepsNone | Self::KeepsNames => {}
                Self::KeepsAll | Self::KeepsContent => write.apply_all(&mut found),
                Self::TearsLast(part) | Self::TearsLastKeepsNames(part) if before_last == 0 => {
                    write.apply(&mut found, 0..length * usize::from(part) / 256);
                }
                Self::TearsLast(_) | Self::TearsLastKeepsNames(_) => write.apply_all(&mut found),
                Self::Drops(dropped) if before_last == usize::from(dropped) => {}
                Self::Drops(_) => write.apply_all(&mut found),
                Self::KeepsLast if before_last > 0 => {}
                Self::KeepsLast => write.apply_all(&mut found),
                Self::Mixes(seed) => mix(seed ^ (file << 32) ^ at as u64, write, &mut found),
            }
        }
        found
    }

    /// Which changes of names are found, in order.
    pub(crate) fn names(self, pending: &[Change]) -> impl Iterator<Item = &Change> {
        let last = pending.len().saturating_sub(1);
        pending.iter().enumerate().filter_map(move |(at, change)| {
            let kept = match self {
                Self::KeepsNone | Self::TearsLast(_) | Self::KeepsContent => false,
                Self::KeepsAll | Self::KeepsNames | Self::TearsLastKeepsNames(_) => true,
                Self::Drops(dropped) => last - at != usize::from(dropped),
                Self::KeepsLast => at == last,
                Self::Mixes(seed) => {
                    let mut state = !seed ^ at as u64;
                    splitmix(&mut state) & 1 == 1
                }
            };
            kept.then_some(change)
        })
    }
}

/// Keeps about half of a write's sectors.
fn mix(seed: u64, write: &Write, found: &mut Vec<u8>) {
    let mut state = seed;
    let mut start = 0;
    let part = |range: std::ops::Range<usize>| Write {
        offset: write.offset + range.start,
        bytes: write.bytes.get(range).unwrap_or_default().to_vec(),
        empties: false,
    };
    if write.empties && splitmix(&mut state) & 1 == 1 {
        found.clear();
    }
    while start < write.bytes.len() {
        // Sectors are the disk's, not the write's.
        let into = (write.offset + start) % SECTOR_BYTES;
        let end = (start + SECTOR_BYTES - into).min(write.bytes.len());
        if splitmix(&mut state) & 1 == 1 {
            part(start..end).apply_all(found);
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
