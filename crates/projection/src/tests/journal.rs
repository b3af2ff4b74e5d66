//! Writes events the way a log holds them: numbered, later ones later.

use alloc::{format, string::String, vec::Vec};

use event::{
    AccountId, Amount, Body, Currency, Event, EventId, InstrumentId, Label, OrderId, Price,
    Quantity, Source, Timestamp,
    books::{AccountOpened, Balance},
    choices::{AttemptAction, Liquidity, OrderType, Payoff, Side, TimeInForce},
    id::{foreign_id, root_trace},
    market::InstrumentDefined,
    trading::*,
};

use crate::{Books, Finding};

pub(crate) fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}
pub(crate) fn account() -> AccountId {
    AccountId::new("PAPER").unwrap()
}
pub(crate) fn currency(text: &str) -> Currency {
    Currency::new(text).unwrap()
}
pub(crate) fn quantity(text: &str) -> Quantity {
    Quantity::parse(text).unwrap()
}
pub(crate) fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}
pub(crate) fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

pub(crate) const SPOT: &str = "X:BTCUSDT";
pub(crate) const LINEAR: &str = "X:BTCPERP";
pub(crate) const INVERSE: &str = "X:BTCUSD_PERP";

pub(crate) fn instrument(name: &str) -> InstrumentId {
    InstrumentId::new(name).unwrap()
}

/// A log and the books folded from it.
pub(crate) struct Journal {
    pub(crate) books: Books,
    pub(crate) events: Vec<Event>,
    pub(crate) findings: Vec<Finding>,
}

impl Journal {
    /// Books with three instruments and an account that holds 1000000 USDT.
    pub(crate) fn opened() -> Self {
        let mut journal = Self { books: Books::new(), events: Vec::new(), findings: Vec::new() };
        for (name, payoff) in
            [(SPOT, Payoff::Spot), (LINEAR, Payoff::Linear), (INVERSE, Payoff::Inverse)]
        {
            let _ = journal.note(defined(name, payoff));
        }
        let _ = journal.note(AccountOpened {
            account: account(),
            reporting_currency: currency("USDT"),
            balances: [Balance { currency: currency("USDT"), amount: Amount::whole(1_000_000) }]
                .into(),
            positions: Vec::new(),
        });
        journal
    }

    pub(crate) fn event(&self, body: impl Into<Body>) -> Event {
        let body = body.into();
        let source = Source::new("test").unwrap();
        let source_seq = self.events.len() as u64 + 1;
        let event_id = foreign_id(source, source_seq);
        Event {
            event_id,
            trace_id: root_trace(event_id),
            cause_id: None,
            source,
            source_seq,
            key: body.key(),
            time: Timestamp(source_seq as i64 * 1_000),
            event_time: None,
            basis: None,
            body,
        }
    }

    /// Appends and folds an event; returns its id.
    pub(crate) fn note(&mut self, body: impl Into<Body>) -> EventId {
        let event = self.event(body);
        self.findings.extend(self.books.apply(&event));
        let id = event.event_id;
        self.events.push(event);
        id
    }

    /// An order on its way to the broker.
    pub(crate) fn submitted(&mut self, name: &str, side: Side, size: &str) -> OrderId {
        let order = OrderId::from(self.note(proposed(name, side, size)));
        let _ = self.note(approved(order, name, side, size));
        let _ = self.note(submit(order, name, side, size));
        let _ = self.note(attempted(order, name, AttemptAction::Submit));
        order
    }

    /// An order the broker works.
    pub(crate) fn working(&mut self, name: &str, side: Side, size: &str) -> OrderId {
        let order = self.submitted(name, side, size);
        let _ = self.note(accepted(order, name, side, size));
        order
    }

    /// An order executed at once.
    pub(crate) fn traded(&mut self, name: &str, side: Side, size: &str, at: &str) -> OrderId {
        let order = self.working(name, side, size);
        let exec_id = format!("E{}", self.events.len());
        let _ = self.note(executed(order, name, side, &exec_id, size, at));
        order
    }

    pub(crate) fn cash(&self, code: &str) -> Amount {
        let account = self.books.account(account()).unwrap();
        account.cash_of(currency(code)).map_or(Amount::ZERO, crate::Cash::total)
    }

    pub(crate) fn position(&self, name: &str) -> crate::Position {
        let account = self.books.account(account()).unwrap();
        account.position(instrument(name)).cloned().unwrap()
    }

    pub(crate) fn order(&self, order: OrderId) -> crate::Order {
        self.books.order(order).unwrap().1
    }
}

