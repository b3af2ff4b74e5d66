//! Frames as a recorder writes them: a receive time, a space, the venue's JSON.

use core::fmt;
use std::{
    fs::File,
    io::{self, BufWriter, Write},
};

use event::Timestamp;
use flate2::{Compression, write::GzEncoder};

use super::venue::{Best, Rules};
use crate::Market;

/// How quotes and trades are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// As the venue documents them.
    Documented,
    /// Fields of other names, and a trade's numbers as JSON numbers.
    Renamed,
    /// Fields nested, numbers as JSON numbers.
    Nested,
}

const BUFFER_BYTES: usize = 64 * 1024;

/// One tape being written.
pub(super) struct Frames {
    /// Buffered in front of the encoder, which is slow on small pieces.
    out: BufWriter<GzEncoder<File>>,
    pub(super) written: u64,
    pub(super) unparseable: u64,
}

impl Frames {
    pub(super) fn new(file: File) -> Self {
        let out = BufWriter::with_capacity(BUFFER_BYTES, GzEncoder::new(file, Compression::fast()));
        Self { out, written: 0, unparseable: 0 }
    }

    /// Ends the tape.
    pub(super) fn finish(self) -> io::Result<()> {
        self.out.into_inner().map_err(io::IntoInnerError::into_error)?.finish().map(drop)
    }

    /// Any line.
    pub(super) fn line(&mut self, now: Timestamp, json: fmt::Arguments<'_>) -> io::Result<()> {
        self.written += 1;
        writeln!(self.out, "{} {json}", now.0)
    }

