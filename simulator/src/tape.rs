//! A tape made up from a seed: markets that lean before they move, so that the shipped strategy trades.

use event::{
    Body, Digest, InstrumentId, Label, LabelError, Price, Quantity, Source, Timestamp,
    choices::{QuarantineReason, Side},
    id::digest_of,
    market::{MarketQuote, MarketTrade},
    operations::EventQuarantined,
};

use crate::{
    chance::Chance,
    fault::{Fault, Faults},
};

/// 2024-08-09, 08:00 UTC.
pub(crate) const STARTS: Timestamp = Timestamp(1_723_190_400_000_000_000);

/// A record of the tape.
#[derive(Clone, Debug)]
pub(crate) struct TapeRecord {
    pub(crate) time: Timestamp,
    pub(crate) body: Body,
}

/// A made-up tape, all of it.
#[derive(Debug)]
pub(crate) struct Tape {
    pub(crate) source: Source,
    pub(crate) digest: Digest,
    pub(crate) records: Vec<TapeRecord>,
}

/// One market of a tape.
struct Market {
    instrument: InstrumentId,
    /// In price steps.
    bid: i64,
    step: i64,
    leans_up: bool,
    leans_until: Timestamp,
    sequence: u64,
}

impl Tape {
    /// A tape of so many records.
    pub(crate) fn made_up(
        seed: u64,
        length: usize,
        faults: &mut Faults,
    ) -> Result<Self, LabelError> {
        let digest = digest_of("simulated-tape", &[&seed.to_le_bytes()]);
        let source = Source::new(&format!("file/{}", &digest.to_string()[..12]))?;
        let mut chance = Chance::of(seed, 0x7a9e);
        let mut markets = markets(&mut chance)?;
        let mut time = STARTS;
        let mut records = Vec::with_capacity(length);
        while records.len() < length {
            // Bursts and lulls.
            let gap_ms = if chance.happens(100_000) { 400 } else { 60 };
            time = time.plus_ns(chance.between(1, gap_ms * 1_000_000) as i64);
            if faults.strikes(Fault::BadRecord) {
                let number = records.len() as u64;
                records.push(TapeRecord { time, body: quarantined(source, number).into() });
                continue;
            }
            let at = chance.below(markets.len() as u64) as usize;
            let Some(market) = markets.get_mut(at) else { break };
            records.push(TapeRecord { time, body: market.print(time, &mut chance) });
        }
        Ok(Self { source, digest, records })
    }
}

fn markets(chance: &mut Chance) -> Result<Vec<Market>, LabelError> {
    let mut market = |name: &str, price: i64, step: i64| -> Result<Market, LabelError> {
        Ok(Market {
            instrument: InstrumentId::new(name)?,
            bid: price + chance.below(2_000) as i64,
            step,
            leans_up: chance.happens(500_000),
            leans_until: STARTS,
            sequence: 0,
        })
    };
    Ok(vec![
        market("BINANCE-USDM:BTCUSDT", 610_000, 100_000_000)?,
        market("BINANCE-SPOT:BTCUSDT", 6_100_000, 10_000_000)?,
        market("BINANCE-COINM:BTCUSD_PERP", 610_000, 100_000_000)?,
    ])
}

impl Market {
    fn print(&mut self, now: Timestamp, chance: &mut Chance) -> Body {
        if now >= self.leans_until {
            self.leans_up = !self.leans_up;
            self.leans_until = now.plus_ns(chance.between(1_500, 6_000) as i64 * 1_000_000);
        }
        self.sequence += 1;
        let drift = chance.below(9) as i64 - if self.leans_up { 3 } else { 5 };
        self.bid += drift;
        let (bid, ask) = (Price(self.bid * self.step), Price((self.bid + 1) * self.step));
        if chance.happens(250_000) {
            let up = chance.happens(if self.leans_up { 700_000 } else { 300_000 });
            let (price, aggressor) = if up { (ask, Side::Buy) } else { (bid, Side::Sell) };
            return MarketTrade {
                instrument: self.instrument,
                price,
                quantity: Quantity::whole(chance.between(1, 20) as i64),
                trade_id: Label::new(&self.sequence.to_string()).unwrap_or(self.instrument.label()),
                aggressor: Some(aggressor),
                conditions: Vec::new(),
                venue_sequence: self.sequence,
            }
            .into();
        }
        let (heavy, light) = (chance.between(20, 60) as i64, chance.between(1, 8) as i64);
        let (bids, asks) = if self.leans_up { (heavy, light) } else { (light, heavy) };
        MarketQuote {
            instrument: self.instrument,
            bid_price: Some(bid),
            bid_quantity: Quantity::whole(bids),
            ask_price: Some(ask),
            ask_quantity: Quantity::whole(asks),
            venue_sequence: self.sequence,
        }
        .into()
    }
}

fn quarantined(source: Source, record: u64) -> EventQuarantined {
    let bytes = record.to_le_bytes().to_vec();
    EventQuarantined {
        origin: source,
        record,
        reason: QuarantineReason::Malformed,
        detail: "made up".into(),
        bytes_total: bytes.len() as u64,
        digest: digest_of("record", &[&bytes]),
        bytes: event::wire::Blob(bytes),
        parked: false,
    }
}
