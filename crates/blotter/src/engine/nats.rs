//! The bus on NATS.

use bus::{Bus, BusError, Drift, Reader};
use bus_nats::{NatsBus, Options, Writers, acl};

use super::{Remote, Role};

pub(super) fn open(remote: &Remote, role: Role<'_>) -> Result<Box<dyn Bus>, BusError> {
    let writers = match role {
        Role::Alone => Writers::One,
        Role::Run | Role::Worker(_) => Writers::Many,
    };
    Ok(Box::new(NatsBus::open(Options { writers, ..options(remote) })?))
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

/// Who may do what, as a server's configuration says it.
#[expect(clippy::unnecessary_wraps, reason = "a program without NATS cannot say it")]
pub(super) fn permissions(remote: &Remote) -> Result<String, BusError> {
    Ok(acl::authorization(&remote.prefix, &acl::SHIPPED))
}

fn options(remote: &Remote) -> Options {
    let mut options = Options::new(&format!("nats://{}", remote.servers));
    options.prefix.clone_from(&remote.prefix);
    options.monitor.clone_from(&remote.access.monitor);
    options.accept_lazy = remote.access.accept_lazy;
    options.identity.credentials.clone_from(&remote.access.credentials);
    options.identity.nkey.clone_from(&remote.access.nkey);
    // A server that knows roles lets each read answers on subjects of its own.
    options.inbox = remote.user().map(acl::inbox_of);
    options
}
