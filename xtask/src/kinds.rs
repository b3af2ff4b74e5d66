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

/// A kind's ends. Each is `crate` or `crate/part`, as `agent/risk`. Agents that consume it are not
/// declared: their `subscriptions` say so.
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
    let subscribed = subscribers(tree);
    for kind in Kind::ALL {
        let name = kind.as_str();
        let emitters = declared.get(name).map(|ends| ends.emitters.join(", ")).unwrap_or_default();
        let consumers = consumers(name, declared, &subscribed).join(", ");
        let _ = writeln!(
            out,
            "| {} | `{name}` | {} | {} | {emitters} | {consumers} |",
            *kind as u16,
            kind.family().as_str(),
            meaning(name, tree),
        );
    }
    out
}

/// What each agent's `subscriptions` lists: the kind, then `agent/risk` and its like.
fn subscribers(tree: &[Source]) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::<String, Vec<String>>::new();
    for source in tree.iter().filter(|source| source.is_rust()) {
        let end = match source.path.split('/').collect::<Vec<_>>().as_slice() {
            ["crates", "agent", "src", part, _, ..] => format!("agent/{part}"),
            ["crates", "reconcile", ..] => "reconcile".into(),
            _ => continue,
        };
        let text = source.shipped();
        let Some((_, after)) = text.split_once("fn subscriptions(") else { continue };
        let list = after.split_once("fn ").map_or(after, |(list, _)| list);
        for piece in list.split("Kind::").skip(1) {
            let name: String = piece.chars().take_while(|c| c.is_alphanumeric()).collect();
            found.entry(name).or_default().push(end.clone());
        }
    }
    found
}

/// Who consumes a kind: the agents that subscribe to it, then what is declared.
fn consumers(
    name: &str,
    declared: &BTreeMap<String, Ends>,
    subscribed: &BTreeMap<String, Vec<String>>,
) -> Vec<String> {
    let mut ends = subscribed.get(name).cloned().unwrap_or_default();
    ends.extend(declared.get(name).into_iter().flat_map(|ends| ends.consumers.iter().cloned()));
    ends.sort();
    ends.dedup();
    ends
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
    let subscribed = subscribers(tree);
    let mut problems = Vec::new();
    for kind in Kind::ALL {
        let Some(ends) = declared.get(kind.as_str()) else {
            problems.push(format!("{DECLARED}: {} is missing", kind.as_str()));
            continue;
        };
        if ends.emitters.is_empty() {
            problems.push(format!("{DECLARED}: {} has no emitter", kind.as_str()));
        }
        if consumers(kind.as_str(), &declared, &subscribed).is_empty() {
            problems.push(format!("{DECLARED}: {} has no consumer", kind.as_str()));
        }
        for (role, list) in [("emitter", &ends.emitters), ("consumer", &ends.consumers)] {
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
    // `MarketTrade {` makes one; `Body::MarketTrade(trade)` only takes one apart.
    let named = |text: &str| match role {
        "emitter" => text.contains(&format!("{kind} {{")),
        _ => text.contains(kind),
    };
    let found = files.any(|source| named(&source.shipped()));
    (!found)
        .then(|| format!("{DECLARED}: {kind}: nothing in {folder} names it, the declared {role}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> Source {
        Source { path: path.into(), text: text.into() }
    }

    #[test]
    fn what_an_agent_subscribes_to_is_read_from_its_code() {
        let code = "fn subscriptions(&self) -> &'static [Kind] {\n &[Kind::MarketQuote,\n \
                    Kind::OrderDenied]\n}\nfn scope(&self) { Kind::Heartbeat }\n";
        let tree = [
            file("crates/agent/src/trader/mod.rs", code),
            file("crates/agent/src/trader/tests.rs", &code.replace("OrderDenied", "OrderLapsed")),
        ];
        let found = subscribers(&tree);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["MarketQuote", "OrderDenied"]);
        assert_eq!(found["OrderDenied"], ["agent/trader"]);
    }

    #[test]
    fn end_that_never_names_its_kind_is_disproved() {
        let tree = [
            file("crates/feed/src/a.rs", "let body = MarketTrade { price };"),
            file("crates/broker/src/b.rs", "Body::MarketQuote(quote) => {}\n// MarketTrade {"),
        ];
        let of = |kind: &str, role: &str, end: &str| disproved(kind, role, end, &tree);
        assert_eq!(of("MarketTrade", "emitter", "feed"), None);
        assert_eq!(of("MarketQuote", "consumer", "broker"), None);
        assert_eq!(of("MarketTrade", "emitter", "producer"), None);
        assert!(of("MarketTrade", "consumer", "broker").is_some());
        assert!(of("MarketQuote", "emitter", "broker").is_some());
        assert!(of("MarketTrade", "emitter", "nowhere").is_some());
    }
}
