//! Durable appends, a thousand events of 256 bytes at a time: the embedded engine under its full
//! contract against a bare file, and against stores that could have been its floor.

use std::path::Path;

use anyhow::Context as _;
use benches::{BareFile, Better, median, open_log, report, stopwatch, ticks};
use bus::{Bus as _, Unit};

const ROUNDS: u64 = 9;
const BATCHES: u64 = 40;
const EVENTS: u64 = 1000;
const CAPACITY: u64 = 192 << 20;

const REDB_TABLE: redb::TableDefinition<'_, u64, &[u8]> = redb::TableDefinition::new("events");

/// A contestant: commits a batch durably.
type Commit<'a> = Box<dyn FnMut(&Unit) -> anyhow::Result<()> + 'a>;

fn main() -> anyhow::Result<()> {
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let mut contestants: Vec<(&str, Commit<'_>)> = vec![
        ("bus-log", bus_log(home.path())?),
        ("bare", bare(home.path())?),
        ("redb 4.6", redb(home.path())?),
        ("fjall 3.1", fjall(home.path())?),
        ("sled 0.34.7, which makes no fsync", sled(home.path())?),
    ];
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); contestants.len()];
    for round in 0..ROUNDS {
        let batches = (0..BATCHES)
            .map(|batch| ticks((round * BATCHES + batch) * EVENTS + 1, EVENTS))
            .collect::<anyhow::Result<Vec<_>>>()?;
        // Who goes first changes from round to round.
        for turn in 0..contestants.len() {
            let at = (turn + round as usize) % contestants.len();
            let (_, commit) = contestants.get_mut(at).context("a contestant")?;
            let took = stopwatch(|| batches.iter().try_for_each(&mut *commit))?;
            let rate = (BATCHES * EVENTS) as f64 / took.as_secs_f64();
            rates.get_mut(at).context("its rates")?.push(rate);
        }
    }
    let medians: Vec<f64> = rates.iter().map(|of| median(of)).collect();
    let own = medians.first().copied().unwrap_or(0.0);
    for ((name, _), rate) in contestants.iter().zip(&medians).skip(1) {
        report("append", "events/s", Better::Higher, own, (name, *rate));
    }
    Ok(())
}

fn bodies(unit: &Unit) -> impl Iterator<Item = (u64, &[u8])> {
    unit.outputs.iter().map(|record| (record.header().source_seq, record.bytes().as_ref()))
}

fn bus_log(home: &Path) -> anyhow::Result<Commit<'static>> {
    let mut log = open_log(&home.join("log"), CAPACITY)?;
    Ok(Box::new(move |unit| {
        let _ = log.commit(std::slice::from_ref(unit))?;
        Ok(())
    }))
}

fn bare(home: &Path) -> anyhow::Result<Commit<'static>> {
    let mut file = BareFile::create(&home.join("bare"), CAPACITY)?;
    Ok(Box::new(move |unit| Ok(file.commit(bodies(unit).map(|(_, body)| body))?)))
}

fn redb(home: &Path) -> anyhow::Result<Commit<'static>> {
    let store = redb::Database::create(home.join("redb"))?;
    Ok(Box::new(move |unit| {
        let transaction = store.begin_write()?;
        let mut table = transaction.open_table(REDB_TABLE)?;
        for (seq, body) in bodies(unit) {
            let _ = table.insert(seq, body)?;
        }
        drop(table);
        Ok(transaction.commit()?)
    }))
}

fn fjall(home: &Path) -> anyhow::Result<Commit<'static>> {
    let store = fjall::Database::builder(home.join("fjall")).open()?;
    let events = store.keyspace("events", fjall::KeyspaceCreateOptions::default)?;
    Ok(Box::new(move |unit| {
        let mut batch = store.batch();
        for (seq, body) in bodies(unit) {
            batch.insert(&events, seq.to_be_bytes(), body);
        }
        batch.commit()?;
        Ok(store.persist(fjall::PersistMode::SyncData)?)
    }))
}

fn sled(home: &Path) -> anyhow::Result<Commit<'static>> {
    let store = sled::open(home.join("sled"))?;
    Ok(Box::new(move |unit| {
        let mut batch = sled::Batch::default();
        for (seq, body) in bodies(unit) {
            batch.insert(&seq.to_be_bytes(), body);
        }
        store.apply_batch(batch)?;
        let _ = store.flush()?;
        Ok(())
    }))
}
