//! Identities: 16-byte ids and 32-byte digests, and how each is minted.

use core::fmt;

use sha2::{Digest as _, Sha256};

use crate::{AccountId, Label, Source};

/// Why text is not a hexadecimal id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is {expected} hexadecimal digits")]
pub struct IdError {
    /// Digits an id of this type has.
    pub expected: usize,
}

macro_rules! hex_ids {
    ($($(#[$doc:meta])* $name:ident[$bytes:literal]),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $bytes]);

        impl $name {
            /// Bytes of this id.
            pub const BYTES: usize = $bytes;
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl core::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let wrong = IdError { expected: $bytes * 2 };
                if text.len() != $bytes * 2 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(wrong);
                }
                let mut id = [0; $bytes];
                for (slot, pair) in id.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
                    let pair = core::str::from_utf8(pair).map_err(|_| wrong)?;
                    *slot = u8::from_str_radix(pair, 16).map_err(|_| wrong)?;
                }
                Ok(Self(id))
            }
        }
    )*};
}

hex_ids! {
    /// Identity of one event.
    EventId[16],
    /// W3C trace id: minted by a root, inherited by everything that descends from it.
    TraceId[16],
    /// Identity of an order: the id of the `OrderProposed` it began with, or of the broker's
    /// order when the order began outside.
    OrderId[16],
    /// Identity of a break: account, code, subject and the first day it was seen.
    BreakId[16],
    /// SHA-256.
    Digest[32],
}

impl From<EventId> for OrderId {
    fn from(id: EventId) -> Self {
        Self(id.0)
    }
}

impl From<OrderId> for EventId {
    fn from(id: OrderId) -> Self {
        Self(id.0)
    }
}

/// Hashes length-prefixed parts under a domain, so that no two lists of parts collide.
///
/// Source: FIPS 180-4; the length prefix is 4 bytes, little-endian.
#[must_use]
pub fn digest_of(domain: &str, parts: &[&[u8]]) -> Digest {
    let mut hasher = Sha256::new();
    for part in core::iter::once(domain.as_bytes()).chain(parts.iter().copied()) {
        hasher.update((part.len() as u32).to_le_bytes());
        hasher.update(part);
    }
    Digest(hasher.finalize().into())
}

fn id_of(domain: &str, parts: &[&[u8]]) -> EventId {
    let Digest(full) = digest_of(domain, parts);
    let mut id = [0; 16];
    id.iter_mut().zip(full).for_each(|(slot, byte)| *slot = byte);
    EventId(id)
}

/// Id of the event a task emits in `slot` of the step that `cause` triggered.
///
/// The agent's version is no part of it: an upgraded agent that decides the same thing is the
/// same decision, and one that decides another thing is a conflict that must be seen.
#[must_use]
pub fn derived_id(cause: EventId, task: Source, slot: u32) -> EventId {
    id_of("derived", &[&cause.0, task.as_bytes(), &slot.to_le_bytes()])
}

/// Id of a root read from a file: the digest of its decompressed bytes, the record's ordinal, and
/// the event's ordinal within that record.
#[must_use]
pub fn file_root_id(file: Digest, record: u64, part: u32) -> EventId {
    id_of("file", &[&file.0, &record.to_le_bytes(), &part.to_le_bytes()])
}

/// Id of a root from a live feed.
#[must_use]
pub fn feed_root_id(
    venue: &str,
    kind: &str,
    instrument: &str,
    session_epoch: u64,
    venue_sequence: u64,
    ordinal: u32,
) -> EventId {
    id_of(
        "feed",
        &[
            venue.as_bytes(),
            kind.as_bytes(),
            instrument.as_bytes(),
            &session_epoch.to_le_bytes(),
            &venue_sequence.to_le_bytes(),
            &ordinal.to_le_bytes(),
        ],
    )
}

/// Id of an event a foreign producer numbered itself.
#[must_use]
pub fn foreign_id(source: Source, source_seq: u64) -> EventId {
    id_of("foreign", &[source.as_bytes(), &source_seq.to_le_bytes()])
}

/// Id of the event that says what became of an entry of the bus that others wrote: which life of the
/// bus, and the entry's place in its total order.
#[must_use]
pub fn place_id(incarnation: u64, index: u64) -> EventId {
    id_of("place", &[&incarnation.to_le_bytes(), &index.to_le_bytes()])
}

/// Id of a timer's firing.
#[must_use]
pub fn timer_id(task: Source, request: u64) -> EventId {
    id_of("timer", &[task.as_bytes(), &request.to_le_bytes()])
}

/// Id of a fact the broker reported: account, what kind of fact, and the broker's own reference.
#[must_use]
pub fn broker_fact_id(account: AccountId, fact: &str, reference: &[u8]) -> EventId {
    id_of("broker", &[account.as_bytes(), fact.as_bytes(), reference])
}

/// Id of an order that began at the broker, not with us.
#[must_use]
pub fn external_order_id(account: AccountId, venue_order: Label) -> OrderId {
    id_of("external-order", &[account.as_bytes(), venue_order.as_bytes()]).into()
}

/// Id of a life-cycle event of a worker: unique by the worker's own sequence.
#[must_use]
pub fn lifecycle_id(worker: Source, source_seq: u64) -> EventId {
    id_of("lifecycle", &[worker.as_bytes(), &source_seq.to_le_bytes()])
}

/// Id of a break; the same difference found again on the same day is the same break.
#[must_use]
pub fn break_id(account: AccountId, code: &str, subject: &str, first_day: u32) -> BreakId {
    BreakId(
        id_of(
            "break",
            &[account.as_bytes(), code.as_bytes(), subject.as_bytes(), &first_day.to_le_bytes()],
        )
        .0,
    )
}

/// The trace a root begins.
#[must_use]
pub fn root_trace(root: EventId) -> TraceId {
    TraceId(id_of("trace", &[&root.0]).0)
}
