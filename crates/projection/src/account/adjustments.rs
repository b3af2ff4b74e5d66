//! Breaks and the adjustments that answer them.

use alloc::{string::String, vec::Vec};

use event::{
    Amount, Event,
    books::{AdjustmentBooked, AdjustmentReversed, BreakConfirmed, BreakOpened},
};

use super::{Account, Adjustment, OpenBreak};
use crate::{Finding, cash::Line};

impl Account {
    pub(crate) fn break_opened(&mut self, event: &Event, opened: &BreakOpened) {
        let _ = self.breaks.insert(
            opened.break_id,
            OpenBreak {
                break_id: opened.break_id,
                code: opened.code,
                subject: opened.subject.clone(),
                severity: opened.severity,
                opened_at: event.time,
                cycles: 1,
                confirmed: false,
                explained: false,
                difference: opened.difference,
            },
        );
    }

    pub(crate) fn break_confirmed(&mut self, confirmed: &BreakConfirmed) {
        if let Some(open) = self.breaks.get_mut(&confirmed.break_id) {
            open.confirmed = true;
            open.cycles = confirmed.cycles;
            open.severity = confirmed.severity;
        }
    }

    /// Books an adjustment; an event met again changes nothing.
    pub(crate) fn adjusted(
        &mut self,
        event: &Event,
        booked: &AdjustmentBooked,
        findings: &mut Vec<Finding>,
    ) {
        if self.adjustments.contains_key(&event.event_id) {
            return;
        }
        let subject =
            self.breaks.get(&booked.break_id).map_or_else(String::new, |b| b.subject.clone());
        let adjustment = Adjustment {
            event: event.event_id,
            break_id: booked.break_id,
            subject,
            currency: booked.currency,
            amount: booked.amount,
            instrument: booked.instrument,
            quantity: booked.quantity.amount(),
            cost: booked.cost,
            reversed: false,
        };
        self.shift(event, &adjustment, findings);
        let _ = self.adjustments.insert(event.event_id, adjustment);
    }

    /// Takes an adjustment back, once.
    pub(crate) fn reversed(
        &mut self,
        event: &Event,
        reversal: &AdjustmentReversed,
        findings: &mut Vec<Finding>,
    ) {
        let Some(adjustment) = self.adjustments.get_mut(&reversal.adjustment) else { return };
        if adjustment.reversed {
            return;
        }
        adjustment.reversed = true;
        let back = Adjustment {
            currency: reversal.currency,
            amount: reversal.amount,
            instrument: reversal.instrument,
            quantity: reversal.quantity.amount(),
            cost: reversal.cost,
            ..adjustment.clone()
        };
        self.shift(event, &back, findings);
    }

    fn shift(&mut self, event: &Event, change: &Adjustment, findings: &mut Vec<Finding>) {
        if let Some(currency) = change.currency {
            self.move_cash(currency, Line::Adjustments, change.amount, event, findings);
        }
        let moves = !change.quantity.is_zero() || change.cost != Amount::ZERO;
        if let Some(instrument) = change.instrument
            && moves
        {
            let posting = self.posting(event, instrument, change.quantity, change.cost);
            self.post(posting, None, event, findings);
        }
    }
}
