//! Instruments: what trades where, and by which rules, from a date on.

mod file;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use event::{
    Digest, InstrumentId, Timestamp, id::digest_of, market::InstrumentDefined, wire::Message,
};
use file::{Entry, entries};

use crate::{FeedError, Market};

const SHIPPED: &str = include_str!("../../instruments/binance.toml");

/// Definitions of instruments, in layers: the ones that ship, then the user's.
///
/// ```
/// use event::{InstrumentId, Timestamp};
/// use feed::{Instruments, Market};
///
/// let instruments = Instruments::shipped()?;
/// let bitcoin = instruments.lookup(Market::CoinMargined, "BTCUSD_PERP").unwrap();
/// assert_eq!(bitcoin, InstrumentId::new("BINANCE-COINM:BTCUSD_PERP").unwrap());
/// # Ok::<(), feed::FeedError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Instruments {
    /// By ascending date.
    definitions: BTreeMap<InstrumentId, Vec<InstrumentDefined>>,
    /// What a market calls them.
    symbols: [BTreeMap<Box<str>, InstrumentId>; Market::ALL.len()],
    /// Defined by the tape itself.
    known: BTreeSet<InstrumentId>,
}

impl Instruments {
    /// The definitions that ship: BTC and ETH on Binance spot, USD-M and COIN-M.
    ///
    /// # Errors
    /// Never: a test reads them.
    pub fn shipped() -> Result<Self, FeedError> {
        let mut shipped = Self::default();
        shipped.overlay(SHIPPED, "the shipped instruments")?;
        Ok(shipped)
    }

    /// The text of the definitions that ship, as a user's own file would look.
    #[must_use]
    pub const fn shipped_text() -> &'static str {
        SHIPPED
    }

    /// Lays a file over what is here: an instrument it names has its definitions alone.
    ///
    /// # Errors
    /// [`FeedError::Instrument`] with the line and the reason, [`FeedError::Read`].
    pub fn overlay_file(&mut self, path: &Path) -> Result<(), FeedError> {
        let text = std::fs::read_to_string(path).map_err(FeedError::read(path))?;
        self.overlay(&text, &path.display().to_string())
    }

    /// Lays TOML text over what is here; `origin` names it in errors. Nothing changes on an error.
    ///
    /// # Errors
    /// [`FeedError::Instrument`].
    pub fn overlay(&mut self, text: &str, origin: &str) -> Result<(), FeedError> {
        let mut layer = BTreeMap::<InstrumentId, Vec<Entry>>::new();
        for entry in entries(text, origin)? {
            let dated = layer.entry(entry.definition.instrument).or_default();
            let from = entry.definition.effective_from;
            if dated.iter().any(|other| other.definition.effective_from == from) {
                let id = entry.definition.instrument;
                return Err(entry.fault(origin, format!("`{id}` is defined twice from {from} on")));
            }
            dated.push(entry);
        }
        let mut merged = self.definitions.clone();
        for (id, entries) in &layer {
            let mut dated: Vec<_> = entries.iter().map(|entry| entry.definition.clone()).collect();
            dated.sort_by_key(|definition| definition.effective_from);
            let _ = merged.insert(*id, dated);
        }
        let mut names = BTreeMap::new();
        for (id, dated) in &merged {
            for definition in dated {
                let name = (definition.venue, definition.venue_symbol);
                let other = names.insert(name, *id).filter(|other| other != id);
                let Some(other) = other else { continue };
                let (venue, symbol) = name;
                let entry = layer.get(id).or_else(|| layer.get(&other)).and_then(|e| e.first());
                let reason = format!("`{other}` and `{id}` are both `{symbol}` on {venue}");
                return Err(match entry {
                    Some(entry) => entry.fault(origin, reason),
                    None => FeedError::Instrument { origin: origin.into(), line: 1, reason },
                });
            }
        }
        self.symbols = Market::ALL.map(|market| {
            let here = names.iter().filter(|((venue, _), _)| venue.as_str() == market.venue());
            here.map(|((_, symbol), id)| (symbol.as_str().into(), *id)).collect()
        });
        self.definitions = merged;
        Ok(())
    }

    /// The instrument that a market calls `symbol`.
    #[inline]
    #[must_use]
    pub fn lookup(&self, market: Market, symbol: &str) -> Option<InstrumentId> {
        self.symbols.get(market as usize)?.get(symbol).copied()
    }

    /// Whether an instrument has a definition.
    #[must_use]
    pub fn is_defined(&self, instrument: InstrumentId) -> bool {
        self.definitions.contains_key(&instrument) || self.known.contains(&instrument)
    }

    /// The definition that holds at `now`; before the first one's date, the first one.
    #[must_use]
    pub fn definition(
        &self,
        instrument: InstrumentId,
        now: Timestamp,
    ) -> Option<&InstrumentDefined> {
        let dated = self.definitions.get(&instrument)?;
        let holding = dated.iter().rev().find(|definition| definition.effective_from <= now);
        holding.or_else(|| dated.first())
    }

    /// Every definition, by instrument, then by date: the events that say them.
    pub fn definitions(&self) -> impl Iterator<Item = &InstrumentDefined> {
        self.definitions.values().flatten()
    }

    /// Digest of every definition: the same definitions give the same digest, whatever files and
    /// layers they came from.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let encode = |definition: &InstrumentDefined| {
            let mut bytes = Vec::new();
            definition.encode(&mut bytes);
            bytes
        };
        let encoded: Vec<_> = self.definitions().map(encode).collect();
        let parts: Vec<_> = encoded.iter().map(Vec::as_slice).collect();
        digest_of("instruments", &parts)
    }

    /// Takes note of an instrument that the tape itself defines.
    pub(crate) fn know(&mut self, instrument: InstrumentId) {
        let _ = self.known.insert(instrument);
    }
}
