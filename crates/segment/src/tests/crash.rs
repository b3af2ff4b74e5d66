//! A crash at every effect, and every loss of power after it.

use std::{collections::BTreeMap, path::PathBuf};

use super::*;
use crate::{PowerLoss, Recovery, SimDisk};

const LOSSES: [PowerLoss; 17] = PowerLoss::EACH;

/// What the log's user knows when the lights go out.
#[derive(Clone, Debug, Default)]
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
            // One batch is larger than a segment.
            let second = if life == 1 && round == 4 { 40 } else { 1 + round % 4 };
            for count in [3, second] {
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

/// The content of every segment.
fn contents(disk: &SimDisk) -> BTreeMap<PathBuf, Vec<u8>> {
    let there = disk.list(&dir()).is_ok();
    let names = if there { segment_names(disk) } else { Vec::new() };
    names.into_iter().map(|name| (name.clone(), disk.content(&name).unwrap())).collect()
}

/// What opening cleared is what it said it cleared, and not a byte more.
fn check_told(before: &BTreeMap<PathBuf, Vec<u8>>, found: &SimDisk, recovery: &Recovery) {
    for (name, mut bytes) in before.clone() {
        if let Some(torn) = recovery.torn.as_ref().filter(|torn| torn.path == name) {
            let cleared = torn.offset as usize..(torn.offset + torn.bytes) as usize;
            assert!(bytes[cleared.clone()].iter().any(|&byte| byte != 0), "nothing was torn");
            bytes[cleared].fill(0);
        }
        assert!(bytes == found.content(&name).unwrap(), "{} changed untold", name.display());
    }
}

/// The promised records are there, whole batches at most beside them; returns how many.
fn check_records(found: &SimDisk, known: &Known, next_index: u64) -> usize {
    assert!(next_index >= known.promised, "{next_index} of {known:?}");
    assert!(next_index == 0 || known.batch_ends.contains(&next_index), "a batch came apart");
    let records = all(found).unwrap();
    let missing = (0..next_index).filter(|index| records.binary_search(index).is_err());
    assert!(
        missing.into_iter().all(|index| index < known.rewritten_below && index % 2 == 1),
        "a record is gone"
    );
    records.len()
}

fn check(found: &SimDisk, known: &Known) {
    let before = contents(found);
    if !before.is_empty() {
        // Who only reads finds the same, before anything is repaired.
        let end = all(found).unwrap().last().map_or(0, |last| last + 1);
        let _ = check_records(found, known, end);
    }
    let (mut log, recovery) = open(found);
    check_told(&before, found, &recovery);
    let next_index = recovery.next_index;
    let records = check_records(found, known, next_index);
    // And it goes on from there, for good.
    append(&mut log, 2).unwrap();
    log.close().unwrap();
    let (_, again) = open(found);
    assert!(again.closed && again.torn.is_none());
    assert_eq!(again.next_index, next_index + 2);
    assert_eq!(all(found).unwrap().len(), records + 2);
}

/// The disk when power went at this effect, and what was known by then.
fn cut_at(effect: u64) -> (SimDisk, Known, Result<(), SegmentError>) {
    let disk = SimDisk::new();
    disk.crash_at(effect);
    let mut known = Known::default();
    let lived = live(&disk, &mut known);
    (disk, known, lived)
}

fn whole() -> SimDisk {
    let whole = SimDisk::new();
    live(&whole, &mut Known::default()).unwrap();
    whole
}

#[test]
fn no_crash_loses_a_promise_or_splits_a_batch() {
    let whole = whole();
    let effects = whole.effects();
    let mut points = 0;
    for effect in 0..=effects {
        let (disk, known, lived) = cut_at(effect);
        assert!(lived.is_err() || effect + 8 > effects, "power went at {effect} unnoticed");
        for loss in LOSSES {
            check(&disk.after(loss), &known);
            points += 1;
        }
    }
    told("crash points", "segment log", points);
    told("effects", "segment log", effects);
    told("sync points", "segment log", whole.syncs());
}

#[test]
fn no_place_a_write_tears_at_splits_a_batch() {
    let mut points = 0;
    let step = if soak() { 1 } else { 9 };
    for effect in (0..=whole().effects()).step_by(step as usize) {
        let (disk, known, _) = cut_at(effect);
        for part in (0..=255).step_by(step as usize) {
            check(&disk.after(PowerLoss::TearsLast(part)), &known);
            points += 1;
        }
    }
    told("torn writes", "segment log", points);
}

#[test]
fn no_crash_during_recovery_makes_it_worse() {
    let mut points = 0;
    let (step, losses) = if soak() { (1, &LOSSES[..]) } else { (5, &LOSSES[..8]) };
    for effect in (0..=whole().effects()).step_by(step) {
        let (disk, known, _) = cut_at(effect);
        for &first in losses {
            let effects = {
                let found = disk.after(first);
                drop(open(&found));
                found.effects()
            };
            for effect in 0..effects {
                let found = disk.after(first);
                found.crash_at(effect);
                let _ = try_open(&found);
                for &second in losses.iter().rev().step_by(step) {
                    check(&found.after(second), &known);
                    points += 1;
                }
            }
        }
    }
    told("crash points during recovery", "segment log", points);
}

/// The process starts again on a disk that still has power, promises more, and then power goes: the
/// page cache showed it names and bytes that the disk did not have. Returns how often.
fn restarted_then_cut(disk: &SimDisk, mut known: Known) -> u64 {
    let (mut log, recovery) = open(disk);
    known.batch_ends.push(recovery.next_index + 2);
    append(&mut log, 2).unwrap();
    log.sync().unwrap();
    known.promised = recovery.next_index + 2;
    LOSSES.iter().for_each(|loss| check(&disk.after(*loss), &known));
    LOSSES.len() as u64
}

#[test]
fn a_killed_process_leaves_nothing_that_a_later_loss_of_power_takes() {
    let mut points = 0;
    for effect in 0..=whole().effects() {
        let (disk, known, _) = cut_at(effect);
        disk.go_on();
        points += restarted_then_cut(&disk, known);
    }
    told("kills, then a loss of power", "segment log", points);
}

#[test]
fn a_batch_larger_than_its_segment_follows_any_crash() {
    for effect in 0..=whole().effects() {
        let (disk, _, _) = cut_at(effect);
        let found = disk.after(PowerLoss::KeepsAll);
        let (mut log, _) = open(&found);
        let next_index = log.next_index();
        append(&mut log, 100).unwrap();
        log.close().unwrap();
        assert_eq!(open(&found).1.next_index, next_index + 100, "cut at {effect}");
        let _ = all(&found).unwrap();
    }
}

#[test]
fn a_failed_sync_anywhere_keeps_what_was_promised() {
    let mut points = 0;
    for sync in 0..whole().syncs() {
        let disk = SimDisk::new();
        disk.fail_sync_at(sync);
        let mut known = Known::default();
        // A spare segment that fails to sync is made again; everything else ends the life.
        let _ = live(&disk, &mut known);
        for loss in LOSSES {
            check(&disk.after(loss), &known);
            points += 1;
        }
        points += restarted_then_cut(&disk, known);
    }
    told("failed syncs", "segment log", points);
}

#[test]
fn a_write_that_fails_half_way_keeps_what_was_promised() {
    let mut points = 0;
    for write in 0..whole().writes() {
        let disk = SimDisk::new();
        disk.fail_write_at(write);
        let mut known = Known::default();
        let _ = live(&disk, &mut known);
        for loss in LOSSES {
            check(&disk.after(loss), &known);
            points += 1;
        }
    }
    told("short writes", "segment log", points);
}

#[test]
fn after_a_failed_sync_nothing_is_written_or_synced_again() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    append(&mut log, 3).unwrap();
    disk.fail_sync_at(disk.syncs());
    assert!(log.sync().is_err());
    let (effects, syncs) = (disk.effects(), disk.syncs());
    for _ in 0..3 {
        assert!(matches!(log.sync(), Err(SegmentError::Poisoned)));
        assert!(matches!(append(&mut log, 1), Err(SegmentError::Poisoned)));
        assert!(matches!(log.rewrite_segment(0, |_| true), Err(SegmentError::Poisoned)));
    }
    assert!(matches!(log.close(), Err(SegmentError::Poisoned)));
    // The spare is put away; that is the only thing that still happens.
    assert_eq!((disk.effects(), disk.syncs()), (effects + 1, syncs));
}
