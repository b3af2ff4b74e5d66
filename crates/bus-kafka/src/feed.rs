//! One partition, read in order from any offset.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use event::Timestamp;
use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{Consumer as _, base_consumer::PartitionQueue},
    error::{KafkaError, RDKafkaErrorCode},
};

use crate::{
    KafkaBusError,
    client::{Cluster, Consumer, Quiet},
    looks::Looks,
    watch::{Watch, now},
};

/// What a look at a partition finds.
#[derive(Debug)]
pub(crate) enum Look {
    /// The next message.
    Message(Taken),
    /// The end of what is committed.
    End,
    /// Nothing yet.
    Nothing,
}

/// A message taken from a partition.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) offset: i64,
    pub(crate) key: Bytes,
    pub(crate) payload: Bytes,
    /// When, by whoever stamps the topic's messages.
    pub(crate) stored_at: Timestamp,
}

/// Messages stepped over in a partition that are kept: their unit may come yet.
const PASSED_MAX: usize = 4096;
/// Further ahead than this it is quicker to ask for the place than to read up to it.
const AHEAD_MAX: i64 = 20_000;
/// How long one look waits.
const LOOK: Duration = Duration::from_millis(20);
/// How long the servers may take to say how far a partition goes, before they are asked again.
const ANSWER_PATIENCE: Duration = Duration::from_millis(500);

/// A partition of a topic.
pub(crate) struct Feed {
    consumer: Arc<Consumer>,
    topic: String,
    partition: i32,
    queue: Option<PartitionQueue<Quiet>>,
    /// The offset after the last message taken.
    next: i64,
    passed: BTreeMap<i64, Bytes>,
    watch: Watch,
    keys: Keys,
}

