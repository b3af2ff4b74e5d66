//! `cargo xtask servers`: genuine servers to try things with. Each has a file of its own here; what
//! fetches, starts and ends them is the crate `servers`, which tests use as well.

mod kafka;
mod nats;

use anyhow::{Result, bail};

/// Runs the server named, until it is interrupted.
pub(crate) fn run(name: &str) -> Result<()> {
    match name {
        "kafka" => kafka::run(),
        "nats" => nats::run(),
        unknown => bail!("no server `{unknown}`; there are: kafka, nats"),
    }
}
