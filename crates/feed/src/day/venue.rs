//! One market of the day: its book, its trades, its sequences.

use std::{collections::BTreeMap, io};

use event::{SECOND_NS, Timestamp};

use super::{
    noise::Noise,
    price::{Fair, PPM},
    write::{Format, Frames},
};
use crate::Market;

/// Best levels that updates and snapshots show on each side.
const LEVELS: i64 = 4;

/// How a market counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) market: Market,
    pub(super) symbol: &'static str,
    pub(super) stream: &'static str,
    pub(super) tick_cents: i64,
    /// Size of the two best levels together, in lots.
    pub(super) best_lots: i64,
    /// Largest trade, in lots.
    pub(super) trade_lots: i64,
    /// Its price over the fair one.
    pub(super) basis_ppm: i64,
}

/// The markets of the day.
pub(super) const RULES: [Rules; 3] = [
    Rules {
        market: Market::Spot,
        symbol: "BTCUSDT",
        stream: "btcusdt",
        tick_cents: 1,
        best_lots: 400_000,
        trade_lots: 60_000,
        basis_ppm: 0,
    },
    Rules {
        market: Market::UsdMargined,
        symbol: "BTCUSDT",
        stream: "btcusdt",
        tick_cents: 10,
        best_lots: 12_000,
        trade_lots: 1_500,
        basis_ppm: 180,
    },
    Rules {
        market: Market::CoinMargined,
        symbol: "BTCUSD_PERP",
        stream: "btcusd_perp",
        tick_cents: 10,
        best_lots: 2_400,
        trade_lots: 300,
        basis_ppm: -90,
    },
];

/// What a market does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Quote,
    Trade,
    Depth,
}

/// Each act, and the mean time between two of them.
const PACES: [(Act, i64); 3] = [
    (Act::Quote, SECOND_NS * 6 / 10),
    (Act::Trade, SECOND_NS * 25 / 10),
    (Act::Depth, SECOND_NS * 3),
];

/// The best of a book: price in cents, size in lots.
#[derive(Clone, Copy, Debug)]
pub(super) struct Best {
    pub(super) bid: (i64, i64),
    pub(super) ask: (i64, i64),
}

/// A market in motion.
#[derive(Clone)]
pub(super) struct Venue {
    rules: Rules,
    noise: Noise,
    due: [Timestamp; 3],
    own_lean_ppm: i64,
    sequence: u64,
    depth_sequence: u64,
    trade_id: u64,
    /// What updates have shown of bids and offers so far.
    shown: [BTreeMap<i64, i64>; 2],
}

impl Venue {
    pub(super) fn new(rules: Rules, starts: Timestamp, mut noise: Noise) -> Self {
        let sequence = noise.between(50_000_000_000, 90_000_000_000) as u64;
        let trade_id = noise.between(3_000_000_000, 5_000_000_000) as u64;
        let due = PACES.map(|(_, mean_ns)| starts.plus_ns(noise.between(1, mean_ns)));
        Self {
            rules,
            noise,
            due,
            own_lean_ppm: 0,
            sequence,
            depth_sequence: sequence,
            trade_id,
            shown: [BTreeMap::new(), BTreeMap::new()],
        }
    }

    /// When it next does something.
    pub(super) fn next_due(&self) -> Timestamp {
        self.due.into_iter().min().unwrap_or_default()
    }

    /// What is due, and schedules it again.
    pub(super) fn take_due(&mut self) -> (Timestamp, Act) {
        let now = self.next_due();
        let slots = self.due.iter_mut().zip(PACES);
        for (slot, (act, mean_ns)) in slots {
            if *slot == now {
                *slot = now.plus_ns(self.noise.between(mean_ns / 4, mean_ns * 7 / 4));
                return (now, act);
            }
        }
        (now, Act::Quote)
    }

    /// A best quote.
    pub(super) fn quote(
        &mut self,
        now: Timestamp,
        fair: &Fair,
        format: Format,
        frames: &mut Frames,
    ) -> io::Result<()> {
        let best = self.best(fair);
        self.sequence += self.noise.between(1, 90) as u64;
        frames.quote(&self.rules, now, self.sequence, best, format)
    }

