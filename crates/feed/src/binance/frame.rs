//! What the fields of a frame mean.

use event::{
    Label, Price, Quantity, Timestamp,
    choices::{QuarantineReason, Side},
    market::Level,
};
use serde_json::value::RawValue;

use super::{
    number::{price_of, quantity_of},
    raws::{Book, Raws},
};
use crate::{
    Market,
    fault::{Fault, clipped},
};

/// A frame, without the instrument it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) market: Market,
    /// Absent in book snapshots of all but coin-margined futures.
    pub(crate) symbol: Option<&'a str>,
    pub(crate) event_time: Option<Timestamp>,
    pub(crate) content: Content,
}

/// What a frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Quote {
        update: u64,
        bid: (Price, Quantity),
        ask: (Price, Quantity),
    },
    Trade {
        trade_id: Label,
        sequence: u64,
        price: Price,
        quantity: Quantity,
        aggressor: Side,
        conditions: Vec<String>,
    },
    Delta {
        first: u64,
        last: u64,
        previous: Option<u64>,
        bids: Vec<Level>,
        asks: Vec<Level>,
    },
    Snapshot {
        last: u64,
        bids: Vec<Level>,
        asks: Vec<Level>,
    },
}

pub(super) fn frame(raws: Raws<'_>) -> Result<Frame<'_>, Fault> {
    let kind = raws.kind.map(|kind| text(Some(kind), "e")).transpose()?;
    match kind {
        Some("bookTicker") => quote(&raws, true),
        Some("trade") => trade(&raws),
        Some("depthUpdate") => delta(raws),
        Some(other) => Err(Fault::new(
            QuarantineReason::UnknownKind,
            format!("frames of kind `{}` are not read", clipped(other)),
        )),
        None if raws.last_update.is_some() => snapshot(raws),
        None if raws.update.is_some() && raws.symbol.is_some() => quote(&raws, false),
        None => Err(Fault::new(
            QuarantineReason::UnknownKind,
            "the frame names no kind, and is neither a best quote nor a book snapshot",
        )),
    }
}

fn quote<'a>(raws: &Raws<'a>, future: bool) -> Result<Frame<'a>, Fault> {
    let symbol = text(raws.symbol, "s")?;
    let best = |book: &Option<Book<'a>>, name| match book {
        Some(Book::Text(raw)) => price(Some(*raw), name),
        Some(Book::Levels(_)) => Err(not_text(name, "a list")),
        None => Err(missing(name)),
    };
    let (market, event_time) = if future {
        let _ = instant(raws.event_time, "E")?;
        let market = Market::of_future(symbol, raws.pair.is_some());
        (market, Some(instant(raws.transaction_time, "T")?))
    } else {
        (Market::Spot, None)
    };
    let content = Content::Quote {
        update: whole(raws.update, "u")?,
        bid: (best(&raws.bid, "b")?, quantity(raws.bid_quantity, "B")?),
        ask: (best(&raws.ask, "a")?, quantity(raws.ask_quantity, "A")?),
    };
    Ok(Frame { market, symbol: Some(symbol), event_time, content })
}

fn trade<'a>(raws: &Raws<'a>) -> Result<Frame<'a>, Fault> {
    let symbol = text(raws.symbol, "s")?;
    let (market, conditions) = match (raws.trade_type, raws.best_match) {
        (Some(_), None) => {
            let condition = text(raws.trade_type, "X")?;
            (Market::of_future(symbol, raws.pair.is_some()), vec![condition.into()])
        }
        (None, Some(_)) => (Market::Spot, Vec::new()),
        _ => return Err(Fault::malformed("a trade has one of `M` (spot) and `X` (futures)")),
    };
    let _ = instant(raws.event_time, "E")?;
    let sequence = whole(raws.trade, "t")?;
    let trade_id = Label::new(raws.trade.unwrap_or_default())
        .map_err(|error| Fault::malformed(format!("field `t`: {error}")))?;
    let aggressor = if truth(raws.buyer_is_maker, "m")? { Side::Sell } else { Side::Buy };
    let content = Content::Trade {
        trade_id,
        sequence,
        price: price(raws.price, "p")?,
        quantity: quantity(raws.quantity, "q")?,
        aggressor,
        conditions,
    };
    let event_time = Some(instant(raws.transaction_time, "T")?);
    Ok(Frame { market, symbol: Some(symbol), event_time, content })
}

