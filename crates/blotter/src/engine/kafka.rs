//! The bus on Kafka.

use bus::{Bus, BusError, Reader};
use bus_kafka::{ClientSettings, KafkaBus, KafkaBusError, Options};
use event::Timestamp;

use super::Remote;

/// Under which name a run writes: of two runs on one bus the later fences the earlier.
const WRITER: &str = "run";

pub(super) fn open(
    remote: &Remote,
    wall_clock: fn() -> Timestamp,
) -> Result<Box<dyn Bus>, BusError> {
    Ok(Box::new(KafkaBus::open(options(remote)?, wall_clock)?))
}

pub(super) fn reader(remote: &Remote) -> Result<Box<dyn Reader>, BusError> {
    KafkaBus::follow(options(remote)?)
}

/// Whether there is no bus where one was looked for.
pub(super) fn is_absent(error: &BusError) -> bool {
    let BusError::Engine { source, .. } = error else { return false };
    matches!(source.downcast_ref(), Some(KafkaBusError::Absent { .. }))
}

fn options(remote: &Remote) -> Result<Options, BusError> {
    let mut options = Options::new(&remote.servers, &remote.prefix, WRITER);
    options.accept_lazy = remote.access.accept_lazy;
    if let Some(path) = &remote.access.kafka_settings {
        options.settings = ClientSettings::read(path)?;
    }
    Ok(options)
}