/// Whether anybody looks at the keys of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// They say what a message is.
    Matter,
    /// What a message is stands elsewhere, so they are not copied.
    AreIdle,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl Feed {
    pub(crate) fn new(consumer: &Arc<Consumer>, topic: &str, partition: i32, keys: Keys) -> Self {
        Self {
            consumer: Arc::clone(consumer),
            topic: topic.into(),
            partition,
            queue: None,
            next: 0,
            passed: BTreeMap::new(),
            watch: Watch::new(now()),
            keys,
        }
    }

    /// The offset after the last message taken.
    pub(crate) const fn next(&self) -> i64 {
        self.next
    }

    /// Goes to `offset`.
    pub(crate) fn seek(&mut self, cluster: &Cluster, offset: i64) -> Result<(), KafkaBusError> {
        let failed = |error: KafkaError| cluster.sorted(&error);
        let at = |offset| {
            let mut list = TopicPartitionList::new();
            let added = list.add_partition_offset(&self.topic, self.partition, offset);
            added.map(|()| list)
        };
        let place = at(Offset::Offset(offset)).map_err(failed)?;
        match self.queue {
            Some(_) => self.consumer.incremental_unassign(&place).map_err(failed)?,
            // From now on its messages are found here and nowhere else.
            None => {
                self.queue = self.consumer.split_partition_queue(&self.topic, self.partition);
            }
        }
        self.consumer.incremental_assign(&place).map_err(failed)?;
        self.next = offset;
        self.watch.moved(now());
        Ok(())
    }

    /// Goes on with a client made anew where this one stopped fetching, which it does for good when
    /// servers come and go at an unlucky moment.
    fn unless_stalled(&mut self, cluster: &Cluster) -> Result<(), KafkaBusError> {
        let asked_at = now();
        if !self.watch.is_due(asked_at) {
            return Ok(());
        }
        // Where the committed part ends; servers that do not answer are asked again.
        let Ok((_, end)) =
            self.consumer.fetch_watermarks(&self.topic, self.partition, ANSWER_PATIENCE)
        else {
            return Ok(());
        };
        if self.watch.is_stalled(now(), self.next, end) {
            let fresh = Arc::new(cluster.consumer()?);
            let mut old = TopicPartitionList::new();
            let _ = old.add_partition(&self.topic, self.partition);
            // The other partitions of the old client go on.
            let _ = self.consumer.incremental_unassign(&old);
            self.queue = None;
            self.consumer = fresh;
            self.seek(cluster, self.next)?;
            self.watch.began_again(end);
        }
        Ok(())
    }

    /// Goes to `offset`, where nothing was read yet.
    pub(crate) fn begin(&mut self, cluster: &Cluster, offset: i64) -> Result<(), KafkaBusError> {
        if self.queue.is_none() { self.seek(cluster, offset) } else { Ok(()) }
    }

    /// Looks for the next message, and after the client where there is none.
    pub(crate) fn look(
        &mut self,
        cluster: &Cluster,
        wait: Duration,
    ) -> Result<Look, KafkaBusError> {
        let look = self.glance(cluster, wait)?;
        if matches!(look, Look::Nothing) {
            self.serve(cluster)?;
            self.unless_stalled(cluster)?;
        }
        Ok(look)
    }

    /// Looks for the next message. Who glances at many partitions looks at each of them in turn.
    pub(crate) fn glance(
        &mut self,
        cluster: &Cluster,
        wait: Duration,
    ) -> Result<Look, KafkaBusError> {
        let Some(queue) = &self.queue else { return Ok(Look::Nothing) };
        let found = match queue.poll(wait) {
            None => None,
            Some(Ok(message)) => {
                let copy = |part: Option<&[u8]>| Bytes::copy_from_slice(part.unwrap_or_default());
                let taken = Taken {
                    offset: message.offset(),
                    key: copy(message.key().filter(|_| self.keys == Keys::Matter)),
                    payload: copy(message.payload()),
                    stored_at: Timestamp(message.timestamp().to_millis().unwrap_or(0) * 1_000_000),
                };
                Some(Ok(taken))
            }
            Some(Err(error)) => Some(Err(error)),
        };
        match found {
            Some(Ok(taken)) => {
                self.next = taken.offset + 1;
                self.watch.moved(now());
                Ok(Look::Message(taken))
            }
            Some(Err(KafkaError::PartitionEOF(_))) => {
                self.watch.at_end(now());
                Ok(Look::End)
            }
            Some(Err(error)) => self.why(cluster, &error).map_or(Ok(Look::Nothing), Err),
            None => Ok(Look::Nothing),
        }
    }

    /// What is wrong with the connection is said beside the partitions.
    fn serve(&self, cluster: &Cluster) -> Result<(), KafkaBusError> {
        match self.consumer.poll(Duration::ZERO) {
            Some(Err(error)) => match cluster.sorted(&error) {
                denied @ KafkaBusError::Denied { .. } => Err(denied),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Whether an error is more than a moment's trouble.
    fn why(&self, cluster: &Cluster, error: &KafkaError) -> Option<KafkaBusError> {
        match error.rdkafka_error_code() {
            Some(
                RDKafkaErrorCode::AutoOffsetReset
                | RDKafkaErrorCode::OffsetOutOfRange
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition,
            ) => Some(self.gone(self.next)),
            _ => match cluster.sorted(error) {
                denied @ KafkaBusError::Denied { .. } => Some(denied),
                _ => None,
            },
        }
    }

    pub(crate) fn gone(&self, offset: i64) -> KafkaBusError {
        KafkaBusError::Gone { topic: self.topic.clone(), partition: self.partition, offset }
    }

    /// Asks whether the partition reaches as far as `offset` at all, decided or not.
    fn ask(&self, cluster: &Cluster, offset: i64) -> Result<(), KafkaBusError> {
        let observer = cluster.observer()?;
        let reach = cluster.reach(&observer, &self.topic, self.partition);
        let (low, high) = reach
            .map_err(|error| self.why(cluster, &error).unwrap_or_else(|| cluster.sorted(&error)))?;
        if (low..high).contains(&offset) { Ok(()) } else { Err(self.gone(offset)) }
    }

    /// The message at `offset`, which the order says is there.
    pub(crate) fn take(&mut self, cluster: &Cluster, offset: i64) -> Result<Bytes, KafkaBusError> {
        if let Some(passed) = self.passed.remove(&offset) {
            return Ok(passed);
        }
        if self.queue.is_none() || offset < self.next || offset > self.next + AHEAD_MAX {
            self.passed.clear();
            self.seek(cluster, offset)?;
        }
        let mut looks = Looks::of(cluster);
        loop {
            match self.look(cluster, LOOK)? {
                Look::Message(taken) if taken.offset == offset => return Ok(taken.payload),
                Look::Message(taken) if taken.offset > offset => return Err(self.gone(offset)),
                // Its unit comes later: units of several writers lie between each other.
                Look::Message(taken) => {
                    let _ = self.passed.insert(taken.offset, taken.payload);
                    if self.passed.len() > PASSED_MAX {
                        let _ = self.passed.pop_first();
                    }
                }
                // The marker that makes it visible is on its way, or it is not there at all.
                Look::End | Look::Nothing => {
                    if looks.in_vain(cluster, now(), &self.topic)? {
                        self.ask(cluster, offset)?;
                        cluster.stuck.tell();
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::{
        ClientConfig,
        mocking::MockCluster,
        producer::{BaseProducer, BaseRecord, Producer as _},
    };

    use super::*;
    use crate::Options;

    /// The next message, however many looks it takes.
    fn next(feed: &mut Feed, cluster: &Cluster) -> Bytes {
        for _ in 0..500 {
            if let Look::Message(taken) = feed.look(cluster, LOOK).unwrap() {
                return taken.payload;
            }
        }
        panic!("nothing comes");
    }

    #[test]
    fn a_client_that_stopped_fetching_is_replaced_and_nothing_is_missed() {
        let servers = MockCluster::new(1).unwrap();
        servers.create_topic("prices", 1, 1).unwrap();
        let brokers = servers.bootstrap_servers();
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", &brokers).create().unwrap();
        let produce = |payload: &str| {
            producer
                .send(BaseRecord::to("prices").partition(0).key("").payload(payload))
                .map_err(|(error, _)| error)
                .unwrap();
            producer.flush(Duration::from_secs(10)).unwrap();
        };
        let cluster = Cluster::new(Options::new(&brokers, "blotter", "test"));
        let consumer = Arc::new(cluster.consumer().unwrap());
        let mut feed = Feed::new(&consumer, "prices", 0, Keys::AreIdle);
        produce("1");
        feed.seek(&cluster, 0).unwrap();
        assert_eq!(next(&mut feed, &cluster), "1");

        let mut partition = TopicPartitionList::new();
        let _ = partition.add_partition("prices", 0);
        consumer.pause(&partition).unwrap();
        produce("2");
        produce("3");
        assert_eq!(next(&mut feed, &cluster), "2");
        assert_eq!(next(&mut feed, &cluster), "3");
    }
}
