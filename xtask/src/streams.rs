//! `streams/*.toml`: one file per family, and what must hold between them and the vocabulary.

use std::{collections::BTreeMap, fs};

use anyhow::{Context as _, Result};
use event::Family;
use serde::Deserialize;

use crate::root;

/// A stream's topology.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read so that a missing or misspelt setting is found")]
struct Stream {
    family: String,
    subject: String,
    partitions: u32,
    key: String,
    class: String,
    retention: String,
    writers: Vec<String>,
    readers: Vec<String>,
    producers: Vec<String>,
    consumers: Vec<String>,
}

/// A user of a bus on servers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read so that a missing or misspelt setting is found")]
struct Role {
    does: String,
    sources: Vec<String>,
    makes_streams: bool,
    #[serde(default)]
    offers: bool,
    #[serde(default)]
    writes_as: Option<String>,
}

/// The file that no stream is named by.
const ROLES: &str = "roles";

/// Streams that are never lazy: what they hold is not written twice.
const NEVER_LAZY: [&str; 6] = ["order", "execution", "account", "risk", "recon", "control"];

pub(crate) fn check() -> Result<Vec<String>> {
    let mut streams = BTreeMap::new();
    let mut roles = BTreeMap::new();
    let folder = root().join("streams");
    for entry in fs::read_dir(&folder).context("streams/")? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path)?;
            if name == ROLES {
                roles = toml::from_str(&text).context("streams/roles.toml")?;
                continue;
            }
            let stream: Stream =
                toml::from_str(&text).with_context(|| format!("streams/{name}.toml"))?;
            streams.insert(name, stream);
        }
    }
    Ok(problems(&streams, &roles))
}

fn problems(streams: &BTreeMap<String, Stream>, roles: &BTreeMap<String, Role>) -> Vec<String> {
    let mut problems = Vec::new();
    for family in Family::ALL.map(Family::as_str) {
        let Some(stream) = streams.get(family) else {
            problems.push(format!("streams/{family}.toml: missing"));
            continue;
        };
        let mut expect = |holds: bool, what: &str| {
            if !holds {
                problems.push(format!("streams/{family}.toml: {what}"));
            }
        };
        let wide = matches!(family, "market" | "signal");
        expect(stream.family == family, "names another family");
        expect(stream.partitions == if wide { 16 } else { 4 }, "another number of partitions");
        expect(["account", "instrument", "system"].contains(&stream.key.as_str()), "no such key");
        let classes = ["fsync", "replicated", "lazy"];
        expect(classes.contains(&stream.class.as_str()), "no such class");
        let lazy = stream.class == "lazy";
        expect(!(lazy && NEVER_LAZY.contains(&family)), "this stream is never lazy");
        expect(!stream.writers.is_empty(), "nobody writes it");
        expect(!stream.readers.is_empty(), "nobody reads it");
        for (name, side) in [("producers", &stream.producers), ("consumers", &stream.consumers)] {
            expect(!side.is_empty(), &format!("{name}: none"));
            for role in side.iter().filter(|role| !roles.contains_key(*role)) {
                expect(false, &format!("{name}: streams/roles.toml knows no `{role}`"));
            }
        }
    }
    for name in streams.keys().filter(|name| Family::ALL.iter().all(|f| f.as_str() != *name)) {
        problems.push(format!("streams/{name}.toml: of no family"));
    }
    problems
}
