//! Clients of the servers, and their settings.

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Wake},
    thread::Thread,
    time::Duration,
};

use bus::Topology;
use rdkafka::{
    ClientConfig, ClientContext,
    admin::AdminClient,
    client::DefaultClientContext,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
    metadata::Metadata,
    producer::ThreadedProducer,
    types::RDKafkaConfRes,
};

use crate::{KafkaBusError, Names, Options, mender::Stuck, transaction::Reports, watch::now};

/// One bus on its servers: what every client of it is made with.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) options: Options,
    pub(crate) names: Names,
    pub(crate) topology: Topology,
    /// Whether something stored is looked for in vain.
    pub(crate) stuck: Arc<Stuck>,
}

/// What a client tells us beside its answers: kept for whoever wonders why there are none.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    heard: Mutex<Option<Heard>>,
}

/// What a client said last of its connections.
#[derive(Clone, Debug)]
struct Heard {
    words: String,
    /// Whether one side does not believe the other's certificate, which no waiting mends.
    is_denial: bool,
}

impl ClientContext for Quiet {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, error: KafkaError, words: &str) {
        let is_of_connections = |code: RDKafkaErrorCode| {
            !matches!(code, RDKafkaErrorCode::PartitionEOF | RDKafkaErrorCode::AllBrokersDown)
        };
        let KafkaError::Global(code) = error else { return };
        if is_of_connections(code) {
            // The server's own refusal comes as an alert on a connection that then fails.
            let is_denial = code == RDKafkaErrorCode::SSL || words.contains("SSL alert");
            let heard = Heard { words: words.into(), is_denial };
            *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(heard);
        }
    }
}

impl Quiet {
    fn heard(&self) -> Option<Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ConsumerContext for Quiet {}

/// A consumer of ours.
pub(crate) type Consumer = BaseConsumer<Quiet>;

/// How long one question about the servers' topics may take.
const SLICE: Duration = Duration::from_millis(500);

/// How long one question about where a partition ends may take.
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);

/// Between two such questions.
const PAUSE: Duration = Duration::from_millis(20);

/// What a client says of a connection that fails is looked through as far as this.
const WORDS_MAX: usize = 1000;

/// How long a fetch waits at the server for more. A partition that is added meanwhile waits too.
const FETCH_WAIT_MS: &str = "20";

impl Cluster {
    pub(crate) fn new(options: Options) -> Self {
        let names = Names::new(&options.prefix);
        Self { options, names, topology: Topology::shipped(), stuck: Arc::default() }
    }

    pub(crate) const fn patience(&self) -> Duration {
        self.options.patience
    }

    /// How long the servers keep a transaction open whose writer is gone.
    fn open_for(&self) -> Duration {
        // Longer than we wait: the server ends a transaction only once we gave up on it.
        (self.patience() * 2).max(Duration::from_secs(10))
    }

    /// How long what is stored may be undecided: by then the servers have ended whatever was left open,
    /// which they look for every ten seconds.
    pub(crate) fn undecided_for(&self) -> Duration {
        self.open_for() + Duration::from_secs(15)
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        let silence_ms = (self.patience().as_millis() / 6).clamp(1_000, 10_000);
        // A server that is silent is given up for another well before our own patience ends. Left
        // alone, a client with transactions waits as long as the server keeps one open.
        let _ = config.set("socket.timeout.ms", silence_ms.to_string());
        for (name, value) in self.options.settings.iter() {
            let _ = config.set(name, value);
        }
        let _ = config
            .set("bootstrap.servers", &self.options.brokers)
            .set("client.id", format!("blotter-{}", self.options.name))
            // A server that comes back is found at once, not after ten seconds.
            .set("reconnect.backoff.ms", "20")
            .set("reconnect.backoff.max.ms", "500")
            .set("topic.metadata.refresh.interval.ms", "30000");
        config
    }

