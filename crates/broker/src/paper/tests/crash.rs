//! A crash at every effect of the broker's record, and every loss of power after it.

use std::{path::Path, sync::Arc};

use segment::{PowerLoss, SimDisk};

use super::super::record::{Opened, Record};
use crate::BrokerError;

fn open(disk: &SimDisk) -> Result<Opened, BrokerError> {
    Record::open(Arc::new(disk.clone()), Path::new("/data/broker/PAPER"))
}

fn payload(number: u64) -> Vec<u8> {
    vec![number as u8; number as usize * 7 % 40]
}

/// Two lives; `promised` is how many frames were durable.
fn live(disk: &SimDisk, promised: &mut u64) -> Result<(), BrokerError> {
    for _ in 0..2 {
        let mut record = open(disk)?.record;
        for _ in 0..6 {
            record.append(&payload(record.frames()))?;
            *promised = record.frames();
        }
    }
    Ok(())
}

fn check(found: &SimDisk, promised: u64) {
    let opened = open(found).unwrap();
    let there = opened.frames.len() as u64;
    assert!(
        there == promised || there == promised + 1,
        "{promised} were durable, {there} are there"
    );
    for (number, frame) in (0..).zip(&opened.frames) {
        assert_eq!(*frame, payload(number));
    }
    let mut record = opened.record;
    record.append(&payload(there)).unwrap();
    drop(record);
    assert_eq!(open(found).unwrap().frames.len() as u64, there + 1);
}

/// The process starts again on a disk that still has power, promises more, and then power goes.
fn restarted_then_cut(disk: &SimDisk) {
    disk.go_on();
    let mut record = open(disk).unwrap().record;
    record.append(&payload(record.frames())).unwrap();
    let promised = record.frames();
    drop(record);
    PowerLoss::EACH.into_iter().for_each(|loss| check(&disk.after(loss), promised));
}

#[test]
fn no_crash_loses_or_doubles_what_the_broker_had_recorded() {
    let whole = SimDisk::new();
    live(&whole, &mut 0).unwrap();
    let mut points = 0;
    for effect in 0..=whole.effects() {
        let (disk, mut promised) = (SimDisk::new(), 0);
        disk.crash_at(effect);
        let _ = live(&disk, &mut promised);
        for loss in PowerLoss::EACH {
            check(&disk.after(loss), promised);
            points += 1;
        }
        restarted_then_cut(&disk);
        points += PowerLoss::EACH.len();
    }
    println!("{{\"proof\":\"crash points\",\"of\":\"broker's record\",\"count\":{points}}}");
}

#[test]
fn no_failed_sync_or_write_loses_what_the_broker_had_recorded() {
    let whole = SimDisk::new();
    live(&whole, &mut 0).unwrap();
    let mut points = 0;
    for at in 0..whole.syncs().max(whole.writes()) {
        let fail: [&dyn Fn(&SimDisk); 2] =
            [&|disk| disk.fail_sync_at(at), &|disk| disk.fail_write_at(at)];
        for fail in fail {
            let (disk, mut promised) = (SimDisk::new(), 0);
            fail(&disk);
            let _ = live(&disk, &mut promised);
            for loss in PowerLoss::EACH {
                check(&disk.after(loss), promised);
                points += 1;
            }
            restarted_then_cut(&disk);
            points += PowerLoss::EACH.len();
        }
    }
    println!(
        "{{\"proof\":\"failed syncs and short writes\",\"of\":\"broker's record\",\"count\":{points}}}"
    );
}
