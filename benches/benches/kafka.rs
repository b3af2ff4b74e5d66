//! The engine over Kafka against the raw client: the same settings, messages and transactions, on the
//! same server in the same run, by turns. Then what the promises cost over producing without any.

use std::{
    cell::Cell,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use benches::{Better, median, report, stopwatch, ticks};
use bus::{Bus as _, Progress, Record, Unit};
use bus_kafka::{Durability, KafkaBus, Names, Options};
use event::{Family, Timestamp};
use rdkafka::{
    ClientConfig, ClientContext, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::RDKafkaErrorCode,
    message::DeliveryResult,
    producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer},
};
use servers::{KafkaServer, KafkaSettings};

const ROUNDS: u64 = 9;
/// Events of a unit that fills a transaction.
const EVENTS: u64 = 999;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> anyhow::Result<()> {
    for (class, sync_always) in [("fsync", true), ("lazy", false)] {
        let server = KafkaServer::start(KafkaSettings { sync_always, ..KafkaSettings::default() })?;
        let mut own = open(&server, &format!("own-{class}"))?;
        ensure!((own.durability() == Durability::Fsync) == sync_always);
        let raw = Raw::connect(&server, &format!("raw-{class}"))?;
        lone(class, "event", &mut own, &raw)?;
        lone(class, "unit", &mut own, &raw)?;
        batches(class, &mut own, &raw)?;
        if class == "lazy" {
            consume(&mut own, &raw)?;
            unpromised(&mut own, &raw)?;
        }
    }
    Ok(())
}

fn open(server: &KafkaServer, prefix: &str) -> anyhow::Result<KafkaBus> {
    let options = Options {
        accept_lazy: true,
        patience: PATIENCE,
        ..Options::new(&server.brokers(), prefix, "bench")
    };
    Ok(KafkaBus::open(options, || Timestamp(1_732_000_000_000_000_000))?)
}

/// Units of one event, one after the other: alone, or with a progress record.
fn lone(class: &str, what: &str, own: &mut KafkaBus, raw: &Raw) -> anyhow::Result<()> {
    const UNITS: u64 = 300;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut first = own.high_water(source()?) + 1;
    for round in 0..ROUNDS {
        for at in 0..UNITS {
            let unit = Unit { mark: (what == "unit").then_some(first), ..ticks(first, 1)? };
            first += 1;
            for turn in 0..2 {
                if (turn + at + round) % 2 == 0 {
                    ours.push(micros(|| commit(own, &unit))?);
                } else {
                    theirs.push(micros(|| raw.commit(&unit))?);
                }
            }
        }
    }
    let (ours_p50, theirs_p50) = (median(&ours), median(&theirs));
    let name = |figure: &str| format!("kafka_{what}{figure}_{class}");
    report(&name("_p50"), "us", Better::Lower, ours_p50, ("rdkafka", theirs_p50));
    let added = (ours_p50 - theirs_p50).max(0.1);
    report(&name("_p50_added"), "us", Better::Lower, added, ("20 us", 20.0));
    let rate = |micros: &[f64]| micros.len() as f64 * 1e6 / micros.iter().sum::<f64>();
    report(&name(""), "units/s", Better::Higher, rate(&ours), ("rdkafka", rate(&theirs)));
    Ok(())
}

/// Units that fill transactions: roots as ingress commits them.
fn batches(class: &str, own: &mut KafkaBus, raw: &Raw) -> anyhow::Result<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut first = own.high_water(source()?) + 1;
    for round in 0..ROUNDS {
        let units = filled(&mut first)?;
        for turn in 0..2 {
            let (rates, took) = if (turn + round) % 2 == 0 {
                let all = || units.iter().try_for_each(|unit| commit(own, unit));
                (&mut ours, stopwatch(all)?)
            } else {
                let all = || units.iter().try_for_each(|unit| raw.commit(unit));
                (&mut theirs, stopwatch(all)?)
            };
            rates.push((units.len() as u64 * EVENTS) as f64 / took.as_secs_f64());
        }
    }
    let (name, theirs) = (format!("kafka_publish_{class}"), median(&theirs));
    report(&name, "events/s", Better::Higher, median(&ours), ("rdkafka", theirs));
    Ok(())
}

