//! Three nats-servers that agree with each other.

use crate::{NatsServer, Settings, free_port};

/// A cluster of three.
#[derive(Debug)]
pub struct NatsCluster {
    /// Its servers.
    pub nodes: Vec<NatsServer>,
}

impl NatsCluster {
    /// Starts three servers that know of each other.
    ///
    /// # Errors
    /// When one does not start.
    pub fn start(settings: &Settings) -> anyhow::Result<Self> {
        let ports = [free_port()?, free_port()?, free_port()?];
        let routes = ports.map(|port| format!("nats://127.0.0.1:{port}")).join(", ");
        let nodes = ports.iter().zip(1..).map(|(port, number)| {
            let own = format!(
                "server_name: n{number}\ncluster {{ name: blotter, listen: \"127.0.0.1:{port}\", routes: [{routes}] }}\n{}",
                settings.lines
            );
            NatsServer::start(Settings { lines: own, ..settings.clone() })
        });
        Ok(Self { nodes: nodes.collect::<anyhow::Result<_>>()? })
    }

    /// Where clients connect to: all of them, separated by commas.
    #[must_use]
    pub fn url(&self) -> String {
        let urls: Vec<_> = self.nodes.iter().map(NatsServer::url).collect();
        urls.join(",")
    }

    /// The node of this name, `n1` to `n3`.
    pub fn node(&mut self, name: &str) -> Option<&mut NatsServer> {
        let number: usize = name.strip_prefix('n')?.parse().ok()?;
        self.nodes.get_mut(number.checked_sub(1)?)
    }
}
