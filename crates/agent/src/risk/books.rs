//! What changes the account: its opening, executions, bookings, limits and days.

use alloc::{collections::BTreeMap, format};

use event::{
    Amount, Body, Currency, Event, InstrumentId, Label, Quantity, Timestamp,
    books::{AccountOpened, LimitBreached, LimitsLoaded},
    choices::{BookingKind, Phase, RiskRule},
    operations::SessionPhaseChanged,
};
use guard::RateWindow;

use super::Risk;
use crate::{Evidence, Outbox, Seen};

impl Risk {
    pub(super) fn on_opened(&mut self, opened: &AccountOpened) {
        if core::mem::replace(&mut self.opened, true) {
            return;
        }
        self.equity.reporting = Some(opened.reporting_currency);
        for position in &opened.positions {
            self.exposure.book(position.instrument, position.quantity.amount());
            self.equity.cost(position.instrument, position.total_cost);
        }
    }

    /// Executions, and what takes them back.
    pub(super) fn on_execution(&mut self, body: &Body) {
        for change in self.executions.fold(body) {
            let market = self.markets.get(change.instrument);
            let contract = market.and_then(|market| market.contract.as_ref());
            let held = self.equity.execute(contract, &change);
            self.exposure.book(change.instrument, held);
            self.exposure.fill(&change);
        }
    }

    /// Bookings of cash and corrections of our own books.
    pub(super) fn on_booking(&mut self, body: &Body) {
        match body {
            Body::FeeCharged(fee) => {
                let paid = Amount(fee.amount.0.saturating_neg());
                self.book_once(BookingKind::Fee, fee.fee_id, fee.currency, paid);
            }
            Body::FundingPaid(funding) => {
                self.book_once(
                    BookingKind::Funding,
                    funding.funding_id,
                    funding.currency,
                    funding.amount,
                );
            }
            Body::AdjustmentBooked(b) => {
                self.adjust(b.instrument, b.quantity, b.cost, b.currency, b.amount);
            }
            Body::AdjustmentReversed(b) => {
                self.adjust(b.instrument, b.quantity, b.cost, b.currency, b.amount);
            }
            _ => {}
        }
    }

    fn book_once(&mut self, kind: BookingKind, booking: Label, currency: Currency, amount: Amount) {
        if self.bookings.insert((kind, booking)) {
            self.equity.cash(currency, amount);
        }
    }

    fn adjust(
        &mut self,
        instrument: Option<InstrumentId>,
        quantity: Quantity,
        cost: Amount,
        currency: Option<Currency>,
        amount: Amount,
    ) {
        if let Some(instrument) = instrument {
            self.exposure.book(instrument, quantity.amount());
            self.equity.cost(instrument, cost);
        }
        if let Some(currency) = currency {
            self.equity.cash(currency, amount);
        }
    }

    pub(super) fn on_phase(&mut self, changed: &SessionPhaseChanged) {
        let _ = self.phases.insert(changed.calendar, changed.phase);
        let profit = self.equity.profit(&self.config, &self.markets, &self.exposure).ok();
        if changed.phase == Phase::Open && self.equity.roll(changed.session_date, profit) {
            self.breached = false;
        }
    }

    /// Takes the base of a day that began while equity was unknown, once it is known.
    #[inline]
    pub(super) fn take_base(&mut self) {
        if self.equity.is_rolling()
            && let Ok(profit) = self.equity.profit(&self.config, &self.markets, &self.exposure)
        {
            self.equity.take_base(profit);
        }
    }

    pub(super) fn load_limits(&mut self, event: &Event, loaded: &LimitsLoaded) {
        self.limits.load(loaded);
        self.limits_seen = Some(Seen::of(event));
        let mut rates = BTreeMap::new();
        for (scope, count, window_ns) in self.limits.rates() {
            let mut window =
                self.rates.remove(&scope).unwrap_or_else(|| RateWindow::new(count, window_ns));
            window.limit(count, window_ns);
            let _ = rates.insert(scope, window);
        }
        self.rates = rates;
    }

    /// Says once a day that the drawdown limit was passed.
    pub(super) fn watch_drawdown(&mut self, now: Timestamp, out: &mut Outbox) {
        if self.breached || now < self.next_valuation {
            return;
        }
        self.next_valuation = now.plus_ns(self.config.valuation_ns);
        let Some(limit) = self.limits.drawdown() else { return };
        let Ok(profit) = self.equity.profit(&self.config, &self.markets, &self.exposure) else {
            return;
        };
        let observed = self.equity.loss(profit);
        if observed <= limit {
            return;
        }
        self.breached = true;
        let breach = LimitBreached {
            account: self.config.account,
            rule: RiskRule::Drawdown,
            instrument: None,
            limit,
            observed,
            detail: format!("lost {observed} since the day's equity base, more than {limit}"),
        };
        let evidence = Evidence::default()
            .seen(self.facts_seen.as_ref())
            .seen(self.limits_seen.as_ref())
            .observed("profit", profit)
            .observed("day_loss", observed)
            .limits(self.limits.set);
        out.decide(breach, evidence.basis());
    }
}