    /// A trade; `jump_ppm` moves its price away from the market.
    pub(super) fn trade(
        &mut self,
        now: Timestamp,
        fair: &Fair,
        jump_ppm: i64,
        format: Format,
        frames: &mut Frames,
    ) -> io::Result<()> {
        let best = self.best(fair);
        let buys = self.noise.around(PPM) < self.lean(fair);
        let (price, _) = if buys { best.ask } else { best.bid };
        let away = price / PPM * jump_ppm;
        let price = price + away - away % self.rules.tick_cents;
        // Most trades are small.
        let cap = self.noise.between(1, self.rules.trade_lots);
        let lots = self.noise.between(1, cap);
        self.trade_id += 1;
        frames.trade(&self.rules, now, self.trade_id, (price, lots), buys, format)
    }

    /// A book update; a lost one changes the book and is not recorded.
    pub(super) fn depth(
        &mut self,
        now: Timestamp,
        fair: &Fair,
        lost: bool,
        frames: &mut Frames,
    ) -> io::Result<()> {
        let ladder = self.ladder(fair);
        self.sequence += self.noise.between(1, 90) as u64;
        let sequences = (self.depth_sequence, self.sequence);
        let [bids, asks] = [0, 1].map(|side| {
            let (Some(now), Some(before)) = (ladder.get(side), self.shown.get(side)) else {
                return Vec::new();
            };
            changes(before, now)
        });
        self.depth_sequence = self.sequence;
        self.shown = ladder;
        if lost { Ok(()) } else { frames.depth(&self.rules, now, sequences, &bids, &asks) }
    }

    /// The book as it stands after the last update.
    pub(super) fn snapshot(&mut self, now: Timestamp, frames: &mut Frames) -> io::Result<()> {
        let bids: Vec<_> =
            self.shown[0].iter().rev().map(|(price, lots)| (*price, *lots)).collect();
        let asks: Vec<_> = self.shown[1].iter().map(|(price, lots)| (*price, *lots)).collect();
        frames.snapshot(&self.rules, now, self.depth_sequence, &bids, &asks)
    }

    /// Which way this market's book leans.
    fn lean(&self, fair: &Fair) -> i64 {
        (fair.lean_ppm() + self.own_lean_ppm).clamp(-950_000, 950_000)
    }

    fn best(&mut self, fair: &Fair) -> Best {
        self.own_lean_ppm += self.noise.around(60_000) - self.own_lean_ppm / 75;
        let tick = self.rules.tick_cents;
        let cents = fair.cents() + fair.cents() / 1_000 * self.rules.basis_ppm / 1_000;
        let bid = cents / tick * tick;
        let spread = if self.noise.between(1, 8) == 1 { 2 * tick } else { tick };
        let lots = self.rules.best_lots * self.noise.between(50, 150) / 100;
        let bid_lots = (lots * (PPM + self.lean(fair)) / (2 * PPM)).max(1);
        Best { bid: (bid, bid_lots), ask: (bid + spread, (lots - bid_lots).max(1)) }
    }

    /// The levels of both sides, best and a few behind it.
    fn ladder(&mut self, fair: &Fair) -> [BTreeMap<i64, i64>; 2] {
        let Best { bid, ask } = self.best(fair);
        let step = self.rules.tick_cents * 10;
        let noise = &mut self.noise;
        [(bid, -step), (ask, step)].map(|((best, lots), step)| {
            let level = |behind| {
                let size = if behind == 0 { lots } else { noise.between(1, 2 * lots) };
                (best + behind * step, size)
            };
            (0..LEVELS).map(level).collect()
        })
    }
}

/// What must be said to turn one side into another; a size of zero removes a level.
fn changes(before: &BTreeMap<i64, i64>, now: &BTreeMap<i64, i64>) -> Vec<(i64, i64)> {
    let gone = before.keys().filter(|price| !now.contains_key(price)).map(|price| (*price, 0));
    let set = now.iter().filter(|(price, lots)| before.get(price) != Some(lots));
    gone.chain(set.map(|(price, lots)| (*price, *lots))).collect()
}
