//! Apache Kafka: one node, fsyncing before it acknowledges.

use anyhow::Result;
use servers::{KafkaServer, KafkaSettings};

pub(super) fn run() -> Result<()> {
    let settings =
        KafkaSettings { sync_always: true, at_usual_port: true, ..KafkaSettings::default() };
    let server = KafkaServer::start(settings)?;
    println!(
        "Apache Kafka {} until interrupted; its store goes away with it",
        KafkaServer::version()
    );
    println!("export BLOTTER_KAFKA_BROKERS={}", server.brokers());
    println!("blotter run --bus kafka://{} --input TAPE --data DIR", server.brokers());
    server.wait()
}
