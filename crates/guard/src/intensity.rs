//! Restart it again, or give up?

use event::{SECOND_NS, Timestamp};

use crate::RateWindow;

/// What to do with a part that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Start it again; this is restart number `restarts` of the window.
    Restart {
        /// Restarts in the window, this one counted.
        restarts: u32,
    },
    /// It failed too often in the window: stop, and let the part above decide.
    Escalate {
        /// Restarts already spent in the window.
        restarts: u32,
    },
}

/// Allows so many restarts in a window, then escalates.
///
/// The default is 3 restarts in 60 seconds; the fourth failure escalates.
///
/// Source: the restart intensity of Erlang/OTP's `supervisor` (`MaxR` in `MaxT`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestartIntensity {
    window: RateWindow,
}

impl RestartIntensity {
    /// At most `restarts_max` restarts in `window_ns`.
    #[must_use]
    pub const fn new(restarts_max: u32, window_ns: i64) -> Self {
        Self { window: RateWindow::new(restarts_max as usize, window_ns) }
    }

    /// Takes a failure and decides.
    pub fn failed(&mut self, now: Timestamp) -> Verdict {
        let spent = self.window.count(now) as u32;
        if !self.window.has_room(now) {
            return Verdict::Escalate { restarts: spent };
        }
        self.window.record(now);
        Verdict::Restart { restarts: spent + 1 }
    }
}

impl Default for RestartIntensity {
    fn default() -> Self {
        Self::new(3, 60 * SECOND_NS)
    }
}
