//! Reading everything from the page cache, every checksum computed: the log's reader against a
//! memory map of a bare file.

use std::{fs::File, path::Path};

use anyhow::{Context as _, ensure};
use benches::{
    BODY_BYTES, BareFile, Better, FRAME_BYTES, median, open_log, report, stopwatch, ticks,
};
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

/// Bytes of all bodies, through a memory map.
fn scan_map(path: &Path, written: u64) -> anyhow::Result<u64> {
    let file = File::open(path)?;
    #[expect(unsafe_code, reason = "what the reader is measured against; nothing that ships maps")]
    // SAFETY: the file is private to this process, and nobody writes it while the map lives.
    let map = unsafe { memmap2::Mmap::map(&file)? };
    let mut rest = map.get(..written as usize).context("the file is as long as was written")?;
    let mut bytes = 0;
    while let Some((frame, after)) = rest.split_first_chunk::<FRAME_BYTES>() {
        let [a, b, c, d, checksum @ ..] = *frame;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        let (body, next) = after.split_at_checked(length).context("a whole record")?;
        ensure!(segment::crc32c(body) == u32::from_le_bytes(checksum), "its checksum holds");
        bytes += length as u64;
        rest = next;
    }
    Ok(bytes)
}
