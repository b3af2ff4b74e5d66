//! What can be asked of an account's books.

use alloc::borrow::Cow;

use event::{
    AccountId, Currency, InstrumentId, Label, OrderId,
    books::{Balance, LimitsLoaded},
    choices::BookingKind,
    wire::Message,
};

use super::{Account, Adjustment, Booking, Halt, OpenBreak};
use crate::{Cash, Execution, Exposure, Order, Position};

impl Account {
    /// The account.
    #[must_use]
    pub const fn id(&self) -> AccountId {
        self.account
    }

    /// The currency equity is counted in; `None` until the account is opened.
    #[must_use]
    pub const fn reporting_currency(&self) -> Option<Currency> {
        self.reporting_currency
    }

    /// An order, open or ended.
    #[must_use]
    pub fn order(&self, order: OrderId) -> Option<Cow<'_, Order>> {
        if let Some(open) = self.live.get(&order) {
            return Some(Cow::Borrowed(open));
        }
        self.closed.get(&order).and_then(|bytes| Order::decode(bytes).ok()).map(Cow::Owned)
    }

    /// The order the broker knows under this name.
    #[must_use]
    pub fn order_named(&self, venue_order: Label) -> Option<OrderId> {
        self.by_venue.get(&venue_order).copied()
    }

    /// Orders that have not ended, in order of their ids.
    pub fn open_orders(&self) -> impl Iterator<Item = &Order> {
        self.live.values().map(AsRef::as_ref)
    }

    /// An order that has not ended.
    pub(crate) fn open_order(&self, order: OrderId) -> Option<&Order> {
        self.live.get(&order).map(AsRef::as_ref)
    }

    /// Orders that have ended, in order of their ids.
    pub fn ended_orders(&self) -> impl Iterator<Item = Order> {
        self.closed.values().filter_map(|bytes| Order::decode(bytes).ok())
    }

    /// How many orders, open and ended.
    #[must_use]
    pub fn orders_len(&self) -> usize {
        self.live.len() + self.closed.len()
    }

    /// Executions in the order they were told, busted ones with them.
    #[must_use]
    pub fn executions(&self) -> &[Execution] {
        &self.executions.told
    }

    /// One execution.
    #[must_use]
    pub fn execution(&self, exec_id: Label) -> Option<&Execution> {
        self.executions.get(exec_id)
    }

    /// Whether a bust of this execution was told before the execution itself.
    #[must_use]
    pub fn is_busted_early(&self, exec_id: Label) -> bool {
        self.executions.early.get(&exec_id).is_some_and(Option::is_none)
    }

    /// Positions, flat ones with them.
    pub fn positions(&self) -> impl Iterator<Item = &Position> {
        self.positions.values()
    }

    /// One position.
    #[must_use]
    pub fn position(&self, instrument: InstrumentId) -> Option<&Position> {
        self.positions.get(&instrument)
    }

    /// Cash, in order of currencies.
    pub fn cash(&self) -> impl Iterator<Item = &Cash> {
        self.cash.values()
    }

    /// Cash of one currency.
    #[must_use]
    pub fn cash_of(&self, currency: Currency) -> Option<&Cash> {
        self.cash.get(&currency)
    }

    /// A booking outside executions.
    #[must_use]
    pub fn booking(&self, booking: BookingKind, booking_id: Label) -> Option<&Booking> {
        self.bookings.get(&(booking, booking_id))
    }

    /// Bookings outside executions.
    pub fn bookings(&self) -> impl Iterator<Item = &Booking> {
        self.bookings.values()
    }

    /// Breaks that have not ended.
    pub fn breaks(&self) -> impl Iterator<Item = &OpenBreak> {
        self.breaks.values()
    }

    /// Adjustments, those taken back with them.
    pub fn adjustments(&self) -> impl Iterator<Item = &Adjustment> {
        self.adjustments.values()
    }

    /// The limits it trades under.
    #[must_use]
    pub const fn limits(&self) -> Option<&LimitsLoaded> {
        self.limits.as_ref()
    }

    /// Why trading is halted, where it is.
    #[must_use]
    pub const fn halt(&self) -> Option<&Halt> {
        self.halt.as_ref()
    }

    /// Cash as the broker last stated it by itself.
    #[must_use]
    pub fn reported_balances(&self) -> &[Balance] {
        &self.reported
    }

    /// Position and worst case of one instrument.
    #[must_use]
    pub fn exposure(&self, instrument: InstrumentId) -> Exposure {
        Exposure::of(self, instrument)
    }
}
