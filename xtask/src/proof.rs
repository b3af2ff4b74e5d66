//! What tests say they tried: lines of JSON as `{"proof":"crash points","of":"journal","count":4050}`.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use anyhow::Result;
use serde::Deserialize;

use crate::root;

/// How much of one thing was tried.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Proof {
    pub(crate) proof: String,
    pub(crate) of: String,
    pub(crate) count: u64,
    /// Inputs a decoder accepted.
    #[serde(default)]
    pub(crate) accepted: u64,
    /// Most memory one input took.
    #[serde(default)]
    pub(crate) most_bytes: u64,
    /// Longest one input took.
    #[serde(default)]
    pub(crate) slowest_us: u64,
}

impl Proof {
    pub(crate) fn of(proof: &str, of: &str, count: u64) -> Self {
        let (proof, of) = (proof.into(), of.into());
        Self { proof, of, count, accepted: 0, most_bytes: 0, slowest_us: 0 }
    }
}

/// What a run of tests gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tried {
    pub(crate) proofs: Vec<Proof>,
    /// Names of tests that failed; a run that does not compile or dies has no name and counts.
    pub(crate) failed: Vec<String>,
}

/// Runs tests, shows how each ends, and collects what they tried.
pub(crate) fn run(arguments: &str, settings: &[(&str, String)]) -> Result<Tried> {
    let mut command = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    let command = command.arg("test").args(arguments.split(' ')).args(["--", "--nocapture"]);
    let command = command.envs(settings.iter().map(|(name, value)| (*name, value)));
    let mut child =
        command.current_dir(root()).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut tried = Tried::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            tried.note(&line);
        }
    }
    if !child.wait()?.success() && tried.failed.is_empty() {
        tried.failed.push(format!("cargo test {arguments}"));
    }
    Ok(tried)
}

impl Tried {
    /// Takes note of a line of output. A test's name and what it prints can share one.
    fn note(&mut self, line: &str) {
        let at = line.find("{\"proof\"").or_else(|| line.find("{\"count\""));
        let said = at.and_then(|at| line.get(at..)).unwrap_or_default();
        if let Ok(proof) = serde_json::from_str(said) {
            println!("  {said}");
            self.proofs.push(proof);
        }
        if let Some(name) = line.strip_prefix("test ").and_then(|l| l.strip_suffix(" ... FAILED")) {
            println!("  FAILED {name}");
            self.failed.push(name.into());
        }
    }

    pub(crate) fn add(&mut self, more: Self) {
        self.proofs.extend(more.proofs);
        self.failed.extend(more.failed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_tried_and_what_failed_are_read_from_the_output() {
        let mut tried = Tried::default();
        tried.note(r#"test a ... {"proof":"kills","of":"publish","count":3}"#);
        tried.note(r#"{"count":7,"of":"live run","proof":"kills"}"#);
        tried.note("test b::c ... FAILED");
        tried.note("test d ... ok");
        let counts: Vec<_> = tried.proofs.iter().map(|proof| proof.count).collect();
        assert_eq!((counts, tried.failed), (vec![3, 7], vec!["b::c".into()]));
    }
}
