//! What the gate knows of the instruments: terms, prices, and whether they can be relied on.

use alloc::{collections::BTreeMap, collections::BTreeSet, vec::Vec};

use event::{
    Body, Currency, Event, InstrumentId, Price, Source,
    choices::{AnomalyKind, FeedState, Payoff, TradingState},
    market::MarketQuote,
    message, nested,
};

use super::{Config, DepthGaps};
use crate::{Seen, contract::Contract};

message! {
    /// One instrument.
    Market {
        /// The instrument.
        1 instrument: InstrumentId,
        /// Its terms, once defined.
        2 contract: Option<Contract>,
        /// Best bid.
        3 bid: Option<Price>,
        /// Best offer.
        4 ask: Option<Price>,
        /// The last quote.
        5 quoted: Option<Seen>,
        /// Whether the venue trades it, where it said.
        6 status: Option<TradingState>,
        /// Whether no data has come for too long.
        7 stale: bool,
        /// Whether its book is invalid until a snapshot.
        8 gap: bool,
    }
}

nested!(Market);

impl Market {
    const fn new(instrument: InstrumentId) -> Self {
        Self {
            instrument,
            contract: None,
            bid: None,
            ask: None,
            quoted: None,
            status: None,
            stale: false,
            gap: false,
        }
    }

    /// The middle of a quote that has both sides and is not crossed.
    pub(super) fn mid(&self) -> Option<Price> {
        match (self.bid, self.ask) {
            (Some(bid), Some(ask)) if bid <= ask => Some(Price(i64::midpoint(bid.0, ask.0))),
            _ => None,
        }
    }
}

/// All instruments.
#[derive(Clone, Debug, Default)]
pub(super) struct Markets {
    markets: BTreeMap<InstrumentId, Market>,
    /// Feeds that are not live.
    down: BTreeSet<Source>,
}

impl Markets {
    pub(super) fn get(&self, instrument: InstrumentId) -> Option<&Market> {
        self.markets.get(&instrument)
    }

    fn entry(&mut self, instrument: InstrumentId) -> &mut Market {
        self.markets.entry(instrument).or_insert_with(|| Market::new(instrument))
    }

    #[inline]
    pub(super) fn quote(&mut self, event: &Event, quote: &MarketQuote) {
        let market = match self.markets.get_mut(&quote.instrument) {
            Some(market) => market,
            None => self.entry(quote.instrument),
        };
        market.bid = quote.bid_price;
        market.ask = quote.ask_price;
        market.quoted = Some(Seen::of(event));
        market.stale = false;
    }

    pub(super) fn fold(&mut self, config: &Config, body: &Body) {
        match body {
            Body::InstrumentDefined(defined) => {
                self.entry(defined.instrument).contract = Some((&**defined).into());
            }
            Body::TradingStatusChanged(changed) => {
                self.entry(changed.instrument).status = Some(changed.status);
            }
            Body::BookSnapshot(snapshot) if snapshot.part.saturating_add(1) >= snapshot.parts => {
                self.entry(snapshot.instrument).gap = false;
            }
            Body::MarketAnomalyDetected(found) => match found.anomaly {
                AnomalyKind::Stale => self.entry(found.instrument).stale = true,
                AnomalyKind::SequenceGap => {
                    self.entry(found.instrument).gap = config.depth_gaps == DepthGaps::Block;
                }
                _ => {}
            },
            Body::FeedStatusChanged(changed) if changed.state == FeedState::Live => {
                let _ = self.down.remove(&changed.feed);
            }
            Body::FeedStatusChanged(changed) => {
                let _ = self.down.insert(changed.feed);
            }
            _ => {}
        }
    }

    /// Why an instrument cannot be traded on what is known of it.
    pub(super) fn objection(&self, instrument: InstrumentId) -> Option<&'static str> {
        let Some(market) = self.markets.get(&instrument) else { return Some("undefined") };
        let feed_down = market.quoted.as_ref().is_some_and(|seen| self.down.contains(&seen.source));
        let trades = market.status.is_none_or(|status| status == TradingState::Trading);
        [
            (market.contract.is_none(), "undefined"),
            (!trades, "not trading at the venue"),
            (market.quoted.is_none(), "no quote yet"),
            (market.mid().is_none(), "quote one-sided or crossed"),
            (market.stale, "quote stale"),
            (market.gap, "book invalid since a sequence gap"),
            (feed_down, "feed not live"),
        ]
        .into_iter()
        .find_map(|(objects, why)| objects.then_some(why))
    }

    /// The price of one `from` in `to`, and whether it divides instead of multiplying: the mid of
    /// a pair that quotes one in the other, spot pairs first.
    pub(super) fn rate(&self, from: Currency, to: Currency) -> Option<Rate> {
        let pairs = |payoff_is_spot: bool| {
            self.markets.values().filter_map(move |market| {
                let contract = market.contract.as_ref()?;
                let mid = market.mid().filter(|mid| mid.0 > 0)?;
                if (contract.payoff == Payoff::Spot) != payoff_is_spot {
                    return None;
                }
                match (contract.base, contract.quote) {
                    (base, quote) if base == from && quote == to => Some(Rate::Times(mid)),
                    (base, quote) if base == to && quote == from => Some(Rate::Over(mid)),
                    _ => None,
                }
            })
        };
        pairs(true).next().or_else(|| pairs(false).next())
    }

    pub(super) fn markets(&self) -> Vec<Market> {
        self.markets.values().cloned().collect()
    }

    pub(super) fn down(&self) -> Vec<Source> {
        self.down.iter().copied().collect()
    }

    pub(super) fn restored(markets: Vec<Market>, down: Vec<Source>) -> Self {
        Self {
            markets: markets.into_iter().map(|market| (market.instrument, market)).collect(),
            down: down.into_iter().collect(),
        }
    }
}

/// How one currency becomes another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rate {
    /// Times the price.
    Times(Price),
    /// Divided by the price.
    Over(Price),
}