/// Every event once, from the beginning. Ours come in the total order and are checked; the raw client
/// takes them partition by partition, as they come, and looks at nothing.
fn consume(own: &mut KafkaBus, raw: &Raw) -> anyhow::Result<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (entries, events) = (own.next_index(), own.high_water(source()?));
    for round in 0..ROUNDS {
        for turn in 0..2 {
            if (turn + round) % 2 == 0 {
                // A client takes a tenth of a second to end, which is no part of reading.
                let mut reader = None;
                let took = stopwatch(|| {
                    let reader = reader.insert(own.reader()?);
                    let mut seen = 0;
                    while seen < entries {
                        seen += reader.next_entries()?.len() as u64;
                    }
                    Ok(())
                })?;
                ours.push(events as f64 / took.as_secs_f64());
            } else {
                let mut consumer = None;
                let took = stopwatch(|| raw.consume(events, &mut consumer))?;
                theirs.push(events as f64 / took.as_secs_f64());
            }
        }
    }
    let baseline = ("rdkafka, by partition and not in order", median(&theirs));
    report("kafka_consume", "events/s", Better::Higher, median(&ours), baseline);
    Ok(())
}

/// What exactly once in one order costs over producing without transactions.
fn unpromised(own: &mut KafkaBus, raw: &Raw) -> anyhow::Result<()> {
    let mut rates: [Vec<f64>; 2] = Default::default();
    let [ours, acked] = &mut rates;
    let mut first = own.high_water(source()?) + 1;
    let plain = producer(&raw.brokers, None)?;
    for _ in 0..ROUNDS {
        let units = filled(&mut first)?;
        let rate = |took: Duration| (units.len() as u64 * EVENTS) as f64 / took.as_secs_f64();
        ours.push(rate(stopwatch(|| units.iter().try_for_each(|unit| commit(own, unit)))?));
        acked.push(rate(stopwatch(|| {
            for unit in &units {
                raw.send(&plain, &unit.outputs)?;
            }
            plain.context().await_all()
        })?));
    }
    let [ours, acked] = rates.map(|of| median(&of));
    let acked = ("rdkafka, idempotent and pipelined, at least once and in no order", acked);
    report("kafka_exactly_once", "events/s", Better::Higher, ours, acked);
    Ok(())
}

fn commit(own: &mut KafkaBus, unit: &Unit) -> anyhow::Result<()> {
    Ok(own.commit(std::slice::from_ref(unit)).map(drop)?)
}

fn filled(first: &mut u64) -> anyhow::Result<Vec<Unit>> {
    const UNITS: u64 = 20;
    let units = (0..UNITS).map(|number| {
        let from = *first + number * EVENTS;
        Ok(Unit { mark: Some(from), ..ticks(from, EVENTS)? })
    });
    let units = units.collect::<anyhow::Result<Vec<_>>>()?;
    *first += UNITS * EVENTS;
    Ok(units)
}

fn source() -> anyhow::Result<event::Source> {
    Ok(event::Source::new("file/0123456789ab")?)
}

fn micros(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    Ok(stopwatch(work)?.as_secs_f64() * 1e6)
}

/// What is on its way.
#[derive(Clone, Copy, Debug, Default)]
struct Underway {
    pending: u64,
    refused: u64,
}

/// Counts what the servers have, and wakes who waits for them.
#[derive(Clone, Debug, Default)]
struct Count(Arc<(Mutex<Underway>, Condvar)>);

impl Count {
    fn underway(&self) -> MutexGuard<'_, Underway> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until everything that was sent is answered.
    fn await_all(&self) -> anyhow::Result<()> {
        let pending = |underway: &mut Underway| underway.pending > 0;
        let waited = self.0.1.wait_while(self.underway(), pending);
        ensure!(waited.unwrap_or_else(PoisonError::into_inner).refused == 0, "refused");
        Ok(())
    }
}

impl ClientContext for Count {}

