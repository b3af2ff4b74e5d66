//! When a market's session begins and ends.

use event::{DAY_NS, Timestamp};

/// A session calendar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Calendar {
    /// Trades around the clock; the day rolls at 00:00 UTC. Named `247`.
    #[default]
    Continuous,
}

/// One session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its date, as 20240809.
    pub date: u32,
    /// When it opens.
    pub opens: Timestamp,
    /// When the next one opens.
    pub next_opens: Timestamp,
}

impl Calendar {
    /// The calendar's name, as instruments give it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Continuous => "247",
        }
    }

    /// The session `now` lies in.
    #[must_use]
    pub fn session(self, now: Timestamp) -> Session {
        match self {
            Self::Continuous => {
                let opens = Timestamp(now.0.div_euclid(DAY_NS).saturating_mul(DAY_NS));
                Session { date: now.utc_date(), opens, next_opens: opens.plus_ns(DAY_NS) }
            }
        }
    }
}
