//! `cargo xtask sim`: builds the simulator with its own profile and hands it the arguments.
//!
//! `--patches` takes defences out of what ships, one by one, in a copy of the tree: each patch of
//! `simulator/patches` must be seen within the seeds.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{
    proof::{Proof, Tried},
    root,
};

/// What cargo runs it with.
pub(crate) const CARGO: &str = "run --quiet --profile simulator --package simulator --";

/// Runs the simulator; what it prints is its own.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    if let ["--patches", rest @ ..] = arguments {
        let seeds = match rest {
            [] => "1000",
            ["--seeds", seeds] => seeds,
            _ => bail!("--patches takes --seeds N"),
        };
        let tried = patches(seeds)?;
        return match tried.failed.as_slice() {
            [] => Ok(()),
            unseen => bail!("not seen: {}", unseen.join(", ")),
        };
    }
    let status = cargo(&root()).args(arguments).status()?;
    if !status.success() {
        bail!("the simulator found something");
    }
    Ok(())
}

/// Runs so many seeds, shows how far it is, and says what was tried.
pub(crate) fn sweep(from: u64, seeds: u64) -> Result<Tried> {
    let (from, seeds) = (from.to_string(), seeds.to_string());
    let last = told(&["--from", &from, "--seeds", &seeds, "--coverage"])?;
    let count = |name: &str| last[name].as_u64().unwrap_or(0);
    let tried = [
        ("seeds", "simulator", count("seeds")),
        ("deliveries", "simulator", count("deliveries")),
        ("faults, each with its rate", "simulator", count("faults")),
        ("pairs of effects with a crash between", "simulator", count("effect_pairs")),
    ];
    let mut tried = tried_of(&tried);
    let failed = last["failed"].as_array().into_iter().flatten();
    tried.failed = failed.map(|seed| format!("simulator seed {seed}")).collect();
    for (name, what) in [
        ("effect_pairs_without_crash", "pairs of effects without a crash"),
        ("faults_unstruck", "faults that never happened"),
    ] {
        if count(name) > 0 {
            tried.failed.push(format!("{} {what}", count(name)));
        }
    }
    Ok(tried)
}

/// Switches every defence off, at a port of the simulator or by a patch of what ships: each must be
/// missed within so many seeds.
pub(crate) fn defences(seeds: u64) -> Result<Tried> {
    let seeds = seeds.to_string();
    let last = told(&["--matrix", "--seeds", &seeds])?;
    let count = last["defences"].as_u64().unwrap_or(0);
    let mut tried = tried_of(&[("defences switched off", "ports of the simulator", count)]);
    let unseen = last["unseen"].as_array().into_iter().flatten();
    tried.failed = unseen.map(|name| format!("the absence of {name} is not seen")).collect();
    tried.add(patches(&seeds)?);
    Ok(tried)
}

/// Runs the simulator, shows what it prints, and returns its last line.
fn told(arguments: &[&str]) -> Result<Value> {
    let mut command = cargo(&root());
    let command = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let mut last = String::new();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            println!("  {line}");
            last = line;
        }
    }
    let _ = child.wait()?;
    serde_json::from_str(&last).context("the simulator did not come to its end")
}

fn tried_of(counts: &[(&str, &str, u64)]) -> Tried {
    let proof = |(proof, of, count): &(&str, &str, u64)| Proof::of(proof, of, *count);
    Tried { proofs: counts.iter().map(proof).collect(), failed: Vec::new() }
}

fn cargo(tree: &Path) -> Command {
    let mut command = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    command.args(CARGO.split(' ')).current_dir(tree);
    command
}

/// Applies every patch to a copy of the tree in turn, and runs seeds until one shows it.
fn patches(seeds: &str) -> Result<Tried> {
    let (copy, build) = (root().join("target/patched/tree"), root().join("target/patched/build"));
    fs::create_dir_all(&copy)?;
    let prefix = format!("--prefix={}/", copy.display());
    done(Command::new("git").args(["checkout-index", "--all", "--force", &prefix]), &root())?;
    let folder = fs::read_dir(root().join("simulator/patches"))?;
    let mut patches: Vec<PathBuf> = folder.map(|patch| Ok(patch?.path())).collect::<Result<_>>()?;
    patches.sort();
    let count = patches.len() as u64;
    let mut tried = tried_of(&[("defences taken out", "patches of what ships", count)]);
    for patch in patches {
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
                tried.failed.push(format!("the absence of {name} is not seen"));
            }
        }
    }
    Ok(tried)
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
