//! Data quality: whether market data can be taken at face value.
//!
//! | found | said |
//! |---|---|
//! | no data on an instrument for `stale_after_ns` | `MarketAnomalyDetected{STALE}`, once until data comes |
//! | a hole in the venue's chain of book updates | `{SEQUENCE_GAP}`, each; the book is invalid until a snapshot |
//! | a venue sequence again, with the same content | `{DUPLICATE_SEQUENCE}` |
//! | a venue sequence below the last | `{OUT_OF_ORDER_SEQUENCE}` |
//! | a price over `jump_ppm` from the one before | `{PRICE_JUMP}` |
//! | best bid above best offer | `{CROSSED_BOOK}`, once until it uncrosses |
//! | the receive time of one feed running backwards | `{CLOCK_BACKWARDS}` |
//! | records of one feed that do not parse | `FeedStatusChanged{UNPARSEABLE}`, `{LIVE}` after `good_records` |
//! | a feed silent for `feed_stale_after_ns` | `FeedStatusChanged{STALE}`, `{LIVE}` on the next event |
//!
//! All anomalies but gaps are said at most once per `repeat_ns`, instrument and kind. Two trades
//! or quotes with one venue sequence and different content are two facts: venues number packets,
//! not records.
//!
//! Cost: one map lookup per market event and no allocation unless something is wrong.

mod feeds;
mod watch;

use alloc::{collections::BTreeMap, vec::Vec};

use event::{
    Body, Event, InstrumentId, Kind, Label, SECOND_NS, Source, Timestamp,
    choices::{FeedState, TradingState},
    market::FeedStatusChanged,
    message,
};
use feeds::{FeedHealth, Feeds};
use guard::Trip;
use watch::Watch;

use crate::{Agent, Outbox, RestoreError, Scope, label, state};

/// When data is not good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// An instrument is stale after this long without data, in nanoseconds.
    pub stale_after_ns: i64,
    /// A feed is stale after this long without data, in nanoseconds.
    pub feed_stale_after_ns: i64,
    /// A price further than this from the one before is a jump, in parts per million of it.
    pub jump_ppm: i64,
    /// Least time between two anomalies of one kind on one instrument, in nanoseconds.
    pub repeat_ns: i64,
    /// What makes a feed unparseable.
    pub unparseable: Trip,
    /// Records in a row that make it live again.
    pub good_records: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            stale_after_ns: 10 * SECOND_NS,
            feed_stale_after_ns: 60 * SECOND_NS,
            jump_ppm: 50_000,
            repeat_ns: SECOND_NS,
            unparseable: Trip { consecutive: 5, in_window: 20, window_ns: 60 * SECOND_NS },
            good_records: 10,
        }
    }
}

message! {
    /// The agent's state.
    Standing {
        /// Instruments watched.
        1 watches: Vec<Watch>,
        /// Feeds that are, or were lately, in trouble.
        2 feeds: Vec<FeedHealth>,
        /// Whether a timer is set.
        3 armed: bool,
    }
}

/// The data quality agent.
#[derive(Clone, Debug)]
pub struct Quality {
    config: Config,
    watches: BTreeMap<InstrumentId, Watch>,
    feeds: Feeds,
    armed: bool,
}

impl Quality {
    /// An agent that has seen nothing.
    #[must_use]
    pub const fn new(config: Config) -> Self {
        Self { config, watches: BTreeMap::new(), feeds: Feeds::new(), armed: false }
    }

    fn on_market(
        &mut self,
        now: Timestamp,
        event: &Event,
        instrument: InstrumentId,
        out: &mut Outbox,
    ) {
        let Some(watch) = self.watches.get_mut(&instrument) else {
            let mut watch = Watch::new(instrument, event.source, now);
            watch.look(event, &self.config, &mut Vec::new());
            let _ = self.watches.insert(instrument, watch);
            self.arm(now, out);
            return;
        };
        let was_stale = watch.stale;
        let mut found = Vec::new();
        watch.arrived(event, &mut found);
        watch.look(event, &self.config, &mut found);
        for anomaly in found {
            watch.say(now, anomaly, self.config.repeat_ns, out);
        }
        if was_stale {
            self.arm(now, out);
        }
    }

    /// Counts a record of a feed that was in trouble.
    fn on_good_record(&mut self, now: Timestamp, feed: Source, out: &mut Outbox) {
        if let Some(detail) = self.feeds.good_record(now, feed) {
            let detail = detail.into();
            out.emit(FeedStatusChanged { feed, state: FeedState::Live, detail });
        }
    }

