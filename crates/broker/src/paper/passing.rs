//! What the passing of time brings: new days, funding, promises kept, orders expired, executions
//! amended, and the script.

use event::{
    DAY_NS, InstrumentId, Label, OrderId, Price, Timestamp,
    choices::{AttemptAction, BookingKind, BrokerOrderState, Payoff, Side},
};

use super::{
    admission::tick_at,
    books::Amendment,
    config::{Action, Expiry},
    entry::{Busted, Corrected, DayBegan, Ended, IntervalPassed, Replaced, TooLate},
    matching::Fill,
    order::PaperOrder,
    session::{Booking, Session, share},
};
use crate::BrokerError;

/// Something due, in order of when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Expiry(OrderId),
    Promise(u64),
    Amendment(usize),
}

impl Session<'_> {
    /// Does everything that is due by now.
    pub(crate) fn pass(&mut self) -> Result<(), BrokerError> {
        self.pass_day()?;
        for (_, due) in self.due() {
            match due {
                Due::Expiry(order) => self.expire(order)?,
                Due::Promise(made) => self.keep(made)?,
                Due::Amendment(place) => self.amend(place)?,
            }
        }
        Ok(())
    }

    /// Does what the script does by the clock.
    pub(crate) fn pass_script(&mut self) -> Result<(), BrokerError> {
        let has_execution = self.books.executions.iter().any(|e| !e.busted && !e.silent);
        let by_clock = |action: &Action| match action {
            Action::Transfer { .. } | Action::LateFee { .. } => true,
            Action::BustLast => has_execution,
            _ => false,
        };
        while let Some(action) = self.take_action(by_clock)? {
            match action {
                Action::Transfer { currency, amount } => self.book(Booking {
                    kind: BookingKind::Transfer,
                    currency,
                    amount,
                    instrument: None,
                    reason: "transfer",
                    delay_ns: 0,
                })?,
                Action::LateFee { currency, amount, delay_ns } => self.book(Booking {
                    kind: BookingKind::Fee,
                    currency,
                    amount: amount.negated().map_err(BrokerError::money("a fee"))?,
                    instrument: None,
                    reason: "fee booked late",
                    delay_ns,
                })?,
                Action::BustLast => {
                    let last = self.books.executions.iter().rev().find(|e| !e.busted && !e.silent);
                    if let Some(exec_id) = last.map(|execution| execution.exec_id) {
                        self.bust(exec_id)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Pays or receives funding for the interval that a price opens. Nothing is paid for an
    /// interval in which no price was seen, or since which the position is.
    pub(crate) fn fund(
        &mut self,
        instrument: InstrumentId,
        price: Price,
    ) -> Result<(), BrokerError> {
        let funding = self.config.funding;
        let holding = self.books.ledger.holding(instrument);
        if funding.interval_ns <= 0 || holding.quantity.is_zero() {
            return Ok(());
        }
        let Some(defined) = self.books.definition(instrument, self.now.time) else {
            return Ok(());
        };
        let perpetual = matches!(defined.payoff, Payoff::Linear | Payoff::Inverse)
            && defined.calendar.as_str() == "247";
        let Some(terms) = self.terms(instrument).filter(|_| perpetual) else { return Ok(()) };
        if !Self::can_deal_at(&terms, price) {
            return Ok(());
        }
        let interval_of = |at: Timestamp| at.0.div_euclid(funding.interval_ns);
        let paid = self.books.intervals.get(&instrument).copied();
        let last = paid.max(holding.traded.map(interval_of));
        let interval = interval_of(self.now.time);
        if last.is_some_and(|last| interval <= last) {
            return Ok(());
        }
        self.record(IntervalPassed { instrument, interval })?;
        if last.is_none() {
            return Ok(());
        }
        let amount = terms
            .value(holding.quantity, price)
            .and_then(|worth| share(worth, funding.rate_ppm))
            .and_then(|paid| paid.negated())
            .map_err(BrokerError::money("funding"))?;
        if amount.is_zero() {
            return Ok(());
        }
        self.book(Booking {
            kind: BookingKind::Funding,
            currency: terms.cash,
            amount,
            instrument: Some(instrument),
            reason: "funding",
            delay_ns: 0,
        })
    }

    /// Takes an execution back.
    fn bust(&mut self, exec_id: Label) -> Result<(), BrokerError> {
        let bust_id = self.books.next_amendment()?;
        let at = self.now.time;
        self.record(Busted { exec_id, bust_id, reason: "clearly erroneous".into(), at })
    }

    /// States the cash of the day that ended, and begins the next.
    fn pass_day(&mut self) -> Result<(), BrokerError> {
        let now = self.now.time.0;
        let at = Timestamp(now.saturating_sub(now.rem_euclid(DAY_NS)));
        match self.books.day {
            Some(day) if at <= day => Ok(()),
            day => self.record(DayBegan { at, stated: day.is_some() }),
        }
    }

    fn due(&self) -> Vec<(Timestamp, Due)> {
        let now = self.now;
        let expired = self.books.open().filter(|order| self.is_expired(order));
        let mut due: Vec<(Timestamp, Due)> =
            expired.map(|order| (order.expires, Due::Expiry(order.order))).collect();
        let promises = self.books.promises.iter();
        let kept = promises.take_while(|((live_at, _), _)| *live_at <= now.time);
        due.extend(
            kept.filter(|(_, promise)| promise.since.is_before(now.position, self.record_at))
                .map(|(&(live_at, made), _)| (live_at, Due::Promise(made))),
        );
        let amendments = self.books.amendments.keys().take_while(|(at, _)| *at <= now.time);
        due.extend(amendments.map(|&(at, place)| (at, Due::Amendment(place))));
        due.sort_unstable();
        due
    }

    fn is_expired(&self, order: &PaperOrder) -> bool {
        self.now.time > order.expires && expires(order, self.config.expiry)
    }

    fn expire(&mut self, order: OrderId) -> Result<(), BrokerError> {
        if self.books.order(order).is_some_and(PaperOrder::is_open) {
            self.end(order, BrokerOrderState::Expired, "expired")?;
        }
        Ok(())
    }

    /// Does what was promised, or says that it is too late.
    fn keep(&mut self, made: u64) -> Result<(), BrokerError> {
        let promises = &mut self.books.promises.iter();
        let Some((_, promise)) = promises.find(|((_, number), _)| *number == made) else {
            return Ok(());
        };
        let (order, action, quantity) = (promise.order, promise.action, promise.quantity);
        let at = self.now.time;
        let working = self.books.order(order).filter(|order| order.is_open());
        match (working, action) {
            (None, _) => self.record(TooLate { order, reason: "the order has ended".into(), at }),
            (Some(working), AttemptAction::Replace) if quantity <= working.cumulative => {
                let reason = "executed beyond the new quantity".into();
                self.record(TooLate { order, reason, at })
            }
            (Some(_), AttemptAction::Replace) => {
                let venue_order = self.books.next_venue_order()?;
                self.record(Replaced { order, venue_order, at })
            }
            (Some(_), AttemptAction::Cancel | AttemptAction::Submit) => {
                let state = BrokerOrderState::Cancelled;
                let reason = "cancelled on request".into();
                self.record(Ended { order, state, reason, at, promised: true })
            }
        }
    }

    fn amend(&mut self, place: usize) -> Result<(), BrokerError> {
        let mut due = self.books.amendments.iter().filter(|((_, amended), _)| *amended == place);
        let Some((_, &amendment)) = due.next() else { return Ok(()) };
        let Some(execution) = self.books.executions.get(place) else { return Ok(()) };
        let exec_id = execution.exec_id;
        if amendment == Amendment::Bust {
            return self.bust(exec_id);
        }
        let trade = execution.trade;
        let (side, liquidity, size) =
            (execution.side, execution.liquidity, execution.quantity.amount());
        let defined = self.books.definition(trade.instrument, self.now.time);
        let tick = defined.map_or(Price(0), |defined| tick_at(defined, trade.price));
        let worse = match side {
            Side::Buy => trade.price.plus(tick),
            Side::Sell => trade.price.minus(tick),
        };
        let worse = worse.ok().filter(|worse| Self::can_deal_at(&trade.terms, *worse));
        let price = worse.unwrap_or(trade.price);
        let (fee, _) = self.fee(&trade.terms, side, Fill { price, liquidity }, size)?;
        let correction_id = self.books.next_amendment()?;
        let reason = "price corrected".into();
        self.record(Corrected { exec_id, correction_id, price, fee, reason, at: self.now.time })
    }
}

/// Whether an order ends when its `expires` passes.
pub(crate) const fn expires(order: &PaperOrder, expiry: Expiry) -> bool {
    match expiry {
        Expiry::Order => true,
        Expiry::Request => !order.rested,
    }
}
