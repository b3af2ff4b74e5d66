//! Three nodes of Apache Kafka that agree with each other.

use std::thread;

use anyhow::Context as _;

use crate::{Home, KafkaServer, KafkaSettings, free_port, kafka::Member};

/// Every topic has a copy on each node, and an acknowledgement means two of them.
const COPIES: &str = "\
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
replica.lag.time.max.ms=3000
controller.quorum.election.timeout.ms=500
controller.quorum.fetch.timeout.ms=1000
";

/// A cluster of three.
#[derive(Debug)]
pub struct KafkaCluster {
    /// Its nodes, in the order of their numbers.
    pub nodes: Vec<KafkaServer>,
}

impl KafkaCluster {
    /// Starts three nodes that know of each other.
    ///
    /// # Errors
    /// When one does not start.
    pub fn start() -> anyhow::Result<Self> {
        let controllers = [free_port()?, free_port()?, free_port()?];
        let settings = KafkaSettings { lines: COPIES.into(), ..KafkaSettings::default() };
        let nodes = (1..=3).map(|number| {
            let member = Member { number, controllers };
            KafkaServer::prepare(Home::new("kafka")?, settings.clone(), Some(member))
        });
        let mut nodes = nodes.collect::<anyhow::Result<Vec<_>>>()?;
        // None is up before two are.
        thread::scope(|scope| {
            let starting: Vec<_> =
                nodes.iter_mut().map(|node| scope.spawn(|| node.start_again())).collect();
            starting.into_iter().try_for_each(|start| match start.join() {
                Ok(started) => started,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })?;
        Ok(Self { nodes })
    }

    /// Where clients connect to: all of them, separated by commas.
    #[must_use]
    pub fn brokers(&self) -> String {
        let brokers: Vec<_> = self.nodes.iter().map(KafkaServer::brokers).collect();
        brokers.join(",")
    }

    /// The node of this number, from 1 on.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn node(&mut self, number: i32) -> anyhow::Result<&mut KafkaServer> {
        let at = usize::try_from(number - 1).ok();
        at.and_then(|at| self.nodes.get_mut(at)).context("a node of this number")
    }
}
