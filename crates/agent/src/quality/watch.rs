//! One instrument under watch.

use alloc::{format, string::String, vec, vec::Vec};

use event::{
    Body, Event, InstrumentId, Label, Price, Quantity, SECOND_NS, Source, Timestamp,
    choices::AnomalyKind,
    market::{BookDelta, BookSnapshot, MarketAnomalyDetected, MarketQuote, MarketTrade},
    message, nested,
};

use super::Config;
use crate::Outbox;

/// One million parts.
const PPM: i128 = 1_000_000;

message! {
    /// What is remembered of one instrument.
    Watch {
        /// The instrument.
        1 instrument: InstrumentId,
        /// Where its data comes from.
        2 feed: Source,
        /// When data last came.
        3 last_seen: Timestamp,
        /// Whether it is stale.
        4 stale: bool,
        /// Whether the venue says that it does not trade now, so silence is no fault.
        5 resting: bool,
        /// The last trade's venue sequence.
        6 trade_sequence: u64,
        /// The last trade's name.
        7 trade_id: Option<Label>,
        /// The last trade's price.
        8 trade_price: Option<Price>,
        /// The last quote's venue sequence.
        9 quote_sequence: u64,
        /// The last best bid.
        10 bid: Option<Price>,
        /// The last best offer.
        11 ask: Option<Price>,
        /// The size at the last best bid.
        12 bid_quantity: Quantity,
        /// The size at the last best offer.
        13 ask_quantity: Quantity,
        /// Whether the last quote was crossed.
        14 crossed: bool,
        /// The last book update's last sequence.
        15 delta_sequence: Option<u64>,
        /// The last book snapshot's sequence.
        16 snapshot_sequence: Option<u64>,
        /// When each kind of anomaly was last said, by the kind's number.
        17 said: Vec<Timestamp>,
    }
}

nested!(Watch);

/// Something found.
#[derive(Clone, Debug)]
pub(super) struct Anomaly {
    kind: AnomalyKind,
    detail: String,
    prices: Option<(Price, Price)>,
    sequences: Option<(u64, u64)>,
}

impl Anomaly {
    const fn new(kind: AnomalyKind, detail: String) -> Self {
        Self { kind, detail, prices: None, sequences: None }
    }

    fn sequence(kind: AnomalyKind, what: &str, expected: u64, found: u64) -> Self {
        let detail = format!("{what} sequence {found} where {expected} was expected");
        Self { sequences: Some((expected, found)), ..Self::new(kind, detail) }
    }
}

impl Watch {
    pub(super) fn new(instrument: InstrumentId, feed: Source, now: Timestamp) -> Self {
        Self {
            instrument,
            feed,
            last_seen: now,
            stale: false,
            resting: false,
            trade_sequence: 0,
            trade_id: None,
            trade_price: None,
            quote_sequence: 0,
            bid: None,
            ask: None,
            bid_quantity: Quantity::ZERO,
            ask_quantity: Quantity::ZERO,
            crossed: false,
            delta_sequence: None,
            snapshot_sequence: None,
            said: vec![Timestamp(i64::MIN); AnomalyKind::ALL.len()],
        }
    }

    /// Takes note of when and where from an event came.
    pub(super) fn arrived(&mut self, event: &Event, found: &mut Vec<Anomaly>) {
        self.stale = false;
        if event.source != self.feed {
            self.feed = event.source;
            self.last_seen = self.last_seen.max(event.time);
            return;
        }
        let behind_ns = self.last_seen.since_ns(event.time);
        if behind_ns > 0 {
            let detail = format!("received {behind_ns} ns before the record in front of it");
            found.push(Anomaly::new(AnomalyKind::ClockBackwards, detail));
            return;
        }
        self.last_seen = event.time;
    }

    /// Holds an event against the one before it.
    #[inline]
    pub(super) fn look(&mut self, event: &Event, config: &Config, found: &mut Vec<Anomaly>) {
        match &event.body {
            Body::MarketQuote(quote) => self.quote(quote, config, found),
            Body::MarketTrade(trade) => self.trade(trade, config, found),
            Body::BookDelta(delta) => found.extend(self.delta(delta)),
            Body::BookSnapshot(snapshot) => self.snapshot(snapshot),
            _ => {}
        }
    }

    fn quote(&mut self, quote: &MarketQuote, config: &Config, found: &mut Vec<Anomaly>) {
        let again = quote.bid_price == self.bid
            && quote.ask_price == self.ask
            && quote.bid_quantity == self.bid_quantity
            && quote.ask_quantity == self.ask_quantity;
        found.extend(in_order("quote", self.quote_sequence, quote.venue_sequence, again));
        let crossed = matches!((quote.bid_price, quote.ask_price), (Some(b), Some(a)) if b > a);
        if crossed && !self.crossed {
            let detail = String::from("best bid above best offer");
            let prices = quote.bid_price.zip(quote.ask_price);
            found.push(Anomaly { prices, ..Anomaly::new(AnomalyKind::CrossedBook, detail) });
        } else {
            let bid = jump("bid", self.bid, quote.bid_price, config.jump_ppm);
            found.extend(bid.or_else(|| jump("offer", self.ask, quote.ask_price, config.jump_ppm)));
        }
        self.quote_sequence = self.quote_sequence.max(quote.venue_sequence);
        self.crossed = crossed;
        self.bid = quote.bid_price.or(self.bid);
        self.ask = quote.ask_price.or(self.ask);
        self.bid_quantity = quote.bid_quantity;
        self.ask_quantity = quote.ask_quantity;
    }

