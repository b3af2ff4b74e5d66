//! Tells a client that stopped fetching from a partition at its end.

use std::time::{Duration, Instant};

/// How long nothing comes before it is asked why.
const QUIET: Duration = Duration::from_secs(1);

/// By which clock a client is watched.
#[expect(clippy::disallowed_methods, reason = "how long servers are silent is no input of ours")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Watches one partition: a stall is an end of the committed part that was seen, and not reached a
/// good while later.
///
/// An end alone says little: behind the last message stand markers, which nobody is shown. So a
/// client made anew counts as at the end once it says so.
#[derive(Debug)]
pub(crate) struct Watch {
    quiet_since: Instant,
    /// The end as it was seen since something came.
    seen: Option<i64>,
    /// The end for which a client was made anew.
    renewed_for: Option<i64>,
    /// An end that is known to have nothing to read before it.
    reached: i64,
}

impl Watch {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { quiet_since: now, seen: None, renewed_for: None, reached: 0 }
    }

    /// Something came, or it is read from elsewhere.
    pub(crate) const fn moved(&mut self, now: Instant) {
        self.quiet_since = now;
        self.seen = None;
    }

    /// The client says that it is at the end.
    pub(crate) fn at_end(&mut self, now: Instant) {
        self.moved(now);
        if let Some(end) = self.renewed_for.take() {
            self.reached = end;
        }
    }

    /// Whether it is time to ask where the end is.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.quiet_since) >= QUIET
    }

    /// Takes note of the end; whether the client stands still before one that it should have come to.
    pub(crate) const fn is_stalled(&mut self, now: Instant, next: i64, end: i64) -> bool {
        self.quiet_since = now;
        let stalled = matches!(self.seen, Some(seen) if seen > next && seen > self.reached);
        self.seen = Some(end);
        stalled
    }

    /// A client was made anew, for what lies before `end`.
    pub(crate) const fn began_again(&mut self, end: i64) {
        self.renewed_for = Some(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: [Duration; 5] = [
        Duration::from_secs(0),
        Duration::from_secs(1),
        Duration::from_secs(2),
        Duration::from_secs(3),
        Duration::from_secs(4),
    ];

    #[test]
    fn an_end_not_reached_between_two_questions_is_a_stall() {
        let start = now();
        let at = |n: usize| start + AFTER[n];
        let mut watch = Watch::new(at(0));
        assert!(!watch.is_due(start + Duration::from_millis(999)));
        assert!(watch.is_due(at(1)));
        assert!(!watch.is_stalled(at(1), 7, 9));
        assert!(!watch.is_due(at(1)));
        assert!(watch.is_stalled(at(2), 7, 9));
    }

    #[test]
    fn an_end_that_came_only_now_is_none() {
        let start = now();
        let at = |n: usize| start + AFTER[n];
        let mut watch = Watch::new(at(0));
        assert!(!watch.is_stalled(at(1), 7, 7));
        assert!(!watch.is_stalled(at(2), 7, 9));
        watch.moved(at(2));
        assert!(!watch.is_stalled(at(3), 8, 9));
    }

    #[test]
    fn markers_at_the_end_make_one_new_client_and_no_second() {
        let start = now();
        let at = |n: usize| start + AFTER[n];
        let mut watch = Watch::new(at(0));
        assert!(!watch.is_stalled(at(0), 7, 8));
        assert!(watch.is_stalled(at(1), 7, 8));
        watch.moved(at(1));
        watch.began_again(8);
        watch.at_end(at(1));
        assert!(!watch.is_stalled(at(2), 7, 8));
        assert!(!watch.is_stalled(at(3), 7, 8));
        assert!(!watch.is_stalled(at(3), 7, 11));
        assert!(watch.is_stalled(at(4), 7, 11));
    }
}
