//! What no file holds, and how long a file may be.

use super::{Rules, Source};

/// Unfinished work, in any code; written so that this file does not hold it.
const UNFINISHED: [&str; 4] = [
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("dbg", "!("),
    concat!("#[", "ignore"),
];

/// Lints that tests alone may switch off.
const SWITCHED_OFF: [&str; 2] =
    [concat!("allow(clippy::", "unwrap_used"), concat!("allow(clippy::", "expect_used")];

/// Where the rules themselves are written.
const RULES: &str = "xtask/tidy.toml";

pub(super) fn check(tree: &[Source], rules: &Rules) -> Vec<String> {
    let mut problems = Vec::new();
    for source in tree.iter().filter(|source| source.path != RULES) {
        for (at, line) in source.text.lines().enumerate() {
            let mut report = |what: &str| {
                problems.push(format!("{}:{}: {what}", source.path, at + 1));
            };
            for word in rules.banned_words.iter().filter(|word| holds_word(line, word)) {
                report(&format!("holds `{word}`"));
            }
            for path in rules.banned_paths.iter().filter(|path| line.contains(*path)) {
                report(&format!("holds a path of a machine, `{path}`"));
            }
            if source.is_rust() {
                for unfinished in UNFINISHED.iter().filter(|found| line.contains(**found)) {
                    report(&format!("holds `{unfinished}`"));
                }
            }
        }
        if source.is_rust() {
            let shipped = source.shipped();
            for lint in SWITCHED_OFF.iter().filter(|lint| shipped.contains(**lint)) {
                problems.push(format!("{}: `{lint}` in code that ships", source.path));
            }
        }
    }
    problems
}

/// The word on its own, not as a part of a longer one.
fn holds_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == word)
}

pub(super) fn lengths(tree: &[Source], rules: &Rules) -> Vec<String> {
    let mut problems: Vec<_> = tree
        .iter()
        .filter(|source| source.is_rust() && !rules.long.contains_key(&source.path))
        .map(|source| (source, source.text.lines().count()))
        .filter(|(_, lines)| *lines > rules.lines_max)
        .map(|(source, lines)| {
            format!("{}: {lines} lines; split it along a seam of the problem", source.path)
        })
        .collect();
    for path in rules.long.keys() {
        let longer = |source: &&Source| source.text.lines().count() > rules.lines_max;
        if !tree.iter().filter(|source| source.path == *path).any(|source| longer(&source)) {
            problems.push(format!("{RULES}: {path} is listed as long and is not"));
        }
    }
    problems
}

/// The length of Rust files, in one line.
pub(super) fn shape(tree: &[Source]) -> String {
    let mut lengths: Vec<_> =
        tree.iter().filter(|s| s.is_rust()).map(|s| s.text.lines().count()).collect();
    lengths.sort_unstable();
    let at = |share: usize| lengths.get(lengths.len() * share / 100).copied().unwrap_or(0);
    format!(
        "{} Rust files, {} lines; median {}, nine in ten below {}, longest {}",
        lengths.len(),
        lengths.iter().sum::<usize>(),
        at(50),
        at(90),
        lengths.last().copied().unwrap_or(0),
    )
}
