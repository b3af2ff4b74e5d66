//! The file form of definitions, and what makes one valid.

use core::str::FromStr;

use event::{
    Amount, InstrumentId, Label, Price, Quantity,
    choices::Payoff,
    market::{InstrumentDefined, TickTier},
};
use serde::Deserialize;
use toml::Spanned;

use crate::FeedError;

/// A definition and where it stands.
pub(super) struct Entry {
    pub(super) definition: InstrumentDefined,
    line: usize,
}

impl Entry {
    pub(super) fn fault(&self, origin: &str, reason: String) -> FeedError {
        FeedError::Instrument { origin: origin.into(), line: self.line, reason }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Definitions {
    #[serde(default)]
    instrument: Vec<Spanned<Written>>,
}

type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: Text,
    symbol: Option<Text>,
    payoff: Text,
    base: Text,
    quote: Text,
    settle: Text,
    multiplier: Option<Text>,
    tick: Option<Text>,
    #[serde(default)]
    ticks: Vec<WrittenTier>,
    lot: Text,
    minimum_notional: Option<Text>,
    calendar: Option<Text>,
    effective_from: Text,
    defined_by: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTier {
    from: Text,
    tick: Text,
}

/// Reads and checks a file's definitions.
pub(super) fn entries(text: &str, origin: &str) -> Result<Vec<Entry>, FeedError> {
    let source = Source { text, origin };
    let definitions: Definitions = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        source.fault(at, error.message().to_owned())
    })?;
    definitions.instrument.into_iter().map(|written| source.entry(written)).collect()
}

/// The text being read; knows the line of an offset.
#[derive(Clone, Copy)]
struct Source<'a> {
    text: &'a str,
    origin: &'a str,
}

impl Source<'_> {
    fn line(self, at: usize) -> usize {
        self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
    }

    fn fault(self, at: usize, reason: String) -> FeedError {
        FeedError::Instrument { origin: self.origin.into(), line: self.line(at), reason }
    }

    /// Reads one value as its type.
    fn value<T>(self, name: &str, text: &Text) -> Result<T, FeedError>
    where
        T: FromStr,
        T::Err: core::fmt::Display,
    {
        text.get_ref().parse().map_err(|error: T::Err| {
            self.fault(text.span().start, format!("`{name}` is `{}`: {error}", text.get_ref()))
        })
    }

    fn optional<T>(self, name: &str, text: Option<&Text>, absent: T) -> Result<T, FeedError>
    where
        T: FromStr,
        T::Err: core::fmt::Display,
    {
        text.map_or(Ok(absent), |text| self.value(name, text))
    }

    fn label(self, name: &str, text: &str, at: usize) -> Result<Label, FeedError> {
        Label::new(text).map_err(|error| self.fault(at, format!("`{name}` is `{text}`: {error}")))
    }

    /// Refuses a value unless it holds.
    fn hold(self, at: &Text, holds: bool, reason: &str) -> Result<(), FeedError> {
        if holds { Ok(()) } else { Err(self.fault(at.span().start, reason.to_owned())) }
    }

    fn entry(self, written: Spanned<Written>) -> Result<Entry, FeedError> {
        let start = written.span().start;
        let written = written.into_inner();
        let definition = InstrumentDefined {
            instrument: self.value::<InstrumentId>("id", &written.id)?,
            venue: self.venue(&written)?,
            venue_symbol: self.symbol(&written)?,
            payoff: self.value("payoff", &written.payoff)?,
            base: self.value("base", &written.base)?,
            quote: self.value("quote", &written.quote)?,
            settle: self.value("settle", &written.settle)?,
            multiplier: self.optional(
                "multiplier",
                written.multiplier.as_ref(),
                Quantity::whole(1),
            )?,
            ticks: self.ticks(&written)?,
            lot: self.value("lot", &written.lot)?,
            minimum_notional: self.optional(
                "minimum_notional",
                written.minimum_notional.as_ref(),
                Amount::ZERO,
            )?,
            calendar: match &written.calendar {
                Some(calendar) => {
                    self.label("calendar", calendar.get_ref(), calendar.span().start)?
                }
                None => self.label("calendar", "247", start)?,
            },
            effective_from: self.value("effective_from", &written.effective_from)?,
            defined_by: self.label(
                "defined_by",
                written.defined_by.get_ref(),
                written.defined_by.span().start,
            )?,
        };
        self.check(&definition, &written)?;
        Ok(Entry { definition, line: self.line(start) })
    }

    fn venue(self, written: &Written) -> Result<Label, FeedError> {
        let at = written.id.span().start;
        match written.id.get_ref().split_once(':') {
            Some((venue, symbol)) if !symbol.is_empty() => self.label("id", venue, at),
            _ => Err(self.fault(at, "`id` is not `MARKET:SYMBOL`".into())),
        }
    }

    /// The venue's own name, the part of the id after the colon unless given.
    fn symbol(self, written: &Written) -> Result<Label, FeedError> {
        if let Some(symbol) = &written.symbol {
            return self.label("symbol", symbol.get_ref(), symbol.span().start);
        }
        let symbol = written.id.get_ref().split_once(':').map_or("", |(_, symbol)| symbol);
        self.label("id", symbol, written.id.span().start)
    }

    fn ticks(self, written: &Written) -> Result<Vec<TickTier>, FeedError> {
        let at = written.id.span().start;
        let tiers = match (&written.tick, written.ticks.as_slice()) {
            (Some(tick), []) => {
                vec![TickTier { from_price: Price(0), tick: self.tick(tick)? }]
            }
            (None, tiers @ [_, ..]) => {
                let tier = |tier: &WrittenTier| {
                    let from_price = self.value("from", &tier.from)?;
                    Ok(TickTier { from_price, tick: self.tick(&tier.tick)? })
                };
                tiers.iter().map(tier).collect::<Result<_, FeedError>>()?
            }
            _ => return Err(self.fault(at, "one of `tick` and `ticks` is needed".into())),
        };
        if tiers.is_sorted_by(|one, next| one.from_price < next.from_price) {
            return Ok(tiers);
        }
        Err(self.fault(at, "`ticks` are not by ascending `from`".into()))
    }

    fn tick(self, text: &Text) -> Result<Price, FeedError> {
        let tick: Price = self.value("tick", text)?;
        self.hold(text, tick.0 > 0, "`tick` is not above zero")?;
        Ok(tick)
    }

    fn check(self, definition: &InstrumentDefined, written: &Written) -> Result<(), FeedError> {
        self.hold(&written.lot, definition.lot.signum() > 0, "`lot` is not above zero")?;
        if let Some(multiplier) = &written.multiplier {
            let positive = definition.multiplier.signum() > 0;
            self.hold(multiplier, positive, "`multiplier` is not above zero")?;
            let fits =
                definition.payoff != Payoff::Spot || definition.multiplier == Quantity::whole(1);
            self.hold(multiplier, fits, "`multiplier` of a SPOT instrument is 1")?;
        }
        if let Some(least) = &written.minimum_notional {
            let fits = definition.minimum_notional.signum() >= 0;
            self.hold(least, fits, "`minimum_notional` is below zero")?;
        }
        let settled_in = match definition.payoff {
            Payoff::Spot => Some((definition.quote, "a SPOT instrument settles in its `quote`")),
            Payoff::Inverse => Some((definition.base, "an INVERSE contract settles in its `base`")),
            Payoff::Linear | Payoff::Option => None,
        };
        match settled_in {
            Some((currency, reason)) => {
                self.hold(&written.settle, definition.settle == currency, reason)
            }
            None => Ok(()),
        }
    }
}
