//! What the tests of the paper broker share.

mod calls;
mod crash;
mod faults;
mod filling;
mod ledger;
mod opening;
mod passing;
mod record;
mod restart;
mod script;

use std::path::{Path, PathBuf};

use event::{
    Amount, Body, Currency, Event, EventId, InstrumentId, Label, OrderId, Price, Quantity,
    SECOND_NS, Source, Timestamp, TraceId,
    choices::{OrderType, Payoff, Side, TimeInForce},
    market::{InstrumentDefined, MarketQuote, MarketTrade, TickTier},
};
use tempfile::TempDir;

use crate::{
    Answer, Broker, CancelRequest, Fact, Moment, OrderRequest, PaperBroker, PaperConfig,
    ReplaceRequest, Report,
};

/// 2024-08-09T00:00:00Z.
const START: i64 = 1_723_161_600;

fn at_ms(ms: i64) -> Timestamp {
    Timestamp(START * SECOND_NS + ms * 1_000_000)
}

fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}

fn currency(code: &str) -> Currency {
    Currency::new(code).unwrap()
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn spot() -> InstrumentId {
    InstrumentId::new("X-SPOT:BTCUSDT").unwrap()
}

fn linear() -> InstrumentId {
    InstrumentId::new("X-USDM:BTCUSDT").unwrap()
}

fn inverse() -> InstrumentId {
    InstrumentId::new("X-COINM:BTCUSD").unwrap()
}

fn defined(instrument: InstrumentId) -> InstrumentDefined {
    let (payoff, settle, multiplier, lot) = if instrument == spot() {
        (Payoff::Spot, "USDT", "1", "0.001")
    } else if instrument == linear() {
        (Payoff::Linear, "USDT", "1", "0.001")
    } else {
        (Payoff::Inverse, "BTC", "100", "1")
    };
    InstrumentDefined {
        instrument,
        venue: label("X"),
        venue_symbol: label("BTC"),
        payoff,
        base: currency("BTC"),
        quote: currency(if payoff == Payoff::Inverse { "USD" } else { "USDT" }),
        settle: currency(settle),
        multiplier: quantity(multiplier),
        ticks: vec![TickTier { from_price: Price(0), tick: price("0.1") }],
        lot: quantity(lot),
        minimum_notional: Amount::whole(5),
        calendar: label("247"),
        effective_from: Timestamp(0),
        defined_by: label("test"),
    }
}

fn instruments() -> Vec<InstrumentDefined> {
    [spot(), linear(), inverse()].map(defined).to_vec()
}

fn event(time: Timestamp, body: impl Into<Body>) -> Event {
    let body = body.into();
    Event {
        event_id: EventId([0; 16]),
        trace_id: TraceId([0; 16]),
        cause_id: None,
        source: Source::new("file/0123456789ab").unwrap(),
        source_seq: 1,
        key: body.key(),
        time,
        event_time: None,
        basis: None,
        body,
    }
}

fn quote(instrument: InstrumentId, bid: (&str, &str), ask: (&str, &str)) -> MarketQuote {
    MarketQuote {
        instrument,
        bid_price: Some(price(bid.0)),
        bid_quantity: quantity(bid.1),
        ask_price: Some(price(ask.0)),
        ask_quantity: quantity(ask.1),
        venue_sequence: 0,
    }
}

fn trade(instrument: InstrumentId, at: &str, size: &str) -> MarketTrade {
    MarketTrade {
        instrument,
        price: price(at),
        quantity: quantity(size),
        trade_id: label("1"),
        aggressor: None,
        conditions: Vec::new(),
        venue_sequence: 0,
    }
}

fn order_id(number: u8) -> OrderId {
    OrderId([number; 16])
}

/// A limit order, good till cancelled.
fn limit(number: u8, side: Side, size: &str, limit: &str) -> OrderRequest {
    OrderRequest {
        order: order_id(number),
        client_order_id: label(&format!("c{number}")),
        attempt: 1,
        instrument: spot(),
        side,
        order_type: OrderType::Limit,
        quantity: quantity(size),
        limit_price: Some(price(limit)),
        time_in_force: TimeInForce::GoodTillCancelled,
        expires: Timestamp(i64::MAX),
    }
}

/// A market order.
fn market(number: u8, side: Side, size: &str) -> OrderRequest {
    let order_type = OrderType::Market;
    OrderRequest { order_type, limit_price: None, ..limit(number, side, size, "1") }
}

fn cancel(number: u8, attempt: u32) -> CancelRequest {
    CancelRequest {
        order: order_id(number),
        client_order_id: label(&format!("c{number}")),
        attempt,
        instrument: spot(),
    }
}

fn replace(number: u8, attempt: u32, size: &str, limit: &str) -> ReplaceRequest {
    ReplaceRequest {
        order: order_id(number),
        attempt,
        instrument: spot(),
        quantity: quantity(size),
        limit_price: price(limit),
        proposal: order_id(200),
    }
}

/// No fee, no latency, a million of everything.
fn plain() -> PaperConfig {
    let cash = [("BTC", 1_000_000), ("USDT", 1_000_000)];
    PaperConfig {
        balances: cash.map(|(code, units)| (currency(code), Amount::whole(units))).into(),
        latency_ns: 0,
        maker_fee_ppm: 0,
        taker_fee_ppm: 0,
        ..PaperConfig::default()
    }
}

/// A broker in a directory of its own, a clock and a tape position.
struct Venue {
    broker: PaperBroker,
    config: PaperConfig,
    now: Moment,
    read: u64,
    dir: TempDir,
}

impl Venue {
    fn open(config: PaperConfig) -> Self {
        let dir = TempDir::new().unwrap();
        let broker = PaperBroker::open(dir.path(), config.clone(), &instruments()).unwrap();
        let now = Moment { time: at_ms(0), position: 0 };
        Self { broker, config, now, read: 0, dir }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().to_path_buf()
    }

    /// Stops the broker where it is and opens it again.
    fn restart(&mut self) {
        let idle = TempDir::new().unwrap();
        let other = PaperBroker::open(idle.path(), self.config.clone(), &[]).unwrap();
        drop(std::mem::replace(&mut self.broker, other));
        let path = self.path();
        self.broker = PaperBroker::open(&path, self.config.clone(), &instruments()).unwrap();
    }

    /// Prints the next record of the tape at an instant.
    fn print(&mut self, ms: i64, body: impl Into<Body>) {
        self.now = Moment { time: at_ms(ms), position: self.now.position + 1 };
        let record = Event { source_seq: self.now.position, ..event(self.now.time, body) };
        self.broker.on_market(self.now, &record).unwrap();
    }

    fn submit(&mut self, request: &OrderRequest) -> Answer {
        self.broker.submit(self.now, request).unwrap()
    }

    /// Reports not read before.
    fn reports(&mut self) -> Vec<Report> {
        let reports = self.broker.reports(self.now, self.read, usize::MAX).unwrap();
        self.read = reports.last().map_or(self.read, |report| report.number);
        reports
    }

    fn facts(&mut self) -> Vec<Fact> {
        self.reports().into_iter().map(|report| report.fact).collect()
    }

    /// Facts in a few words each.
    fn told(&mut self) -> Vec<String> {
        self.facts().iter().map(in_words).collect()
    }

    fn cash(&mut self, code: &str) -> Amount {
        let balances = self.broker.balances(self.now).unwrap();
        balances.iter().find(|b| b.currency == currency(code)).unwrap().amount
    }

    fn position(&mut self, instrument: InstrumentId) -> (Quantity, Amount) {
        let positions = self.broker.positions(self.now).unwrap();
        let held = positions.iter().find(|p| p.instrument == instrument);
        held.map_or((Quantity::ZERO, Amount::ZERO), |p| (p.quantity, p.total_cost))
    }
}

/// A fact in a few words.
fn in_words(fact: &Fact) -> String {
    match fact {
        Fact::Executed { side, quantity, price, cumulative, leaves, liquidity, .. } => {
            format!("{side} {quantity} at {price} {liquidity}, {cumulative} done, {leaves} left")
        }
        Fact::Cancelled { cumulative, reason, .. } => {
            format!("cancelled at {cumulative}: {reason}")
        }
        Fact::Expired { cumulative, reason, .. } => format!("expired at {cumulative}: {reason}"),
        Fact::Replaced { venue_order, quantity, limit_price, .. } => {
            format!("replaced by {venue_order}: {quantity} at {limit_price}")
        }
        Fact::CancelRejected { action, reason, .. } => format!("no {action}: {reason}"),
        Fact::Busted { exec_id, .. } => format!("busted {exec_id}"),
        Fact::Corrected { exec_id, price, quantity, .. } => {
            format!("corrected {exec_id}: {quantity} at {price}")
        }
        Fact::Fee { currency, amount, .. } => format!("fee {amount} {currency}"),
        Fact::Funding { currency, amount, .. } => format!("funding {amount} {currency}"),
        Fact::Transfer { currency, amount, .. } => format!("transfer {amount} {currency}"),
        Fact::Balances { balances } => format!("{} balances", balances.len()),
        Fact::ExternalAccepted { side, quantity, .. } => format!("by hand: {side} {quantity}"),
    }
}

fn code_of(answer: &Answer) -> &str {
    match answer {
        Answer::Accepted { .. } => "ACCEPTED",
        Answer::Rejected { code, .. } => code.as_str(),
        Answer::NoAnswer { .. } => "NO_ANSWER",
    }
}

fn record_of(dir: &Path) -> PathBuf {
    dir.join("record")
}