    /// A consumer of what is committed. It belongs to no group: readers read everything, and where
    /// they are is theirs to keep.
    ///
    /// It learns of all topics at once. One that it has yet to learn of it looks for only once a second,
    /// and a walk meets a dozen, one after the other.
    pub(crate) fn consumer(&self) -> Result<Consumer, KafkaBusError> {
        let consumer = self.consumer_at("read_committed")?;
        // Servers that do not answer are told of by whoever reads.
        let _ = consumer.fetch_metadata(None, SLICE);
        Ok(consumer)
    }

    /// A consumer that sees what is not decided yet: only asked how far a topic goes.
    pub(crate) fn observer(&self) -> Result<Consumer, KafkaBusError> {
        self.consumer_at("read_uncommitted")
    }

    fn consumer_at(&self, isolation: &str) -> Result<Consumer, KafkaBusError> {
        let mut config = self.config();
        let _ = config
            // Nothing is kept there; the client wants a name before it reads.
            .set("group.id", format!("{}.readers", self.options.prefix))
            .set("isolation.level", isolation)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            // What is not there any more is an error, never stepped over.
            .set("auto.offset.reset", "error")
            .set("check.crcs", "true")
            .set("allow.auto.create.topics", "false")
            .set("fetch.wait.max.ms", FETCH_WAIT_MS)
            .set("fetch.error.backoff.ms", "50")
            .set("queued.max.messages.kbytes", "8192");
        config.create_with_context(Quiet::default()).map_err(settings)
    }

    /// What the servers hold: asked until they answer, or say that they do not believe who we are.
    pub(crate) fn metadata(&self, observer: &Consumer) -> Result<Metadata, KafkaBusError> {
        let mut left = self.patience();
        loop {
            let slice = left.min(SLICE);
            match observer.fetch_metadata(None, slice) {
                Ok(metadata) => return Ok(metadata),
                Err(error) => {
                    // That servers do not believe who we are is said beside the answers.
                    // Each look takes one word of many, and says nothing of those that are but logged.
                    for spoken in (0..WORDS_MAX).filter_map(|_| observer.poll(Duration::ZERO)) {
                        spoken.map(drop).or_else(|error| self.unless_denied(&error))?;
                    }
                    let heard = observer.context().heard();
                    if let Some(Heard { words: why, is_denial: true }) = heard {
                        return Err(KafkaBusError::Denied { why });
                    }
                    left -= slice;
                    if left.is_zero() || !self.is_passing(&error) {
                        return Err(match (self.sorted(&error), heard) {
                            // What was said beside the answers says more than that there are none.
                            (KafkaBusError::Unreachable { brokers, .. }, Some(heard)) => {
                                KafkaBusError::Unreachable { brokers, why: heard.words }
                            }
                            (error, _) => error,
                        });
                    }
                }
            }
        }
    }

    /// Where a partition begins and ends, as the consumer is shown it: asked until there is an answer. A
    /// server that has just come back says at once that it leads nothing yet.
    pub(crate) fn reach(
        &self,
        consumer: &Consumer,
        topic: &str,
        partition: i32,
    ) -> Result<(i64, i64), KafkaError> {
        let asked_at = now();
        loop {
            let left = self.patience().saturating_sub(now().saturating_duration_since(asked_at));
            match consumer.fetch_watermarks(topic, partition, left.clamp(PAUSE, ANSWER_PATIENCE)) {
                Err(error) if self.may_pass(&error) && left > PAUSE => {
                    std::thread::park_timeout(PAUSE);
                }
                answered => return answered,
            }
        }
    }

    /// Whether what servers say may be otherwise in a moment; that a topic is not there is not.
    fn may_pass(&self, error: &KafkaError) -> bool {
        !is_missing(error) && self.is_passing(error)
    }

    fn unless_denied(&self, error: &KafkaError) -> Result<(), KafkaBusError> {
        match self.sorted(error) {
            denied @ KafkaBusError::Denied { .. } => Err(denied),
            _ => Ok(()),
        }
    }

    fn is_passing(&self, error: &KafkaError) -> bool {
        matches!(self.sorted(error), KafkaBusError::Unreachable { .. })
    }

