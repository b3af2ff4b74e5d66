//! Who emits each kind and who consumes it: `schemas/kinds.toml`, and the page written from it.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use anyhow::{Context as _, Result};
use event::Kind;
use serde::Deserialize;

use crate::{
    root,
    tidy::{Source, read},
};

const DECLARED: &str = "schemas/kinds.toml";
const PAGE: &str = "docs/kinds.md";

/// A kind's ends. Each is `crate` or `crate/part`, as `agent/risk`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ends {
    pub(crate) emitters: Vec<String>,
    pub(crate) consumers: Vec<String>,
}

fn declared() -> Result<BTreeMap<String, Ends>> {
    let text = fs::read_to_string(root().join(DECLARED)).context(DECLARED)?;
    toml::from_str(&text).context(DECLARED)
}

/// Writes `docs/kinds.md`.
pub(crate) fn write() -> Result<()> {
    let page = page(&declared()?, &read(&root())?);
    fs::write(root().join(PAGE), page).context(PAGE)
}

fn page(declared: &BTreeMap<String, Ends>, tree: &[Source]) -> String {
    let mut out = String::from(
        "# Kinds of event\n\nWritten by `cargo xtask kinds` from `schemas/kinds.toml` and crates/event. \
         An example of each lies in `schemas/golden/v1`.\n\n\
         | number | kind | family | what it says | emitted by | consumed by |\n|---|---|---|---|---|---|\n",
    );
    for kind in Kind::ALL {
        let name = kind.as_str();
        let ends = declared.get(name);
        let list =
            |of: fn(&Ends) -> &Vec<String>| ends.map(|e| of(e).join(", ")).unwrap_or_default();
        let _ = writeln!(
            out,
            "| {} | `{name}` | {} | {} | {} | {} |",
            *kind as u16,
            kind.family().as_str(),
            meaning(name, tree),
            list(|ends| &ends.emitters),
            list(|ends| &ends.consumers),
        );
    }
    out
}

/// The first line of the doc comment above the kind's declaration in crates/event.
fn meaning(name: &str, tree: &[Source]) -> String {
    let head = format!("    {name} {{");
    tree.iter()
        .filter(|source| source.path.starts_with("crates/event/src/body/"))
        .filter_map(|source| {
            let lines: Vec<_> = source.text.lines().collect();
            let at = lines.iter().position(|line| *line == head)?;
            let doc = lines[..at].iter().rev().map_while(|line| line.trim().strip_prefix("///"));
            doc.last().map(|line| line.trim().to_owned())
        })
        .next()
        .unwrap_or_default()
}

/// Every kind has both ends, each end is a part of the tree that names the kind, and the page is
/// fresh.
pub(crate) fn check(tree: &[Source]) -> Result<Vec<String>> {
    let declared = declared()?;
    let mut problems = Vec::new();
    for kind in Kind::ALL {
        let Some(ends) = declared.get(kind.as_str()) else {
            problems.push(format!("{DECLARED}: {} is missing", kind.as_str()));
            continue;
        };
        for (role, list) in [("emitter", &ends.emitters), ("consumer", &ends.consumers)] {
            if list.is_empty() {
                problems.push(format!("{DECLARED}: {} has no {role}", kind.as_str()));
            }
            for end in list {
                if let Some(problem) = disproved(kind.as_str(), role, end, tree) {
                    problems.push(problem);
                }
            }
        }
    }
    for name in declared.keys() {
        if Kind::ALL.iter().all(|kind| kind.as_str() != name) {
            problems.push(format!("{DECLARED}: {name} is no kind"));
        }
    }
    let fresh = page(&declared, tree);
    if tree.iter().all(|source| source.path != PAGE || source.text != fresh) {
        problems.push(format!("{PAGE}: stale; run `cargo xtask kinds`"));
    }
    Ok(problems)
}

/// Why `end` cannot be what it is declared to be: its code never names the kind.
fn disproved(kind: &str, role: &str, end: &str, tree: &[Source]) -> Option<String> {
    // What is outside the repository cannot be looked up.
    if end == "producer" || end == "operator" {
        return None;
    }
    let folder = match end.split_once('/') {
        Some((member, part)) => format!("crates/{member}/src/{part}"),
        None if end == "replay" => "replay/src/".into(),
        None => format!("crates/{end}/src/"),
    };
    let inside = |source: &&Source| {
        source
            .path
            .strip_prefix(&folder)
            .is_some_and(|rest| folder.ends_with('/') || rest.starts_with('/') || rest == ".rs")
    };
    let mut files = tree.iter().filter(inside).peekable();
    if files.peek().is_none() {
        return Some(format!("{DECLARED}: {kind}: {role} {end} is no part of the tree"));
    }
    let named = |text: &str| match role {
        "emitter" => {
            [format!("{kind} {{"), format!("{kind}(")].iter().any(|made| text.contains(made))
        }
        _ => text.contains(kind),
    };
    let found = files.any(|source| named(&source.shipped()));
    (!found)
        .then(|| format!("{DECLARED}: {kind}: nothing in {folder} names it, the declared {role}"))
}
