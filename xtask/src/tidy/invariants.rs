//! Every test that `docs/invariants.md` names exists.

use std::collections::BTreeSet;

use super::Source;

const PAGE: &str = "docs/invariants.md";

/// One row: `| P-2 | what holds | `the_test_that_proves_it` |`; `-` where there is none yet.
struct Row<'a> {
    id: &'a str,
    tests: Vec<&'a str>,
}

fn rows(tree: &[Source]) -> Vec<Row<'_>> {
    let Some(page) = tree.iter().find(|source| source.path == PAGE) else { return Vec::new() };
    page.text
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .filter_map(|line| {
            let (id, last) = (line.split_once(" | ")?.0, line.rsplit_once(" | ")?.1);
            let named = id.split_once('-').is_some_and(|(area, number)| {
                area.len() == 1 && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
            });
            named.then(|| Row { id, tests: last.split('`').skip(1).step_by(2).collect() })
        })
        .collect()
}

pub(super) fn check(tree: &[Source]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for Row { id, tests } in rows(tree) {
        if !seen.insert(id) {
            problems.push(format!("{PAGE}: {id} is there twice"));
        }
        for test in tests {
            let declared = format!("fn {test}(");
            if !tree.iter().any(|source| source.is_rust() && source.text.contains(&declared)) {
                problems.push(format!("{PAGE}: {id} names `{test}`, which is nowhere"));
            }
        }
    }
    if seen.is_empty() {
        problems.push(format!("{PAGE}: names no invariant"));
    }
    problems
}

/// How many invariants have a test, in one line.
pub(super) fn proven(tree: &[Source]) -> String {
    let rows = rows(tree);
    let open: Vec<_> = rows.iter().filter(|row| row.tests.is_empty()).map(|row| row.id).collect();
    let list =
        if open.is_empty() { String::new() } else { format!("; none yet for {}", open.join(" ")) };
    format!("{} invariants, {} named with their test{list}", rows.len(), rows.len() - open.len())
}
