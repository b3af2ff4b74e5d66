//! Where a run's parts die most. Most pairs of effects are rare, so each run aims at one of them.

use crate::{
    chance::Chance,
    part::{Effect as E, PartKind as K},
};

/// A pair of effects that follow one another in a part.
pub(crate) type Pair = (K, E, E);

/// Every pair there is, with how often a run aims at it: the rarer, the more.
const PAIRS: [(K, E, E, u64); 61] = [
    (K::Ingress, E::Store, E::Store, 14),
    (K::Ingress, E::Begin, E::Decide, 12),
    (K::Ingress, E::Begin, E::Begin, 12),
    (K::Ingress, E::Store, E::Send, 12),
    (K::Ingress, E::Send, E::Send, 5),
    (K::Ingress, E::Learn, E::Decide, 2),
    (K::Ingress, E::Store, E::Learn, 2),
    (K::Ingress, E::Decide, E::Send, 2),
    (K::Ingress, E::Send, E::Store, 2),
    (K::Seat, E::Begin, E::Send, 30),
    (K::Seat, E::Begin, E::Fire, 14),
    (K::Seat, E::Store, E::Store, 14),
    (K::Seat, E::Store, E::Send, 12),
    (K::Seat, E::Send, E::Send, 12),
    (K::Seat, E::Read, E::Fire, 5),
    (K::Seat, E::Begin, E::Read, 5),
    (K::Seat, E::Begin, E::Begin, 12),
    (K::Seat, E::Learn, E::Fire, 2),
    (K::Seat, E::Decide, E::Fire, 2),
    (K::Seat, E::Fire, E::Send, 2),
    (K::Seat, E::Learn, E::Decide, 2),
    (K::Seat, E::Read, E::Read, 2),
    (K::Seat, E::Learn, E::Read, 2),
    (K::Seat, E::Decide, E::Send, 2),
    (K::Seat, E::Store, E::Learn, 2),
    (K::Seat, E::Send, E::Store, 2),
    (K::Seat, E::Decide, E::Decide, 2),
    (K::Seat, E::Decide, E::Read, 2),
    (K::Seat, E::Read, E::Decide, 2),
    (K::Desk, E::Call, E::Call, 100),
    (K::Desk, E::Begin, E::Report, 60),
    (K::Desk, E::Store, E::Store, 60),
    (K::Desk, E::Store, E::Send, 14),
    (K::Desk, E::Call, E::Report, 12),
    (K::Desk, E::Send, E::Send, 12),
    (K::Desk, E::Call, E::Decide, 12),
    (K::Desk, E::Learn, E::Begin, 12),
    (K::Desk, E::Begin, E::Send, 12),
    (K::Desk, E::Begin, E::Read, 12),
    (K::Desk, E::Begin, E::Begin, 12),
    (K::Desk, E::Learn, E::Report, 12),
    (K::Desk, E::Read, E::Report, 12),
    (K::Desk, E::Call, E::Read, 5),
    (K::Desk, E::Decide, E::Report, 5),
    (K::Desk, E::Read, E::Read, 5),
    (K::Desk, E::Report, E::Send, 2),
    (K::Desk, E::Learn, E::Call, 2),
    (K::Desk, E::Learn, E::Decide, 2),
    (K::Desk, E::Decide, E::Send, 14),
    (K::Desk, E::Decide, E::Call, 2),
    (K::Desk, E::Call, E::Send, 2),
    (K::Desk, E::Learn, E::Read, 2),
    (K::Desk, E::Decide, E::Decide, 2),
    (K::Desk, E::Store, E::Learn, 2),
    (K::Desk, E::Send, E::Store, 2),
    (K::Desk, E::Decide, E::Read, 2),
    (K::Desk, E::Read, E::Decide, 2),
    (K::Scribe, E::Begin, E::Take, 12),
    (K::Scribe, E::Begin, E::Begin, 12),
    (K::Scribe, E::Sync, E::Take, 2),
    (K::Scribe, E::Take, E::Sync, 2),
];

/// The pair that a seed's run aims at.
pub(crate) fn aim(seed: u64) -> Pair {
    let mut chance = Chance::of(seed, 0xa13);
    let all = PAIRS.iter().map(|(.., weight)| weight).sum();
    let mut left = chance.below(all);
    for (kind, last, next, weight) in PAIRS {
        if left < weight {
            return (kind, last, next);
        }
        left -= weight;
    }
    (K::Seat, E::Decide, E::Send)
}
