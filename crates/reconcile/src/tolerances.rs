//! How far apart two values may be, and for how long.

use alloc::collections::BTreeMap;

use event::{Amount, Currency, SECOND_NS};

/// What counts as the same, and how long a difference may be in flight.
///
/// Quantities have no tolerance: they are exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tolerances {
    /// Cash, in a currency not named in `cash`; the default is 1e-8.
    pub cash_default: Amount,
    /// Cash, by currency.
    pub cash: BTreeMap<Currency, Amount>,
    /// Cost of a position, in parts per million of the broker's; the default is 0.01 %.
    pub cost_ppm: u32,
    /// Price of an execution, in parts per million of the broker's; the default is 0.01 %.
    pub price_ppm: u32,
    /// Fee of an execution; the default is 0.01 of a unit.
    pub fee: Amount,
    /// How long an event about an order or an execution may be in flight, in nanoseconds; 5 s.
    pub grace_ns: i64,
    /// How long one about a position or cash may be, in nanoseconds; 10 s.
    pub holdings_grace_ns: i64,
    /// How long the broker's listing of executions may lag what it reported, in nanoseconds; 30 s.
    pub listing_grace_ns: i64,
    /// How long after an attempt expired the broker's reads may still leave it out, in
    /// nanoseconds; 5 s.
    pub read_lag_ns: i64,
}

impl Default for Tolerances {
    fn default() -> Self {
        Self {
            cash_default: Amount(10_000_000_000),
            cash: BTreeMap::new(),
            cost_ppm: 100,
            price_ppm: 100,
            fee: Amount(10_000_000_000_000_000),
            grace_ns: 5 * SECOND_NS,
            holdings_grace_ns: 10 * SECOND_NS,
            listing_grace_ns: 30 * SECOND_NS,
            read_lag_ns: 5 * SECOND_NS,
        }
    }
}

impl Tolerances {
    /// The tolerance of a currency's cash.
    #[must_use]
    pub fn cash_of(&self, currency: Currency) -> Amount {
        self.cash.get(&currency).copied().unwrap_or(self.cash_default)
    }
}
