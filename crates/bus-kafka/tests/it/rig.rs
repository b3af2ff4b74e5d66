//! A bus on a server, and what can happen to it.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bus::{Bus, Entry, Record, Topology, Unit, conformance::Rig};
use bus_kafka::{KafkaBus, Names, Options};
use event::Timestamp;
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use servers::KafkaServer;

/// What a test needs of a bus: topics of its own.
pub(crate) fn options(brokers: &str) -> Options {
    static PREFIXES: AtomicU64 = AtomicU64::new(0);
    let number = PREFIXES.fetch_add(1, Ordering::Relaxed);
    let prefix = format!("t{}-{number}", std::process::id());
    Options { accept_lazy: true, ..Options::new(brokers, &prefix, "writer") }
}

#[expect(clippy::disallowed_methods, reason = "the wall clock of a driver")]
pub(crate) fn wall_clock() -> Timestamp {
    Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i64)
}

pub(crate) fn open(options: &Options) -> KafkaBus {
    KafkaBus::open(options.clone(), wall_clock).unwrap()
}

/// Writes as a stranger does, and waits until it is stored.
pub(crate) fn publish(options: &Options, topic: &str, partition: i32, key: &str, payload: &[u8]) {
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", &options.brokers).create().unwrap();
    let record = BaseRecord::to(topic).partition(partition).key(key).payload(payload);
    producer.send(record).unwrap();
    producer.flush(Duration::from_secs(30)).unwrap();
}

/// A bus on the server that the tests of this process share.
pub(crate) struct OnKafka {
    bus: Option<KafkaBus>,
    pub(crate) options: Options,
}

impl OnKafka {
    pub(crate) fn new() -> Self {
        let options = options(&KafkaServer::shared().unwrap());
        Self { bus: Some(open(&options)), options }
    }

    fn start(&mut self) {
        self.bus = Some(open(&self.options));
    }
}

impl Drop for OnKafka {
    fn drop(&mut self) {
        self.bus = None;
        if !std::thread::panicking() {
            delete_topics(&self.options);
        }
    }
}

impl Rig for OnKafka {
    fn bus(&mut self) -> &mut dyn Bus {
        self.bus.as_mut().unwrap()
    }

    fn topology(&self) -> Topology {
        Topology::shipped()
    }

    fn restart(&mut self) {
        self.bus.as_mut().unwrap().close().unwrap();
        self.start();
    }

    fn crash(&mut self) {
        // The old one still lives when its name is taken over.
        let old = self.bus.take();
        self.start();
        drop(old);
    }

    fn recreate(&mut self) {
        self.bus = None;
        delete_topics(&self.options);
        self.start();
    }

    /// As an operator restores a backup: topics made anew, of the same life, filled with a part.
    fn rewind_to(&mut self, index: u64) {
        let mut bus = self.bus.take().unwrap();
        let entries = bus.read(0, index as usize).unwrap();
        let incarnation = bus.incarnation();
        drop(bus);
        delete_topics(&self.options);
        self.options.incarnation = Some(incarnation);
        self.start();
        let _ = self.bus().commit(&units_of(&entries)).unwrap();
    }

    fn fill(&mut self) {
        // A market event of the samples has some 150 bytes, another event about as many.
        self.bus.as_ref().unwrap().set_room(Some(8_000));
    }

    fn intrude(&mut self, bytes: &[u8]) -> bool {
        publish(&self.options, Names::new(&self.options.prefix).order(), 0, "who", bytes);
        while self.bus().adopt().unwrap() == 0 {}
        true
    }

    fn is_predictable(&self) -> bool {
        false
    }
}

/// The units that entries came from; each ends with its progress record.
fn units_of(entries: &[Entry]) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut outputs: Vec<Record> = Vec::new();
    for entry in entries {
        match entry {
            Entry::Foreign(_) => {}
            Entry::Event(event) => outputs.push(event.record.clone()),
            Entry::Progress { progress, .. } => units.push(Unit {
                source: progress.source,
                outputs: std::mem::take(&mut outputs),
                consumed: progress.consumed.clone(),
                timers: progress.timers().collect(),
                mark: progress.mark,
                epoch: progress.epoch,
                claim: progress.claim,
            }),
        }
    }
    if let Some(last) = outputs.last() {
        units.push(Unit::of_roots(last.header().source, outputs));
    }
    units
}

/// Removes a bus's topics and waits until they are gone.
pub(crate) fn delete_topics(options: &Options) {
    let names = Names::new(&options.prefix);
    delete(&options.brokers, &names.all().collect::<Vec<_>>());
}

pub(crate) fn delete(brokers: &str, topics: &[&str]) {
    let mut config = ClientConfig::new();
    let config = config.set("bootstrap.servers", brokers);
    let admin: AdminClient<DefaultClientContext> = config.create().unwrap();
    let patience = Duration::from_secs(30);
    let asked = AdminOptions::new().operation_timeout(Some(patience));
    let _ = block_on(admin.delete_topics(topics, &asked)).unwrap();
    let look: BaseConsumer = config.create().unwrap();
    loop {
        let metadata = look.fetch_metadata(None, patience).unwrap();
        if metadata.topics().iter().all(|topic| !topics.contains(&topic.name())) {
            return;
        }
        std::thread::yield_now();
    }
}

pub(crate) fn block_on<T>(answer: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut answer = std::pin::pin!(answer);
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    loop {
        match answer.as_mut().poll(&mut context) {
            std::task::Poll::Ready(answer) => return answer,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}
