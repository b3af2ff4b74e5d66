//! nats-server, with JetStream, fsyncing before it acknowledges.

use anyhow::Result;
use servers::{NatsServer, Settings};

pub(super) fn run() -> Result<()> {
    let server = NatsServer::start(Settings { at_usual_ports: true, ..Settings::fsync() })?;
    println!(
        "nats-server {} until interrupted; its store goes away with it",
        NatsServer::version()
    );
    println!("export BLOTTER_NATS_URL={}", server.url());
    let (bus, monitor) = (server.url(), server.monitor_url());
    println!("blotter run --bus {bus} --nats-monitor {monitor} --input TAPE --data DIR");
    server.wait()
}
