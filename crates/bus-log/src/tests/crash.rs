//! A crash at every effect of the engine, checkpoints among them, and every loss of power after it.

use std::sync::Arc;

use bus::{
    Bus as _, BusError, Cut,
    conformance::{decision, market, order_unit, source, tick},
};
use event::Event;
use segment::{PowerLoss, SimDisk};

use super::{clock, dir, small, soak, told};
use crate::{LogBus, Opened};

const ROUNDS: u64 = 8;
const TICKS: u64 = 9;

/// What was answered: the last sequence of ingress and of the task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Answered {
    ticks: u64,
    decisions: u64,
}

fn open(disk: &SimDisk) -> Result<Opened, BusError> {
    LogBus::open_on(Arc::new(disk.clone()), &dir(), small(1), clock)
}

fn commit_round(log: &mut LogBus, round: u64) -> Result<Answered, BusError> {
    let (tick, decision) = (round * TICKS, round * 2);
    // Two units, one call: each is whole, and both share an fsync.
    let units =
        [market(tick + 1..=tick + TICKS), order_unit("risk/A", decision + 1..=decision + 2, round)];
    let _ = log.commit(&units)?;
    Ok(Answered { ticks: tick + TICKS, decisions: decision + 2 })
}

/// Two lives of an engine; the second begins from the checkpoint of the first.
fn live(disk: &SimDisk, answered: &mut Answered) -> Result<(), BusError> {
    for life in 0..2 {
        let mut log = open(disk)?.bus;
        for round in life * ROUNDS..(life + 1) * ROUNDS {
            *answered = commit_round(&mut log, round)?;
        }
        log.close()?;
    }
    Ok(())
}

/// The disk when power went at this effect, and what had been answered.
fn cut_at(effect: u64) -> (SimDisk, Answered) {
    let disk = SimDisk::new();
    disk.crash_at(effect);
    let mut answered = Answered::default();
    let _ = live(&disk, &mut answered);
    (disk, answered)
}

fn whole() -> SimDisk {
    let (whole, mut answered) = (SimDisk::new(), Answered::default());
    live(&whole, &mut answered).unwrap();
    assert_eq!(answered.ticks, 2 * ROUNDS * TICKS);
    whole
}

/// Every event the log delivers, held against what was committed; returns where each source stands.
fn delivered(log: &mut LogBus) -> Answered {
    let mut found = Answered::default();
    for event in log.next(&mut Cut::default(), 100_000).unwrap() {
        let header = *event.record.header();
        let expected: Event = if header.source == source("risk/A") {
            found.decisions += 1;
            let round = (found.decisions - 1) / 2;
            decision("risk/A", found.decisions, &tick(round.max(1)))
        } else {
            found.ticks += 1;
            tick(found.ticks)
        };
        assert_eq!(*event.record.bytes(), expected.encode(), "an event that was never accepted");
    }
    found
}

fn check(found: &SimDisk, answered: Answered) {
    let stands = {
        let mut log = open(found).unwrap().bus;
        let stands = delivered(&mut log);
        assert!(
            stands.ticks >= answered.ticks && stands.decisions >= answered.decisions,
            "{answered:?} was answered, {stands:?} is there"
        );
        assert_eq!((stands.ticks % TICKS, stands.decisions % 2), (0, 0), "a unit came apart");
        assert_eq!(log.high_water(source("file/090909090909")), stands.ticks);
        assert_eq!(log.high_water(source("risk/A")), stands.decisions);
        (stands, log.heads(), log.progress(source("risk/A")))
    };
    // A checkpoint, whatever became of it, changes nothing.
    if let Ok(()) = segment::Disk::remove(found, &dir().join("checkpoint")) {
        let mut log = open(found).unwrap().bus;
        let without = (delivered(&mut log), log.heads(), log.progress(source("risk/A")));
        assert_eq!(without, stands);
    }
    // Committing everything again stores what is missing and nothing twice.
    let mut log = open(found).unwrap().bus;
    for round in 0..2 * ROUNDS {
        let _ = commit_round(&mut log, round).unwrap();
    }
    let all = Answered { ticks: 2 * ROUNDS * TICKS, decisions: 4 * ROUNDS };
    assert_eq!(delivered(&mut log), all);
    log.close().unwrap();
}

/// The losses tried in the short form, where each costs most of the time.
fn losses() -> impl Iterator<Item = PowerLoss> {
    PowerLoss::EACH.into_iter().step_by(if soak() { 1 } else { 5 })
}

#[test]
fn no_crash_loses_an_answer_or_splits_a_unit() {
    let whole = whole();
    let mut points = 0;
    for effect in 0..=whole.effects() {
        let (disk, answered) = cut_at(effect);
        for loss in losses() {
            check(&disk.after(loss), answered);
            points += 1;
        }
        // The process alone was killed.
        disk.go_on();
        check(&disk, answered);
        points += 1;
    }
    told("crash points", "embedded engine", points);
    told("effects", "embedded engine", whole.effects());
    told("sync points", "embedded engine", whole.syncs());
}

#[test]
fn no_failed_sync_or_write_loses_an_answer() {
    let whole = whole();
    let mut points = 0;
    for at in 0..whole.syncs().max(whole.writes()) {
        let fail: [&dyn Fn(&SimDisk); 2] =
            [&|disk| disk.fail_sync_at(at), &|disk| disk.fail_write_at(at)];
        for fail in fail {
            let (disk, mut answered) = (SimDisk::new(), Answered::default());
            fail(&disk);
            let _ = live(&disk, &mut answered);
            for loss in losses() {
                check(&disk.after(loss), answered);
                points += 1;
            }
        }
    }
    told("failed syncs and short writes", "embedded engine", points);
}

#[test]
fn no_crash_while_opening_loses_an_answer() {
    let mut points = 0;
    let step = if soak() { 7 } else { 29 };
    for effect in (0..=whole().effects()).step_by(step) {
        let (disk, answered) = cut_at(effect);
        for first in losses() {
            let effects = {
                let found = disk.after(first);
                drop(open(&found));
                found.effects()
            };
            for effect in 0..effects {
                let found = disk.after(first);
                found.crash_at(effect);
                let _ = open(&found);
                for second in losses().step_by(2) {
                    check(&found.after(second), answered);
                    points += 1;
                }
            }
        }
    }
    told("crash points during recovery", "embedded engine", points);
}
