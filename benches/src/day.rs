//! A log of nine market events to one event about an order: what a trading day looks like.

use std::sync::Arc;

use anyhow::Context as _;
use bus::{Record, Topology, Unit};
use event::{
    AccountId, Amount, Body, Currency, Event, EventId, InstrumentId, Label, LimitSetId, Price,
    Quantity, Source, Timestamp,
    books::{AccountOpened, Balance},
    choices::{AttemptAction, Liquidity, OrderType, Payoff, Side, TimeInForce},
    id::{derived_id, foreign_id, root_trace},
    market::{InstrumentDefined, TickTier},
    trading::{
        OrderAccepted, OrderApproved, OrderExecuted, OrderProposed, SubmitAttempted, SubmitOrder,
    },
};

use crate::ticks;

/// Events about one order, from the proposal to its execution.
pub const EVENTS_PER_ORDER: u64 = 6;

/// Units of one account's orders, whole in themselves, among market data: of every ten events, one
/// is about an order.
///
/// # Errors
/// When a name does not fit.
pub fn trading_day(orders: u64) -> anyhow::Result<Vec<Unit>> {
    let desk = Desk::new()?;
    let mut units = vec![desk.opening()?];
    for order in 0..orders {
        let market = EVENTS_PER_ORDER * 9;
        units.push(ticks(order * market + 1, market)?);
        units.push(desk.order(order)?);
    }
    Ok(units)
}

struct Desk {
    account: AccountId,
    instrument: InstrumentId,
    usdt: Currency,
    source: Source,
    topology: Topology,
}

/// Events of the opening.
const OPENING: u64 = 2;

impl Desk {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            account: AccountId::new("BENCH")?,
            instrument: InstrumentId::new("BINANCE-USDM:BTCUSDT")?,
            usdt: Currency::new("USDT")?,
            source: Source::new("bench")?,
            topology: Topology::shipped(),
        })
    }

    fn opening(&self) -> anyhow::Result<Unit> {
        let defined = InstrumentDefined {
            instrument: self.instrument,
            venue: Label::new("BINANCE-USDM")?,
            venue_symbol: Label::new("BTCUSDT")?,
            payoff: Payoff::Linear,
            base: Currency::new("BTC")?,
            quote: self.usdt,
            settle: self.usdt,
            multiplier: Quantity::whole(1),
            ticks: vec![TickTier { from_price: Price(0), tick: Price(100_000_000) }],
            lot: Quantity::new(1, 3)?,
            minimum_notional: Amount::ZERO,
            calendar: Label::new("247")?,
            effective_from: Timestamp(0),
            defined_by: Label::new("bench")?,
        };
        let opened = AccountOpened {
            account: self.account,
            reporting_currency: self.usdt,
            balances: vec![Balance { currency: self.usdt, amount: Amount::whole(1_000_000) }],
            positions: Vec::new(),
        };
        Ok(self.unit(0, vec![defined.into(), opened.into()]))
    }

    fn order(&self, number: u64) -> anyhow::Result<Unit> {
        let (account, instrument) = (self.account, self.instrument);
        let first = OPENING + number * EVENTS_PER_ORDER;
        let order = foreign_id(self.source, first + 1).into();
        let side = if number.is_multiple_of(2) { Side::Buy } else { Side::Sell };
        let quantity = Quantity::new(10, 3)?;
        let limit_price = Some(Price(60_000_000_000_000 + (number % 97) as i64 * 100_000_000));
        let valid_until = Timestamp(i64::MAX);
        let venue_order = Label::new(&format!("V{number}"))?;
        let proposed = OrderProposed {
            account,
            instrument,
            side,
            order_type: OrderType::Limit,
            quantity,
            limit_price,
            time_in_force: TimeInForce::GoodTillCancelled,
            valid_until,
            expected_price: limit_price.context("a limit")?,
            strategy: Label::new("bench")?,
            replaces: None,
        };
        let approved = OrderApproved {
            order,
            account,
            instrument,
            side,
            reserved_quantity: quantity,
            reserved_notional: Amount::whole(600),
            currency: self.usdt,
            position_before: Amount::ZERO,
            position_after: quantity.amount(),
            limit_set: LimitSetId::new("bench-1")?,
            reducing: false,
        };
        let submit = SubmitOrder {
            order,
            account,
            instrument,
            side,
            order_type: OrderType::Limit,
            quantity,
            limit_price,
            time_in_force: TimeInForce::GoodTillCancelled,
            valid_until,
        };
        let attempted = SubmitAttempted {
            order,
            account,
            instrument,
            action: AttemptAction::Submit,
            attempt: 1,
            expires: valid_until,
            client_order_id: venue_order,
        };
        let accepted = OrderAccepted {
            order,
            account,
            instrument,
            venue_order,
            side,
            quantity,
            limit_price,
            external: false,
        };
        let executed = OrderExecuted {
            order,
            account,
            instrument,
            exec_id: Label::new(&format!("X{number}"))?,
            side,
            last_price: limit_price.context("a limit")?,
            last_quantity: quantity,
            cumulative: quantity,
            leaves: Quantity::ZERO,
            fee: Amount::whole(1),
            fee_currency: self.usdt,
            liquidity: Liquidity::Maker,
            trade_date: 20_240_809,
            external: false,
            recovered: false,
        };
        let bodies = vec![
            proposed.into(),
            approved.into(),
            submit.into(),
            attempted.into(),
            accepted.into(),
            executed.into(),
        ];
        Ok(self.unit(first, bodies))
    }

    fn unit(&self, first: u64, bodies: Vec<Body>) -> Unit {
        let root = foreign_id(self.source, first + 1);
        let outputs = (first + 1..)
            .zip(bodies)
            .map(|(seq, body)| {
                let event = self.event(root, seq, body);
                Record::of_event(Arc::new(event), &self.topology)
            })
            .collect();
        Unit::of_roots(self.source, outputs)
    }

    fn event(&self, root: EventId, seq: u64, body: Body) -> Event {
        let own = foreign_id(self.source, seq);
        let is_root = own == root;
        Event {
            event_id: if is_root { root } else { derived_id(root, self.source, seq as u32) },
            trace_id: root_trace(root),
            cause_id: (!is_root).then_some(root),
            source: self.source,
            source_seq: seq,
            key: body.key(),
            time: Timestamp(1_723_161_904_000_000_000 + seq as i64),
            event_time: None,
            basis: None,
            body,
        }
    }
}
