//! One step of the broker: it looks at the books, decides, and writes down what it decided.

use event::{Amount, InstrumentId, MoneyError, Price, Timestamp, choices::BookingKind};

use super::{
    books::Books,
    config::{Action, PaperConfig, Scripted},
    entry::{Booked, Entry, Printed, ScriptDone},
    ledger::Terms,
};
use crate::{BrokerError, Moment};

/// A step in the making: every entry is folded as it is recorded, so what is decided next sees it.
pub(crate) struct Session<'a> {
    pub(crate) books: &'a mut Books,
    pub(crate) config: &'a PaperConfig,
    pub(crate) now: Moment,
    /// The market record that is taken in; in a call, the last one shown at this position.
    pub(crate) record_at: Option<Printed>,
    pub(crate) entries: Vec<Entry>,
}

impl<'a> Session<'a> {
    pub(crate) const fn new(
        books: &'a mut Books,
        config: &'a PaperConfig,
        now: Moment,
        record_at: Option<Printed>,
    ) -> Self {
        Self { books, config, now, record_at, entries: Vec::new() }
    }

    pub(crate) fn record(&mut self, entry: impl Into<Entry>) -> Result<(), BrokerError> {
        let entry = entry.into();
        self.books.apply(self.now, &entry)?;
        self.entries.push(entry);
        Ok(())
    }

    /// When what is asked for now takes effect.
    pub(crate) const fn live_at(&self) -> Timestamp {
        self.now.time.plus_ns(self.config.latency_ns)
    }

    /// What money depends on for an instrument that is defined now.
    pub(crate) fn terms(&self, instrument: InstrumentId) -> Option<Terms> {
        self.books.definition(instrument, self.now.time).map(Terms::from)
    }

    /// Whether a price can be dealt at: what is paid in full, or divided by, has a positive one.
    pub(crate) fn can_deal_at(terms: &Terms, price: Price) -> bool {
        price.0 > 0 || terms.payoff == event::choices::Payoff::Linear
    }

    /// Actions of the script that are due and not done.
    pub(crate) fn due_actions(&self) -> Vec<(u32, Action)> {
        let due = |scripted: &Scripted| scripted.at <= self.now.time;
        (0..)
            .zip(&self.config.script)
            .filter(|(place, scripted)| due(scripted) && !self.books.script_done.contains(place))
            .map(|(place, scripted)| (place, scripted.action.clone()))
            .collect()
    }

    /// Takes the first due action that `wanted` accepts, and notes it as done.
    pub(crate) fn take_action(
        &mut self,
        wanted: impl Fn(&Action) -> bool,
    ) -> Result<Option<Action>, BrokerError> {
        let found = self.due_actions().into_iter().find(|(_, action)| wanted(action));
        let Some((place, action)) = found else { return Ok(None) };
        self.record(ScriptDone { action: place })?;
        Ok(Some(action))
    }

    /// Moves cash outside any execution.
    pub(crate) fn book(&mut self, booking: Booking) -> Result<(), BrokerError> {
        let booking_id = self.books.next_booking()?;
        let at = self.now.time;
        self.record(Booked {
            booking_id,
            kind: booking.kind,
            currency: booking.currency,
            amount: booking.amount,
            instrument: booking.instrument,
            reason: booking.reason.into(),
            at,
            delivered_at: at.plus_ns(booking.delay_ns.max(0)),
        })
    }
}

/// Cash that moves outside any execution.
pub(crate) struct Booking {
    pub(crate) kind: BookingKind,
    pub(crate) currency: event::Currency,
    /// Signed change of cash.
    pub(crate) amount: Amount,
    pub(crate) instrument: Option<InstrumentId>,
    pub(crate) reason: &'static str,
    pub(crate) delay_ns: i64,
}

/// A share of an amount in parts per million, rounded half to even at 1e-18.
pub(crate) fn share(amount: Amount, ppm: i64) -> Result<Amount, MoneyError> {
    amount.scaled(i128::from(ppm), 1_000_000)
}
