//! Bookings of cash the broker lists.

use alloc::{
    format,
    string::{String, ToString},
};

use event::{
    Amount, Currency, Label,
    choices::{BookingKind, BreakCode, Severity},
};

use super::{View, add};
use crate::{Difference, Repair, Standing};

/// What a break about a booking is about: its currency, kind and name.
#[must_use]
pub fn booking_subject(currency: Currency, booking: BookingKind, booking_id: Label) -> String {
    format!("{currency} {booking} {booking_id}")
}

impl View<'_> {
    /// Bookings that are neither in our books nor adjusted for.
    pub(super) fn bookings(&mut self) {
        let snapshot = self.snapshot;
        for listed in &snapshot.bookings {
            let subject = booking_subject(listed.currency, listed.booking, listed.booking_id);
            let adjusted = self
                .account
                .adjustments()
                .any(|adjustment| !adjustment.reversed && adjustment.subject == subject);
            if adjusted || self.account.booking(listed.booking, listed.booking_id).is_some() {
                continue;
            }
            add(&mut self.pending.cash, listed.currency, listed.amount);
            self.found.unknown_bookings.push(listed.clone());
            let reason = format!("the broker lists {subject}: {}", listed.reason);
            let (currency, amount) = (listed.currency, listed.amount);
            self.differs(Difference {
                code: BreakCode::Cash,
                subject,
                ours: "-".into(),
                broker: listed.amount.to_string(),
                difference: listed.amount,
                tolerance: Amount::ZERO,
                severity: Severity::Warning,
                standing: Standing::Settled,
                repair: Some(Repair::Adjust { currency, amount, reason }),
            });
        }
    }
}
