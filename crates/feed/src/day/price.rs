//! Where the market is, and which way it leans.
//!
//! The fair price returns slowly to an anchor that trends, is pushed by the lean of the book, and
//! wanders. The lean wanders around zero. So an imbalance of the book says something about the
//! price, now and then.

use event::{SECOND_NS, Timestamp};

use super::{beats::Beats, noise::Noise};

/// One million parts.
pub(super) const PPM: i64 = 1_000_000;
/// The price moves four times a second.
const STEP_NS: i64 = SECOND_NS / 4;
/// Price units in a cent: fine enough that small pulls do not vanish.
const FINE: i64 = 10_000;
const OPENS_CENTS: i64 = 6_180_000;
/// The anchor at times of the story, in cents from the open.
const FALLS_CENTS: i64 = -85_000;

/// The state of the market.
pub(super) struct Fair {
    beats: Beats,
    noise: Noise,
    at: Timestamp,
    fine: i64,
    lean_ppm: i64,
}

impl Fair {
    pub(super) const fn new(beats: Beats, noise: Noise) -> Self {
        Self { at: beats.starts, beats, noise, fine: OPENS_CENTS * FINE, lean_ppm: 0 }
    }

    /// Moves on to `now`.
    pub(super) fn advance(&mut self, now: Timestamp) {
        while self.at < now {
            self.at = self.at.plus_ns(STEP_NS);
            self.lean_ppm += self.noise.around(52_000) - self.lean_ppm / 360;
            let pull = (self.anchor() - self.fine) / 480;
            // Full lean moves the price two dollars a second.
            let push = self.lean_ppm * 50 * FINE / PPM;
            self.fine += pull + push + self.noise.around(180 * FINE);
        }
    }

    pub(super) const fn cents(&self) -> i64 {
        self.fine / FINE
    }

    pub(super) const fn lean_ppm(&self) -> i64 {
        self.lean_ppm
    }

    /// Rises through the morning, falls while one feed cannot be read, and recovers half of it.
    fn anchor(&self) -> i64 {
        let Beats { starts, format_changed, format_restored, ends, .. } = self.beats;
        let stops = [
            (starts, 0),
            (format_changed, 30_000),
            (format_restored, FALLS_CENTS),
            (ends, FALLS_CENTS / 2),
        ];
        let mut cents = 0;
        for pair in stops.windows(2) {
            let [(from, low), (to, high)] = pair else { continue };
            if self.at >= *from {
                let gone = self.at.since_ns(*from).min(to.since_ns(*from));
                let span = i128::from(to.since_ns(*from).max(1));
                cents = low + (i128::from(high - low) * i128::from(gone) / span) as i64;
            }
        }
        (OPENS_CENTS + cents) * FINE
    }
}
