//! How often tests of failures do what they do: `BLOTTER_OUTAGES` times as often in a soak.

/// So many times, or as many times more as the environment says.
#[must_use]
pub fn often(short: u64) -> u64 {
    let times = std::env::var("BLOTTER_OUTAGES").ok().and_then(|text| text.parse().ok());
    short * times.unwrap_or(1)
}

/// Says how often something was tried, for the table of a soak.
#[expect(clippy::print_stdout, reason = "what a soak collects")]
pub fn tried(what: &str, of: &str, count: u64) {
    println!("{{\"proof\":\"{what}\",\"of\":\"{of}\",\"count\":{count}}}");
}
