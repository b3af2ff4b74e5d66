//! Streams, their partitions and their durability.

use event::{Family, Key};

use crate::Stream;

/// When an accepted event counts as durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// On this machine's disk.
    Fsync,
    /// On a quorum of machines.
    Replicated,
    /// Some time after acceptance. Named as such wherever it is used.
    Lazy,
}

/// One stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamSpec {
    /// The family whose events it holds.
    pub stream: Stream,
    /// Partitions; a key's events are all in one.
    pub partitions: u16,
    /// When an accepted event counts as durable.
    pub class: Class,
}

/// Every stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    streams: [StreamSpec; Family::ALL.len()],
}

/// Something of a bus on servers that is otherwise than it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// What: a stream or a topic, by its name there.
    pub object: String,
    /// Which setting of it; `existence` where it is not there at all.
    pub setting: &'static str,
    /// How it is.
    pub found: String,
    /// How it has to be.
    pub needed: String,
}

impl Drift {
    /// That it is not there.
    #[must_use]
    pub fn missing(object: &str) -> Self {
        let (found, needed) = ("missing".into(), "there".into());
        Self { object: object.into(), setting: EXISTENCE, found, needed }
    }

    /// Whether it is not there.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.setting == EXISTENCE
    }
}

const EXISTENCE: &str = "existence";

/// Partitions of market and signal streams.
const MARKET_PARTITIONS: u16 = 16;
/// Partitions of the others.
const ACCOUNT_PARTITIONS: u16 = 4;

impl Topology {
    /// The topology that ships: `streams/*.toml` says the same, and a test compares them.
    #[must_use]
    pub fn shipped() -> Self {
        let streams = Family::ALL.map(|stream| StreamSpec {
            stream,
            partitions: match stream {
                Family::Market | Family::Signal => MARKET_PARTITIONS,
                _ => ACCOUNT_PARTITIONS,
            },
            class: Class::Fsync,
        });
        Self { streams }
    }

    /// The streams.
    #[must_use]
    pub const fn streams(&self) -> &[StreamSpec] {
        &self.streams
    }

    /// How many partitions a stream has.
    #[must_use]
    pub fn partitions(&self, stream: Stream) -> u16 {
        self.streams.iter().find(|spec| spec.stream == stream).map_or(1, |spec| spec.partitions)
    }

    /// The partition of a key in a stream.
    #[must_use]
    pub fn partition(&self, stream: Stream, key: Key) -> u16 {
        partition_of(key, self.partitions(stream))
    }
}

/// The partition of a key: the same on every engine, for ever.
///
/// Source: FNV-1a, 64 bits (draft-eastlake-fnv); its high half is folded in, since a small modulus
/// sees only the low bits.
#[must_use]
pub fn partition_of(key: Key, partitions: u16) -> u16 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in key.as_bytes() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    ((hash ^ (hash >> 32)) % u64::from(partitions.max(1))) as u16
}
