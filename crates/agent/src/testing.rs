//! What the agents' own tests share: names, facts with few words, and the determinism check.

use alloc::{format, string::String, vec::Vec};

use event::{
    AccountId, Amount, Body, Currency, Event, EventId, InstrumentId, Label, OrderId, Price,
    Quantity, SECOND_NS, Source, Timestamp,
    choices::{Liquidity, OrderType, Payoff, Side, TimeInForce},
    market::{InstrumentDefined, MarketQuote, MarketTrade, TickTier},
    trading::{OrderExecuted, OrderProposed},
};

use crate::{Agent, Probe};

pub(crate) const fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * SECOND_NS)
}

pub(crate) const fn at_ms(ms: i64) -> Timestamp {
    Timestamp(ms * 1_000_000)
}

pub(crate) fn account() -> AccountId {
    AccountId::new("PAPER").unwrap()
}

pub(crate) fn currency(code: &str) -> Currency {
    Currency::new(code).unwrap()
}

pub(crate) fn source(name: &str) -> Source {
    Source::new(name).unwrap()
}

pub(crate) fn name(text: &str) -> Label {
    Label::new(text).unwrap()
}

pub(crate) fn spot() -> InstrumentId {
    InstrumentId::new("BINANCE-SPOT:BTCUSDT").unwrap()
}

pub(crate) fn perpetual() -> InstrumentId {
    InstrumentId::new("BINANCE-USDM:BTCUSDT").unwrap()
}

pub(crate) fn inverse() -> InstrumentId {
    InstrumentId::new("BINANCE-COINM:BTCUSD_PERP").unwrap()
}

pub(crate) fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

pub(crate) fn quantity(text: &str) -> Quantity {
    Quantity::parse(text).unwrap()
}

pub(crate) fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

pub(crate) fn defined(instrument: InstrumentId) -> InstrumentDefined {
    let (payoff, quote, settle, multiplier, tick, lot) = match instrument {
        id if id == inverse() => (Payoff::Inverse, "USD", "BTC", "100", "0.1", "1"),
        id if id == perpetual() => (Payoff::Linear, "USDT", "USDT", "1", "0.1", "0.001"),
        _ => (Payoff::Spot, "USDT", "USDT", "1", "0.01", "0.00001"),
    };
    let (venue, symbol) = instrument.as_str().split_once(':').unwrap();
    InstrumentDefined {
        instrument,
        venue: name(venue),
        venue_symbol: name(symbol),
        payoff,
        base: currency("BTC"),
        quote: currency(quote),
        settle: currency(settle),
        multiplier: quantity(multiplier),
        ticks: Vec::from([TickTier { from_price: Price(0), tick: price(tick) }]),
        lot: quantity(lot),
        minimum_notional: amount("5"),
        calendar: name("247"),
        effective_from: Timestamp(0),
        defined_by: name("test"),
    }
}

/// A quote: prices and sizes as text.
pub(crate) fn quote(
    instrument: InstrumentId,
    (bid, bid_size): (&str, &str),
    (ask, ask_size): (&str, &str),
    venue_sequence: u64,
) -> MarketQuote {
    MarketQuote {
        instrument,
        bid_price: Some(price(bid)),
        bid_quantity: quantity(bid_size),
        ask_price: Some(price(ask)),
        ask_quantity: quantity(ask_size),
        venue_sequence,
    }
}

pub(crate) fn trade(instrument: InstrumentId, at_price: &str, venue_sequence: u64) -> MarketTrade {
    MarketTrade {
        instrument,
        price: price(at_price),
        quantity: quantity("1"),
        trade_id: name(&format!("{venue_sequence}")),
        aggressor: None,
        conditions: Vec::new(),
        venue_sequence,
    }
}

pub(crate) fn order(number: u8) -> OrderId {
    OrderId([number; 16])
}

pub(crate) fn id(number: u8) -> EventId {
    EventId([number; 16])
}

pub(crate) fn proposal(
    instrument: InstrumentId,
    side: Side,
    size: &str,
    limit: &str,
    valid_until: Timestamp,
) -> OrderProposed {
    OrderProposed {
        account: account(),
        instrument,
        side,
        order_type: OrderType::Limit,
        quantity: quantity(size),
        limit_price: Some(price(limit)),
        time_in_force: TimeInForce::GoodTillCancelled,
        valid_until,
        expected_price: price(limit),
        strategy: name("test"),
        replaces: None,
    }
}

/// An execution at the broker.
pub(crate) fn executed(
    order: OrderId,
    instrument: InstrumentId,
    exec_id: &str,
    side: Side,
    size: &str,
    at_price: &str,
) -> OrderExecuted {
    OrderExecuted {
        order,
        account: account(),
        instrument,
        exec_id: name(exec_id),
        side,
        last_price: price(at_price),
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

/// Each emitted event as its kind's name.
pub(crate) fn kinds(said: &[Event]) -> Vec<&'static str> {
    said.iter().map(|event| event.body.kind().as_str()).collect()
}

/// Each emitted event as its body's JSON, for comparing with text.
pub(crate) fn bodies(said: &[Event]) -> Vec<String> {
    said.iter()
        .map(|event| format!("{} {}", event.body.kind().as_str(), event.body.to_object()))
        .collect()
}

/// Runs a tape twice, then once with a restart after every input: the same bytes each time.
pub(crate) fn check_deterministic<A: Agent>(make: impl Fn() -> A, tape: &[(Timestamp, Body)]) {
    let run = |restart_every: usize| {
        let mut probe = Probe::new(make()).unwrap();
        let mut said = Vec::new();
        for (step, (time, body)) in tape.iter().enumerate() {
            said.extend(probe.tell(*time, body.clone()).iter().map(Event::encode));
            if restart_every > 0 && step % restart_every == 0 {
                probe.restart(make()).unwrap();
            }
        }
        said
    };
    let straight = run(0);
    assert!(!straight.is_empty(), "a tape on which nothing is decided shows nothing");
    assert_eq!(straight, run(0), "the same tape twice");
    assert_eq!(straight, run(1), "restarted after every input");
    assert_eq!(straight, run(3), "restarted after every third input");
}
