//! `docs/errors`: one page per area, written from the error enums and from the advice beside them.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use anyhow::Result;

use crate::{
    root,
    tidy::{Code, Source, codes, read},
};

/// What to do about each code, by hand.
pub(crate) const ADVICE: &str = "docs/errors/advice.toml";

/// The areas, by the thousand.
const AREAS: [(&str, &str); 9] = [
    ("E1", "an event's bytes and JSON"),
    ("E2", "the log on disk, and what engines promise"),
    ("E3", "tasks"),
    ("E4", "tapes and feeds"),
    ("E5", "snapshots, the state they hold, and the journal"),
    ("E6", "the gateway"),
    ("E7", "control of a running system, producers, the data directory"),
    ("E8", "settings"),
    ("E9", "the trading broker"),
];

/// Writes every page.
pub(crate) fn write() -> Result<()> {
    let tree = read(&root())?;
    let pages = pages(&codes(&tree), &advice(&tree));
    for (path, text) in &pages {
        fs::write(root().join(path), text)?;
    }
    eprintln!("{} pages written", pages.len());
    Ok(())
}

/// What to do, by code.
pub(crate) fn advice(tree: &[Source]) -> BTreeMap<String, String> {
    tree.iter()
        .find(|source| source.path == ADVICE)
        .and_then(|source| toml::from_str(&source.text).ok())
        .unwrap_or_default()
}

/// The pages' paths and texts: the index, and one per area that has a code.
pub(crate) fn pages(codes: &[Code], advice: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let mut index = String::from(
        "# Error codes\n\nWritten by `cargo xtask errors` from the error enums and `advice.toml`. \
         A code means one thing, is never reused, and is the first word of what the user reads.\n\n\
         | codes | area |\n|---|---|\n",
    );
    let mut pages = Vec::new();
    for (prefix, area) in AREAS {
        let of_area: Vec<_> = codes.iter().filter(|code| code.code.starts_with(prefix)).collect();
        if of_area.is_empty() {
            continue;
        }
        let _ = writeln!(index, "| [{prefix}xxx]({prefix}xxx.md) | {area} |");
        pages.push((format!("docs/errors/{prefix}xxx.md"), page(prefix, area, &of_area, advice)));
    }
    pages.push(("docs/errors/README.md".into(), index));
    pages
}

fn page(prefix: &str, area: &str, codes: &[&Code], advice: &BTreeMap<String, String>) -> String {
    let mut out = format!(
        "# {prefix}xxx: {area}\n\nWritten by `cargo xtask errors`; the advice is in `advice.toml`.\n"
    );
    for Code { code, message, meaning, member } in codes {
        let _ = write!(out, "\n## {code}\n\n`{message}` (crate `{member}`)\n");
        if !meaning.is_empty() {
            let _ = write!(out, "\n{meaning}\n");
        }
        if let Some(advice) = advice.get(code) {
            let _ = write!(out, "\nWhat to do: {advice}\n");
        }
    }
    out
}
