//! The latency of one durable event: the embedded engine against one bare write and `fdatasync`.

use benches::{BareFile, Better, median, open_log, report, stopwatch, ticks};
use bus::{Bus as _, Unit};

const ROUNDS: u64 = 20;
const EVENTS: u64 = 100;
const CAPACITY: u64 = 16 << 20;

fn main() -> anyhow::Result<()> {
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let mut log = open_log(&home.path().join("log"), CAPACITY)?;
    let mut bare = BareFile::create(&home.path().join("bare"), CAPACITY)?;
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let units = (0..EVENTS)
            .map(|at| ticks(round * EVENTS + at + 1, 1))
            .collect::<anyhow::Result<Vec<_>>>()?;
        // By turns, one event each, and the first to go changes.
        for (at, unit) in units.iter().enumerate() {
            let mut commit = |unit: &Unit| -> anyhow::Result<()> {
                own.push(micros(|| {
                    let _ = log.commit(std::slice::from_ref(unit))?;
                    Ok(())
                })?);
                Ok(())
            };
            if at % 2 == 0 {
                commit(unit)?;
            }
            let bodies = unit.outputs.iter().map(|record| record.bytes().as_ref());
            other.push(micros(|| Ok(bare.commit(bodies)?))?);
            if at % 2 == 1 {
                commit(unit)?;
            }
        }
    }
    report("append_lone", "us", Better::Lower, median(&own), ("bare", median(&other)));
    Ok(())
}

fn micros(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    Ok(stopwatch(work)?.as_secs_f64() * 1e6)
}
