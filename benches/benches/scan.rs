//! Reading everything from the page cache, every checksum computed: the log's reader against a
//! memory map of a bare file.

use std::path::Path;

use anyhow::ensure;
use benches::{BODY_BYTES, BareFile, Better, median, open_log, report, scan_map, stopwatch, ticks};
use bus::Bus as _;
use bus_log::LogReader;

const ROUNDS: usize = 11;
const BATCHES: u64 = 300;
const EVENTS: u64 = 1000;
const CAPACITY: u64 = 96 << 20;

fn main() -> anyhow::Result<()> {
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let (dir, path) = (home.path().join("log"), home.path().join("bare"));
    let mut log = open_log(&dir, CAPACITY)?;
    let mut bare = BareFile::create(&path, CAPACITY)?;
    for batch in 0..BATCHES {
        let unit = ticks(batch * EVENTS + 1, EVENTS)?;
        bare.commit(unit.outputs.iter().map(|record| record.bytes().as_ref()))?;
        let _ = log.commit(&[unit])?;
    }
    log.close()?;
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        own.push(rate(|| scan_log(&dir))?);
        other.push(rate(|| scan_map(&path, bare.written()))?);
    }
    report("scan", "events/s", Better::Higher, median(&own), ("mmap", median(&other)));
    Ok(())
}

fn rate(scan: impl FnOnce() -> anyhow::Result<u64>) -> anyhow::Result<f64> {
    let mut bytes = 0;
    let took = stopwatch(|| {
        bytes = scan()?;
        Ok(())
    })?;
    ensure!(bytes == BATCHES * EVENTS * BODY_BYTES as u64, "every event is read");
    Ok((BATCHES * EVENTS) as f64 / took.as_secs_f64())
}

/// Bytes of all bodies, through the reader that everything else uses.
fn scan_log(dir: &Path) -> anyhow::Result<u64> {
    let mut reader = LogReader::open(dir)?;
    let mut bytes = 0;
    while reader.visit_batch(|raw| -> anyhow::Result<()> {
        bytes += raw.body.len() as u64;
        Ok(())
    })? {}
    Ok(bytes)
}
