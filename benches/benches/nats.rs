//! The engine over NATS against the raw client: the same headers, batches, fences and class, on the
//! same server in the same run, by turns. Then what the promises cost over publishing without any.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use async_nats::{Client, HeaderMap, jetstream};
use benches::{Better, median, report, stopwatch, ticks};
use bus::{Bus as _, Class, Progress, Unit};
use bus_nats::{NatsBus, Options};
use futures_util::StreamExt as _;
use servers::{NatsServer, Settings};
use tokio::runtime::Runtime;

const ROUNDS: u64 = 9;

fn main() -> anyhow::Result<()> {
    for (class, settings) in [("fsync", Settings::fsync()), ("lazy", Settings::default())] {
        let server = NatsServer::start(settings)?;
        let mut own = open(&server, &format!("OWN-{class}"))?;
        ensure!((own.class() == Class::Fsync) == (class == "fsync"));
        let raw = Raw::connect(&server, &format!("RAW-{class}"))?;
        if !std::env::args().any(|argument| argument == "consume") {
            lone(class, "event", &mut own, &raw)?;
            lone(class, "unit", &mut own, &raw)?;
        }
        batches(class, &mut own, &raw)?;
        if class == "lazy" {
            consume(&mut own, &raw)?;
            unpromised(&mut own, &raw)?;
        }
    }
    Ok(())
}

fn open(server: &NatsServer, prefix: &str) -> anyhow::Result<NatsBus> {
    Ok(NatsBus::open(Options {
        prefix: prefix.into(),
        monitor: Some(server.monitor_url()),
        accept_lazy: true,
        ..Options::new(&server.url())
    })?)
}

/// Units of one event, one after the other: alone, which is one message, or with a progress record,
/// which is a batch.
fn lone(class: &str, what: &str, own: &mut NatsBus, raw: &Raw) -> anyhow::Result<()> {
    const UNITS: u64 = 100;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut first = own.high_water(source()?) + 1;
    for round in 0..ROUNDS {
        for at in 0..UNITS {
            let unit = Unit { mark: (what == "unit").then_some(first), ..ticks(first, 1)? };
            first += 1;
            for turn in 0..2 {
                if (turn + at + round) % 2 == 0 {
                    ours.push(micros(|| {
                        own.commit(std::slice::from_ref(&unit)).map(drop).map_err(Into::into)
                    })?);
                } else {
                    theirs.push(micros(|| raw.commit(std::slice::from_ref(&unit)))?);
                }
            }
        }
    }
    let (ours_p50, theirs_p50) = (median(&ours), median(&theirs));
    let name = |figure: &str| format!("nats_{what}{figure}_{class}");
    report(&name("_p50"), "us", Better::Lower, ours_p50, ("async-nats", theirs_p50));
    let added = (ours_p50 - theirs_p50).max(0.1);
    report(&name("_p50_added"), "us", Better::Lower, added, ("20 us", 20.0));
    let rate = |micros: &[f64]| micros.len() as f64 * 1e6 / micros.iter().sum::<f64>();
    report(&name(""), "units/s", Better::Higher, rate(&ours), ("async-nats", rate(&theirs)));
    Ok(())
}

