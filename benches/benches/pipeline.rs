//! Market events per second of a whole deterministic run on a tape (decompressing, parsing, every
//! agent, gateway, broker, journal, start of the process included), against an append of as many
//! market events alone.
//!
//! Runs the release binary: `cargo build --release` makes it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};
use benches::{Better, median, open_log, report, stopwatch, ticks};
use bus::Bus as _;
use feed::day::Day;

const ROUNDS: usize = 5;
/// A shorter day: the same density of frames, less of it.
const MINUTE_NS: i64 = 30_000_000_000;
const EVENTS: u64 = 1_000;

fn main() -> anyhow::Result<()> {
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let plan = Day { minute_ns: MINUTE_NS, ..Day::default() }.write(&home.path().join("tape"))?;
    let (mut runs, mut appends) = (Vec::new(), Vec::new());
    let mut sizes = None;
    for round in 0..ROUNDS {
        let data = home.path().join(format!("data{round}"));
        let took = stopwatch(|| run(&plan.tapes, &data))?;
        runs.push(plan.frames as f64 / took.as_secs_f64());
        appends.push(append(&home.path().join(format!("log{round}")), plan.frames)?);
        sizes = Some(data);
    }
    report("pipeline", "events/s", Better::Higher, median(&runs), ("append", median(&appends)));
    let data = sizes.context("at least one round")?;
    let on_disk = used_bytes(&data.join("log"))? as f64 / plan.frames as f64;
    let json = json_bytes(&plan.tapes)? as f64 / plan.frames as f64;
    report("bytes_per_event", "bytes", Better::Lower, on_disk, ("json", json));
    Ok(())
}

fn run(tapes: &[PathBuf], data: &Path) -> anyhow::Result<()> {
    let binary = std::env::var_os("BLOTTER_BIN").map_or_else(release_binary, PathBuf::from);
    let output = Command::new(&binary)
        .args(["run", "--json", "--data"])
        .arg(data)
        .arg("--input")
        .args(tapes)
        .output()
        .with_context(|| format!("{} runs; cargo build --release makes it", binary.display()))?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Where cargo puts the binary beside this bench.
fn release_binary() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("../release/blotter")
}

fn append(dir: &Path, events: u64) -> anyhow::Result<f64> {
    let mut log = open_log(dir, 96 << 20)?;
    let units = (0..events / EVENTS)
        .map(|unit| ticks(unit * EVENTS + 1, EVENTS))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let took = stopwatch(|| {
        for unit in units {
            let _ = log.commit(&[unit])?;
        }
        Ok(())
    })?;
    Ok((events / EVENTS * EVENTS) as f64 / took.as_secs_f64())
}

/// Bytes of a log's batches, without the zeros that wait to be used.
fn used_bytes(dir: &Path) -> anyhow::Result<u64> {
    let mut reader = bus_log::LogReader::open(dir)?;
    let (mut bytes, mut batches) = (0, 0);
    while reader.visit_batch(|raw| -> anyhow::Result<()> {
        bytes += (raw.body.len() + segment::RECORD_HEAD_BYTES) as u64;
        Ok(())
    })? {
        batches += 1;
    }
    Ok(bytes + batches * segment::BATCH_HEAD_BYTES as u64)
}

/// Bytes of the tapes once decompressed.
fn json_bytes(tapes: &[PathBuf]) -> anyhow::Result<u64> {
    tapes.iter().try_fold(0, |sum, tape| {
        let output = Command::new("gzip").arg("-dc").arg(tape).output()?;
        ensure!(output.status.success(), "gzip reads {}", tape.display());
        Ok(sum + output.stdout.len() as u64)
    })
}
