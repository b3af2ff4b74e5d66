//! The worst case: what an account would hold if everything under way were executed.
//!
//! Per instrument and direction: position + what is reserved, open or unknown. A reservation is
//! made when an order is approved and ends only with a confirmed terminal state. A terminal state
//! that reports more executed than was seen keeps the rest reserved until those executions arrive,
//! so the worst case never falls below what is still to come. A replace under way counts the larger
//! of the old terms and the new.

use alloc::{collections::BTreeMap, vec::Vec};

use event::{
    Amount, Body, InstrumentId, OrderId, Price,
    choices::{AttemptAction, Side},
    message, nested,
    trading::OrderAccepted,
};

use crate::executions::Change;

message! {
    /// New terms of an order, asked for and not answered.
    PendingTerms {
        /// The proposal that asked.
        1 proposal: OrderId,
        /// The new total quantity.
        2 total: Amount,
    }

    /// An order that may still execute.
    Reservation {
        /// The order.
        1 order: OrderId,
        /// Its instrument.
        2 instrument: InstrumentId,
        /// Its side.
        3 side: Side,
        /// Its total quantity.
        4 total: Amount,
        /// The part of it whose executions were seen.
        5 filled: Amount,
        /// Terms it may have by now.
        6 pending: Vec<PendingTerms>,
        /// After its end: how much the broker says it executed.
        7 ended_at: Option<Amount>,
        /// Whether an attempt's outcome is not known.
        8 unknown: bool,
        /// The limit, for limit orders.
        9 limit_price: Option<Price>,
    }

    /// A position.
    Held {
        /// The instrument.
        1 instrument: InstrumentId,
        /// Signed quantity.
        2 quantity: Amount,
    }
}

nested!(PendingTerms, Reservation, Held);

impl Reservation {
    /// The most it may still execute.
    pub(super) fn remaining(&self) -> Amount {
        let pending = self.pending.iter().map(|terms| terms.total).max().unwrap_or_default();
        let most = self.ended_at.unwrap_or_else(|| self.total.max(pending));
        Amount(most.0.saturating_sub(self.filled.0).max(0))
    }

    /// The most it may still execute if it also had `total`.
    pub(super) fn remaining_with(&self, total: Amount) -> Amount {
        Amount(total.0.saturating_sub(self.filled.0)).max(self.remaining())
    }
}

/// The worst case of one instrument, signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorstCase {
    /// What is held.
    pub position: Amount,
    /// If every buy executed and no sell.
    pub long: Amount,
    /// If every sell executed and no buy.
    pub short: Amount,
}

impl WorstCase {
    /// The end of the worst case that an order of this side moves.
    pub(super) const fn end(&self, side: Side) -> Amount {
        match side {
            Side::Buy => self.long,
            Side::Sell => self.short,
        }
    }
}

/// What an account holds and what may follow. The worst case of an instrument is summed when it is
/// asked for, over the open orders of the account, which are few.
#[derive(Clone, Debug, Default)]
pub(super) struct Exposure {
    held: BTreeMap<InstrumentId, Amount>,
    reserved: BTreeMap<OrderId, Reservation>,
}

impl Exposure {
    pub(super) fn position(&self, instrument: InstrumentId) -> Amount {
        self.held.get(&instrument).copied().unwrap_or_default()
    }