/// Units that fill batches: roots as ingress commits them.
fn batches(class: &str, own: &mut NatsBus, raw: &Raw) -> anyhow::Result<()> {
    const BATCHES: u64 = 20;
    const EVENTS: u64 = 999;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut first = own.high_water(source()?) + 1;
    for round in 0..ROUNDS {
        let units = (0..BATCHES)
            .map(|batch| {
                let from = first + batch * EVENTS;
                Ok(Unit { mark: Some(from), ..ticks(from, EVENTS)? })
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        first += BATCHES * EVENTS;
        for turn in 0..2 {
            let took = if (turn + round) % 2 == 0 {
                (
                    &mut ours,
                    stopwatch(|| {
                        units.iter().try_for_each(|unit| {
                            own.commit(std::slice::from_ref(unit)).map(drop).map_err(Into::into)
                        })
                    })?,
                )
            } else {
                (
                    &mut theirs,
                    stopwatch(|| {
                        units.iter().try_for_each(|unit| raw.commit(std::slice::from_ref(unit)))
                    })?,
                )
            };
            took.0.push((BATCHES * EVENTS) as f64 / took.1.as_secs_f64());
        }
    }
    let name = format!("nats_publish_{class}");
    let theirs = median(&theirs);
    report(&name, "events/s", Better::Higher, median(&ours), ("async-nats", theirs));
    Ok(())
}

/// Everything once, from the beginning.
fn consume(own: &mut NatsBus, raw: &Raw) -> anyhow::Result<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let entries = own.next_index();
    for round in 0..ROUNDS {
        for turn in 0..2 {
            if (turn + round) % 2 == 0 {
                let took = stopwatch(|| {
                    let mut reader = own.reader()?;
                    let mut seen = 0;
                    while seen < entries {
                        seen += reader.next_entries()?.len() as u64;
                    }
                    Ok(())
                })?;
                ours.push(entries as f64 / took.as_secs_f64());
            } else {
                let took = stopwatch(|| raw.consume(entries))?;
                theirs.push(entries as f64 / took.as_secs_f64());
            }
        }
    }
    let theirs = median(&theirs);
    let baseline = ("async-nats ordered consumer", theirs);
    report("nats_consume", "entries/s", Better::Higher, median(&ours), baseline);
    Ok(())
}

/// What exactly once costs over publishing into the stream without fences, batches or ids.
fn unpromised(own: &mut NatsBus, raw: &Raw) -> anyhow::Result<()> {
    const EVENTS: u64 = 999;
    const BATCHES: u64 = 20;
    let mut rates: [Vec<f64>; 3] = Default::default();
    let [ours, acked, forgotten] = &mut rates;
    let mut first = own.high_water(source()?) + 1;
    for _ in 0..ROUNDS {
        let units = (0..BATCHES).map(|batch| ticks(first + batch * EVENTS, EVENTS));
        let units = units.collect::<anyhow::Result<Vec<_>>>()?;
        first += BATCHES * EVENTS;
        let rate = |took: Duration| (BATCHES * EVENTS) as f64 / took.as_secs_f64();
        ours.push(rate(stopwatch(|| {
            units.iter().try_for_each(|unit| {
                own.commit(std::slice::from_ref(unit)).map(drop).map_err(Into::into)
            })
        })?));
        acked.push(rate(stopwatch(|| raw.pipelined(&units))?));
        forgotten.push(rate(stopwatch(|| raw.forgotten(&units))?));
    }
    let [ours, acked, forgotten] = rates.map(|of| median(&of));
    let name = "nats_exactly_once";
    let acked = ("async-nats, pipelined acks, at least once and out of order after a retry", acked);
    report(name, "events/s", Better::Higher, ours, acked);
    let forgotten = ("async-nats, fire and forget, which loses", forgotten);
    report(name, "events/s", Better::Higher, ours, forgotten);
    Ok(())
}

fn source() -> anyhow::Result<event::Source> {
    Ok(event::Source::new("file/0123456789ab")?)
}

fn micros(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    Ok(stopwatch(work)?.as_secs_f64() * 1e6)
}

/// The client as one would use it by hand.
struct Raw {
    runtime: Runtime,
    client: Client,
    prefix: String,
    next: std::cell::Cell<u64>,
}

impl Raw {
    fn connect(server: &NatsServer, prefix: &str) -> anyhow::Result<Self> {
        // Its stream is made as ours is.
        drop(open(server, prefix)?);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let client = runtime.block_on(async_nats::connect(server.url()))?;
        Ok(Self { runtime, client, prefix: prefix.into(), next: std::cell::Cell::new(0) })
    }

    /// One atomic batch with the headers that the engine sends.
    fn commit(&self, units: &[Unit]) -> anyhow::Result<()> {
        let mut messages = Vec::new();
        for unit in units {
            for (record, place) in unit.outputs.iter().zip(self.next.get() + 1..) {
                let mut headers = HeaderMap::new();
                let id = record.header().event_id.0;
                let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
                headers.insert("Nats-Msg-Id", id);
                headers.insert("Blotter-Sequence", place.to_string());
                messages.push((self.subject(record), headers, record.bytes().clone()));
            }
            let last = unit.outputs.last().map_or(0, |record| record.header().source_seq);
            if let Some(progress) = Progress::of(unit, last) {
                let mut headers = HeaderMap::new();
                headers.insert("Nats-Msg-Id", format!("{}@{last}", unit.source));
                let subject = format!("{}.progress.$.file.0123456789ab", self.prefix);
                messages.push((subject, headers, progress.to_bytes().into()));
            }
        }
        let count = messages.len();
        let id = format!("raw{}", self.next.get());
        let answer = self.runtime.block_on(async {
            for (number, (subject, mut headers, payload)) in (1..).zip(messages) {
                if count > 1 {
                    headers.insert("Nats-Batch-Id", id.as_str());
                    headers.insert("Nats-Batch-Sequence", number.to_string());
                }
                if number == 1 {
                    headers.insert("Nats-Expected-Last-Sequence", self.next.get().to_string());
                }
                if number < count {
                    self.client.publish_with_headers(subject, headers, payload).await?;
                    continue;
                }
                if count > 1 {
                    headers.insert("Nats-Batch-Commit", "1");
                }
                return Ok(self.client.request_with_headers(subject, headers, payload).await?);
            }
            anyhow::bail!("an empty batch")
        })?;
        ensure!(!answer.payload.windows(7).any(|seven| seven == b"\"error\""), "{answer:?}");
        self.next.set(self.next.get() + count as u64);
        Ok(())
    }

    fn consume(&self, entries: u64) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            let stream = jetstream::new(self.client.clone()).get_stream(&self.prefix).await?;
            let ordered = jetstream::consumer::pull::OrderedConfig::default();
            let mut messages = stream.create_consumer(ordered).await?.messages().await?;
            let mut bytes = 0;
            for _ in 0..entries {
                let message = messages.next().await.context("a message")??;
                bytes += message.payload.len();
            }
            ensure!(bytes > 0);
            Ok(())
        })
    }

    /// A thousand acknowledgements underway.
    fn pipelined(&self, units: &[Unit]) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            let context = jetstream::new(self.client.clone());
            let records = units.iter().flat_map(|unit| &unit.outputs);
            let publishing = futures_util::stream::iter(records).map(|record| {
                let sent = context.publish(self.subject(record), record.bytes().clone());
                async { Ok::<_, anyhow::Error>(sent.await?.await?) }
            });
            let mut answers = publishing.buffer_unordered(1000);
            while let Some(answer) = answers.next().await {
                self.next.set(self.next.get().max(answer?.sequence));
            }
            Ok(())
        })
    }

    /// Published and forgotten, except for the last.
    fn forgotten(&self, units: &[Unit]) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            let context = jetstream::new(self.client.clone());
            let records: Vec<_> = units.iter().flat_map(|unit| &unit.outputs).collect();
            let (last, before) = records.split_last().context("records")?;
            for record in before {
                self.client.publish(self.subject(record), record.bytes().clone()).await?;
            }
            let last = context.publish(self.subject(last), last.bytes().clone()).await?.await?;
            self.next.set(last.sequence);
            Ok(())
        })
    }

    fn subject(&self, record: &bus::Record) -> String {
        let partition = record.header().partition;
        format!("{}.market.{partition}.file.0123456789ab", self.prefix)
    }
}