    fn trade(&mut self, trade: &MarketTrade, config: &Config, found: &mut Vec<Anomaly>) {
        let again = self.trade_id == Some(trade.trade_id);
        found.extend(in_order("trade", self.trade_sequence, trade.venue_sequence, again));
        found.extend(jump("trade", self.trade_price, Some(trade.price), config.jump_ppm));
        self.trade_sequence = self.trade_sequence.max(trade.venue_sequence);
        self.trade_id = Some(trade.trade_id);
        self.trade_price = Some(trade.price);
    }

    fn delta(&mut self, delta: &BookDelta) -> Option<Anomaly> {
        let (last, snapshot) = (self.delta_sequence, self.snapshot_sequence);
        if let Some(last) = last.filter(|last| delta.last_sequence <= *last) {
            let kind = repeat_or_older(last, delta.last_sequence);
            return Some(Anomaly::sequence(
                kind,
                "book",
                last.saturating_add(1),
                delta.last_sequence,
            ));
        }
        self.delta_sequence = Some(delta.last_sequence);
        // The sequence this update continues from; a snapshot as of it or later stands in for
        // every update before.
        let before = delta.previous_sequence.unwrap_or(delta.first_sequence.saturating_sub(1));
        let bridged = snapshot.is_some_and(|snapshot| snapshot >= before);
        let skips = match last {
            Some(last) => delta.skips_after(last),
            None => snapshot.is_some(),
        };
        if !skips || bridged {
            return None;
        }
        let expected = last.or(snapshot).unwrap_or_default().saturating_add(1);
        let kind = AnomalyKind::SequenceGap;
        Some(Anomaly::sequence(kind, "book", expected, delta.first_sequence))
    }

    const fn snapshot(&mut self, snapshot: &BookSnapshot) {
        if snapshot.part.saturating_add(1) >= snapshot.parts {
            self.snapshot_sequence = Some(snapshot.last_sequence);
        }
    }

    /// Whether the instrument has just become stale.
    pub(super) fn staleness(&mut self, now: Timestamp, stale_after_ns: i64) -> Option<Anomaly> {
        let silent_ns = now.since_ns(self.last_seen);
        if self.stale || self.resting || silent_ns < stale_after_ns {
            return None;
        }
        self.stale = true;
        let detail = format!("nothing for {} s", silent_ns / SECOND_NS);
        Some(Anomaly::new(AnomalyKind::Stale, detail))
    }

    /// Says what was found, unless the same kind was said a moment ago. A gap is always said: who
    /// keeps a book must hear of each.
    pub(super) fn say(
        &mut self,
        now: Timestamp,
        anomaly: Anomaly,
        repeat_ns: i64,
        out: &mut Outbox,
    ) {
        let always = anomaly.kind == AnomalyKind::SequenceGap;
        if let Some(said) = self.said.get_mut(anomaly.kind as usize - 1) {
            if !always && now.since_ns(*said) < repeat_ns {
                return;
            }
            *said = now;
        }
        out.emit(MarketAnomalyDetected {
            instrument: self.instrument,
            anomaly: anomaly.kind,
            detail: anomaly.detail,
            observed: anomaly.prices.map(|(observed, _)| observed),
            reference: anomaly.prices.map(|(_, reference)| reference),
            expected_sequence: anomaly.sequences.map(|(expected, _)| expected),
            found_sequence: anomaly.sequences.map(|(_, found)| found),
        });
    }
}

/// Whether a venue sequence is a repeat of the last record or below it; zero is no sequence.
fn in_order(what: &str, last: u64, found: u64, again: bool) -> Option<Anomaly> {
    if found == 0 || found > last || (found == last && !again) {
        return None;
    }
    let kind = repeat_or_older(last, found);
    Some(Anomaly::sequence(kind, what, last.saturating_add(1), found))
}

const fn repeat_or_older(last: u64, found: u64) -> AnomalyKind {
    if found == last { AnomalyKind::DuplicateSequence } else { AnomalyKind::OutOfOrderSequence }
}

/// Whether `found` is further from `last` than `jump_ppm` of it.
fn jump(what: &str, last: Option<Price>, found: Option<Price>, jump_ppm: i64) -> Option<Anomaly> {
    let (last, found) = (last?, found?);
    let distance = (i128::from(found.0) - i128::from(last.0)).abs();
    if last.0 == 0 || distance * PPM <= i128::from(last.0).abs() * i128::from(jump_ppm) {
        return None;
    }
    let detail = format!("{what} went from {last} to {found} in one step");
    let prices = Some((found, last));
    Some(Anomaly { prices, ..Anomaly::new(AnomalyKind::PriceJump, detail) })
}
