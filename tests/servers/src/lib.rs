//! Genuine servers for tests and for trying things out.
//!
//! A server is fetched once by the ordinary client of the registry it lives in, checked against a
//! pinned digest and kept in the user's cache directory. It runs on free ports of the loopback
//! interface with a home of its own, and it dies with whoever started it, however that ends. When a
//! test fails, the home stays, logs and store in it.
//!
//! To add a server: say where it comes from ([`Wheel`] and [`Jars`] are two ways), write its configuration, and
//! start it as a [`Guarded`] process. [`NatsServer`] and [`KafkaServer`] are
//! the examples.

mod authority;
mod files;
mod guarded;
mod home;
mod kafka;
mod kafka_cluster;
mod maven;
mod nats;
mod nats_cluster;
mod often;
mod proxy;
mod python;
mod small_disk;
mod wheel;

pub use authority::{Authority, Certificate};
pub use files::copy_tree;
pub use guarded::Guarded;
pub use home::Home;
pub use kafka::{KafkaServer, KafkaSettings};
pub use kafka_cluster::KafkaCluster;
pub use maven::Jars;
pub use nats::{NatsServer, Settings};
pub use nats_cluster::NatsCluster;
pub use often::{often, tried};
pub use proxy::{Fault, Proxy};
pub use python::Python;
pub use small_disk::SmallDisk;
pub use wheel::Wheel;

/// A port nobody listens on at the moment.
///
/// # Errors
/// When the loopback interface gives none.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// This port of the loopback interface where nobody listens on it, and any other where somebody does.
///
/// # Errors
/// As [`free_port`].
pub fn free_port_like(port: u16) -> anyhow::Result<u16> {
    std::net::TcpListener::bind(("127.0.0.1", port)).map_or_else(|_| free_port(), |_| Ok(port))
}
