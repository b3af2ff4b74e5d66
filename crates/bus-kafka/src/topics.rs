//! The topics of a bus: made where there are none, and held against what they have to be.

use std::collections::BTreeMap;

use bus::Drift;
use rdkafka::{
    admin::{AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication},
    error::RDKafkaErrorCode,
};

use crate::{
    KafkaBusError,
    client::{Cluster, Consumer, wait_for},
};

/// What an acknowledgement of the servers is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It is on the disk of one machine.
    Fsync,
    /// It is on two machines at least.
    Replicated,
    /// It is on its way to a disk.
    Lazy,
}

/// Where the servers keep whether a transaction was committed.
const TRANSACTIONS: &str = "__transaction_state";

/// A producer's clock is held against the servers', so it does not say itself when it was heard.
const STAMPED: (&str, &str) = ("message.timestamp.type", "LogAppendTime");

/// Copies of every topic, where there are that many servers.
const COPIES: usize = 3;

/// What topics look like.
#[derive(Debug)]
struct Seen {
    partitions: usize,
    copies_min: usize,
}

/// Makes the topics where none of them is there; refuses what is there and looks otherwise.
pub(crate) fn ensure(cluster: &Cluster, observer: &Consumer) -> Result<(), KafkaBusError> {
    let (seen, servers) = look(cluster, observer)?;
    if is_absent(cluster, &seen) {
        return make(cluster, servers);
    }
    check(cluster, &seen)
}

/// Refuses what is not there or looks otherwise; makes nothing.
pub(crate) fn require(cluster: &Cluster, observer: &Consumer) -> Result<(), KafkaBusError> {
    let (seen, _) = look(cluster, observer)?;
    if is_absent(cluster, &seen) {
        return Err(cluster.absent("is not there"));
    }
    check(cluster, &seen)
}

fn is_absent(cluster: &Cluster, seen: &BTreeMap<String, Seen>) -> bool {
    !cluster.names.all().any(|name| seen.contains_key(name))
}

fn check(cluster: &Cluster, seen: &BTreeMap<String, Seen>) -> Result<(), KafkaBusError> {
    differences(cluster, seen).into_iter().next().map_or(Ok(()), |drift| Err(refusal(drift)))
}

fn refusal(Drift { object: topic, setting, found, needed }: Drift) -> KafkaBusError {
    KafkaBusError::Configured { topic, setting, found, needed }
}

fn differences(cluster: &Cluster, seen: &BTreeMap<String, Seen>) -> Vec<Drift> {
    let differs = |(topic, needed): (&str, usize)| {
        let found = seen.get(topic).map_or(0, |seen| seen.partitions);
        (found != needed).then(|| Drift {
            object: topic.into(),
            setting: "partitions",
            found: found.to_string(),
            needed: needed.to_string(),
        })
    };
    wanted(cluster).into_iter().filter_map(differs).collect()
}

/// What of the topics is otherwise than it has to be; nothing is made.
pub(crate) fn plan(cluster: &Cluster, observer: &Consumer) -> Result<Vec<Drift>, KafkaBusError> {
    let (seen, _) = look(cluster, observer)?;
    if is_absent(cluster, &seen) {
        return Ok(cluster.names.all().map(Drift::missing).collect());
    }
    // A part that is missing was there once.
    let mut drift = differences(cluster, &seen);
    let there: Vec<&str> = cluster.names.all().filter(|name| seen.contains_key(*name)).collect();
    for (topic, resource) in there.iter().zip(describe(cluster, &there)?) {
        drift.extend(settings(cluster, topic, &resource));
    }
    Ok(drift)
}

fn describe(cluster: &Cluster, topics: &[&str]) -> Result<Vec<ConfigResource>, KafkaBusError> {
    if topics.is_empty() {
        return Ok(Vec::new());
    }
    let resources: Vec<_> = topics.iter().map(|topic| ResourceSpecifier::Topic(topic)).collect();
    let admin = cluster.admin()?;
    let described = wait_for(admin.describe_configs(&resources, &options(cluster)));
    let described = described.map_err(|error| cluster.sorted(&error))?;
    let sorted = |code| cluster.sorted(&rdkafka::error::KafkaError::AdminOp(code));
    described.into_iter().map(|resource| resource.map_err(sorted)).collect()
}

fn wanted(cluster: &Cluster) -> Vec<(&str, usize)> {
    let mut wanted = vec![(cluster.names.order(), 1)];
    let streams = cluster.topology.streams().iter();
    wanted
        .extend(streams.map(|spec| (cluster.names.of(spec.stream), usize::from(spec.partitions))));
    wanted.push((cluster.names.offers(), 1));
    wanted
}

fn look(
    cluster: &Cluster,
    observer: &Consumer,
) -> Result<(BTreeMap<String, Seen>, usize), KafkaBusError> {
    let metadata = cluster.metadata(observer)?;
    let seen = metadata.topics().iter().filter(|topic| topic.error().is_none()).map(|topic| {
        let copies = topic.partitions().iter().map(|partition| partition.replicas().len());
        let seen =
            Seen { partitions: topic.partitions().len(), copies_min: copies.min().unwrap_or(0) };
        (topic.name().to_owned(), seen)
    });
    Ok((seen.collect(), metadata.brokers().len()))
}

