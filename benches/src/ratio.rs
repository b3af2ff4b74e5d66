//! Medians and ratios.

use std::time::{Duration, Instant};

/// Which way a figure is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Events per second.
    Higher,
    /// Latencies.
    Lower,
}

/// How long something takes.
///
/// # Errors
/// Those of `work`.
#[expect(clippy::disallowed_methods, reason = "measuring time is what this crate is for")]
pub fn stopwatch(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Duration> {
    let begin = Instant::now();
    work()?;
    Ok(begin.elapsed())
}

/// The middle value; zero of nothing.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// Prints one line. A ratio above one always means better than the baseline.
#[expect(clippy::print_stdout, reason = "the line is the result")]
pub fn report(bench: &str, unit: &str, better: Better, value: f64, baseline: (&str, f64)) {
    let (name, other) = baseline;
    let ratio = match better {
        Better::Higher => value / other,
        Better::Lower => other / value,
    };
    println!(
        r#"{{"bench":"{bench}","value":{value:.1},"unit":"{unit}","baseline":"{name}","ratio":{ratio:.3}}}"#
    );
}
