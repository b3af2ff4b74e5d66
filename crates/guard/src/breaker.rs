//! A circuit breaker: trips on failures, and closes again only after successes.
//!
//! A success closes nothing by itself and clears only the run of consecutive failures: failures in
//! a window are counted whatever happens between them. While open everything is refused until
//! `open_for_ns` has passed; then at most `permits` calls may be under way at once, and that many
//! successes in a row close it, while one failure opens it again.

use alloc::vec::Vec;

use event::{SECOND_NS, Timestamp, message, nested};

use crate::RateWindow;

/// What trips a breaker. Zero turns a rule off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trip {
    /// Failures in a row.
    pub consecutive: u32,
    /// Failures in a window, successes between them or not.
    pub in_window: u32,
    /// The window.
    pub window_ns: i64,
}

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// Calls are refused.
    Open,
    /// A few calls pass, to see.
    HalfOpen,
}

message! {
    /// A breaker's state, for a snapshot.
    BreakerStatus {
        /// Failures in a row.
        1 consecutive: u32,
        /// When the failures in the window were.
        2 failures: Vec<Timestamp>,
        /// Since when it is open, where it is not closed.
        3 opened: Option<Timestamp>,
        /// Successes in a row while half open.
        4 successes: u32,
        /// Calls under way while half open.
        5 under_way: u32,
    }
}

nested!(BreakerStatus);

/// A circuit breaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breaker {
    trip: Trip,
    open_for_ns: i64,
    permits: u32,
    consecutive: u32,
    failures: RateWindow,
    opened: Option<Timestamp>,
    successes: u32,
    under_way: u32,
}

impl Breaker {
    /// A closed breaker that trips on `trip`, stays open for `open_for_ns`, then lets `permits`
    /// calls through and closes when as many in a row succeeded.
    #[must_use]
    pub const fn new(trip: Trip, open_for_ns: i64, permits: u32) -> Self {
        Self {
            trip,
            open_for_ns,
            permits,
            consecutive: 0,
            failures: RateWindow::new(trip.in_window as usize, trip.window_ns),
            opened: None,
            successes: 0,
            under_way: 0,
        }
    }

    /// Where it stands at `now`.
    #[must_use]
    pub const fn state(&self, now: Timestamp) -> BreakerState {
        match self.opened {
            None => BreakerState::Closed,
            Some(opened) if now.since_ns(opened) < self.open_for_ns => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }

    /// Whether a call may go ahead now; while half open it takes a permit, which its success or
    /// failure gives back.
    pub const fn admit(&mut self, now: Timestamp) -> bool {
        match self.state(now) {
            BreakerState::Closed => true,
            BreakerState::Open => false,
            BreakerState::HalfOpen if self.under_way >= self.permits => false,
            BreakerState::HalfOpen => {
                self.under_way += 1;
                true
            }
        }
    }

    /// Takes a success; true when it closed the breaker.
    pub fn succeeded(&mut self, now: Timestamp) -> bool {
        self.consecutive = 0;
        if self.state(now) != BreakerState::HalfOpen {
            return false;
        }
        self.under_way = self.under_way.saturating_sub(1);
        self.successes += 1;
        if self.successes < self.permits {
            return false;
        }
        self.reset();
        true
    }

    /// Takes a failure; true when it opened a closed breaker.
    pub fn failed(&mut self, now: Timestamp) -> bool {
        self.consecutive = self.consecutive.saturating_add(1);
        self.failures.record(now);
        if self.opened.is_some() {
            self.opened = Some(now);
            self.successes = 0;
            self.under_way = 0;
            return false;
        }
        let Trip { consecutive, in_window, .. } = self.trip;
        let run = consecutive > 0 && self.consecutive >= consecutive;
        let many = in_window > 0 && self.failures.count(now) >= in_window as usize;
        if run || many {
            self.opened = Some(now);
        }
        run || many
    }

    /// Whether it is closed and remembers no failure at `now`.
    pub fn is_quiet(&mut self, now: Timestamp) -> bool {
        self.opened.is_none() && self.consecutive == 0 && self.failures.count(now) == 0
    }

    /// Closes it and forgets every failure.
    pub fn reset(&mut self) {
        self.consecutive = 0;
        self.failures.clear();
        self.opened = None;
        self.successes = 0;
        self.under_way = 0;
    }

    /// The state, for a snapshot.
    #[must_use]
    pub fn status(&self) -> BreakerStatus {
        BreakerStatus {
            consecutive: self.consecutive,
            failures: self.failures.times(),
            opened: self.opened,
            successes: self.successes,
            under_way: self.under_way,
        }
    }

    /// Takes back what [`Breaker::status`] gave.
    pub fn restore(&mut self, status: &BreakerStatus) {
        self.consecutive = status.consecutive;
        self.failures.restore(&status.failures);
        self.opened = status.opened;
        self.successes = status.successes;
        self.under_way = status.under_way;
    }
}

/// Five failures in 60 seconds open it for 60 seconds; one probe at a time.
impl Default for Breaker {
    fn default() -> Self {
        let trip = Trip { consecutive: 0, in_window: 5, window_ns: 60 * SECOND_NS };
        Self::new(trip, 60 * SECOND_NS, 1)
    }
}