fn make(cluster: &Cluster, servers: usize) -> Result<(), KafkaBusError> {
    let copies = servers.min(COPIES);
    let least = if copies >= COPIES { "2" } else { "1" };
    let topics: Vec<NewTopic<'_>> = wanted(cluster)
        .into_iter()
        .map(|(name, partitions)| {
            let copies = TopicReplication::Fixed(copies as i32);
            let topic = NewTopic::new(name, partitions as i32, copies)
                .set("cleanup.policy", "delete")
                // What is expired is decided by the operator, never by a default.
                .set("retention.ms", "-1")
                .set("retention.bytes", "-1")
                .set("unclean.leader.election.enable", "false")
                .set("min.insync.replicas", least);
            if name == cluster.names.offers() { topic.set(STAMPED.0, STAMPED.1) } else { topic }
        })
        .collect();
    let admin = cluster.admin()?;
    let made = wait_for(admin.create_topics(&topics, &options(cluster)));
    for made in made.map_err(|error| cluster.sorted(&error))? {
        match made {
            // Two that open a new bus at once make the same topics.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => {
                let error = rdkafka::error::KafkaError::AdminOp(code);
                return Err(match cluster.sorted(&error) {
                    KafkaBusError::Unreachable { why, .. } => KafkaBusError::Configured {
                        topic,
                        setting: "existence",
                        found: why,
                        needed: "a topic".into(),
                    },
                    other => other,
                });
            }
        }
    }
    await_leaders(cluster)
}

/// A topic is there before its partitions have leaders.
fn await_leaders(cluster: &Cluster) -> Result<(), KafkaBusError> {
    let observer = cluster.observer()?;
    const LOOK: std::time::Duration = std::time::Duration::from_millis(20);
    for _ in 0..=cluster.patience().as_millis() / LOOK.as_millis() {
        let metadata = cluster.metadata(&observer)?;
        let led = metadata
            .topics()
            .iter()
            .filter(|topic| topic.partitions().iter().all(|partition| partition.leader() >= 0));
        let led: BTreeMap<&str, usize> =
            led.map(|topic| (topic.name(), topic.partitions().len())).collect();
        if wanted(cluster).iter().all(|(name, n)| led.get(name) == Some(n)) {
            return Ok(());
        }
        std::thread::park_timeout(LOOK);
    }
    Err(KafkaBusError::Unreachable {
        brokers: cluster.options.brokers.clone(),
        why: "the new topics have no leaders".into(),
    })
}

fn options(cluster: &Cluster) -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(cluster.patience()))
        .operation_timeout(Some(cluster.patience()))
}

/// Holds every topic against what it has to be, and says what an acknowledgement is worth: as much
/// as that of the weakest topic, the one that keeps what became of transactions among them.
pub(crate) fn durability(
    cluster: &Cluster,
    observer: &Consumer,
) -> Result<Durability, KafkaBusError> {
    let (seen, _) = look(cluster, observer)?;
    let mut topics: Vec<&str> = cluster.names.all().collect();
    topics.push(TRANSACTIONS);
    let mut weakest = None;
    for (topic, resource) in topics.iter().zip(describe(cluster, &topics)?) {
        if *topic != TRANSACTIONS
            && let Some(drift) = settings(cluster, topic, &resource).into_iter().next()
        {
            return Err(refusal(drift));
        }
        let copies = seen.get(*topic).map_or(0, |seen| seen.copies_min);
        let least = number(&resource, "min.insync.replicas");
        let of_topic = if copies >= COPIES && least >= Some(2) {
            Durability::Replicated
        } else if number(&resource, "flush.messages") == Some(1) {
            Durability::Fsync
        } else {
            if !cluster.options.accept_lazy {
                let flush = number(&resource, "flush.messages").unwrap_or(0);
                return Err(KafkaBusError::Lazy {
                    topic: (*topic).into(),
                    why: format!(
                        "{copies} copies, min.insync.replicas {}, flush.messages {flush}",
                        least.unwrap_or(0),
                    ),
                });
            }
            Durability::Lazy
        };
        weakest = Some(match (weakest, of_topic) {
            (Some(Durability::Lazy), _) | (_, Durability::Lazy) => Durability::Lazy,
            (Some(Durability::Fsync), _) | (_, Durability::Fsync) => Durability::Fsync,
            _ => Durability::Replicated,
        });
    }
    Ok(weakest.unwrap_or(Durability::Lazy))
}

fn setting<'a>(resource: &'a ConfigResource, name: &str) -> Option<&'a str> {
    resource.entries.iter().find(|entry| entry.name == name)?.value.as_deref()
}

fn number(resource: &ConfigResource, name: &str) -> Option<u64> {
    setting(resource, name)?.parse().ok()
}

/// Settings by which a topic removes entries by itself, which would break the total order; and by
/// which a producer outside would say itself when it was heard.
fn settings(cluster: &Cluster, topic: &str, resource: &ConfigResource) -> Vec<Drift> {
    let mut needed =
        vec![("cleanup.policy", "delete"), ("retention.ms", "-1"), ("retention.bytes", "-1")];
    if topic == cluster.names.offers() {
        needed.push(STAMPED);
    }
    let differs = |(name, needed): (&'static str, &str)| {
        let found = setting(resource, name).unwrap_or("unknown");
        (found != needed).then(|| Drift {
            object: topic.into(),
            setting: name,
            found: found.into(),
            needed: needed.into(),
        })
    };
    needed.into_iter().filter_map(differs).collect()
}