fn delta(raws: Raws<'_>) -> Result<Frame<'_>, Fault> {
    let symbol = text(raws.symbol, "s")?;
    let previous = raws.previous_update.map(|raw| whole(Some(raw), "pu")).transpose()?;
    let event_time = instant(raws.event_time, "E")?;
    let (market, event_time) = if previous.is_some() {
        let market = Market::of_future(symbol, raws.pair.is_some());
        (market, instant(raws.transaction_time, "T")?)
    } else {
        (Market::Spot, event_time)
    };
    let content = Content::Delta {
        first: whole(raws.first_update, "U")?,
        last: whole(raws.update, "u")?,
        previous,
        bids: levels(raws.bid, "b")?,
        asks: levels(raws.ask, "a")?,
    };
    Ok(Frame { market, symbol: Some(symbol), event_time: Some(event_time), content })
}

fn snapshot(raws: Raws<'_>) -> Result<Frame<'_>, Fault> {
    let symbol = raws.snapshot_symbol.map(|raw| text(Some(raw), "symbol")).transpose()?;
    let event_time = raws.transaction_time.map(|raw| instant(Some(raw), "T")).transpose()?;
    let market = match (symbol, event_time) {
        (Some(symbol), _) => Market::of_future(symbol, raws.snapshot_pair.is_some()),
        (None, Some(_)) => Market::UsdMargined,
        (None, None) => Market::Spot,
    };
    let content = Content::Snapshot {
        last: whole(raws.last_update, "lastUpdateId")?,
        bids: levels(raws.bids, "bids")?,
        asks: levels(raws.asks, "asks")?,
    };
    Ok(Frame { market, symbol, event_time, content })
}

fn missing(field: &str) -> Fault {
    Fault::malformed(format!("field `{field}` is missing"))
}

fn not_text(field: &str, found: &str) -> Fault {
    Fault::malformed(format!("field `{field}` is {found} where text is expected"))
}

/// The inside of a JSON string.
#[inline]
fn text<'a>(raw: Option<&'a str>, field: &str) -> Result<&'a str, Fault> {
    let raw = raw.ok_or_else(|| missing(field))?;
    let inside = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inside {
        Some(inside) if !inside.as_bytes().contains(&b'\\') => Ok(inside),
        Some(_) => Err(Fault::malformed(format!("field `{field}` holds an escape"))),
        None => {
            let found = match raw.as_bytes().first() {
                Some(b'{') => "an object",
                Some(b'[') => "a list",
                Some(b't' | b'f') => "a truth value",
                _ => "a number",
            };
            Err(not_text(field, found))
        }
    }
}

#[inline]
fn price(raw: Option<&str>, field: &str) -> Result<Price, Fault> {
    let text = text(raw, field)?;
    price_of(text).map_err(|error| Fault::number(field, text, error))
}

/// A size; one below zero is none.
#[inline]
fn quantity(raw: Option<&str>, field: &str) -> Result<Quantity, Fault> {
    let text = text(raw, field)?;
    let quantity = quantity_of(text).map_err(|error| Fault::number(field, text, error))?;
    if quantity.signum() < 0 {
        return Err(Fault::new(
            QuarantineReason::Number,
            format!("field `{field}` is `{}`: a size is not negative", clipped(text)),
        ));
    }
    Ok(quantity)
}

/// A whole number as the venue writes sequences and times: digits, no sign.
#[inline]
fn whole(raw: Option<&str>, field: &str) -> Result<u64, Fault> {
    let raw = raw.ok_or_else(|| missing(field))?;
    if !raw.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::malformed(format!(
            "field `{field}` is `{}` where a whole number is expected",
            clipped(raw)
        )));
    }
    raw.parse().map_err(|_| {
        let detail = format!("field `{field}` is `{}`: past 64 bits", clipped(raw));
        Fault::new(QuarantineReason::Number, detail)
    })
}

#[inline]
fn truth(raw: Option<&str>, field: &str) -> Result<bool, Fault> {
    match raw.ok_or_else(|| missing(field))? {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Fault::malformed(format!("field `{field}` is not true or false"))),
    }
}

/// Milliseconds since 1970, or microseconds where a recorder asked for them: the two are told
/// apart by size, since milliseconds reach fifteen digits only in the year 5138.
#[inline]
fn instant(raw: Option<&str>, field: &str) -> Result<Timestamp, Fault> {
    const MICROSECONDS_FROM: u64 = 100_000_000_000_000;
    let since = whole(raw, field)?;
    let unit_ns = if since < MICROSECONDS_FROM { 1_000_000 } else { 1_000 };
    i64::try_from(since)
        .ok()
        .and_then(|since| since.checked_mul(unit_ns))
        .map(Timestamp)
        .ok_or_else(|| {
            Fault::new(QuarantineReason::Number, format!("field `{field}` is past the year 2262"))
        })
}

fn levels(book: Option<Book<'_>>, field: &str) -> Result<Vec<Level>, Fault> {
    let raw = match book.ok_or_else(|| missing(field))? {
        Book::Levels(levels) => return Ok(levels),
        Book::Text(raw) => raw,
    };
    let pairs: Vec<(&RawValue, &RawValue)> = serde_json::from_str(raw).map_err(|error| {
        Fault::malformed(format!("field `{field}` is no list of price levels: {error}"))
    })?;
    let level = |(at, size): (&RawValue, &RawValue)| {
        let price = price(Some(at.get()), field)?;
        Ok(Level { price, quantity: quantity(Some(size.get()), field)? })
    };
    pairs.into_iter().map(level).collect()
}
