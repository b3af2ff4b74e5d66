//! How many in a sliding window.

use alloc::{collections::VecDeque, vec::Vec};

use event::Timestamp;

/// Counts occurrences in the window `(now - window_ns, now]`.
///
/// Holds at most `count_max` instants, so a count above `count_max` reads as `count_max`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateWindow {
    count_max: usize,
    window_ns: i64,
    times: VecDeque<Timestamp>,
}

impl RateWindow {
    /// At most `count_max` occurrences in any `window_ns`.
    #[must_use]
    pub const fn new(count_max: usize, window_ns: i64) -> Self {
        Self { count_max, window_ns, times: VecDeque::new() }
    }

    /// Changes the limit, keeping the newest occurrences that fit it.
    pub fn limit(&mut self, count_max: usize, window_ns: i64) {
        self.count_max = count_max;
        self.window_ns = window_ns;
        let excess = self.times.len().saturating_sub(count_max);
        drop(self.times.drain(..excess));
    }

    /// Occurrences in the window that ends at `now`, up to `count_max`.
    pub fn count(&mut self, now: Timestamp) -> usize {
        while self.times.front().is_some_and(|first| now.since_ns(*first) >= self.window_ns) {
            let _ = self.times.pop_front();
        }
        self.times.len()
    }

    /// Whether one more fits at `now`; it is not counted yet.
    pub fn has_room(&mut self, now: Timestamp) -> bool {
        self.count(now) < self.count_max
    }

    /// Counts one occurrence; the oldest makes room when the window is full.
    pub fn record(&mut self, now: Timestamp) {
        let _ = self.count(now);
        if self.times.len() >= self.count_max {
            let _ = self.times.pop_front();
        }
        if self.count_max > 0 {
            self.times.push_back(now);
        }
    }

    /// Forgets every occurrence.
    pub fn clear(&mut self) {
        self.times.clear();
    }

    /// The instants counted, oldest first, for a snapshot.
    #[must_use]
    pub fn times(&self) -> Vec<Timestamp> {
        self.times.iter().copied().collect()
    }

    /// Takes back what [`RateWindow::times`] gave.
    pub fn restore(&mut self, times: &[Timestamp]) {
        self.times = times.iter().copied().collect();
    }
}