impl ProducerContext for Count {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let mut underway = self.underway();
        underway.refused += u64::from(result.is_err());
        underway.pending -= 1;
        if underway.pending == 0 {
            self.0.1.notify_all();
        }
    }
}

type Producer = ThreadedProducer<Count>;

/// The client as one would use it by hand.
struct Raw {
    brokers: String,
    names: Names,
    transactions: Producer,
    /// Events that are committed.
    events: Cell<u64>,
}

impl Raw {
    fn connect(server: &KafkaServer, prefix: &str) -> anyhow::Result<Self> {
        // Its topics are made as ours are.
        drop(open(server, prefix)?);
        let (brokers, names) = (server.brokers(), Names::new(prefix));
        let transactions = producer(&brokers, Some(&format!("{prefix}.raw")))?;
        transactions.init_transactions(PATIENCE)?;
        Ok(Self { brokers, names, transactions, events: Cell::new(0) })
    }

    /// A unit in a transaction: its events, and once their offsets are known, one entry of the topic
    /// that holds the order.
    fn commit(&self, unit: &Unit) -> anyhow::Result<()> {
        let producer = &self.transactions;
        producer.begin_transaction()?;
        self.send(producer, &unit.outputs)?;
        producer.context().await_all()?;
        let last = unit.outputs.last().map_or(0, |record| record.header().source_seq);
        let mut entry = vec![0_u8; 64 + unit.outputs.len() * 2];
        entry.extend(Progress::of(unit, last).map(|p| p.to_bytes()).unwrap_or_default());
        let record = BaseRecord::to(self.names.order()).partition(0);
        let record = record.key(b"entry".as_slice()).payload(entry.as_slice());
        put(producer, record)?;
        producer.context().await_all()?;
        // Committing at once waits for a tenth of a second: the client is not done counting.
        while producer.in_flight_count() > 0 {
            std::thread::yield_now();
        }
        producer.commit_transaction(PATIENCE)?;
        self.events.set(self.events.get() + unit.outputs.len() as u64);
        Ok(())
    }

    fn send(&self, producer: &Producer, records: &[Record]) -> anyhow::Result<()> {
        let topic = self.names.of(Family::Market);
        for record in records {
            let header = record.header();
            let partition = i32::from(header.partition);
            let to = BaseRecord::to(topic).partition(partition);
            put(producer, to.key(header.key.as_bytes()).payload(record.bytes().as_ref()))?;
        }
        Ok(())
    }

    fn consume(&self, events: u64, slot: &mut Option<BaseConsumer>) -> anyhow::Result<()> {
        let mut config = ClientConfig::new();
        let consumer: &BaseConsumer = slot.insert(
            config
                .set("bootstrap.servers", &self.brokers)
                .set("group.id", "raw")
                .set("isolation.level", "read_committed")
                .set("enable.auto.commit", "false")
                .set("fetch.wait.max.ms", "20")
                .create()?,
        );
        // As ours: a topic it has yet to learn of it looks for only once a second.
        let _ = consumer.fetch_metadata(None, PATIENCE)?;
        let mut all = TopicPartitionList::new();
        for partition in 0..16 {
            let topic = self.names.of(Family::Market);
            all.add_partition_offset(topic, partition, Offset::Beginning)?;
        }
        consumer.assign(&all)?;
        for _ in 0..events.min(self.events.get()) {
            let _ = consumer.poll(PATIENCE).context("a message")??;
        }
        Ok(())
    }
}

/// A producer with the settings that the engine's has.
fn producer(brokers: &str, transactional_id: Option<&str>) -> anyhow::Result<Producer> {
    let mut config = ClientConfig::new();
    let _ = config
        .set("bootstrap.servers", brokers)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", "0");
    if let Some(id) = transactional_id {
        let _ = config.set("transactional.id", id);
    }
    Ok(config.create_with_context(Count::default())?)
}

fn put(producer: &Producer, record: BaseRecord<'_, [u8], [u8]>) -> anyhow::Result<()> {
    let mut record = record;
    producer.context().underway().pending += 1;
    while let Err((error, back)) = producer.send(record) {
        ensure!(error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull), "{error}");
        record = back;
        std::thread::yield_now();
    }
    Ok(())
}
