//! Which engine carries the bus.

use bus::{Bus, BusError};
use bus_log::LogBus;
use event::Timestamp;

use crate::data_dir::DataDir;

/// What opening the bus found.
pub(crate) struct Opened {
    /// The engine.
    pub(crate) bus: Box<dyn Bus>,
    /// What a crash left half written and was cut off, in words.
    pub(crate) torn: Option<String>,
}

/// Opens the bus for writing.
pub(crate) fn open(dir: &DataDir, wall_clock: fn() -> Timestamp) -> Result<Opened, BusError> {
    let opened = LogBus::open(&dir.log(), wall_clock)?;
    let torn = opened.torn.map(|torn| format!("{} bytes of {}", torn.bytes, torn.what));
    Ok(Opened { bus: Box::new(opened.bus), torn })
}
