//! What a bus over Kafka is opened with.

use std::time::Duration;

use crate::ClientSettings;

/// Where a bus is, who opens it, and what is accepted of the servers.
#[derive(Clone, Debug)]
pub struct Options {
    /// Addresses to begin with, `host:port`, separated by commas.
    pub brokers: String,
    /// What the names of the bus's topics begin with.
    pub prefix: String,
    /// Under which name this process writes: whoever opens the same name later fences it.
    pub name: String,
    /// Settings of the client beside ours, such as `security.protocol`; ours win.
    pub settings: ClientSettings,
    /// Whether a bus is used whose servers may lose with the power what they acknowledged.
    pub accept_lazy: bool,
    /// How long servers may be away before a call gives up.
    pub patience: Duration,
    /// Bytes of events the bus may hold; market data is refused there, anything else at an eighth
    /// more.
    pub room_bytes: Option<u64>,
    /// Which life of the bus is begun where there are no topics yet; a number nobody had before
    /// where it is not given.
    pub incarnation: Option<u64>,
}

impl Options {
    /// The bus whose topics begin with `prefix`, opened under `name`.
    #[must_use]
    pub fn new(brokers: &str, prefix: &str, name: &str) -> Self {
        Self {
            brokers: brokers.into(),
            prefix: prefix.into(),
            name: name.into(),
            settings: ClientSettings::default(),
            accept_lazy: false,
            patience: Duration::from_secs(30),
            room_bytes: None,
            incarnation: None,
        }
    }
}
