//! A crash at every effect of the journal, and every loss of power after it.

use std::{path::PathBuf, sync::Arc};

use event::Timestamp;
use segment::{Options, PowerLoss, SimDisk};

use super::{soak, taken, told};
use crate::{Journal, JournalError, JournalReader};

pub(super) fn dir() -> PathBuf {
    PathBuf::from("/journal")
}

pub(super) fn open(disk: &SimDisk) -> Result<Journal, JournalError> {
    let options = Options {
        first_segment_bytes: 1024,
        segment_bytes: 1024,
        reserve_bytes: 256,
        background: false,
        incarnation: 1,
    };
    Journal::open_on(Arc::new(disk.clone()), &dir(), options, || Timestamp(1))
}

/// The bytes of the entry with this index.
pub(super) fn bytes(index: u64) -> Vec<u8> {
    (0..index % 17 + 1).map(|at| (index * 37 + at) as u8).collect()
}

/// Takes entries up to `end` and makes them durable.
pub(super) fn take_to(journal: &mut Journal, end: u64) -> Result<(), JournalError> {
    for index in journal.next_log_index()..end {
        journal.take(&taken(index, &bytes(index)))?;
    }
    journal.sync()
}

/// Reads everything, holds it against what was taken, and returns how many entries there are.
pub(super) fn read(disk: &SimDisk) -> Result<u64, JournalError> {
    let mut reader = JournalReader::open_on(Arc::new(disk.clone()), &dir())?;
    let mut next = 0;
    while reader.visit_batch(|entry| -> Result<(), JournalError> {
        assert_eq!((entry.index, entry.stamp.log_index), (next, next));
        let written = bytes(next);
        let expected = taken(next, &written);
        assert_eq!(entry.bytes, expected.bytes);
        assert_eq!(entry.stamp, expected.stamp);
        assert_eq!((entry.kind, entry.time, entry.sequence), (60, expected.time, next + 1));
        next += 1;
        Ok(())
    })? {}
    Ok(next)
}

/// Two lives; `durable` is how far the journal had said that it was durable.
fn live(disk: &SimDisk, durable: &mut u64) -> Result<(), JournalError> {
    for life in 0..2 {
        let mut journal = open(disk)?;
        for round in 1..=8 {
            take_to(&mut journal, life * 40 + round * 5)?;
            *durable = journal.next_log_index();
        }
        journal.close()?;
    }
    Ok(())
}

fn cut_at(effect: u64) -> (SimDisk, u64) {
    let (disk, mut durable) = (SimDisk::new(), 0);
    disk.crash_at(effect);
    let _ = live(&disk, &mut durable);
    (disk, durable)
}

fn whole() -> SimDisk {
    let whole = SimDisk::new();
    live(&whole, &mut 0).unwrap();
    whole
}

fn check(found: &SimDisk, durable: u64) {
    let mut journal = open(found).unwrap();
    let next = journal.next_log_index();
    assert!(next >= durable, "{durable} were durable, {next} are there");
    assert_eq!(next % 5, 0, "a batch came apart");
    assert_eq!(read(found).unwrap(), next);
    // It waits for the entry after its last, and goes on.
    take_to(&mut journal, 90).unwrap();
    journal.close().unwrap();
    assert_eq!(read(found).unwrap(), 90);
}

#[test]
fn no_crash_loses_what_the_journal_had_made_durable() {
    let whole = whole();
    let mut points = 0;
    for effect in 0..=whole.effects() {
        let (disk, durable) = cut_at(effect);
        for loss in PowerLoss::EACH {
            check(&disk.after(loss), durable);
            points += 1;
        }
        // The process alone was killed.
        disk.go_on();
        check(&disk, durable);
        points += 1;
    }
    told("crash points", "journal", points);
    told("effects", "journal", whole.effects());
    told("sync points", "journal", whole.syncs());
}

#[test]
fn no_crash_while_opening_the_journal_loses_anything() {
    let mut points = 0;
    let step = if soak() { 1 } else { 13 };
    for effect in (0..=whole().effects()).step_by(step) {
        let (disk, durable) = cut_at(effect);
        for first in PowerLoss::EACH {
            let effects = {
                let found = disk.after(first);
                drop(open(&found));
                found.effects()
            };
            for effect in 0..effects {
                let found = disk.after(first);
                found.crash_at(effect);
                let _ = open(&found);
                for second in PowerLoss::EACH.into_iter().step_by(step) {
                    check(&found.after(second), durable);
                    points += 1;
                }
            }
        }
    }
    told("crash points during recovery", "journal", points);
}

#[test]
fn no_failed_sync_or_write_loses_what_the_journal_had_made_durable() {
    let whole = whole();
    let mut points = 0;
    for at in 0..whole.syncs().max(whole.writes()) {
        let fail: [&dyn Fn(&SimDisk); 2] =
            [&|disk| disk.fail_sync_at(at), &|disk| disk.fail_write_at(at)];
        for fail in fail {
            let (disk, mut durable) = (SimDisk::new(), 0);
            fail(&disk);
            let _ = live(&disk, &mut durable);
            for loss in PowerLoss::EACH {
                check(&disk.after(loss), durable);
                points += 1;
            }
        }
    }
    told("failed syncs and short writes", "journal", points);
}

#[test]
fn a_sync_that_failed_is_not_tried_again_and_what_it_had_is_not_taken() {
    let disk = SimDisk::new();
    let mut journal = open(&disk).unwrap();
    take_to(&mut journal, 5).unwrap();
    disk.fail_sync_at(disk.syncs());
    assert!(take_to(&mut journal, 10).is_err());
    let (writes, syncs) = (disk.writes(), disk.syncs());
    assert!(journal.sync().is_err() && journal.close().is_err());
    assert_eq!((disk.writes(), disk.syncs()), (writes, syncs));
    let journal = open(&disk.after(PowerLoss::KeepsNone)).unwrap();
    assert_eq!(journal.next_log_index(), 5);
}
