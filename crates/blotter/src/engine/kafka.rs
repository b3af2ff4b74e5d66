//! The bus on Kafka.

use bus::{Bus, BusError, Class, Drift, Reader};
use bus_kafka::{ClientSettings, Durability, KafkaBus, KafkaBusError, Options};
use event::Timestamp;

use super::{Remote, Role};

/// Under which name a run writes: of two runs on one bus the later fences the earlier.
const WRITER: &str = "run";
/// What the name of a worker's writer begins with.
const WORKER: &str = "work-";

pub(super) fn open(
    remote: &Remote,
    role: Role<'_>,
    wall_clock: fn() -> Timestamp,
) -> Result<Box<dyn Bus>, BusError> {
    Ok(Box::new(KafkaBus::open(options_as(remote, role)?, wall_clock)?))
}

pub(super) fn fence(remote: &Remote, role: Role<'_>) -> Result<(), BusError> {
    KafkaBus::fence(options_as(remote, role)?)
}

fn options_as(remote: &Remote, role: Role<'_>) -> Result<Options, BusError> {
    let mut options = options(remote)?;
    if let Role::Worker(name) = role {
        options.name = format!("{WORKER}{name}");
    }
    Ok(options)
}

pub(super) fn reader(remote: &Remote) -> Result<Box<dyn Reader>, BusError> {
    KafkaBus::follow(options(remote)?)
}

/// `None` where its topics are there and hold nothing.
pub(super) fn reader_where_begun(remote: &Remote) -> Result<Option<Box<dyn Reader>>, BusError> {
    match reader(remote) {
        Err(BusError::Engine { source, .. }) if is_absent(&*source) => Ok(None),
        opened => opened.map(Some),
    }
}

fn is_absent(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(KafkaBusError::Absent { .. }))
}

pub(super) fn plan(remote: &Remote) -> Result<Vec<Drift>, BusError> {
    KafkaBus::plan(options(remote)?)
}

pub(super) fn apply(remote: &Remote) -> Result<(), BusError> {
    KafkaBus::apply(options(remote)?)
}

/// What an acknowledgement of the servers is worth.
pub(super) fn class(remote: &Remote) -> Result<Class, BusError> {
    Ok(match KafkaBus::durability_of(options(remote)?)? {
        Durability::Fsync => Class::Fsync,
        Durability::Replicated => Class::Replicated,
        Durability::Lazy => Class::Lazy,
    })
}

fn options(remote: &Remote) -> Result<Options, BusError> {
    let mut options = Options::new(&remote.servers, &remote.prefix, WRITER);
    options.accept_lazy = remote.access.accept_lazy;
    if let Some(path) = &remote.access.kafka_settings {
        options.settings = ClientSettings::read(path)?;
    }
    Ok(options)
}
