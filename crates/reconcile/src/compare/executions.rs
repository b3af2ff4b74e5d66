//! Executions: the broker's listing against ours.

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};

use event::{
    Amount, Body, Currency, InstrumentId, Label, Price, Quantity, Timestamp,
    books::BrokerExecution,
    choices::{BreakCode, Liquidity, Severity, Side},
    trading::{OrderAccepted, OrderExecuted},
};
use projection::Execution;

use super::{View, add, share};
use crate::{Difference, Repair};

/// What an execution does.
#[derive(Clone, Copy)]
struct Effect {
    instrument: InstrumentId,
    /// Signed.
    quantity: Amount,
    price: Price,
    fee: Amount,
    fee_currency: Currency,
    at: Timestamp,
}

impl View<'_> {
    pub(super) fn executions(&mut self) {
        let snapshot = self.snapshot;
        for listed in &snapshot.executions {
            match self.account.execution(listed.exec_id) {
                Some(ours) => self.known(ours, listed),
                None if self.account.is_busted_early(listed.exec_id) => {}
                None => self.unknown(listed),
            }
        }
        self.unlisted();
    }

    /// An execution only the broker knows.
    fn unknown(&mut self, listed: &BrokerExecution) {
        let effect = effect_of(listed);
        let (order, _) = self.resolve(listed.order, listed.venue_order);
        add(&mut self.pending.orders, order, listed.quantity.amount());
        self.pend(&effect, 1);
        self.found.unknown_executions.push(listed.clone());
        let standing = self.standing(listed.executed_at, self.tolerances.grace_ns);
        let repair = Some(Repair::Facts(self.facts(listed)));
        self.differs(Difference {
            code: BreakCode::FillMissingInternal,
            subject: listed.exec_id.to_string(),
            ours: "-".into(),
            broker: terms(effect.quantity, listed.price, listed.fee),
            difference: effect.quantity,
            tolerance: Amount::ZERO,
            severity: Severity::Warning,
            standing,
            repair,
        });
    }

    /// The facts that put a listed execution into our books: it, and before it the order, where
    /// that began at the broker and is not known.
    fn facts(&self, listed: &BrokerExecution) -> Vec<Body> {
        let account = self.id;
        let (order, external) = self.resolve(listed.order, listed.venue_order);
        let mut facts = Vec::new();
        if external && self.account.order(order).is_none() {
            let open = self
                .snapshot
                .orders_after
                .iter()
                .find(|open| open.venue_order == listed.venue_order);
            let whole = listed.cumulative.plus(listed.leaves).unwrap_or(listed.cumulative);
            facts.push(
                OrderAccepted {
                    order,
                    account,
                    instrument: listed.instrument,
                    venue_order: listed.venue_order,
                    side: listed.side,
                    quantity: open.map_or(whole, |open| open.quantity),
                    limit_price: open.and_then(|open| open.limit_price),
                    external,
                }
                .into(),
            );
        }
        facts.push(
            OrderExecuted {
                order,
                account,
                instrument: listed.instrument,
                exec_id: listed.exec_id,
                side: listed.side,
                last_price: listed.price,
                last_quantity: listed.quantity,
                cumulative: listed.cumulative,
                leaves: listed.leaves,
                fee: listed.fee,
                fee_currency: listed.fee_currency,
                liquidity: if listed.taker { Liquidity::Taker } else { Liquidity::Maker },
                trade_date: listed.executed_at.utc_date(),
                external,
                recovered: true,
            }
            .into(),
        );
        facts
    }

    /// An execution both know.
    fn known(&mut self, ours: &Execution, listed: &BrokerExecution) {
        let theirs = effect_of(listed);
        let price_tolerance = share(listed.price.amount(), self.tolerances.price_ppm);
        let apart = |left: Amount, right: Amount| left.0.saturating_sub(right.0).unsigned_abs();
        let same = !ours.busted
            && ours.quantity == theirs.quantity
            && ours.fee_currency == theirs.fee_currency
            && apart(ours.price.amount(), listed.price.amount())
                <= price_tolerance.0.unsigned_abs()
            && apart(ours.fee, listed.fee) <= self.tolerances.fee.0.unsigned_abs();
        if same {
            return;
        }
        if !ours.busted {
            self.pend(&effect_of_ours(ours), -1);
        }
        self.pend(&theirs, 1);
        let touched = self.account.position(ours.instrument).map_or(ours.at, |p| p.touched);
        let standing = self.standing(touched, self.tolerances.grace_ns);
        let stood = if ours.busted { Amount::ZERO } else { ours.quantity };
        self.differs(Difference {
            code: BreakCode::FillEconomics,
            subject: listed.exec_id.to_string(),
            ours: if ours.busted {
                "busted".into()
            } else {
                terms(ours.quantity, ours.price, ours.fee)
            },
            broker: terms(theirs.quantity, listed.price, listed.fee),
            difference: Amount(theirs.quantity.0.saturating_sub(stood.0)),
            tolerance: Amount::ZERO,
            severity: Severity::Warning,
            standing,
            repair: None,
        });
    }

    /// Executions only we know, among those the listing must hold: later than its first, or all of
    /// them when it begins at the beginning. Those recovered came from a listing themselves, at a
    /// time of ours and not of the broker's.
    fn unlisted(&mut self) {
        let snapshot = self.snapshot;
        let first = snapshot.executions.iter().map(|listed| listed.executed_at).min();
        let whole = snapshot.executions_from == 0;
        let names: BTreeSet<Label> = snapshot.executions.iter().map(|l| l.exec_id).collect();
        for ours in self.account.executions() {
            let covered = whole || first.is_some_and(|first| ours.at > first);
            if !covered || ours.busted || ours.recovered || names.contains(&ours.exec_id) {
                continue;
            }
            self.pend(&effect_of_ours(ours), -1);
            let standing = self.standing(ours.at, self.tolerances.listing_grace_ns);
            self.differs(Difference {
                code: BreakCode::FillMissingAtBroker,
                subject: ours.exec_id.to_string(),
                ours: terms(ours.quantity, ours.price, ours.fee),
                broker: "-".into(),
                difference: Amount(ours.quantity.0.saturating_neg()),
                tolerance: Amount::ZERO,
                severity: Severity::Critical,
                standing,
                repair: None,
            });
        }
    }

    /// Notes what an execution does to position and cash, `sign` times.
    fn pend(&mut self, effect: &Effect, sign: i128) {
        let moved = self.moved_by(effect);
        let times = |amount: Amount| Amount(amount.0.saturating_mul(sign));
        add(&mut self.pending.positions, moved.instrument, times(moved.position));
        for (currency, amount) in moved.cash {
            add(&mut self.pending.cash, currency, times(amount));
        }
        self.pending.cash_unknown.extend(moved.cash_unknown);
    }

    /// What one of our executions did to position and cash.
    pub(super) fn moved(&self, ours: &Execution) -> Moved {
        self.moved_by(&effect_of_ours(ours))
    }

    fn moved_by(&self, effect: &Effect) -> Moved {
        let fee = Amount(effect.fee.0.saturating_neg());
        let mut moved = Moved {
            instrument: effect.instrument,
            position: effect.quantity,
            cash: Vec::from([(effect.fee_currency, fee)]),
            cash_unknown: None,
        };
        let Some(contract) = self.books.contract(effect.instrument, effect.at) else {
            return moved;
        };
        if contract.moves_base() {
            moved.cash.push((contract.base, effect.quantity));
            if effect.fee_currency == contract.base {
                moved.position = Amount(moved.position.0.saturating_add(fee.0));
            }
        }
        match contract.value(effect.quantity, effect.price) {
            Ok(worth) if contract.is_paid_in_full() => {
                moved.cash.push((contract.settle, Amount(worth.0.saturating_neg())));
            }
            _ => moved.cash_unknown = Some(contract.settle),
        }
        moved
    }
}

