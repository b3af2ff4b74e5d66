//! Who may know whom.

use std::path::Path;

use anyhow::Result;
use cargo_metadata::{DependencyKind, MetadataCommand};

use super::Rules;

/// A member of the workspace and what it uses outside of tests.
pub(super) struct Member {
    pub(super) name: String,
    pub(super) inside: Vec<String>,
    pub(super) outside: Vec<String>,
    /// Members its tests use.
    pub(super) in_tests: Vec<String>,
}

pub(super) fn members(root: &Path) -> Result<Vec<Member>> {
    let metadata =
        MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec()?;
    let names = |package: &cargo_metadata::Package, wanted: &dyn Fn(bool, bool) -> bool| {
        package
            .dependencies
            .iter()
            .filter(|used| wanted(used.kind == DependencyKind::Development, used.path.is_some()))
            .map(|used| used.name.clone())
            .collect()
    };
    Ok(metadata
        .packages
        .iter()
        .map(|package| Member {
            name: package.name.to_string(),
            inside: names(package, &|test, ours| !test && ours),
            outside: names(package, &|test, ours| !test && !ours),
            in_tests: names(package, &|test, ours| test && ours),
        })
        .collect())
}

pub(super) fn check(members: &[Member], rules: &Rules) -> Vec<String> {
    let mut problems = Vec::new();
    for member in members {
        let name = &member.name;
        if rules.forbidden_names.contains(name) {
            problems.push(format!("{name}: a name that says nothing about what is inside"));
        }
        let Some(allowed) = rules.directions.get(name) else {
            problems.push(format!("{name}: has no line in xtask/tidy.toml, [directions]"));
            continue;
        };
        for used in member.inside.iter().filter(|used| !allowed.contains(used)) {
            problems.push(format!("{name}: must not know {used} (design: directions)"));
        }
        for used in &member.outside {
            let quarantine = rules.quarantine.get(used);
            if quarantine.is_some_and(|may| !may.contains(name)) {
                problems.push(format!("{name}: must not use {used} (design: quarantine)"));
            }
        }
        let ships = !["tests", "benches", "fuzz"].contains(&name.as_str());
        if ships && member.in_tests.iter().any(|used| used == "blotter") {
            problems.push(format!("{name}: must not know blotter, not even in tests"));
        }
    }
    problems
}
