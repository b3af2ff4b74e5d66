//! Positions added up again by plain sums, and alerts that must come, apart from the code that ships.

use std::collections::{BTreeMap, BTreeSet};

use event::{Amount, Body, Currency, Event, InstrumentId, Label, choices::Payoff};
use projection::Books;

use crate::invariant::{Invariant, Violation, require};

/// What one execution stands for now.
#[derive(Clone, Copy, Debug)]
struct Leg {
    instrument: InstrumentId,
    quantity: i128,
    fee: i128,
    fee_currency: Currency,
}

/// Positions by plain sums, and alerts by plain counting.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    /// The base of spot instruments: a fee in it comes out of the position.
    spot: BTreeMap<InstrumentId, Currency>,
    legs: BTreeMap<Label, Leg>,
    busted: BTreeSet<Label>,
    corrected: BTreeMap<Label, (i128, i128)>,
    seen: BTreeSet<Label>,
    adjusted: BTreeMap<InstrumentId, i128>,
    due: BTreeSet<(&'static str, String)>,
    said: BTreeMap<(String, String), u64>,
}

impl Sums {
    /// Takes an event that the books have taken, and holds the books against the sums.
    pub(crate) fn take(&mut self, event: &Event, books: &Books) -> Result<(), Violation> {
        let instrument = match &event.body {
            Body::InstrumentDefined(defined) if defined.payoff == Payoff::Spot => {
                let _ = self.spot.insert(defined.instrument, defined.base);
                return Ok(());
            }
            Body::OrderExecuted(b) => {
                let quantity = b.last_quantity.amount().0 * i128::from(b.side.sign());
                let leg = Leg {
                    instrument: b.instrument,
                    quantity,
                    fee: b.fee.0,
                    fee_currency: b.fee_currency,
                };
                let _ = self.legs.entry(b.exec_id).or_insert(leg);
                b.instrument
            }
            Body::ExecutionBusted(b) => {
                let _ = self.busted.insert(b.exec_id);
                b.instrument
            }
            Body::ExecutionCorrected(b) => {
                if self.seen.insert(b.correction_id) {
                    let _ = self.corrected.insert(b.exec_id, (b.quantity.amount().0, b.fee.0));
                }
                b.instrument
            }
            Body::AdjustmentBooked(b) => {
                return self.adjust(b.instrument, b.quantity.amount(), books);
            }
            Body::AdjustmentReversed(b) => {
                return self.adjust(b.instrument, b.quantity.amount(), books);
            }
            body => {
                self.alerts(event, body);
                return Ok(());
            }
        };
        self.check(instrument, books)
    }

    fn adjust(
        &mut self,
        instrument: Option<InstrumentId>,
        quantity: Amount,
        books: &Books,
    ) -> Result<(), Violation> {
        let Some(instrument) = instrument else { return Ok(()) };
        *self.adjusted.entry(instrument).or_default() += quantity.0;
        self.check(instrument, books)
    }

    fn check(&self, instrument: InstrumentId, books: &Books) -> Result<(), Violation> {
        let base = self.spot.get(&instrument);
        let of_instrument = self
            .legs
            .iter()
            .filter(|(id, leg)| leg.instrument == instrument && !self.busted.contains(*id));
        let sum: i128 = of_instrument
            .map(|(id, leg)| {
                let (size, fee) = match self.corrected.get(id) {
                    Some((size, fee)) => (size * leg.quantity.signum(), *fee),
                    None => (leg.quantity, leg.fee),
                };
                size - if base == Some(&leg.fee_currency) { fee } else { 0 }
            })
            .sum();
        let sum = sum + self.adjusted.get(&instrument).copied().unwrap_or(0);
        let held = books.accounts().filter_map(|account| account.position(instrument));
        let held: i128 = held.map(|position| position.quantity.0).sum();
        require(sum == held, Invariant::BooksAddUp, || {
            format!("{instrument}: the books hold {}, the sum is {}", Amount(held), Amount(sum))
        })
    }

    fn alerts(&mut self, event: &Event, body: &Body) {
        let due = match body {
            Body::OrderUnknown(b) => ("OrderUnknown", b.order.to_string()),
            Body::BreakConfirmed(b) => ("BreakConfirmed", b.break_id.to_string()),
            Body::AgentStopped(b) if b.failed => ("AgentFailed", b.task.to_string()),
            Body::EventQuarantined(b) => ("RecordQuarantined", b.origin.to_string()),
            Body::AlertRaised(b) if event.source.as_str().starts_with("monitor/") => {
                let key = (b.alert.to_string(), b.subject.clone());
                *self.said.entry(key).or_default() += 1;
                return;
            }
            _ => return,
        };
        let _ = self.due.insert(due);
    }

    /// Every alert that was due came, and came once.
    pub(crate) fn all_told(&self) -> Result<(), Violation> {
        for (name, subject) in &self.due {
            let said = self.said.get(&((*name).to_owned(), subject.clone())).copied().unwrap_or(0);
            require(said == 1, Invariant::ToldOnce, || {
                format!("{name} about {subject} was told {said} times")
            })?;
        }
        Ok(())
    }
}
