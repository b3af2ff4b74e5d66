//! Reads tapes to their end and says what was in them and how fast: `measure FILE...`

use std::{collections::BTreeMap, path::PathBuf, time::Instant};

use feed::{Instruments, Outcome, TapeReader};

#[expect(clippy::disallowed_methods, reason = "it measures")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let begun = Instant::now();
    let mut reader = TapeReader::open(&paths, &Instruments::shipped()?)?;
    let opened = begun.elapsed();
    let mut counts = BTreeMap::<&str, u64>::new();
    let (mut records, mut roots, mut shown) = (0_u64, 0_usize, 0);
    for record in &mut reader {
        let record = record?;
        records += 1;
        roots += record.roots().len();
        let kind = match &record.outcome {
            Outcome::Root(root) | Outcome::Command(root) => root.body.kind().as_str(),
            Outcome::Parts(_) => "BookSnapshot (parts)",
            Outcome::Quarantine(_) => "quarantined",
        };
        *counts.entry(kind).or_default() += 1;
        if let Outcome::Quarantine(fault) = &record.outcome
            && shown < 5
        {
            shown += 1;
            println!(
                "record {} of {}: {}: {}",
                record.record, fault.origin, fault.reason, fault.detail
            );
        }
    }
    let total = begun.elapsed();
    let read = total - opened;
    println!("{records} records, {roots} roots: {counts:?}; undefined: {:?}", reader.undefined());
    println!(
        "digests {} ms, reading {} ms: {} records/s reading, {} records/s in all",
        opened.as_millis(),
        read.as_millis(),
        u128::from(records) * 1_000_000 / read.as_micros().max(1),
        u128::from(records) * 1_000_000 / total.as_micros().max(1),
    );
    Ok(())
}
