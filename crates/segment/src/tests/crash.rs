//! A crash at every effect, and every loss of power after it.

use super::*;
use crate::{PowerLoss, SimDisk};

const LOSSES: [PowerLoss; 10] = [
    PowerLoss::KeepsNone,
    PowerLoss::KeepsAll,
    PowerLoss::TearsLast(1),
    PowerLoss::TearsLast(100),
    PowerLoss::TearsLast(255),
    PowerLoss::Mixes(1),
    PowerLoss::Mixes(2),
    PowerLoss::Mixes(3),
    PowerLoss::Mixes(4),
    PowerLoss::Mixes(5),
];

/// What the log's user knows when the lights go out.
#[derive(Debug, Default)]
struct Known {
    /// The index below which everything was promised durable.
    promised: u64,
    /// The indexes after each batch ever handed over.
    batch_ends: Vec<u64>,
    /// Indexes below which records were asked to be removed.
    rewritten_below: u64,
}

/// A life of a log: batches, syncs, rolls, a rewrite, a shutdown, a second life.
fn live(disk: &SimDisk, known: &mut Known) -> Result<(), SegmentError> {
    for life in 0..2 {
        let (mut log, _) = try_open(disk)?;
        for round in 0..9 {
            for count in [3, 1 + round % 4] {
                known.batch_ends.push(log.next_index() + count);
                append(&mut log, count)?;
            }
            log.sync()?;
            known.promised = log.next_index();
        }
        if life == 1 {
            known.rewritten_below = log.segment();
            let first = reader(disk).segments()?[0].first_index;
            let _ = log.rewrite_segment(first, |entry| entry.index % 2 == 0)?;
        }
        log.close()?;
    }
    Ok(())
}

fn check(found: &SimDisk, known: &Known) {
    let (mut log, recovery) = open(found);
    let next_index = recovery.next_index;
    assert!(next_index >= known.promised, "{next_index} of {known:?}");
    assert!(next_index == 0 || known.batch_ends.contains(&next_index), "a batch came apart");
    let records = all(found).unwrap();
    let missing = (0..next_index).filter(|index| records.binary_search(index).is_err());
    assert!(
        missing.into_iter().all(|index| index < known.rewritten_below && index % 2 == 1),
        "a record is gone"
    );
    // And it goes on from there, for good.
    append(&mut log, 2).unwrap();
    log.close().unwrap();
    let (_, again) = open(found);
    assert!(again.closed && again.torn.is_none());
    assert_eq!(again.next_index, next_index + 2);
    assert_eq!(all(found).unwrap().len(), records.len() + 2);
}

#[test]
fn no_crash_loses_a_promise_or_splits_a_batch() {
    let whole = SimDisk::new();
    live(&whole, &mut Known::default()).unwrap();
    let effects = whole.effects();
    let mut points = 0;
    for effect in 0..=effects {
        let disk = SimDisk::new();
        disk.crash_at(effect);
        let mut known = Known::default();
        let lived = live(&disk, &mut known);
        assert!(lived.is_err() || effect + 8 > effects, "power went at {effect} unnoticed");
        for loss in LOSSES {
            check(&disk.after(loss), &known);
            points += 1;
        }
    }
    println!("{points} crashes at {effects} effects survived");
}

#[test]
fn no_crash_during_recovery_makes_it_worse() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    append(&mut log, 3).unwrap();
    log.sync().unwrap();
    append(&mut log, 9).unwrap();
    drop(log);
    let known = Known { promised: 3, batch_ends: vec![3, 12], rewritten_below: 0 };
    let mut points = 0;
    for first in LOSSES {
        let effects = {
            let found = disk.after(first);
            drop(open(&found));
            found.effects()
        };
        for effect in 0..effects {
            let found = disk.after(first);
            found.crash_at(effect);
            let _ = try_open(&found);
            for second in LOSSES {
                check(&found.after(second), &known);
                points += 1;
            }
        }
    }
    println!("{points} crashes during recovery survived");
}

#[test]
fn a_failed_sync_anywhere_keeps_what_was_promised() {
    let whole = SimDisk::new();
    live(&whole, &mut Known::default()).unwrap();
    for sync in 0..whole.syncs() {
        let disk = SimDisk::new();
        disk.fail_sync_at(sync);
        let mut known = Known::default();
        // A spare segment that fails to sync is made again; everything else ends the life.
        let _ = live(&disk, &mut known);
        for loss in LOSSES {
            check(&disk.after(loss), &known);
        }
    }
}
