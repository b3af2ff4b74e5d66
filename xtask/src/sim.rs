//! `cargo xtask sim`: builds the simulator with its own profile and hands it the arguments.
//!
//! `--patches` takes defences out of what ships, one by one, in a copy of the tree: each patch of
//! `simulator/patches` must be seen within the seeds.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::root;

/// What cargo runs it with.
pub(crate) const CARGO: &str = "run --quiet --profile simulator --package simulator --";

/// Runs the simulator; what it prints is its own.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    if let ["--patches", rest @ ..] = arguments {
        return patches(rest);
    }
    let status = cargo(&root()).args(arguments).status()?;
    if !status.success() {
        bail!("the simulator found something");
    }
    Ok(())
}

fn cargo(tree: &Path) -> Command {
    let mut command = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    command.args(CARGO.split(' ')).current_dir(tree);
    command
}

/// Applies every patch to a copy of the tree in turn, and runs seeds until one shows it.
fn patches(arguments: &[&str]) -> Result<()> {
    let seeds = match arguments {
        [] => "1000",
        ["--seeds", seeds] => seeds,
        _ => bail!("--patches takes --seeds N"),
    };
    let (copy, build) = (root().join("target/patched/tree"), root().join("target/patched/build"));
    fs::create_dir_all(&copy)?;
    let prefix = format!("--prefix={}/", copy.display());
    done(Command::new("git").args(["checkout-index", "--all", "--force", &prefix]), &root())?;
    let mut unseen = Vec::new();
    for patch in fs::read_dir(root().join("simulator/patches"))? {
        let patch = patch?.path();
        let name = patch.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        apply(&copy, &patch, &[])?;
        let ran = cargo(&copy)
            .env("CARGO_TARGET_DIR", &build)
            .args(["--first", "--seeds", seeds])
            .stderr(Stdio::inherit())
            .output();
        apply(&copy, &patch, &["--reverse"])?;
        let said = String::from_utf8(ran?.stdout)?;
        match said.lines().find(|line| line.starts_with("seed ")) {
            Some(seen) => println!("{name:<20} {seen}"),
            None => {
                println!("{name:<20} not within {seeds} seeds");
                unseen.push(name);
            }
        }
    }
    if !unseen.is_empty() {
        bail!("not seen: {}", unseen.join(", "));
    }
    Ok(())
}

fn apply(copy: &Path, patch: &Path, how: &[&str]) -> Result<()> {
    let mut command = Command::new("git");
    // The copy lies inside a repository and is none of it.
    let outside = copy.parent().unwrap_or(copy);
    command.env("GIT_CEILING_DIRECTORIES", outside).arg("apply").args(how).arg(patch);
    done(&mut command, copy)
}

fn done(command: &mut Command, here: &Path) -> Result<()> {
    let status = command.current_dir(here).status().context("git does not start")?;
    if !status.success() {
        bail!("{command:?} failed");
    }
    Ok(())
}
