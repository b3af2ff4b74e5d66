//! The bus on NATS.

use std::path::Path;

use bus::{Bus, BusError, Class, Drift, Reader};
use bus_nats::{NatsBus, Options, Writers, acl};
use serde_json::Value;

use super::{Remote, Rights, Role, advisories};
use crate::streams::{self, Declared};

/// What the server tells of the stream becomes events of a run in `dir`, where it is opened for one.
pub(super) fn open(
    remote: &Remote,
    role: Role<'_>,
    dir: Option<&Path>,
) -> Result<Box<dyn Bus>, BusError> {
    let writers = match role {
        Role::Alone => Writers::One,
        Role::Run | Role::Worker(_) => Writers::Many,
    };
    let bus = NatsBus::open(Options { writers, ..options(remote) })?;
    if let Some(dir) = dir {
        advisories::watch(&bus, &remote.prefix, dir.into())?;
    }
    Ok(Box::new(bus))
}

pub(super) fn reader(remote: &Remote) -> Result<Box<dyn Reader>, BusError> {
    // Who only reads asks for no promise about what is written.
    NatsBus::open(Options { accept_lazy: true, ..options(remote) })?.reader()
}

pub(super) fn plan(remote: &Remote) -> Result<Vec<Drift>, BusError> {
    NatsBus::plan(options(remote))
}

pub(super) fn apply(remote: &Remote) -> Result<(), BusError> {
    NatsBus::apply(options(remote))
}

/// What an answer of the stream is worth.
pub(super) fn class(remote: &Remote) -> Result<Class, BusError> {
    NatsBus::class_of(options(remote))
}

/// Who may do what, as a server's configuration says it.
#[expect(clippy::unnecessary_wraps, reason = "a program without NATS cannot say it")]
pub(super) fn permissions(remote: &Remote, declared: &Declared) -> Result<String, BusError> {
    let sources: Vec<Vec<&str>> = declared.roles.iter().map(sources_of).collect();
    let roles = declared.roles.iter().zip(&sources);
    let roles: Vec<acl::Role<'_>> = roles.map(|(role, sources)| acl_role(role, sources)).collect();
    Ok(acl::authorization(&remote.prefix, &roles))
}

/// The stream as it has to be.
#[expect(clippy::unnecessary_wraps, reason = "a program without NATS cannot say it")]
pub(super) fn wanted(remote: &Remote) -> Result<Value, BusError> {
    Ok(NatsBus::wanted(&options(remote)))
}

/// What the server lets the user do, held against the role of that name.
pub(super) fn rights(remote: &Remote, declared: &Declared) -> Result<Rights, BusError> {
    let Some(granted) = NatsBus::granted(options(remote))? else { return Ok(Rights::default()) };
    let user = if granted.user.is_empty() { "whoever connects" } else { &granted.user };
    let (Some(publishes), Some(subscribes)) = (&granted.publishes, &granted.subscribes) else {
        let note = format!("{user} may do everything on this server, deleting the stream included");
        return Ok(Rights { note, ..Rights::default() });
    };
    let Some(role) = declared.role(&granted.user) else {
        let note =
            format!("{user} is none of the roles that are exported; what it may do is not judged");
        return Ok(Rights { note, ..Rights::default() });
    };
    let sources = sources_of(role);
    let needed = acl_role(role, &sources);
    let mut findings = Vec::new();
    for (verb, granted, needed) in [
        ("publish on", publishes, needed.publishes(&remote.prefix)),
        ("subscribe to", subscribes, needed.subscribes(&remote.prefix)),
    ] {
        let lacks = needed.iter().filter(|subject| !granted.contains(subject));
        findings
            .extend(lacks.map(|subject| format!("{user} may not {verb} {subject}, and needs to")));
        let more = granted.iter().filter(|subject| !needed.contains(subject));
        findings.extend(more.map(|subject| format!("{user} may {verb} {subject}, and needs not")));
    }
    Ok(Rights { findings, note: format!("{user} is known to the server, and held to subjects") })
}

fn sources_of(role: &streams::Role) -> Vec<&str> {
    role.sources.iter().map(String::as_str).collect()
}

fn acl_role<'a>(role: &'a streams::Role, sources: &'a [&'a str]) -> acl::Role<'a> {
    let streams::Role { name, writes, makes_streams, offers, .. } = role;
    acl::Role { name, sources, streams: writes, makes_stream: *makes_streams, offers: *offers }
}

fn options(remote: &Remote) -> Options {
    let mut options = Options::new(&format!("nats://{}", remote.servers));
    options.prefix.clone_from(&remote.prefix);
    options.monitor.clone_from(&remote.access.monitor);
    options.accept_lazy = remote.access.accept_lazy;
    options.identity.credentials.clone_from(&remote.access.credentials);
    options.identity.nkey.clone_from(&remote.access.nkey);
    options.tls.authorities.clone_from(&remote.access.authorities);
    options.tls.certificate.clone_from(&remote.access.certificate);
    options.tls.required = !remote.access.authorities.is_empty();
    options.replicas = remote.access.replicas.max(1);
    // A server that knows roles lets each read answers on subjects of its own.
    options.inbox = remote.user().map(acl::inbox_of);
    options
}
