//! Every error code is used once and has a page.

use std::collections::BTreeMap;

use super::Source;

/// An error code as it stands in the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    /// `E1004`.
    pub(crate) code: String,
    /// The message, with its placeholders.
    pub(crate) message: String,
    /// The doc comment above it, where it has one.
    pub(crate) meaning: String,
    /// The crate.
    pub(crate) member: String,
}

/// Every code in code that ships, in order; a code used twice is there twice.
pub(crate) fn codes(tree: &[Source]) -> Vec<Code> {
    let mut found: Vec<_> = tree
        .iter()
        .filter(|source| source.is_rust() && source.member() != "xtask")
        .flat_map(of_file)
        .collect();
    found.sort_by(|one, other| one.code.cmp(&other.code));
    found
}

fn of_file(source: &Source) -> Vec<Code> {
    if source.is_test() {
        return Vec::new();
    }
    let text = &source.text;
    text.match_indices("\"E")
        .filter_map(|(at, _)| {
            let rest = &text[at + 1..];
            let code =
                rest.get(..5).filter(|code| code[1..].bytes().all(|b| b.is_ascii_digit()))?;
            let message = rest.get(5..)?.strip_prefix(' ')?;
            Some(Code {
                code: code.into(),
                message: literal(message),
                meaning: doc_above(&text[..at]),
                member: source.member().into(),
            })
        })
        .collect()
}

/// The string literal up to its closing quote, continued lines joined.
fn literal(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '"' => break,
            '\\' => match rest.next() {
                Some('\n') => {
                    let left = rest.as_str().trim_start();
                    rest = left.chars();
                }
                Some(escaped) => out.push(escaped),
                None => break,
            },
            _ => out.push(c),
        }
    }
    out
}

/// The doc comment directly above the attribute that `text` ends in.
fn doc_above(text: &str) -> String {
    let attribute = text.trim_end().trim_end_matches("#[error(").trim_end();
    if attribute.len() == text.trim_end().len() {
        return String::new();
    }
    let mut lines: Vec<_> = attribute
        .lines()
        .rev()
        .map_while(|line| line.trim().strip_prefix("///"))
        .map(str::trim)
        .collect();
    lines.reverse();
    lines.join(" ")
}

pub(super) fn check(tree: &[Source]) -> Vec<String> {
    let codes = codes(tree);
    let mut problems = Vec::new();
    let mut count = BTreeMap::<_, usize>::new();
    for code in &codes {
        *count.entry(&code.code).or_default() += 1;
    }
    for (code, _) in count.iter().filter(|(_, times)| **times > 1) {
        problems.push(format!("{code}: stands at two places; a code means one thing"));
    }
    for (path, expected) in crate::errors::pages(&codes, &crate::errors::advice(tree)) {
        match tree.iter().find(|source| source.path == path) {
            Some(page) if page.text == expected => {}
            Some(_) => problems.push(format!("{path}: stale; run `cargo xtask errors`")),
            None => problems.push(format!("{path}: missing; run `cargo xtask errors`")),
        }
    }
    let advice = crate::errors::advice(tree);
    for code in count.keys().filter(|code| !advice.contains_key(**code)) {
        problems
            .push(format!("{code}: says not what to do; add a line to {}", crate::errors::ADVICE));
    }
    for code in advice.keys().filter(|code| codes.iter().all(|used| used.code != **code)) {
        problems.push(format!("{code}: advice for a code that nothing uses"));
    }
    problems
}
