//! Changes to bytes, drawn from a seed.

/// Chance, drawn from a seed.
///
/// Source: G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators" (2014).
#[derive(Clone, Copy, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The chance of this seed.
    #[must_use]
    pub const fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not zero.
    pub const fn below(&mut self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }
}

/// Numbers that lengths and counts go wrong at.
const EDGES: [u64; 9] = [
    0,
    1,
    0x7f,
    0x80,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0xffff_ffff_ffff_ffff,
];

/// Longest an input becomes.
const LENGTH_MAX: usize = 1 << 17;

/// Changes `bytes` once; `other` is another good input to take parts of.
pub(crate) fn mutate(bytes: &mut Vec<u8>, other: &[u8], chance: &mut Chance) {
    if bytes.is_empty() {
        bytes.push(chance.number() as u8);
        return;
    }
    let at = chance.below(bytes.len());
    let length = 1 + chance.below(16).min(bytes.len() - at - 1);
    match chance.below(11) {
        0 => bytes[at] ^= 1 << chance.below(8),
        1 => bytes[at] = chance.number() as u8,
        2 => bytes[at] = EDGES[chance.below(4)] as u8,
        3 => put(bytes, at, &EDGES[chance.below(EDGES.len())].to_le_bytes()[..4]),
        4 => put(bytes, at, &EDGES[chance.below(EDGES.len())].to_le_bytes()),
        // A varint that goes on.
        5 => bytes[at..at + length].fill(0xff),
        6 => drop(bytes.drain(at..at + length)),
        7 => bytes.truncate(at),
        8 => {
            let part = bytes[at..at + length].to_vec();
            let repeats = 1 + chance.below(64);
            insert(bytes, at, &part.repeat(repeats));
        }
        9 if !other.is_empty() => {
            let from = chance.below(other.len());
            let end = (from + 1 + chance.below(64)).min(other.len());
            insert(bytes, at, &other[from..end]);
        }
        _ => {
            let fresh: Vec<u8> = (0..length).map(|_| chance.number() as u8).collect();
            insert(bytes, at, &fresh);
        }
    }
}

fn put(bytes: &mut [u8], at: usize, number: &[u8]) {
    for (slot, byte) in bytes[at..].iter_mut().zip(number) {
        *slot = *byte;
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, part: &[u8]) {
    if bytes.len() + part.len() <= LENGTH_MAX {
        drop(bytes.splice(at..at, part.iter().copied()));
    }
}
