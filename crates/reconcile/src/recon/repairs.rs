//! Missing facts, adjustments, and adjustments taken back.

use alloc::{collections::BTreeSet, format, string::ToString, vec::Vec};

use agent::Outbox;
use event::{
    Amount, Body, BreakId, Currency, EventId, Label, Quantity,
    books::{AdjustmentBooked, AdjustmentReversed, BreakExplained},
    choices::{BookingKind, BreakCode},
};

use super::Recon;
use crate::{Repair, booking_subject};

impl Recon {
    /// Emits a repair; answers whether it is an adjustment.
    pub(super) fn repair(&mut self, break_id: BreakId, repair: &Repair, out: &mut Outbox) -> bool {
        match repair {
            Repair::Facts(facts) => {
                // Two executions of one order that began at the broker bring the order once.
                let begun: BTreeSet<_> = out
                    .events
                    .iter()
                    .filter(|emission| matches!(emission.body, Body::OrderAccepted(_)))
                    .filter_map(|emission| emission.body.order())
                    .collect();
                for fact in facts {
                    let again = matches!(fact, Body::OrderAccepted(_))
                        && fact.order().is_some_and(|order| begun.contains(&order));
                    if !again {
                        self.emit_repair(fact.clone(), out);
                    }
                }
                false
            }
            Repair::Adjust { currency, amount, reason } => {
                let booked = AdjustmentBooked {
                    break_id,
                    account: self.config.account,
                    instrument: None,
                    quantity: Quantity::ZERO,
                    cost: Amount::ZERO,
                    currency: Some(*currency),
                    amount: *amount,
                    reason: reason.clone(),
                };
                self.emit_repair(booked.into(), out);
                true
            }
        }
    }

    /// The books are behind until a repair comes back to us like to everyone else.
    fn emit_repair(&mut self, body: Body, out: &mut Outbox) {
        let _ = self.repairs.insert(out.next_order().into());
        out.emit(body);
    }

    /// The broker told of a booking: an adjustment that stood in for it is taken back with it.
    pub(super) fn booking_told(
        &mut self,
        (kind, name): (BookingKind, Label),
        because: EventId,
        out: &mut Outbox,
    ) {
        let _ = self.bookings.remove(&(kind, name));
        let Some(account) = self.books.account(self.config.account) else { return };
        let Some(booking) = account.booking(kind, name) else { return };
        let (currency, amount) = (booking.currency, booking.amount);
        let subject = booking_subject(booking.currency, kind, name);
        let standing = account
            .adjustments()
            .find(|adjustment| !adjustment.reversed && adjustment.subject == subject)
            .cloned();
        if let Some(adjustment) = standing {
            self.take_back(&adjustment, because, out);
        }
        self.explain_cash(currency, amount, (kind, name), because, out);
    }

    /// A booking told late explains a difference in cash that is exactly its amount.
    fn explain_cash(
        &mut self,
        currency: Currency,
        amount: Amount,
        (kind, name): (BookingKind, Label),
        because: EventId,
        out: &mut Outbox,
    ) {
        let account = self.config.account;
        let name_of_break = (BreakCode::Cash, currency.to_string());
        let Some(tracked) = self.breaks.get_mut(&name_of_break) else { return };
        if tracked.explained || tracked.difference != amount {
            return;
        }
        tracked.explained = true;
        out.emit(BreakExplained {
            break_id: tracked.break_id,
            account,
            code: tracked.code,
            subject: tracked.subject.clone(),
            explanation: format!("{kind} {name} of {amount} {currency} was told of late"),
            evidence: Vec::from([because]),
        });
    }

    /// An adjustment came back to us; where its booking was told meanwhile it is taken back.
    pub(super) fn adjustment_told(&mut self, event: EventId, out: &mut Outbox) {
        let Some(account) = self.books.account(self.config.account) else { return };
        let told = account.adjustments().find(|adjustment| adjustment.event == event).cloned();
        let Some(adjustment) = told else { return };
        let booking = account
            .bookings()
            .find(|one| {
                booking_subject(one.currency, one.booking, one.booking_id) == adjustment.subject
            })
            .map(|booking| booking.event);
        if let Some(because) = booking {
            self.take_back(&adjustment, because, out);
        }
    }

    fn take_back(
        &mut self,
        adjustment: &projection::Adjustment,
        because: EventId,
        out: &mut Outbox,
    ) {
        let reversal = AdjustmentReversed {
            break_id: adjustment.break_id,
            account: self.config.account,
            adjustment: adjustment.event,
            because,
            instrument: adjustment.instrument,
            quantity: Quantity::ZERO,
            cost: Amount::ZERO,
            currency: adjustment.currency,
            amount: Amount(adjustment.amount.0.saturating_neg()),
        };
        self.emit_repair(reversal.into(), out);
    }
}
