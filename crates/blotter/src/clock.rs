//! The wall clock: read by drivers, for what no event depends on.

use event::Timestamp;

/// The wall clock, in nanoseconds of UTC.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub(crate) fn wall_clock() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(since.map_or(0, |elapsed| elapsed.as_nanos() as i64))
}

/// A stopwatch for throughput.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts one.
    #[expect(clippy::disallowed_methods, reason = "throughput is wall time, and no event holds it")]
    pub(crate) fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// How many per second, for `count` things since the start.
    pub(crate) fn rate(self, count: u64) -> u64 {
        let nanos = self.0.elapsed().as_nanos().max(1);
        u64::try_from(u128::from(count) * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
    }
}
