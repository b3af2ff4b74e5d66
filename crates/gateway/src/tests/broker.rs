//! A broker that says what a test told it to say, and writes down what it was asked.

use std::collections::{BTreeMap, BTreeSet};

use event::{
    AccountId, Amount, Currency, Label, OrderId, Quantity, Timestamp,
    books::{
        Balance, BrokerBooking, BrokerExecution, BrokerOrder, BrokerPosition, OpeningPosition,
    },
    choices::{AttemptAction, BookingKind, BrokerOrderState, Liquidity, Side},
};

use super::{account, instrument, label, name, order, price};
use ::broker::{
    Answer, Broker, BrokerError, CancelRequest, Fact, Moment, OrderRequest, ReplaceRequest, Report,
};

/// What a test told it.
#[derive(Debug, Default)]
pub(super) struct FakeBroker {
    /// What it was asked: `SUBMIT 1 #1`, `positions`.
    pub(super) asked: Vec<String>,
    /// Quantities asked for, by order and attempt.
    pub(super) quantities: BTreeMap<(OrderId, u32), Quantity>,
    /// Answers, by order and attempt; where there is none, it accepts.
    pub(super) answers: BTreeMap<(OrderId, u32), Answer>,
    /// Reports, those delivered first in front.
    pub(super) reports: Vec<Report>,
    /// What fails when it is asked: `SUBMIT 1 #1`, `positions`.
    pub(super) failing: BTreeSet<String>,
    pub(super) orders: Vec<BrokerOrder>,
    pub(super) executions: Vec<BrokerExecution>,
    pub(super) bookings: Vec<BrokerBooking>,
}

pub(super) fn no_answer() -> Answer {
    Answer::NoAnswer { reason: "timeout".into() }
}

pub(super) fn refused() -> Answer {
    Answer::Rejected { code: label("NO"), reason: "no".into() }
}

/// The broker's name for an order of ours.
pub(super) fn venue_order(number: u8) -> Label {
    label(&format!("V{number}"))
}

pub(super) fn executed(number: u8, exec_id: &str, leaves: i64) -> Fact {
    executed_as(Some(order(number)), venue_order(number), exec_id, leaves)
}

pub(super) fn executed_as(
    order: Option<OrderId>,
    venue_order: Label,
    exec_id: &str,
    leaves: i64,
) -> Fact {
    Fact::Executed {
        order,
        venue_order,
        exec_id: label(exec_id),
        instrument: instrument(),
        side: Side::Buy,
        price: price(100),
        quantity: Quantity::whole(1),
        cumulative: Quantity::whole(1),
        leaves: Quantity::whole(leaves),
        fee: Amount::ZERO,
        fee_currency: usdt(),
        liquidity: Liquidity::Maker,
        trade_date: 19_700_101,
    }
}

pub(super) fn cancelled(number: u8) -> Fact {
    Fact::Cancelled {
        order: Some(order(number)),
        venue_order: venue_order(number),
        instrument: instrument(),
        cumulative: Quantity::ZERO,
        reason: "cancelled on request".into(),
    }
}

pub(super) fn expired(number: u8) -> Fact {
    Fact::Expired {
        order: Some(order(number)),
        venue_order: venue_order(number),
        instrument: instrument(),
        cumulative: Quantity::ZERO,
        reason: "expired".into(),
    }
}

pub(super) fn replaced(number: u8, proposal: u8) -> Fact {
    Fact::Replaced {
        order: order(number),
        venue_order: label(&format!("V{number}-{proposal}")),
        instrument: instrument(),
        quantity: Quantity::whole(i64::from(proposal)),
        limit_price: price(101),
        proposal: order(proposal),
    }
}

pub(super) fn change_refused(number: u8, proposal: Option<u8>) -> Fact {
    Fact::CancelRejected {
        order: order(number),
        venue_order: venue_order(number),
        instrument: instrument(),
        action: match proposal {
            Some(_) => AttemptAction::Replace,
            None => AttemptAction::Cancel,
        },
        reason: "too late".into(),
        proposal: proposal.map(order),
    }
}

/// An order someone gave the broker by hand.
pub(super) fn manual(venue_order: &str) -> Fact {
    Fact::ExternalAccepted {
        venue_order: label(venue_order),
        instrument: instrument(),
        side: Side::Sell,
        quantity: Quantity::whole(1),
        limit_price: Some(price(120)),
    }
}

pub(super) fn usdt() -> Currency {
    Currency::new("USDT").unwrap()
}

impl FakeBroker {
    /// Reports a fact, under the next number.
    pub(super) fn report(&mut self, fact: Fact) {
        let number = self.reports.len() as u64 + 1;
        self.reports.push(Report { number, at: Timestamp(number.cast_signed()), fact });
    }

