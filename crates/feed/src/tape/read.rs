//! From a line to its outcome.

use std::collections::BTreeMap;

use event::{
    Body, Family, InstrumentId, Kind, Timestamp,
    choices::QuarantineReason,
    market::{BookDelta, BookSnapshot, MarketQuote, MarketTrade},
    operations::OperatorCommanded,
    wire::{Message as _, root_from_json},
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{
    record::{Outcome, RootBody},
    split::{BODY_BYTES_MAX, check_delta, parts_of},
    subject::Subject,
};
use crate::{
    Instruments,
    binance::{self, Content, Frame},
    fault::Fault,
};

/// Instruments without a definition that are remembered.
const UNDEFINED_MAX: usize = 1_000;

/// What lines are read with.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) instruments: Instruments,
    /// Records of instruments that have no definition, by the name the definition would have.
    pub(super) undefined: BTreeMap<String, u64>,
}

impl Reading {
    /// Reads a recorded line behind its receive time.
    #[inline]
    pub(super) fn recorded(&mut self, json: &str, subject: &mut Subject) -> Result<Outcome, Fault> {
        if is_operator(json) {
            return operator(&serde_json::from_str(json).map_err(not_json)?);
        }
        let Frame { market, symbol, event_time, content } = binance::parse(json)?;
        let symbol = match symbol {
            Some(symbol) => {
                subject.saw(market, symbol);
                symbol
            }
            None => subject.symbol_of(market).map_err(Fault::malformed)?,
        };
        let Some(instrument) = self.instruments.lookup(market, symbol) else {
            return Err(self.undefined(format!("{}:{symbol}", market.venue())));
        };
        outcome_of(instrument, event_time, content)
    }

    fn undefined(&mut self, instrument: String) -> Fault {
        let fault = Fault::unknown_instrument(&instrument);
        if self.undefined.len() < UNDEFINED_MAX || self.undefined.contains_key(&instrument) {
            *self.undefined.entry(instrument).or_default() += 1;
        }
        fault
    }

    /// Reads a JSON line.
    pub(super) fn json_line(&mut self, line: &str) -> Result<Outcome, Fault> {
        let mut value: Value = serde_json::from_str(line).map_err(not_json)?;
        if let Value::Object(entries) = &mut value {
            let _ = entries.remove("time");
        }
        if value.get("operator").is_some() {
            return operator(&value);
        }
        let root = root_from_json(&value)?;
        let kind = root.body.kind();
        let producer = Some((root.source, root.source_seq));
        if kind == Kind::OperatorCommanded {
            let body = RootBody { producer, ..RootBody::new(root.event_time, root.body) };
            return Ok(Outcome::Command(body));
        }
        if !matches!(kind.family(), Family::Market | Family::Signal | Family::Alert) {
            return Err(Fault::new(
                QuarantineReason::UnknownKind,
                format!("a tape holds market data, signals and alerts, not {}", kind.as_str()),
            ));
        }
        if let Some(instrument) = root.body.instrument() {
            if root.key != instrument.into() {
                let detail = format!("key `{}` is not the instrument `{instrument}`", root.key);
                return Err(Fault::malformed(detail));
            }
            if kind == Kind::InstrumentDefined {
                self.instruments.know(instrument);
            } else if !self.instruments.is_defined(instrument) {
                return Err(self.undefined(instrument.to_string()));
            }
        }
        let whole =
            |body: Body| RootBody { event_time: root.event_time, key: root.key, body, producer };
        match root.body {
            Body::BookSnapshot(snapshot) if snapshot.parts <= 1 => {
                Ok(one_or_parts(parts_of(snapshot).into_iter().map(whole).collect()))
            }
            Body::BookDelta(delta) => {
                check_delta(&delta).map(|()| Outcome::Root(whole(delta.into())))
            }
            // The JSON form of a body is longer than its bytes.
            _ if line.len() > BODY_BYTES_MAX => Err(Fault::new(
                QuarantineReason::TooLarge,
                format!("a line of {} bytes; an event holds {BODY_BYTES_MAX}", line.len()),
            )),
            body => Ok(Outcome::Root(whole(body))),
        }
    }
}

#[inline]
fn outcome_of(
    instrument: InstrumentId,
    event_time: Option<Timestamp>,
    content: Content,
) -> Result<Outcome, Fault> {
    let root = |body| Outcome::Root(RootBody::new(event_time, body));
    Ok(match content {
        Content::Quote { update, bid, ask } => {
            // An empty side is quoted as a size of zero at a price of zero.
            let side = |(price, size): (event::Price, event::Quantity)| {
                (price.0 != 0 || !size.is_zero()).then_some(price)
            };
            root(Body::from(MarketQuote {
                instrument,
                bid_price: side(bid),
                bid_quantity: bid.1,
                ask_price: side(ask),
                ask_quantity: ask.1,
                venue_sequence: update,
            }))
        }
        Content::Trade { trade_id, sequence, price, quantity, aggressor, conditions } => {
            root(Body::from(MarketTrade {
                instrument,
                price,
                quantity,
                trade_id,
                aggressor: Some(aggressor),
                conditions,
                venue_sequence: sequence,
            }))
        }
        Content::Delta { first, last, previous, bids, asks } => {
            let delta = BookDelta {
                instrument,
                first_sequence: first,
                last_sequence: last,
                previous_sequence: previous,
                bids,
                asks,
            };
            check_delta(&delta)?;
            root(delta.into())
        }
        Content::Snapshot { last, bids, asks } => {
            let snapshot =
                BookSnapshot { instrument, last_sequence: last, bids, asks, part: 0, parts: 0 };
            let parts = parts_of(snapshot).into_iter();
            one_or_parts(parts.map(|body| RootBody::new(event_time, body)).collect())
        }
    })
}

fn one_or_parts(mut parts: Vec<RootBody>) -> Outcome {
    match parts.pop() {
        Some(only) if parts.is_empty() => Outcome::Root(only),
        Some(last) => {
            parts.push(last);
            Outcome::Parts(parts)
        }
        None => Outcome::Parts(parts),
    }
}

fn is_operator(json: &str) -> bool {
    let inside = json.trim_start().strip_prefix('{').map(str::trim_start);
    inside.is_some_and(|inside| inside.starts_with("\"operator\""))
}

/// `{"operator":{"verb":"RESUME","actor":"...","reason":"..."}}`.
fn operator(value: &Value) -> Result<Outcome, Fault> {
    let fields = value.as_object().filter(|entries| entries.len() == 1);
    let fields = fields.and_then(|entries| entries.get("operator"));
    let fields = fields.ok_or_else(|| {
        Fault::new(QuarantineReason::UnknownField, "a command has no field beside `operator`")
    })?;
    let command = OperatorCommanded::from_object(fields)?;
    if command.actor.trim().is_empty() || command.reason.trim().is_empty() {
        return Err(Fault::malformed("a command names its actor and its reason"));
    }
    Ok(Outcome::Command(RootBody::new(None, command)))
}

fn not_json(error: serde_json::Error) -> Fault {
    Fault::malformed(error.to_string())
}

/// The time of a JSON line: `time`, else `event_time`.
pub(super) fn time_of_json(line: &[u8]) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Times<'a> {
        #[serde(borrow)]
        time: Option<&'a RawValue>,
        #[serde(borrow)]
        event_time: Option<&'a RawValue>,
    }
    let times: Times<'_> = serde_json::from_str(core::str::from_utf8(line).ok()?).ok()?;
    times.time.or(times.event_time)?.get().trim_matches('"').parse().ok()
}
