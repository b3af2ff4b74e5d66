//! `cargo xtask sim`: builds the simulator with its own profile and hands it the arguments.

use std::process::Command;

use anyhow::{Result, bail};

use crate::root;

/// What cargo runs it with.
pub(crate) const CARGO: &str = "run --quiet --profile simulator --package simulator --";

/// Runs the simulator; what it prints is its own.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    let status = command.args(CARGO.split(' ')).args(arguments).current_dir(root()).status()?;
    if !status.success() {
        bail!("the simulator found something");
    }
    Ok(())
}
