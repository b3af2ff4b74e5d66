//! The bus on NATS.

use bus::{Bus, BusError, Reader};
use bus_nats::{NatsBus, Options};

use super::Remote;

pub(super) fn open(remote: &Remote) -> Result<Box<dyn Bus>, BusError> {
    Ok(Box::new(NatsBus::open(options(remote))?))
}

pub(super) fn reader(remote: &Remote) -> Result<Box<dyn Reader>, BusError> {
    // Who only reads asks for no promise about what is written.
    NatsBus::open(Options { accept_lazy: true, ..options(remote) })?.reader()
}

fn options(remote: &Remote) -> Options {
    let mut options = Options::new(&format!("nats://{}", remote.servers));
    options.prefix.clone_from(&remote.prefix);
    options.monitor.clone_from(&remote.access.monitor);
    options.accept_lazy = remote.access.accept_lazy;
    options.identity.credentials.clone_from(&remote.access.credentials);
    options.identity.nkey.clone_from(&remote.access.nkey);
    options
}