    /// A producer whose transactions carry the name the bus was opened under.
    pub(crate) fn producer(
        &self,
        reports: Reports,
    ) -> Result<ThreadedProducer<Reports>, KafkaBusError> {
        let mut config = self.config();
        let patience_ms = self.patience().as_millis();
        let _ = config
            .set("transactional.id", self.names.transactional_id(&self.options.name))
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "0")
            .set("transaction.timeout.ms", self.open_for().as_millis().to_string())
            .set("message.timeout.ms", patience_ms.max(1_000).to_string());
        config.create_with_context(reports).map_err(settings)
    }

    pub(crate) fn admin(&self) -> Result<AdminClient<DefaultClientContext>, KafkaBusError> {
        self.config().create().map_err(settings)
    }

    /// That there is no bus to read.
    pub(crate) fn absent(&self, why: &'static str) -> KafkaBusError {
        let (brokers, topic) = (self.options.brokers.clone(), self.names.order().into());
        KafkaBusError::Absent { brokers, topic, why }
    }

    /// Sorts what a client says.
    pub(crate) fn sorted(&self, error: &KafkaError) -> KafkaBusError {
        let why = said(error);
        let code = match error {
            // What a server answers for one of several topics, which the client does not take for a code.
            KafkaError::AdminOp(code) => Some(*code),
            other => other.rdkafka_error_code(),
        };
        match code {
            Some(
                RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed
                | RDKafkaErrorCode::GroupAuthorizationFailed
                | RDKafkaErrorCode::TransactionalIdAuthorizationFailed
                | RDKafkaErrorCode::SaslAuthenticationFailed
                | RDKafkaErrorCode::Authentication
                | RDKafkaErrorCode::SSL,
            ) => KafkaBusError::Denied { why },
            Some(RDKafkaErrorCode::UnsupportedVersion | RDKafkaErrorCode::UnsupportedFeature) => {
                KafkaBusError::Unsupported { what: "what a unit needs", why }
            }
            Some(
                RDKafkaErrorCode::Fenced
                | RDKafkaErrorCode::ProducerFenced
                | RDKafkaErrorCode::InvalidProducerEpoch,
            ) => KafkaBusError::Fenced { name: self.options.name.clone() },
            _ => KafkaBusError::Unreachable { brokers: self.options.brokers.clone(), why },
        }
    }
}

/// Whether a topic or partition is not there, as far as was heard.
pub(crate) fn is_missing(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition
        )
    )
}

/// A client's own words.
pub(crate) fn said(error: &KafkaError) -> String {
    match error {
        KafkaError::Transaction(error) => error.string(),
        other => other.to_string(),
    }
}

/// Names the setting that is refused and never its value, which may be a password.
#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn settings(error: KafkaError) -> KafkaBusError {
    let why = match &error {
        KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, _, name, _) => {
            format!("it knows no setting `{name}`")
        }
        KafkaError::ClientConfig(_, _, name, _) => {
            format!("it takes no such value for `{name}`, or was built without what it needs")
        }
        other => other.to_string(),
    };
    KafkaBusError::Settings { why }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for an answer of the administration's client, which has a thread of its own to give it.
pub(crate) fn wait_for<T>(answer: impl Future<Output = T>) -> T {
    let mut answer = pin!(answer);
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = Context::from_waker(&waker);
    loop {
        match answer.as_mut().poll(&mut context) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::{
        mocking::MockCluster,
        types::{RDKafkaApiKey, RDKafkaRespErr},
    };

    use super::*;

    /// A server that restarts leads its partitions again only after a moment.
    #[test]
    fn servers_that_lead_nothing_yet_are_asked_again() {
        let servers = MockCluster::new(1).unwrap();
        servers.create_topic("prices", 1, 1).unwrap();
        let options = Options::new(&servers.bootstrap_servers(), "blotter", "test");
        let cluster = Cluster::new(options);
        let observer = cluster.observer().unwrap();
        let leads_nothing = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION; 12];
        servers.request_errors(RDKafkaApiKey::ListOffsets, &leads_nothing);
        assert_eq!(cluster.reach(&observer, "prices", 0).unwrap(), (0, 0));
        assert!(cluster.reach(&observer, "missing", 0).is_err());
    }
}
