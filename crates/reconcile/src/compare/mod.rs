//! One snapshot held against the books.

mod bookings;
mod executions;
mod holdings;
mod orders;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

use event::{
    AccountId, Amount, Currency, InstrumentId, Label, OrderId, Timestamp,
    books::{BrokerOrder, BrokerSnapshotTaken},
    choices::BreakCode,
    id::external_order_id,
};
use projection::{Account, Books};

pub use bookings::booking_subject;

use crate::{Comparison, Difference, Inconclusive, Standing, Tolerances};

/// Says how `snapshot` differs from `books` at `now`.
///
/// Executions come first: what they explain of an order, a position or cash is no difference of
/// its own. Differences stand in a fixed order: executions, orders, positions, bookings, cash.
///
/// # Errors
/// [`Inconclusive`] when the snapshot proves nothing; then nothing at all was compared.
pub fn compare(
    books: &Books,
    snapshot: &BrokerSnapshotTaken,
    now: Timestamp,
    tolerances: &Tolerances,
) -> Result<Comparison, Inconclusive> {
    let account = books.account(snapshot.account).ok_or(Inconclusive::NoBooks)?;
    check(account, snapshot)?;
    let mut view = View {
        id: snapshot.account,
        account,
        books,
        snapshot,
        now,
        tolerances,
        found: Comparison::default(),
        pending: Pending::default(),
    };
    view.executions();
    view.orders();
    view.positions();
    view.bookings();
    view.cash();
    Ok(view.found)
}

/// Whether a snapshot proves anything.
fn check(account: &Account, snapshot: &BrokerSnapshotTaken) -> Result<(), Inconclusive> {
    if !snapshot.failure.is_empty() {
        return Err(Inconclusive::Failed { reason: snapshot.failure.clone() });
    }
    if account.reporting_currency().is_none() {
        return Err(Inconclusive::NoBooks);
    }
    if by_name(&snapshot.orders_before) != by_name(&snapshot.orders_after) {
        return Err(Inconclusive::Moved);
    }
    let holds = account.cash().any(|cash| !cash.total().is_zero());
    if snapshot.balances.is_empty() && holds {
        return Err(Inconclusive::NoBalances);
    }
    Ok(())
}

fn by_name(orders: &[BrokerOrder]) -> BTreeMap<Label, &BrokerOrder> {
    orders.iter().map(|order| (order.venue_order, order)).collect()
}

/// What differing executions will do to orders, positions and cash once they are booked here.
#[derive(Debug, Default)]
struct Pending {
    orders: BTreeMap<OrderId, Amount>,
    positions: BTreeMap<InstrumentId, Amount>,
    cash: BTreeMap<Currency, Amount>,
    /// Currencies whose pending change is not known: profit depends on what is held when it is
    /// booked.
    cash_unknown: BTreeSet<Currency>,
}

/// A comparison under way.
struct View<'a> {
    id: AccountId,
    account: &'a Account,
    books: &'a Books,
    snapshot: &'a BrokerSnapshotTaken,
    now: Timestamp,
    tolerances: &'a Tolerances,
    found: Comparison,
    pending: Pending,
}

impl View<'_> {
    /// The order a line of the broker is about, and whether it began at the broker. A line without
    /// our name is looked up by the broker's, so an execution that lost our name finds its order.
    fn resolve(&self, order: Option<OrderId>, venue_order: Label) -> (OrderId, bool) {
        let named = order.or_else(|| self.account.order_named(venue_order));
        match named {
            Some(id) => (id, self.account.order(id).is_some_and(|order| order.external)),
            None => (external_order_id(self.id, venue_order), true),
        }
    }

    /// Settled when `touched` is longer ago than `grace_ns`.
    const fn standing(&self, touched: Timestamp, grace_ns: i64) -> Standing {
        if self.now.since_ns(touched) >= grace_ns { Standing::Settled } else { Standing::InFlight }
    }

    fn differs(&mut self, difference: Difference) {
        let named = |known: &Difference| {
            known.code == difference.code && known.subject == difference.subject
        };
        if !self.found.differences.iter().any(named) {
            self.found.differences.push(difference);
        }
    }

    fn withhold(&mut self, code: BreakCode, subject: String) {
        let _ = self.found.withheld.insert((code, subject));
    }
}

/// Adds to what is pending under a key.
fn add<K: Ord>(pending: &mut BTreeMap<K, Amount>, key: K, amount: Amount) {
    let sum = pending.entry(key).or_insert(Amount::ZERO);
    *sum = Amount(sum.0.saturating_add(amount.0));
}

/// `value` × `ppm` / 1e6, without sign.
fn share(value: Amount, ppm: u32) -> Amount {
    let size = Amount(value.0.saturating_abs());
    size.scaled(i128::from(ppm), 1_000_000).unwrap_or(Amount::ZERO)
}

/// Orders listed, by our id.
fn listed(view: &View<'_>) -> Vec<(OrderId, BrokerOrder)> {
    let orders = view.snapshot.orders_after.iter();
    orders.map(|order| (view.resolve(order.order, order.venue_order).0, order.clone())).collect()
}
