//! The session clock of a live run: tape time at the start, then elapsed time times speed. A process
//! that hosts tasks of a run elsewhere goes by the log: its clock shows what it is shown, as that of a tape
//! that runs as fast as it goes.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant},
};

use event::Timestamp;

/// The session clock. Never goes back.
#[derive(Debug)]
pub(super) struct SessionClock {
    began: Instant,
    starts: Timestamp,
    speed: u32,
    /// The latest record's time: the clock itself when the tape runs as fast as it goes.
    shown: AtomicI64,
}

impl SessionClock {
    #[expect(clippy::disallowed_methods, reason = "a live session is paced by real time")]
    pub(super) fn start(starts: Timestamp, speed: u32) -> Self {
        Self { began: Instant::now(), starts, speed, shown: AtomicI64::new(starts.0) }
    }

    /// What time it is in the session.
    pub(super) fn now(&self) -> Timestamp {
        let shown = Timestamp(self.shown.load(Ordering::Acquire));
        if self.speed == 0 {
            return shown;
        }
        let elapsed = self.began.elapsed().as_nanos().saturating_mul(u128::from(self.speed));
        let paced = self.starts.plus_ns(i64::try_from(elapsed).unwrap_or(i64::MAX));
        paced.max(shown)
    }

    /// Takes note of a record's time.
    pub(super) fn show(&self, time: Timestamp) {
        let _ = self.shown.fetch_max(time.0, Ordering::AcqRel);
    }

    /// How long until `time`; none when it has come, or when nobody waits for the tape.
    pub(super) fn until(&self, time: Timestamp) -> Duration {
        if self.speed == 0 {
            return Duration::ZERO;
        }
        let ahead = u64::try_from(time.since_ns(self.now())).unwrap_or(0);
        Duration::from_nanos(ahead / u64::from(self.speed))
    }

    /// How long a timer that is due at `time` may be waited for: a clock that shows what it is shown is
    /// looked at when there is something to see.
    pub(super) fn until_due(&self, time: Timestamp) -> Duration {
        if self.speed == 0 && time > self.now() { Duration::MAX } else { self.until(time) }
    }

    /// What a clock says that never goes back and that no session moves.
    pub(super) fn elapsed(&self) -> Timestamp {
        Timestamp(i64::try_from(self.began.elapsed().as_nanos()).unwrap_or(i64::MAX))
    }
}
