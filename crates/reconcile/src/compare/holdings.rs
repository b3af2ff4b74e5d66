//! Positions and cash.

use alloc::{collections::BTreeMap, collections::BTreeSet, string::ToString};

use event::{
    Amount, Currency, InstrumentId, Timestamp,
    choices::{BreakCode, Severity},
};

use super::{View, add, executions::Moved, share};
use crate::{Difference, Standing};

impl View<'_> {
    pub(super) fn positions(&mut self) {
        let snapshot = self.snapshot;
        let (mut theirs, mut costs) = (BTreeMap::new(), BTreeMap::new());
        for line in &snapshot.positions {
            add(&mut theirs, line.instrument, line.quantity.amount());
            add(&mut costs, line.instrument, line.total_cost);
        }
        let held = self.account.positions().filter(|position| !position.quantity.is_zero());
        let mut instruments: BTreeSet<InstrumentId> = held.map(|held| held.instrument).collect();
        instruments.extend(theirs.keys());
        instruments.extend(self.pending.positions.keys());
        for instrument in instruments {
            let quantity = theirs.get(&instrument).copied().unwrap_or_default();
            let cost = costs.get(&instrument).copied().unwrap_or_default();
            self.position(instrument, quantity, cost);
        }
    }

    fn position(&mut self, instrument: InstrumentId, quantity: Amount, cost: Amount) {
        let ours = self.account.position(instrument);
        let held = ours.map_or(Amount::ZERO, |position| position.quantity);
        let touched = ours.map_or(Timestamp(i64::MIN), |position| position.touched);
        let pending = self.pending.positions.get(&instrument).copied();
        let expected = held.0.saturating_add(pending.unwrap_or_default().0);
        let difference = Amount(quantity.0.saturating_sub(expected));
        let lags = self.lags(difference, |effect| {
            if effect.instrument == instrument { effect.position } else { Amount::ZERO }
        });
        let standing = self.holding(touched, lags);
        let subject = instrument.to_string();
        if !difference.is_zero() {
            self.differs(Difference {
                code: BreakCode::PositionQuantity,
                subject: subject.clone(),
                ours: held.to_string(),
                broker: quantity.to_string(),
                difference,
                tolerance: Amount::ZERO,
                severity: Severity::Critical,
                standing,
                repair: None,
            });
        }
        // Costs of different quantities say nothing about each other.
        if pending.is_some() || !difference.is_zero() {
            self.withhold(BreakCode::PositionCost, subject);
            return;
        }
        let our_cost = ours.map_or(Amount::ZERO, |position| position.total_cost);
        let apart = Amount(cost.0.saturating_sub(our_cost.0));
        let tolerance = share(cost, self.tolerances.cost_ppm).max(self.tolerances.cash_default);
        if apart.0.saturating_abs() > tolerance.0 {
            self.differs(Difference {
                code: BreakCode::PositionCost,
                subject,
                ours: our_cost.to_string(),
                broker: cost.to_string(),
                difference: apart,
                tolerance,
                severity: Severity::Warning,
                standing,
                repair: None,
            });
        }
    }

    /// How a difference in a holding stands: what the broker's view merely lags proves nothing.
    const fn holding(&self, touched: Timestamp, lags: bool) -> Standing {
        match self.standing(touched, self.tolerances.holdings_grace_ns) {
            Standing::InFlight if lags => Standing::Early,
            standing => standing,
        }
    }

    /// Whether the broker's value is what ours was before the last executions within the grace: a
    /// balance some trades behind, which is timing however often it is seen.
    fn lags(&self, difference: Amount, of: impl Fn(&Moved) -> Amount) -> bool {
        let since = self.now.plus_ns(self.tolerances.holdings_grace_ns.saturating_neg());
        let recent = self.account.executions().iter().rev().take_while(|one| one.at > since);
        let mut behind = Amount::ZERO;
        for execution in recent.filter(|execution| !execution.busted) {
            let moved = of(&self.moved(execution));
            behind = Amount(behind.0.saturating_sub(moved.0));
            if behind == difference {
                return true;
            }
        }
        false
    }

    pub(super) fn cash(&mut self) {
        let snapshot = self.snapshot;
        let mut theirs = BTreeMap::new();
        for balance in &snapshot.balances {
            add(&mut theirs, balance.currency, balance.amount);
        }
        let mut currencies: BTreeSet<Currency> =
            self.account.cash().map(|cash| cash.currency).collect();
        currencies.extend(theirs.keys());
        for currency in currencies {
            let broker = theirs.get(&currency).copied().unwrap_or_default();
            self.cash_of(currency, broker);
        }
    }

    fn cash_of(&mut self, currency: Currency, broker: Amount) {
        let subject = currency.to_string();
        if self.pending.cash_unknown.contains(&currency) {
            self.withhold(BreakCode::Cash, subject);
            return;
        }
        let cash = self.account.cash_of(currency);
        let ours = cash.map_or(Amount::ZERO, |cash| cash.total());
        let touched = cash.map_or(Timestamp(i64::MIN), |cash| cash.touched);
        let pending = self.pending.cash.get(&currency).copied().unwrap_or_default();
        let difference = Amount(broker.0.saturating_sub(ours.0).saturating_sub(pending.0));
        let tolerance = self.tolerances.cash_of(currency);
        if difference.0.saturating_abs() <= tolerance.0 {
            return;
        }
        let lags = self.lags(difference, |effect| effect.cash_of(currency));
        let standing = self.holding(touched, lags);
        self.differs(Difference {
            code: BreakCode::Cash,
            subject,
            ours: ours.to_string(),
            broker: broker.to_string(),
            difference,
            tolerance,
            severity: Severity::Critical,
            standing,
            repair: None,
        });
    }
}