    pub(super) fn quote(
        &mut self,
        rules: &Rules,
        now: Timestamp,
        update: u64,
        best: Best,
        format: Format,
    ) -> io::Result<()> {
        let Rules { symbol, stream, .. } = *rules;
        let (t, e) = venue_ms(now);
        let [(b, bq), (a, aq)] =
            [best.bid, best.ask].map(|(cents, lots)| (price(rules, cents), size(rules, lots)));
        match (format, rules.market) {
            (Format::Renamed, _) => {
                self.unparseable += 1;
                self.line(now, format_args!(r#"{{"stream":"{stream}@bookTicker","data":{{"e":"bookTicker","u":{update},"s":"{symbol}","bp":"{b}","bq":"{bq}","ap":"{a}","aq":"{aq}","T":{t},"E":{e}}}}}"#))
            }
            (Format::Nested, _) => {
                self.unparseable += 1;
                self.line(now, format_args!(r#"{{"stream":"{stream}@bookTicker","data":{{"e":"bookTicker","u":{update},"s":"{symbol}","b":{{"price":{b},"size":{bq}}},"a":{{"price":{a},"size":{aq}}},"T":{t},"E":{e}}}}}"#))
            }
            (Format::Documented, Market::Spot) => self.line(now, format_args!(r#"{{"stream":"{stream}@bookTicker","data":{{"u":{update},"s":"{symbol}","b":"{b}","B":"{bq}","a":"{a}","A":"{aq}"}}}}"#)),
            (Format::Documented, Market::UsdMargined) => self.line(now, format_args!(r#"{{"stream":"{stream}@bookTicker","data":{{"e":"bookTicker","u":{update},"s":"{symbol}","b":"{b}","B":"{bq}","a":"{a}","A":"{aq}","T":{t},"E":{e}}}}}"#)),
            (Format::Documented, Market::CoinMargined) => self.line(now, format_args!(r#"{{"stream":"{stream}@bookTicker","data":{{"u":{update},"e":"bookTicker","s":"{symbol}","ps":"BTCUSD","b":"{b}","B":"{bq}","a":"{a}","A":"{aq}","T":{t},"E":{e}}}}}"#)),
        }
    }

    pub(super) fn trade(
        &mut self,
        rules: &Rules,
        now: Timestamp,
        id: u64,
        (cents, lots): (i64, i64),
        buys: bool,
        format: Format,
    ) -> io::Result<()> {
        let Rules { symbol, stream, .. } = *rules;
        let (t, e) = venue_ms(now);
        let (p, q, maker) = (price(rules, cents), size(rules, lots), !buys);
        match (format, rules.market) {
            (Format::Renamed | Format::Nested, _) => {
                self.unparseable += 1;
                self.line(now, format_args!(r#"{{"stream":"{stream}@trade","data":{{"e":"trade","E":{e},"T":{t},"s":"{symbol}","t":{id},"p":{p},"q":{q},"X":"MARKET","m":{maker}}}}}"#))
            }
            (Format::Documented, Market::Spot) => self.line(now, format_args!(r#"{{"stream":"{stream}@trade","data":{{"e":"trade","E":{e},"s":"{symbol}","t":{id},"p":"{p}","q":"{q}","T":{t},"m":{maker},"M":true}}}}"#)),
            (Format::Documented, _) => self.line(now, format_args!(r#"{{"stream":"{stream}@trade","data":{{"e":"trade","E":{e},"T":{t},"s":"{symbol}","t":{id},"p":"{p}","q":"{q}","X":"MARKET","m":{maker}}}}}"#)),
        }
    }

    pub(super) fn depth(
        &mut self,
        rules: &Rules,
        now: Timestamp,
        (previous, last): (u64, u64),
        bids: &[(i64, i64)],
        asks: &[(i64, i64)],
    ) -> io::Result<()> {
        let Rules { symbol, stream, .. } = *rules;
        let (t, e) = venue_ms(now);
        let first = previous + 1;
        let (b, a) = (Side(rules, bids), Side(rules, asks));
        match rules.market {
            Market::Spot => self.line(now, format_args!(r#"{{"stream":"{stream}@depth@100ms","data":{{"e":"depthUpdate","E":{e},"s":"{symbol}","U":{first},"u":{last},"b":{b},"a":{a}}}}}"#)),
            Market::UsdMargined => self.line(now, format_args!(r#"{{"stream":"{stream}@depth@0ms","data":{{"e":"depthUpdate","E":{e},"T":{t},"s":"{symbol}","U":{first},"u":{last},"pu":{previous},"b":{b},"a":{a}}}}}"#)),
            Market::CoinMargined => self.line(now, format_args!(r#"{{"stream":"{stream}@depth@0ms","data":{{"e":"depthUpdate","E":{e},"T":{t},"s":"{symbol}","ps":"BTCUSD","U":{first},"u":{last},"pu":{previous},"b":{b},"a":{a}}}}}"#)),
        }
    }

    pub(super) fn snapshot(
        &mut self,
        rules: &Rules,
        now: Timestamp,
        last: u64,
        bids: &[(i64, i64)],
        asks: &[(i64, i64)],
    ) -> io::Result<()> {
        let (t, e) = venue_ms(now);
        let (b, a) = (Side(rules, bids), Side(rules, asks));
        match rules.market {
            Market::Spot => self.line(now, format_args!(r#"{{"lastUpdateId":{last},"bids":{b},"asks":{a}}}"#)),
            Market::UsdMargined => self.line(now, format_args!(r#"{{"lastUpdateId":{last},"E":{e},"T":{t},"bids":{b},"asks":{a}}}"#)),
            Market::CoinMargined => self.line(now, format_args!(r#"{{"lastUpdateId":{last},"E":{e},"T":{t},"symbol":"{}","pair":"BTCUSD","bids":{b},"asks":{a}}}"#, rules.symbol)),
        }
    }
}

/// The venue's trade and event times of something received at `now`: some milliseconds before it.
const fn venue_ms(now: Timestamp) -> (i64, i64) {
    let received_ms = now.0 / 1_000_000;
    let latency_ms = 4 + now.0 / 1_000 % 17;
    (received_ms - latency_ms, received_ms - latency_ms + 1)
}

/// Levels as a JSON list of pairs.
struct Side<'a>(&'a Rules, &'a [(i64, i64)]);

impl fmt::Display for Side<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(rules, levels) = self;
        f.write_str("[")?;
        for (at, (cents, lots)) in levels.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, r#"{comma}["{}","{}"]"#, price(rules, *cents), size(rules, *lots))?;
        }
        f.write_str("]")
    }
}

/// A decimal of fixed places, and zeros behind it.
struct Decimal {
    units: i64,
    places: u32,
    zeros: &'static str,
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { units, places, zeros } = self;
        let unit = 10_i64.pow(*places);
        if *places == 0 {
            return write!(f, "{units}");
        }
        let width = *places as usize;
        write!(f, "{}.{:0width$}{zeros}", units / unit, units % unit)
    }
}

/// A price as its market writes it.
const fn price(rules: &Rules, cents: i64) -> Decimal {
    match rules.market {
        Market::Spot => Decimal { units: cents, places: 2, zeros: "000000" },
        Market::UsdMargined => Decimal { units: cents, places: 2, zeros: "" },
        Market::CoinMargined => Decimal { units: cents / 10, places: 1, zeros: "" },
    }
}

/// A size as its market writes it.
const fn size(rules: &Rules, lots: i64) -> Decimal {
    match rules.market {
        Market::Spot => Decimal { units: lots, places: 5, zeros: "000" },
        Market::UsdMargined => Decimal { units: lots, places: 3, zeros: "" },
        Market::CoinMargined => Decimal { units: lots, places: 0, zeros: "" },
    }
}
