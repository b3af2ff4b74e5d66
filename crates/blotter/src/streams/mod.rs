//! The topology that ships, as `streams/*.toml` says it, and what is made of it: what other tools take, who
//! may do what on servers, and whether a bus holds what it should.

mod access;
mod asyncapi;
mod contents;
mod kubernetes;

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use bus::{Class, Stream};
use serde::Deserialize;

pub(crate) use access::kafka_acls;
pub(crate) use asyncapi::{Place, asyncapi};
pub(crate) use contents::Contents;
pub(crate) use kubernetes::{nack, strimzi};

const FILES: [(Stream, &str); Stream::ALL.len()] = [
    (Stream::Market, include_str!("../../../../streams/market.toml")),
    (Stream::Signal, include_str!("../../../../streams/signal.toml")),
    (Stream::Order, include_str!("../../../../streams/order.toml")),
    (Stream::Execution, include_str!("../../../../streams/execution.toml")),
    (Stream::Account, include_str!("../../../../streams/account.toml")),
    (Stream::Risk, include_str!("../../../../streams/risk.toml")),
    (Stream::Alert, include_str!("../../../../streams/alert.toml")),
    (Stream::Recon, include_str!("../../../../streams/recon.toml")),
    (Stream::Control, include_str!("../../../../streams/control.toml")),
    (Stream::Ops, include_str!("../../../../streams/ops.toml")),
];
const ROLES: &str = include_str!("../../../../streams/roles.toml");

/// Streams and the users of a server, as the files say.
#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) streams: Vec<DeclaredStream>,
    /// In order of their names.
    pub(crate) roles: Vec<Role>,
}

/// A stream, as its file says.
#[derive(Debug)]
pub(crate) struct DeclaredStream {
    pub(crate) stream: Stream,
    /// What it holds, in words.
    pub(crate) holds: String,
    pub(crate) partitions: u16,
    pub(crate) key: String,
    pub(crate) class: Class,
    pub(crate) retention: String,
    producers: Vec<String>,
    consumers: Vec<String>,
}

/// A user of a bus on servers.
#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) name: String,
    /// What for, in words.
    pub(crate) does: String,
    /// What the names of its sources begin with; `*` for whatever they are called.
    #[cfg_attr(not(feature = "nats"), expect(dead_code, reason = "only NATS knows sources"))]
    pub(crate) sources: Vec<String>,
    pub(crate) makes_streams: bool,
    /// Whether it is a producer outside that offers events.
    pub(crate) offers: bool,
    /// What the names it writes under on Kafka begin with.
    pub(crate) writes_as: String,
    pub(crate) writes: Vec<Stream>,
    pub(crate) reads: Vec<Stream>,
}

#[derive(Deserialize)]
struct StreamFile {
    partitions: u16,
    key: String,
    class: String,
    retention: String,
    producers: Vec<String>,
    consumers: Vec<String>,
}

#[derive(Deserialize)]
struct RoleFile {
    does: String,
    sources: Vec<String>,
    makes_streams: bool,
    #[serde(default)]
    offers: bool,
    writes_as: Option<String>,
}

impl Declared {
    /// What ships.
    ///
    /// # Errors
    /// When a file says what it may not; a test reads them all.
    pub(crate) fn shipped() -> anyhow::Result<Self> {
        Self::read(&FILES, ROLES)
    }

    fn read(files: &[(Stream, &str)], roles: &str) -> anyhow::Result<Self> {
        let streams = files.iter().map(|(stream, text)| DeclaredStream::read(*stream, text));
        let streams = streams.collect::<anyhow::Result<Vec<_>>>()?;
        let roles: BTreeMap<String, RoleFile> = toml::from_str(roles).context("roles.toml")?;
        for stream in &streams {
            let mut named = stream.producers.iter().chain(&stream.consumers);
            if let Some(name) = named.find(|name| !roles.contains_key(*name)) {
                bail!("{}.toml names `{name}`, which roles.toml does not", stream.stream.as_str());
            }
        }
        let of = |name: &String, side: fn(&DeclaredStream) -> &[String]| -> Vec<Stream> {
            streams.iter().filter(|of| side(of).contains(name)).map(|of| of.stream).collect()
        };
        let roles = roles.into_iter().map(|(name, file)| Role {
            writes: of(&name, |stream| &stream.producers),
            reads: of(&name, |stream| &stream.consumers),
            does: file.does,
            sources: file.sources,
            makes_streams: file.makes_streams,
            offers: file.offers,
            writes_as: file.writes_as.unwrap_or_else(|| name.clone()),
            name,
        });
        let roles = roles.collect();
        Ok(Self { streams, roles })
    }

    /// The role of this name.
    #[cfg_attr(
        not(any(feature = "nats", test)),
        expect(dead_code, reason = "NATS says who we are")
    )]
    pub(crate) fn role(&self, name: &str) -> Option<&Role> {
        self.roles.iter().find(|role| role.name == name)
    }
}

impl DeclaredStream {
    fn read(stream: Stream, text: &str) -> anyhow::Result<Self> {
        let name = stream.as_str();
        let file: StreamFile = toml::from_str(text).with_context(|| format!("{name}.toml"))?;
        let class = match file.class.as_str() {
            "fsync" => Class::Fsync,
            "replicated" => Class::Replicated,
            "lazy" => Class::Lazy,
            unknown => bail!("{name}.toml: no class `{unknown}`"),
        };
        let holds = text.lines().next().unwrap_or_default().trim_start_matches("# ").into();
        let StreamFile { partitions, key, retention, producers, consumers, .. } = file;
        Ok(Self { stream, holds, partitions, key, class, retention, producers, consumers })
    }
}

#[cfg(test)]
mod tests {
    use bus::Topology;

    use super::*;

    #[test]
    fn the_files_and_the_table_in_the_code_say_the_same() {
        let declared = Declared::shipped().unwrap();
        assert_eq!(declared.streams.len(), Stream::ALL.len());
        for (spec, stream) in Topology::shipped().streams().iter().zip(&declared.streams) {
            let declared = (stream.stream, stream.partitions, stream.class);
            assert_eq!((spec.stream, spec.partitions, spec.class), declared);
        }
    }

    #[test]
    fn what_a_role_writes_and_reads_stands_with_the_streams() {
        let declared = Declared::shipped().unwrap();
        let role = |name: &str| declared.role(name).unwrap();
        assert_eq!(role("run").writes, Stream::ALL);
        assert_eq!(role("reader").reads, Stream::ALL);
        assert!(role("reader").writes.is_empty() && role("admin").writes.is_empty());
        assert!(!role("ingress").writes.contains(&Stream::Order), "only agents and gateway do");
        assert!(!role("gateway").writes.contains(&Stream::Market));
    }

    #[test]
    fn a_stream_that_names_a_role_nobody_knows_is_refused() {
        let market = FILES[0].1.replace("\"ingress\"", "\"ingres\"");
        let error = Declared::read(&[(Stream::Market, &market)], ROLES).unwrap_err();
        assert!(error.to_string().contains("`ingres`"), "{error}");
        let lazier = FILES[0].1.replace("class = \"fsync\"", "class = \"lazier\"");
        assert!(Declared::read(&[(Stream::Market, &lazier)], ROLES).is_err());
    }
}