    pub(super) fn positions(&self) -> impl Iterator<Item = (InstrumentId, Amount)> + '_ {
        self.held.iter().map(|(instrument, quantity)| (*instrument, *quantity))
    }

    pub(super) fn holds_anything(&self) -> bool {
        !self.held.is_empty()
    }

    pub(super) fn reservation(&self, order: OrderId) -> Option<&Reservation> {
        self.reserved.get(&order)
    }

    pub(super) fn worst_case(&self, instrument: InstrumentId) -> WorstCase {
        let position = self.position(instrument);
        let mut worst = WorstCase { position, long: position, short: position };
        for order in self.reserved.values().filter(|order| order.instrument == instrument) {
            let remaining = order.remaining().0;
            match order.side {
                Side::Buy => worst.long.0 = worst.long.0.saturating_add(remaining),
                Side::Sell => worst.short.0 = worst.short.0.saturating_sub(remaining),
            }
        }
        worst
    }

    /// Books a signed change of what is held.
    pub(super) fn book(&mut self, instrument: InstrumentId, quantity: Amount) {
        let held = self.held.entry(instrument).or_default();
        held.0 = held.0.saturating_add(quantity.0);
        if held.is_zero() {
            let _ = self.held.remove(&instrument);
        }
    }

    /// Books what of an execution was reserved. One that is taken back or corrected gives the
    /// difference back to an order that works, and to one that has ended nothing: what its end
    /// reported counts the execution as it was first told.
    pub(super) fn fill(&mut self, change: &Change) {
        if let Some(reservation) = self.reserved.get_mut(&change.order)
            && !(change.takes_back && reservation.ended_at.is_some())
        {
            let signed = change.filled.0.saturating_mul(i128::from(reservation.side.sign()));
            reservation.filled.0 = reservation.filled.0.saturating_add(signed);
        }
        self.release_if_done(change.order);
    }

    pub(super) fn reserve(&mut self, reservation: Reservation) {
        let _ = self.reserved.insert(reservation.order, reservation);
    }

    pub(super) fn reserve_terms(&mut self, order: OrderId, proposal: OrderId, total: Amount) {
        if let Some(reservation) = self.reserved.get_mut(&order) {
            reservation.pending.push(PendingTerms { proposal, total });
        }
    }

    /// Takes a fact about an order.
    pub(super) fn fold(&mut self, body: &Body) {
        match body {
            Body::OrderAccepted(fact) => self.accept(fact),
            Body::OrderReplaced(fact) => {
                if let Some(reservation) = self.reserved.get_mut(&fact.order) {
                    reservation.total = fact.quantity.amount();
                    reservation.limit_price = Some(fact.limit_price);
                    reservation.unknown = false;
                }
                self.drop_terms(fact.order, Some(fact.proposal));
            }
            Body::CancelRejected(fact) => {
                self.known(fact.order);
                self.drop_terms(fact.order, fact.proposal);
            }
            Body::OrderLapsed(fact) => match fact.action {
                AttemptAction::Submit => drop(self.reserved.remove(&fact.order)),
                AttemptAction::Replace => self.drop_terms(fact.order, fact.proposal),
                AttemptAction::Cancel => {}
            },
            Body::OrderRejected(fact) => drop(self.reserved.remove(&fact.order)),
            Body::OrderCancelled(fact) => self.end(fact.order, fact.cumulative.amount()),
            Body::OrderExpired(fact) => self.end(fact.order, fact.cumulative.amount()),
            Body::OrderUnknown(fact) => {
                if let Some(reservation) = self.reserved.get_mut(&fact.order) {
                    reservation.unknown = true;
                }
            }
            _ => {}
        }
    }

    /// Ours are reserved since their approval, and one that is not any more has ended; only one
    /// that began at the broker is new.
    fn accept(&mut self, fact: &OrderAccepted) {
        if !fact.external || self.reserved.contains_key(&fact.order) {
            self.known(fact.order);
            return;
        }
        self.reserve(Reservation {
            order: fact.order,
            instrument: fact.instrument,
            side: fact.side,
            total: fact.quantity.amount(),
            filled: Amount::ZERO,
            pending: Vec::new(),
            ended_at: None,
            unknown: false,
            limit_price: fact.limit_price,
        });
    }

    fn known(&mut self, order: OrderId) {
        if let Some(reservation) = self.reserved.get_mut(&order) {
            reservation.unknown = false;
        }
    }

    fn drop_terms(&mut self, order: OrderId, proposal: Option<OrderId>) {
        if let Some(reservation) = self.reserved.get_mut(&order) {
            reservation.pending.retain(|terms| Some(terms.proposal) != proposal);
        }
        self.release_if_done(order);
    }

    fn end(&mut self, order: OrderId, cumulative: Amount) {
        if let Some(reservation) = self.reserved.get_mut(&order) {
            reservation.pending.clear();
            reservation.ended_at = Some(cumulative);
        }
        self.release_if_done(order);
    }

    fn release_if_done(&mut self, order: OrderId) {
        let done = |one: &Reservation| one.pending.is_empty() && one.remaining().is_zero();
        if self.reserved.get(&order).is_some_and(done) {
            let _ = self.reserved.remove(&order);
        }
    }

    pub(super) fn held(&self) -> Vec<Held> {
        self.positions().map(|(instrument, quantity)| Held { instrument, quantity }).collect()
    }

    pub(super) fn reserved(&self) -> Vec<Reservation> {
        self.reserved.values().cloned().collect()
    }

    pub(super) fn restored(held: Vec<Held>, reserved: Vec<Reservation>) -> Self {
        Self {
            held: held.into_iter().map(|one| (one.instrument, one.quantity)).collect(),
            reserved: reserved.into_iter().map(|one| (one.order, one)).collect(),
        }
    }
}