pub(crate) fn defined(name: &str, payoff: Payoff) -> InstrumentDefined {
    let inverse = payoff == Payoff::Inverse;
    InstrumentDefined {
        instrument: instrument(name),
        venue: label("X"),
        venue_symbol: label("B"),
        payoff,
        base: currency("BTC"),
        quote: currency(if inverse { "USD" } else { "USDT" }),
        settle: currency(if inverse { "BTC" } else { "USDT" }),
        multiplier: if inverse { Quantity::whole(100) } else { Quantity::whole(1) },
        ticks: Vec::new(),
        lot: quantity("0.001"),
        minimum_notional: Amount::ZERO,
        calendar: label("247"),
        effective_from: Timestamp(0),
        defined_by: label("test"),
    }
}

pub(crate) fn proposed(name: &str, side: Side, size: &str) -> OrderProposed {
    OrderProposed {
        account: account(),
        instrument: instrument(name),
        side,
        order_type: OrderType::Limit,
        quantity: quantity(size),
        limit_price: Some(price("100")),
        time_in_force: TimeInForce::GoodTillCancelled,
        valid_until: Timestamp(i64::MAX),
        expected_price: price("100"),
        strategy: label("test"),
        replaces: None,
    }
}

pub(crate) fn approved(order: OrderId, name: &str, side: Side, size: &str) -> OrderApproved {
    OrderApproved {
        order,
        account: account(),
        instrument: instrument(name),
        side,
        reserved_quantity: quantity(size),
        reserved_notional: Amount::ZERO,
        currency: currency("USDT"),
        position_before: Amount::ZERO,
        position_after: Amount::ZERO,
        limit_set: event::LimitSetId::new("L1").unwrap(),
        reducing: false,
    }
}

pub(crate) fn submit(order: OrderId, name: &str, side: Side, size: &str) -> SubmitOrder {
    SubmitOrder {
        order,
        account: account(),
        instrument: instrument(name),
        side,
        order_type: OrderType::Limit,
        quantity: quantity(size),
        limit_price: Some(price("100")),
        time_in_force: TimeInForce::GoodTillCancelled,
        valid_until: Timestamp(i64::MAX),
    }
}

pub(crate) fn attempted(order: OrderId, name: &str, action: AttemptAction) -> SubmitAttempted {
    SubmitAttempted {
        order,
        account: account(),
        instrument: instrument(name),
        action,
        attempt: 1,
        expires: Timestamp(i64::MAX),
        client_order_id: label("c"),
    }
}

pub(crate) fn accepted(order: OrderId, name: &str, side: Side, size: &str) -> OrderAccepted {
    let hex: String = format!("{order}");
    OrderAccepted {
        order,
        account: account(),
        instrument: instrument(name),
        venue_order: label(&format!("V{}", &hex[..8])),
        side,
        quantity: quantity(size),
        limit_price: Some(price("100")),
        external: false,
    }
}

pub(crate) fn executed(
    order: OrderId,
    name: &str,
    side: Side,
    exec_id: &str,
    size: &str,
    at: &str,
) -> OrderExecuted {
    OrderExecuted {
        order,
        account: account(),
        instrument: instrument(name),
        exec_id: label(exec_id),
        side,
        last_price: price(at),
        last_quantity: quantity(size),
        cumulative: quantity(size),
        leaves: Quantity::ZERO,
        fee: Amount::ZERO,
        fee_currency: currency("USDT"),
        liquidity: Liquidity::Maker,
        trade_date: 20_240_809,
        external: false,
        recovered: false,
    }
}

pub(crate) fn cancelled(order: OrderId, name: &str) -> OrderCancelled {
    OrderCancelled {
        order,
        account: account(),
        instrument: instrument(name),
        cumulative: Quantity::ZERO,
        reason: String::new(),
    }
}

pub(crate) fn busted(order: OrderId, name: &str, exec_id: &str) -> ExecutionBusted {
    ExecutionBusted {
        order,
        account: account(),
        instrument: instrument(name),
        exec_id: label(exec_id),
        bust_id: label(&format!("B-{exec_id}")),
        reason: String::new(),
    }
}

pub(crate) fn corrected(
    order: OrderId,
    name: &str,
    exec_id: &str,
    correction: &str,
    (size, at, fee): (&str, &str, &str),
) -> ExecutionCorrected {
    ExecutionCorrected {
        order,
        account: account(),
        instrument: instrument(name),
        exec_id: label(exec_id),
        correction_id: label(correction),
        price: price(at),
        quantity: quantity(size),
        fee: amount(fee),
        reason: String::new(),
        evidence: None,
    }
}
