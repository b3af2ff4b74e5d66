//! One digest over a whole log, the same on every engine.

use alloc::{collections::BTreeMap, vec::Vec};

use event::{
    Digest, Key, Kind,
    id::digest_of,
    message, nested,
    wire::{DecodeError, Message},
};

message! {
    /// The chain over the events of one family and key.
    Chain {
        /// The family's number, zero for kinds this version does not know.
        1 family: u32,
        /// The key.
        2 key: Key,
        /// Events in it.
        3 events: u64,
        /// Each link hashes the link before and the bytes of an event.
        4 digest: Digest,
    }

    /// All chains.
    LogState {
        /// In order of family and key.
        1 chains: Vec<Chain>,
    }
}

nested!(Chain);

/// A hash chain per family and key over event bytes, life-cycle kinds left out.
///
/// Order within a key is kept by every engine and order between keys is not, so chains are kept
/// apart and combined in key order. A restart adds only life-cycle events and so changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogDigest {
    chains: BTreeMap<(u8, Key), (u64, Digest)>,
}

impl LogDigest {
    /// Takes the next event of a log.
    pub fn note(&mut self, kind: Option<Kind>, key: Key, bytes: &[u8]) {
        if kind.is_some_and(Kind::is_lifecycle) {
            return;
        }
        let family = kind.map_or(0, |kind| kind.family() as u8);
        let (events, link) = self.chains.entry((family, key)).or_insert((0, Digest([0; 32])));
        *events += 1;
        *link = digest_of("chain", &[&link.0, bytes]);
    }

    /// The digest of everything taken.
    #[must_use]
    pub fn digest(&self) -> Digest {
        digest_of("log", &[&self.snapshot()])
    }

    /// The chains, in order of family and key: where two logs differ, they name the place.
    pub fn chains(&self) -> impl Iterator<Item = Chain> {
        self.chains.iter().map(|(&(family, key), &(events, digest))| Chain {
            family: u32::from(family),
            key,
            events,
            digest,
        })
    }

    /// Events taken.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.chains.values().map(|(events, _)| *events).fold(0, u64::saturating_add)
    }

    /// The state as bytes.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Vec::new();
        LogState { chains: self.chains().collect() }.encode(&mut out);
        out
    }

    /// Takes back what [`LogDigest::snapshot`] gave.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are damaged.
    pub fn restore(bytes: &[u8]) -> Result<Self, DecodeError> {
        let state = LogState::decode(bytes)?;
        let chains = state.chains.into_iter().map(|chain| {
            let family = u8::try_from(chain.family).unwrap_or(0);
            ((family, chain.key), (chain.events, chain.digest))
        });
        Ok(Self { chains: chains.collect() })
    }
}
