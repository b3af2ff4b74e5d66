//! The broker's state: the fold of its record.

use std::collections::{BTreeMap, BTreeSet};

use event::{
    AccountId, Amount, InstrumentId, Label, OrderId, Timestamp,
    books::{Balance, BrokerBooking, BrokerExecution, BrokerOrder, OpeningPosition},
    choices::{BrokerOrderState, TradingState},
    market::InstrumentDefined,
};

use super::{
    entry::{self, Frame, Printed, Step},
    ledger::Ledger,
    mail::Mail,
    order::{PaperExecution, PaperOrder, Promise},
};
use crate::{Answer, BrokerError, Moment};

/// What becomes of an execution later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Amendment {
    Bust,
    Correct,
}

/// Everything the broker knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books {
    pub(crate) account: Option<AccountId>,
    pub(crate) opening: (Vec<Balance>, Vec<OpeningPosition>),
    pub(crate) ledger: Ledger,
    pub(super) definitions: BTreeMap<InstrumentId, Vec<InstrumentDefined>>,
    pub(super) trading: BTreeMap<InstrumentId, TradingState>,
    pub(super) orders: BTreeMap<OrderId, PaperOrder>,
    /// Orders that work, by instrument, in order of arrival.
    pub(super) open: BTreeMap<InstrumentId, Vec<OrderId>>,
    pub(super) client_order_ids: BTreeSet<Label>,
    pub(super) answers: BTreeMap<(OrderId, u32), Answer>,
    /// By when they take effect, then by when they were made.
    pub(super) promises: BTreeMap<(Timestamp, u64), Promise>,
    pub(super) executions: Vec<PaperExecution>,
    pub(super) execution_at: BTreeMap<Label, usize>,
    pub(super) amendments: BTreeMap<(Timestamp, usize), Amendment>,
    /// By when they are listed, then by when they were made.
    pub(super) bookings: BTreeMap<(Timestamp, u64), BrokerBooking>,
    pub(crate) mail: Mail,
    pub(super) intervals: BTreeMap<InstrumentId, i64>,
    pub(super) day: Option<Timestamp>,
    pub(super) script_done: BTreeSet<u32>,
    pub(super) names: Names,
    /// The last market record, or passing of time, that changed anything.
    stepped: Option<(Moment, Option<Printed>)>,
    /// The moment of the last frame that changed anything.
    head: Option<Moment>,
}

/// How many names of each sort were given.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Names {
    pub(crate) venue_orders: u64,
    pub(crate) amendments: u64,
    pub(crate) promises: u64,
}

impl Books {
    /// Folds a frame.
    pub(crate) fn fold(&mut self, frame: &Frame) -> Result<(), BrokerError> {
        frame.entries.iter().try_for_each(|entry| self.apply(frame.moment, entry))?;
        self.note(frame.moment, frame.step);
        Ok(())
    }

    /// Notes that a frame of this moment was folded.
    pub(crate) fn note(&mut self, moment: Moment, step: Step) {
        match step {
            Step::Setup | Step::Shown(_) => return,
            Step::Market(printed) => self.stepped = Some((moment, Some(printed))),
            Step::Passing => self.stepped = Some((moment, None)),
            Step::Call => {}
        }
        self.head = Some(moment);
    }

    /// Whether a market record was taken in before: one of an earlier position than the last that
    /// changed anything, or of the same one and not after it.
    pub(crate) fn has_taken_in(&self, position: u64, record: Printed) -> bool {
        let Some((stepped, last)) = self.stepped else { return false };
        match last {
            Some(last) if position == stepped.position && last.source == record.source => {
                record.source_seq <= last.source_seq
            }
            _ => position <= stepped.position,
        }
    }

    /// Whether the passing of time up to a moment was taken in before.
    pub(crate) fn has_passed(&self, moment: Moment) -> bool {
        self.stepped.is_some_and(|(stepped, _)| !is_before(stepped, moment))
    }

    /// Whether anything happened after a moment.
    pub(crate) fn is_ahead_of(&self, moment: Moment) -> bool {
        self.head.is_some_and(|head| is_before(moment, head))
    }

    /// The definition of an instrument that holds at an instant.
    pub(crate) fn definition(
        &self,
        instrument: InstrumentId,
        at: Timestamp,
    ) -> Option<&InstrumentDefined> {
        let known = self.definitions.get(&instrument)?;
        known.iter().rev().find(|defined| defined.effective_from <= at)
    }

    /// Whether this very definition is known.
    pub(crate) fn knows(&self, defined: &InstrumentDefined) -> bool {
        self.definitions.get(&defined.instrument).is_some_and(|known| known.contains(defined))
    }

    pub(crate) fn is_trading(&self, instrument: InstrumentId) -> bool {
        self.trading.get(&instrument).is_none_or(|&state| state == TradingState::Trading)
    }

    pub(crate) fn order(&self, order: OrderId) -> Option<&PaperOrder> {
        self.orders.get(&order)
    }

    /// Orders that work in one instrument, in order of arrival.
    pub(crate) fn open_in(&self, instrument: InstrumentId) -> impl Iterator<Item = &PaperOrder> {
        let open = self.open.get(&instrument).map(Vec::as_slice).unwrap_or_default();
        open.iter().filter_map(|order| self.orders.get(order))
    }