    fn on_timer(&mut self, now: Timestamp, out: &mut Outbox) {
        self.armed = false;
        for watch in self.watches.values_mut() {
            if let Some(anomaly) = watch.staleness(now, self.config.stale_after_ns) {
                watch.say(now, anomaly, self.config.repeat_ns, out);
            }
        }
        for (feed, last_seen) in self.last_seen_by_feed() {
            let silent_ns = now.since_ns(last_seen);
            if silent_ns >= self.config.feed_stale_after_ns
                && self.feeds.fell_silent(&self.config, feed)
            {
                let detail = alloc::format!("nothing for {} s", silent_ns / SECOND_NS);
                out.emit(FeedStatusChanged { feed, state: FeedState::Stale, detail });
            }
        }
        self.arm(now, out);
    }

    /// Sets a timer for the next moment at which something could be stale, if none is set.
    fn arm(&mut self, now: Timestamp, out: &mut Outbox) {
        if self.armed {
            return;
        }
        let Config { stale_after_ns, feed_stale_after_ns, .. } = self.config;
        let instruments = self.watches.values().filter(|watch| !watch.stale && !watch.resting);
        let instruments = instruments.map(|watch| watch.last_seen.plus_ns(stale_after_ns));
        let feeds = self.last_seen_by_feed();
        let feeds = feeds.iter().filter(|(feed, _)| !self.feeds.is_silent(**feed));
        let feeds = feeds.map(|(_, last_seen)| last_seen.plus_ns(feed_stale_after_ns));
        if let Some(due) = instruments.chain(feeds).min() {
            out.timer(label("stale"), due.max(now.plus_ns(1)));
            self.armed = true;
        }
    }

    /// When each feed that some instrument comes from was last seen. A feed whose instruments all
    /// come from another one by now, like a file that was read to its end, is not missed.
    fn last_seen_by_feed(&self) -> BTreeMap<Source, Timestamp> {
        let mut feeds = BTreeMap::new();
        for watch in self.watches.values().filter(|watch| !watch.resting) {
            let last_seen = feeds.entry(watch.feed).or_insert(watch.last_seen);
            *last_seen = watch.last_seen.max(*last_seen);
        }
        feeds
    }
}

impl Agent for Quality {
    fn name(&self) -> Label {
        label("quality")
    }

    fn version(&self) -> Label {
        label("1")
    }

    fn subscriptions(&self) -> &'static [Kind] {
        &[
            Kind::MarketTrade,
            Kind::MarketQuote,
            Kind::BookDelta,
            Kind::BookSnapshot,
            Kind::TradingStatusChanged,
            Kind::EventQuarantined,
        ]
    }

    fn scope(&self) -> Scope {
        Scope::All
    }

    fn on_event(&mut self, now: Timestamp, event: &Event, out: &mut Outbox) {
        match &event.body {
            Body::MarketTrade(_)
            | Body::MarketQuote(_)
            | Body::BookDelta(_)
            | Body::BookSnapshot(_) => {
                if let Some(instrument) = event.body.instrument() {
                    self.on_market(now, event, instrument, out);
                }
                if self.feeds.any_in_trouble() {
                    self.on_good_record(now, event.source, out);
                }
            }
            Body::TradingStatusChanged(status) => {
                if let Some(watch) = self.watches.get_mut(&status.instrument) {
                    watch.resting = status.status != TradingState::Trading;
                    watch.last_seen = now;
                    self.arm(now, out);
                }
            }
            Body::EventQuarantined(record) => {
                if let Some(detail) = self.feeds.bad_record(now, &self.config, record) {
                    let (feed, state) = (record.origin, FeedState::Unparseable);
                    out.emit(FeedStatusChanged { feed, state, detail });
                }
            }
            Body::TimerFired(_) => self.on_timer(now, out),
            _ => {}
        }
    }

    fn snapshot(&self) -> Option<Vec<u8>> {
        let watches = self.watches.values().cloned().collect();
        let standing = Standing { watches, feeds: self.feeds.health(), armed: self.armed };
        Some(state::save(self.version(), &standing))
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), RestoreError> {
        let Standing { watches, feeds, armed } = state::load(self.version(), snapshot)?;
        self.watches = watches.into_iter().map(|watch| (watch.instrument, watch)).collect();
        self.feeds = Feeds::restored(&self.config, feeds);
        self.armed = armed;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
