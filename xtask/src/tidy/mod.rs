//! What the compiler does not check about the tree: who may know whom, what a pure crate may say,
//! how long a file may be, and that every named test and error page exists.
//!
//! Each check is a function from the tree to its problems, so each is tested with a planted one.

mod directions;
mod errors;
mod invariants;
mod purity;
mod tree;
mod words;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fs};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

pub(crate) use errors::{Code, codes};
pub(crate) use tree::{Source, read};

use crate::{kinds, root, streams};

/// `xtask/tidy.toml`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Rules {
    pub(crate) pure: Vec<String>,
    forbidden_names: Vec<String>,
    lines_max: usize,
    banned_words: Vec<String>,
    banned_paths: Vec<String>,
    long: BTreeMap<String, String>,
    directions: BTreeMap<String, Vec<String>>,
    quarantine: BTreeMap<String, Vec<String>>,
}

impl Rules {
    pub(crate) fn read() -> Result<Self> {
        let text = fs::read_to_string(root().join("xtask/tidy.toml"))?;
        toml::from_str(&text).context("xtask/tidy.toml")
    }
}

/// Checks the tree; an error lists every problem.
pub(crate) fn run() -> Result<()> {
    let rules = Rules::read()?;
    let tree = read(&root())?;
    let mut problems = Vec::new();
    problems.extend(directions::check(&directions::members(&root())?, &rules));
    problems.extend(purity::check(&tree, &rules));
    problems.extend(words::check(&tree, &rules));
    problems.extend(words::lengths(&tree, &rules));
    problems.extend(invariants::check(&tree));
    problems.extend(errors::check(&tree));
    problems.extend(kinds::check(&tree)?);
    problems.extend(streams::check()?);
    println!("{}", words::shape(&tree));
    println!("{}", invariants::proven(&tree));
    if problems.is_empty() {
        return Ok(());
    }
    bail!("{}\n{} problems", problems.join("\n"), problems.len());
}