    /// Orders that work.
    pub(crate) fn open(&self) -> impl Iterator<Item = &PaperOrder> {
        self.open.values().flatten().filter_map(|order| self.orders.get(order))
    }

    pub(crate) fn answer(&self, order: OrderId, attempt: u32) -> Option<&Answer> {
        self.answers.get(&(order, attempt))
    }

    /// Orders that work, as a snapshot lists them, in order of arrival.
    pub(crate) fn list_open(&self) -> Result<Vec<BrokerOrder>, BrokerError> {
        let mut open: Vec<&PaperOrder> = self.open().collect();
        open.sort_by_key(|order| order.arrival);
        open.into_iter().map(PaperOrder::listed).collect()
    }

    pub(crate) fn list_executions(&self, cursor: u64) -> (Vec<BrokerExecution>, u64) {
        let from = usize::try_from(cursor).unwrap_or(usize::MAX);
        let listed = self.executions.get(from..).unwrap_or_default();
        let standing = listed.iter().filter(|e| !e.busted).map(PaperExecution::listed).collect();
        (standing, cursor.max(self.executions.len() as u64))
    }

    /// Bookings told of by `now`: a fee that is booked late is listed late.
    pub(crate) fn list_bookings(&self, now: Timestamp, cursor: u64) -> (Vec<BrokerBooking>, u64) {
        let due = self.bookings.iter().take_while(|((listed_at, _), _)| *listed_at <= now);
        let listed: Vec<BrokerBooking> = due.map(|(_, booking)| booking.clone()).collect();
        let total = listed.len() as u64;
        let from = usize::try_from(cursor).unwrap_or(usize::MAX);
        (listed.into_iter().skip(from).collect(), cursor.max(total))
    }

    /// When something is due by the passing of time alone; none when the first day has not begun,
    /// which makes everything due.
    pub(crate) fn wake(&self, next_expiry: Option<Timestamp>) -> Option<Timestamp> {
        let day = self.day?.plus_ns(event::DAY_NS);
        let promise = self.promises.keys().next().map(|key| key.0);
        let amendment = self.amendments.keys().next().map(|key| key.0);
        [promise, amendment, next_expiry].into_iter().flatten().fold(day, Timestamp::min).into()
    }

    pub(super) fn order_mut(&mut self, order: OrderId) -> Result<&mut PaperOrder, BrokerError> {
        self.orders.get_mut(&order).ok_or(BrokerError::Unknown { what: "an order" })
    }

    /// Takes the promise of an order that takes effect first.
    pub(super) fn keep_promise(&mut self, order: OrderId) -> Result<Promise, BrokerError> {
        let mut keys = self.promises.iter().filter(|(_, promise)| promise.order == order);
        let key = keys.next().map(|(&key, _)| key);
        key.and_then(|key| self.promises.remove(&key))
            .ok_or(BrokerError::Unknown { what: "a promise" })
    }

    /// Ends an order.
    pub(super) fn close(
        &mut self,
        order: OrderId,
        state: BrokerOrderState,
    ) -> Result<(), BrokerError> {
        let closed = self.order_mut(order)?;
        closed.state = state;
        let instrument = closed.instrument;
        if let Some(open) = self.open.get_mut(&instrument) {
            open.retain(|other| *other != order);
        }
        Ok(())
    }

    /// Takes quantity executed in, or out when it is negative.
    pub(super) fn fill(&mut self, order: OrderId, size: Amount) -> Result<(), BrokerError> {
        let filled = self.order_mut(order)?;
        filled.cumulative =
            filled.cumulative.plus(size).map_err(BrokerError::money("an execution"))?;
        if !filled.is_open() {
            return Ok(());
        }
        if filled.cumulative >= filled.quantity {
            return self.close(order, BrokerOrderState::Filled);
        }
        filled.state = if filled.cumulative.signum() > 0 {
            BrokerOrderState::PartiallyFilled
        } else {
            BrokerOrderState::Open
        };
        Ok(())
    }

    /// Names the executions that stand in an instrument and books them anew.
    pub(super) fn rebook(&mut self, instrument: InstrumentId) -> Result<(), BrokerError> {
        let standing = self.executions.iter().filter(|e| !e.busted);
        let trades = standing.filter(|e| e.instrument() == instrument).map(|e| &e.trade);
        self.ledger.rebook(instrument, trades).map_err(BrokerError::money("an amendment"))
    }

    pub(super) fn execution_mut(
        &mut self,
        exec_id: Label,
    ) -> Result<(usize, &mut PaperExecution), BrokerError> {
        let at = self.execution_at.get(&exec_id).copied();
        at.and_then(|at| Some((at, self.executions.get_mut(at)?)))
            .ok_or(BrokerError::Unknown { what: "an execution" })
    }

    pub(super) fn open_account(&mut self, opened: &entry::Opened) {
        self.account = Some(opened.account);
        self.opening = (opened.balances.clone(), opened.positions.clone());
        self.ledger.begin(&opened.balances, &opened.positions);
    }
}

/// Whether one moment is before another: by tape position, then by clock.
pub(crate) fn is_before(left: Moment, right: Moment) -> bool {
    (left.position, left.time) < (right.position, right.time)
}
