//! Order-book imbalance: which way the best bid and offer lean.
//!
//! The imbalance of a quote is `(bid size - offer size) / (bid size + offer size)`, in parts per
//! million. It is smoothed over time, not over updates, so a venue that sends ten times as many
//! quotes is not smoothed ten times faster: the imbalance that stood for `dt` moves the average by
//! `dt / (dt + smoothing)` of the distance. A signal is emitted when the average passes `enter_ppm`
//! in a direction that is not the one last signalled, and not within `cooldown_ns` of a signal; the
//! same direction is signalled again after the average has been within `exit_ppm` of zero.
//!
//! Integers throughout. Cost: one map lookup per quote, no allocation without a signal.

use alloc::{collections::BTreeMap, vec::Vec};

use event::{
    Body, Event, InstrumentId, Kind, Label, Price, SECOND_NS, Timestamp, choices::Side,
    market::MarketQuote, message, nested, trading::SignalEmitted,
};

use crate::{Agent, Evidence, Outbox, RestoreError, Scope, Seen, label, state};

/// One million parts.
const PPM: i64 = 1_000_000;

/// Parameters of the strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The name its signals carry.
    pub name: Label,
    /// Time constant of the average, in nanoseconds.
    pub smoothing_ns: i64,
    /// The average that makes a signal, in parts per million of full imbalance.
    pub enter_ppm: i64,
    /// The average, either side of zero, that ends a signal.
    pub exit_ppm: i64,
    /// Least time between two signals on one instrument, in nanoseconds.
    pub cooldown_ns: i64,
    /// How long a signal is expected to hold, in nanoseconds; a label on the signal, no timer.
    pub horizon_ns: i64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: label("imbalance"),
            smoothing_ns: 2 * SECOND_NS,
            enter_ppm: 500_000,
            exit_ppm: 100_000,
            cooldown_ns: 10 * SECOND_NS,
            horizon_ns: 5 * SECOND_NS,
        }
    }
}

message! {
    /// What is remembered of one instrument.
    Lean {
        /// The instrument.
        1 instrument: InstrumentId,
        /// When the last quote was.
        2 quoted: Timestamp,
        /// Its imbalance.
        3 imbalance_ppm: i64,
        /// The average.
        4 average_ppm: i64,
        /// When it was last signalled.
        5 signalled: Option<Timestamp>,
        /// The direction signalled, until the average came back.
        6 direction: Option<Side>,
    }

    /// The agent's state.
    Leans {
        /// By instrument.
        1 leans: Vec<Lean>,
    }
}

nested!(Lean);

/// The imbalance strategy.
#[derive(Clone, Debug)]
pub struct Imbalance {
    config: Config,
    leans: BTreeMap<InstrumentId, Lean>,
}

impl Imbalance {
    /// A strategy that has seen nothing.
    #[must_use]
    pub const fn new(config: Config) -> Self {
        Self { config, leans: BTreeMap::new() }
    }

    fn on_quote(&mut self, now: Timestamp, event: &Event, quote: &MarketQuote, out: &mut Outbox) {
        let (Some(bid), Some(ask)) = (quote.bid_price, quote.ask_price) else { return };
        let Some(imbalance_ppm) = imbalance_ppm(quote) else { return };
        let Some(lean) = self.leans.get_mut(&quote.instrument) else {
            let lean = Lean {
                instrument: quote.instrument,
                quoted: now,
                imbalance_ppm,
                average_ppm: 0,
                signalled: None,
                direction: None,
            };
            let _ = self.leans.insert(quote.instrument, lean);
            return;
        };
        lean.smooth(now, imbalance_ppm, self.config.smoothing_ns);
        if let Some(direction) = lean.signal(now, &self.config) {
            let reference_price = Price(i64::midpoint(bid.0, ask.0));
            let average_ppm = lean.average_ppm;
            let signal = SignalEmitted {
                instrument: quote.instrument,
                strategy: self.config.name,
                direction,
                strength_ppm: average_ppm.unsigned_abs() as u32,
                horizon_ns: self.config.horizon_ns,
                reference_price,
            };
            let evidence = Evidence::default()
                .seen(Some(&Seen::of(event)))
                .observed("average_ppm", average_ppm)
                .observed("imbalance_ppm", imbalance_ppm)
                .observed("bid", bid)
                .observed("ask", ask);
            out.decide(signal, evidence.basis());
        }
    }
}

impl Lean {
    /// Moves the average by what stood since the last quote.
    const fn smooth(&mut self, now: Timestamp, imbalance_ppm: i64, smoothing_ns: i64) {
        let dt = now.since_ns(self.quoted);
        let total = dt.saturating_add(smoothing_ns);
        if total > 0 {
            let distance = (self.imbalance_ppm - self.average_ppm) as i128;
            self.average_ppm += (distance * dt as i128 / total as i128) as i64;
        }
        self.quoted = now;
        self.imbalance_ppm = imbalance_ppm;
    }

    fn signal(&mut self, now: Timestamp, config: &Config) -> Option<Side> {
        if self.average_ppm.abs() <= config.exit_ppm {
            self.direction = None;
        }
        let direction = match self.average_ppm {
            up if up >= config.enter_ppm => Side::Buy,
            down if down <= -config.enter_ppm => Side::Sell,
            _ => return None,
        };
        let resting = self.signalled.is_some_and(|at| now.since_ns(at) < config.cooldown_ns);
        if resting || self.direction == Some(direction) {
            return None;
        }
        self.signalled = Some(now);
        self.direction = Some(direction);
        Some(direction)
    }
}

/// The imbalance of a quote; `None` when neither side has size, or one has less than none.
fn imbalance_ppm(quote: &MarketQuote) -> Option<i64> {
    let (bid, ask) = (quote.bid_quantity, quote.ask_quantity);
    // One venue quotes both sides in one scale; the ledger form is for one that does not.
    let (bid, ask) = if bid.scale() == ask.scale() {
        (i128::from(bid.mantissa()), i128::from(ask.mantissa()))
    } else {
        (bid.amount().0, ask.amount().0)
    };
    if bid < 0 || ask < 0 {
        return None;
    }
    let total = bid.checked_add(ask).filter(|total| *total > 0)?;
    i64::try_from((bid - ask).checked_mul(i128::from(PPM))? / total).ok()
}

impl Agent for Imbalance {
    fn name(&self) -> Label {
        self.config.name
    }

    fn version(&self) -> Label {
        label("1")
    }

    fn subscriptions(&self) -> &'static [Kind] {
        &[Kind::MarketQuote]
    }

    fn scope(&self) -> Scope {
        Scope::All
    }

    fn on_event(&mut self, now: Timestamp, event: &Event, out: &mut Outbox) {
        if let Body::MarketQuote(quote) = &event.body {
            self.on_quote(now, event, quote, out);
        }
    }

    fn snapshot(&self) -> Option<Vec<u8>> {
        let leans = self.leans.values().cloned().collect();
        Some(state::save(self.version(), &Leans { leans }))
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), RestoreError> {
        let Leans { leans } = state::load(self.version(), snapshot)?;
        self.leans = leans.into_iter().map(|lean| (lean.instrument, lean)).collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