    /// Lets it list executions and bookings, and one order that works.
    pub(super) fn holds(&mut self, executions: u64, bookings: u64) {
        let listed = self.executions.len() as u64..executions;
        self.executions.extend(listed.map(|number| BrokerExecution {
            exec_id: label(&format!("E{number}")),
            order: Some(order(1)),
            venue_order: venue_order(1),
            instrument: instrument(),
            side: Side::Buy,
            price: price(100),
            quantity: Quantity::whole(1),
            fee: Amount::ZERO,
            fee_currency: usdt(),
            executed_at: Timestamp(number.cast_signed()),
            cumulative: Quantity::whole(1),
            leaves: Quantity::ZERO,
            taker: false,
        }));
        let listed = self.bookings.len() as u64..bookings;
        self.bookings.extend(listed.map(|number| BrokerBooking {
            booking_id: label(&format!("B{number}")),
            booking: BookingKind::Fee,
            currency: usdt(),
            amount: Amount::ZERO,
            instrument: None,
            reason: String::new(),
        }));
        self.orders = vec![BrokerOrder {
            order: Some(order(1)),
            venue_order: venue_order(1),
            instrument: instrument(),
            side: Side::Buy,
            state: BrokerOrderState::Open,
            quantity: Quantity::whole(1),
            cumulative: Quantity::ZERO,
            limit_price: None,
        }];
    }

    /// What changed something there, or was meant to.
    pub(super) fn attempts(&self) -> Vec<&str> {
        self.asked.iter().map(String::as_str).filter(|asked| asked.contains('#')).collect()
    }

    fn called(
        &mut self,
        action: AttemptAction,
        order: OrderId,
        attempt: u32,
    ) -> Result<Answer, BrokerError> {
        self.asks(format!("{action} {} #{attempt}", name(order)))?;
        let scripted = self.answers.get(&(order, attempt)).cloned();
        Ok(scripted.unwrap_or_else(|| Answer::Accepted { venue_order: venue_order(order.0[0]) }))
    }

    fn asks(&mut self, what: impl Into<String>) -> Result<(), BrokerError> {
        let what = what.into();
        let fails = self.failing.contains(&what);
        self.asked.push(what);
        if fails { Err(BrokerError::Poisoned) } else { Ok(()) }
    }
}

fn since<T: Clone>(all: &[T], cursor: u64) -> (Vec<T>, u64) {
    (all.iter().skip(cursor as usize).cloned().collect(), all.len() as u64)
}

impl Broker for FakeBroker {
    fn account(&self) -> AccountId {
        account()
    }

    fn submit(&mut self, _: Moment, request: &OrderRequest) -> Result<Answer, BrokerError> {
        let _ = self.quantities.insert((request.order, request.attempt), request.quantity);
        self.called(AttemptAction::Submit, request.order, request.attempt)
    }

    fn cancel(&mut self, _: Moment, request: &CancelRequest) -> Result<Answer, BrokerError> {
        self.called(AttemptAction::Cancel, request.order, request.attempt)
    }

    fn replace(&mut self, _: Moment, request: &ReplaceRequest) -> Result<Answer, BrokerError> {
        let _ = self.quantities.insert((request.order, request.attempt), request.quantity);
        self.called(AttemptAction::Replace, request.order, request.attempt)
    }

    fn reports(&mut self, _: Moment, after: u64, max: usize) -> Result<Vec<Report>, BrokerError> {
        self.asks("reports")?;
        Ok(self.reports.iter().filter(|report| report.number > after).take(max).cloned().collect())
    }

    fn open_orders(&mut self, _: Moment) -> Result<Vec<BrokerOrder>, BrokerError> {
        self.asks("open orders")?;
        Ok(self.orders.clone())
    }

    fn executions_since(
        &mut self,
        _: Moment,
        cursor: u64,
    ) -> Result<(Vec<BrokerExecution>, u64), BrokerError> {
        self.asks("executions")?;
        Ok(since(&self.executions, cursor))
    }

    fn bookings_since(
        &mut self,
        _: Moment,
        cursor: u64,
    ) -> Result<(Vec<BrokerBooking>, u64), BrokerError> {
        self.asks("bookings")?;
        Ok(since(&self.bookings, cursor))
    }

    fn positions(&mut self, _: Moment) -> Result<Vec<BrokerPosition>, BrokerError> {
        self.asks("positions")?;
        Ok(Vec::new())
    }

    fn balances(&mut self, _: Moment) -> Result<Vec<Balance>, BrokerError> {
        self.asks("balances")?;
        Ok(Vec::new())
    }

    fn opening(&self) -> Result<(Vec<Balance>, Vec<OpeningPosition>), BrokerError> {
        Ok((vec![Balance { currency: usdt(), amount: Amount::whole(1) }], Vec::new()))
    }
}