/// What an execution does to position and cash.
pub(super) struct Moved {
    pub(super) instrument: InstrumentId,
    pub(super) position: Amount,
    cash: Vec<(Currency, Amount)>,
    /// The currency of a profit that is not known before it is booked.
    cash_unknown: Option<Currency>,
}

impl Moved {
    /// Change of cash in one currency.
    pub(super) fn cash_of(&self, currency: Currency) -> Amount {
        let lines = self.cash.iter().filter(|line| line.0 == currency);
        lines.fold(Amount::ZERO, |sum, line| Amount(sum.0.saturating_add(line.1.0)))
    }
}

fn effect_of(listed: &BrokerExecution) -> Effect {
    Effect {
        instrument: listed.instrument,
        quantity: signed(listed.side, listed.quantity),
        price: listed.price,
        fee: listed.fee,
        fee_currency: listed.fee_currency,
        at: listed.executed_at,
    }
}

const fn effect_of_ours(ours: &Execution) -> Effect {
    Effect {
        instrument: ours.instrument,
        quantity: ours.quantity,
        price: ours.price,
        fee: ours.fee,
        fee_currency: ours.fee_currency,
        at: ours.at,
    }
}

fn signed(side: Side, quantity: Quantity) -> Amount {
    Amount(quantity.amount().0.saturating_mul(i128::from(side.sign())))
}

fn terms(quantity: Amount, price: Price, fee: Amount) -> String {
    format!("{quantity} @ {price}, fee {fee}")
}
