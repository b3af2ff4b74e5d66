//! `cargo xtask mutants`: changes the pure crates one place at a time and asks whether a test notices.
//!
//! It needs `cargo install cargo-mutants --locked`. What survives is a test that is missing, or stands
//! with its reason in `xtask/mutants.toml`; anything else fails.

use std::{collections::BTreeMap, fs, process::Command};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::{root, tidy::Rules};

/// Survivors that are no missing test.
#[derive(Deserialize)]
struct Explained {
    /// By the words of the mutant, without its place: why no test can tell it from what ships.
    #[serde(default)]
    survivors: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Score {
    caught: usize,
    missed: usize,
    explained: usize,
    unviable: usize,
    timeout: usize,
}

/// Runs every pure crate, or one, or a part of each.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let (mut packages, mut more) = (Rules::read()?.pure, Vec::new());
    let mut rest = arguments.iter();
    while let Some(name) = rest.next() {
        match (*name, rest.next()) {
            ("--package", Some(package)) => packages = vec![(*package).to_owned()],
            ("--shard" | "--file", Some(value)) => more.extend([*name, *value]),
            (other, _) => bail!("{other} is none of --package P, --shard K/N, --file GLOB"),
        }
    }
    let text = fs::read_to_string(root().join("xtask/mutants.toml"))?;
    let explained: Explained = toml::from_str(&text).context("xtask/mutants.toml")?;
    let mut unexplained = Vec::new();
    let mut total = Score::default();
    for package in &packages {
        let score = one(package, &more, &explained, &mut unexplained)?;
        println!("{}", line(package, score));
        total.caught += score.caught;
        total.missed += score.missed;
        total.explained += score.explained;
        total.unviable += score.unviable;
        total.timeout += score.timeout;
    }
    unexplained.iter().for_each(|mutant| println!("survived: {mutant}"));
    println!("{}", line("all", total));
    if unexplained.is_empty() {
        return Ok(());
    }
    bail!("{} mutants survived without a reason in xtask/mutants.toml", unexplained.len())
}

fn line(package: &str, score: Score) -> serde_json::Value {
    let Score { caught, missed, explained, unviable, timeout } = score;
    serde_json::json!({
        "package": package, "caught": caught, "missed": missed, "explained": explained,
        "unviable": unviable, "timeout": timeout,
    })
}

fn one(
    package: &str,
    more: &[&str],
    explained: &Explained,
    unexplained: &mut Vec<String>,
) -> Result<Score> {
    let output = root().join("target/mutants").join(package);
    fs::create_dir_all(&output)?;
    let mut command = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    let command = command.arg("mutants").args(["--package", package, "--no-shuffle"]);
    let command = command.args(["--timeout", "120", "--colors", "never", "--output"]).arg(&output);
    let status = command.args(more).current_dir(root()).status()?;
    // 2: some survived, 3: some ran out of time; both are read from what was written.
    if !matches!(status.code(), Some(0 | 2 | 3)) {
        bail!("cargo mutants ended with {status}; is it installed, and do the tests pass?");
    }
    let list = |name: &str| -> Vec<String> {
        let text = fs::read_to_string(output.join("mutants.out").join(name)).unwrap_or_default();
        text.lines().map(String::from).collect()
    };
    let (known, unknown): (Vec<_>, Vec<_>) = list("missed.txt")
        .into_iter()
        .partition(|mutant| explained.survivors.contains_key(words(mutant)));
    let score = Score {
        caught: list("caught.txt").len(),
        missed: unknown.len(),
        explained: known.len(),
        unviable: list("unviable.txt").len(),
        timeout: list("timeout.txt").len(),
    };
    unexplained.extend(unknown);
    Ok(score)
}

/// A mutant without its line and column, which move with every edit above it.
fn words(mutant: &str) -> &str {
    mutant.splitn(4, ':').nth(3).map_or(mutant, str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutant_is_known_by_its_words_wherever_it_stands() {
        let told = "crates/guard/src/rate.rs:31:9: replace > with >= in Rate::allows";
        assert_eq!(words(told), "replace > with >= in Rate::allows");
    }
}
