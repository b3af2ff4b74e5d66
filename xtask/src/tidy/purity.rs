//! What a pure crate says about itself, and what it must not say.
//!
//! That it compiles alone without `std` is proven by `cargo check -p`, crate by crate, in the
//! `purity` suite; here is what the compiler would let pass.

use super::{Rules, Source};

const HEADS: [&str; 2] = ["#![no_std]", "#![deny(clippy::float_arithmetic)]"];

pub(super) fn check(tree: &[Source], rules: &Rules) -> Vec<String> {
    let mut problems = Vec::new();
    for name in &rules.pure {
        let root = format!("crates/{name}/src/lib.rs");
        match tree.iter().find(|source| source.path == root) {
            None => problems.push(format!("{root}: missing, though listed as pure")),
            Some(lib) => {
                for head in HEADS.iter().filter(|head| !lib.text.contains(**head)) {
                    problems.push(format!("{root}: a pure crate says `{head}`"));
                }
            }
        }
    }
    let pure = tree.iter().filter(|source| {
        source.is_rust()
            && source.path.contains("/src/")
            && rules.pure.iter().any(|p| p == source.member())
    });
    for source in pure {
        if let Some(line) = brings_std(&source.shipped()) {
            problems.push(format!("{}: `{line}` outside of tests", source.path));
        }
        for float in ["f32", "f64"] {
            if words(&source.shipped()).any(|word| word == float) {
                problems.push(format!("{}: {float} in a pure crate", source.path));
            }
        }
    }
    problems
}

/// `extern crate std` without `#[cfg(test)]` above it.
fn brings_std(text: &str) -> Option<&'static str> {
    let mut above = "";
    for line in text.lines().map(str::trim) {
        if line.starts_with("extern crate std") && above != "#[cfg(test)]" {
            return Some("extern crate std");
        }
        above = line;
    }
    None
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}
