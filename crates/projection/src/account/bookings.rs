//! Cash and positions moved by something else than an execution.

use alloc::vec::Vec;

use event::{
    Amount, Event,
    books::{AccountOpened, Balance, FeeCharged, FundingPaid, TransferBooked},
    choices::BookingKind,
};

use super::{Account, Booking, Posting};
use crate::{Finding, cash::Line, instruments::Instruments};

impl Account {
    pub(crate) fn opened(
        &mut self,
        event: &Event,
        opened: &AccountOpened,
        findings: &mut Vec<Finding>,
    ) {
        if self.reporting_currency.is_some() {
            return;
        }
        self.reporting_currency = Some(opened.reporting_currency);
        for balance in &opened.balances {
            self.move_cash(balance.currency, Line::Opening, balance.amount, event, findings);
        }
        for held in &opened.positions {
            let quantity = held.quantity.amount();
            let posting = self.posting(event, held.instrument, quantity, held.total_cost);
            self.post(posting, None, event, findings);
        }
    }

    pub(crate) fn fee_charged(
        &mut self,
        event: &Event,
        fee: &FeeCharged,
        instruments: &Instruments,
        findings: &mut Vec<Finding>,
    ) {
        let paid = Amount(fee.amount.0.saturating_neg());
        let booking = Booking {
            booking: BookingKind::Fee,
            booking_id: fee.fee_id,
            currency: fee.currency,
            amount: paid,
            event: event.event_id,
        };
        if !self.note_booking(booking, findings) {
            return;
        }
        self.move_cash(fee.currency, Line::Fees, paid, event, findings);
        let Some(execution) = fee.exec_id.and_then(|id| self.executions.get(id)) else { return };
        let contract = instruments.contract(execution.instrument, execution.at);
        let in_base = contract.as_ref().is_some_and(|c| c.moves_base() && c.base == fee.currency);
        let (instrument, price) = (execution.instrument, execution.price);
        let mut posting = self.posting(event, instrument, Amount::ZERO, Amount::ZERO);
        if in_base {
            posting.base_fee = fee.amount;
            posting.price = price;
        } else {
            posting.fee = Some(Balance { currency: fee.currency, amount: fee.amount });
        }
        self.post(posting, contract.as_ref(), event, findings);
    }

    pub(crate) fn funding_paid(
        &mut self,
        event: &Event,
        funding: &FundingPaid,
        findings: &mut Vec<Finding>,
    ) {
        let booking = Booking {
            booking: BookingKind::Funding,
            booking_id: funding.funding_id,
            currency: funding.currency,
            amount: funding.amount,
            event: event.event_id,
        };
        if !self.note_booking(booking, findings) {
            return;
        }
        self.move_cash(funding.currency, Line::Funding, funding.amount, event, findings);
        let mut position = self.position_or_flat(funding.instrument);
        match position.funding.plus(funding.amount) {
            Ok(total) => position.funding = total,
            Err(error) => findings.push(Finding::NotBooked { kind: event.body.kind(), error }),
        }
        let _ = self.positions.insert(funding.instrument, position);
    }

    pub(crate) fn transferred(
        &mut self,
        event: &Event,
        transfer: &TransferBooked,
        findings: &mut Vec<Finding>,
    ) {
        let booking = Booking {
            booking: BookingKind::Transfer,
            booking_id: transfer.transfer_id,
            currency: transfer.currency,
            amount: transfer.amount,
            event: event.event_id,
        };
        if self.note_booking(booking, findings) {
            self.move_cash(transfer.currency, Line::Transfers, transfer.amount, event, findings);
        }
    }

    /// Keeps a booking; false when it was told before.
    fn note_booking(&mut self, booking: Booking, findings: &mut Vec<Finding>) -> bool {
        let key = (booking.booking, booking.booking_id);
        if self.bookings.contains_key(&key) {
            findings.push(Finding::DuplicateBooking { booking: booking.booking_id });
            return false;
        }
        let _ = self.bookings.insert(key, booking);
        true
    }

    pub(crate) fn posting(
        &self,
        event: &Event,
        instrument: event::InstrumentId,
        quantity: Amount,
        cost: Amount,
    ) -> Posting {
        Posting {
            instrument,
            after: self.executions.told.len() as u64,
            quantity,
            cost,
            base_fee: Amount::ZERO,
            price: event::Price(0),
            at: self.position(instrument).map_or(event.time, |p| event.time.max(p.folded_through)),
            fee: None,
        }
    }

    /// Applies a posting and keeps it, so that the position can be folded again.
    pub(crate) fn post(
        &mut self,
        posting: Posting,
        contract: Option<&crate::Contract>,
        event: &Event,
        findings: &mut Vec<Finding>,
    ) {
        let before = self.position_or_flat(posting.instrument);
        let mut after = before.clone();
        match posting.apply(&mut after, contract) {
            Ok(()) => {
                self.replace_position(&before, after, contract, event, findings);
                self.postings.push(posting);
            }
            Err(error) => findings.push(Finding::NotBooked { kind: event.body.kind(), error }),
        }
    }
}
