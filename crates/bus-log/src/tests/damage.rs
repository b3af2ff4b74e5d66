//! Every changed byte and every cut of an engine's directory is seen, or costs nothing.

use std::{path::PathBuf, sync::Arc};

use bus::{
    Bus as _, BusError, Cut,
    conformance::{market, order_unit, source},
};
use segment::{Disk as _, Options, PowerLoss, SimDisk, check};

use super::{clock, dir, small, soak, told};
use crate::{LogBus, LogReader, Opened};

fn tiny() -> Options {
    Options { first_segment_bytes: 2048, segment_bytes: 2048, reserve_bytes: 256, ..small(1) }
}

fn open(disk: &SimDisk) -> Result<Opened, BusError> {
    LogBus::open_on(Arc::new(disk.clone()), &dir(), tiny(), clock)
}

/// A log of a few segments, closed.
fn closed() -> SimDisk {
    let disk = SimDisk::new();
    let mut log = open(&disk).unwrap().bus;
    for round in 0..5 {
        let units =
            [market(round * 3 + 1..=round * 3 + 3), order_unit("risk/A", round + 1..=round + 1, 1)];
        let _ = log.commit(&units).unwrap();
    }
    log.close().unwrap();
    disk
}

fn files(disk: &SimDisk, end: &str) -> Vec<PathBuf> {
    let names = disk.list(&dir()).unwrap();
    names.into_iter().filter(|name| name.ends_with(end)).map(|name| dir().join(name)).collect()
}

/// Everything an engine knows.
fn known(mut log: LogBus) -> String {
    let events = log.next(&mut Cut::default(), 10_000).unwrap();
    let sources = ["file/090909090909", "risk/A"].map(|name| log.progress(source(name)));
    format!("{events:?} {:?} {sources:?} {}", log.heads(), log.next_index())
}

/// Reads everything without writing; what `verify`, `tail` and `replay` do.
fn read(disk: &SimDisk) -> Result<u64, BusError> {
    let mut reader = LogReader::open_on(Arc::new(disk.clone()), &dir())?;
    let mut entries = 0;
    loop {
        match reader.next_entries()?.len() {
            0 => return Ok(entries),
            more => entries += more as u64,
        }
    }
}

/// The other values tried for a byte: with one bit flipped, or with each of the eight.
fn others(at: usize, byte: u8) -> impl Iterator<Item = u8> {
    let all = soak();
    (0..8).filter(move |bit| all || *bit == at % 8).map(move |bit| byte ^ (1 << bit))
}

#[test]
fn every_changed_byte_of_the_log_is_seen_and_none_is_delivered_otherwise() {
    let disk = closed();
    let whole = read(&disk).unwrap();
    let (mut changes, names) = (0, files(&disk, ".seg"));
    assert!(names.len() >= 3);
    for name in &names {
        for (at, byte) in disk.content(name).unwrap().into_iter().enumerate() {
            for other in others(at, byte) {
                let changed = disk.after(PowerLoss::KeepsAll);
                changed.corrupt(name, |bytes| bytes[at] = other).unwrap();
                let told = check(&changed, &dir());
                assert!(told.is_err() || told.unwrap().torn.is_some(), "byte {at} went unseen");
                // What is read is all of it as it was, or an error.
                assert!(read(&changed).is_err() || read(&changed).unwrap() == whole, "byte {at}");
                changes += 1;
            }
        }
    }
    told("changed bytes", "embedded engine", changes);
}

#[test]
fn every_cut_of_a_segment_is_damage_when_it_is_opened() {
    let disk = closed();
    let mut cuts = 0;
    for name in files(&disk, ".seg") {
        for length in 0..disk.content(&name).unwrap().len() {
            let cut = disk.after(PowerLoss::KeepsAll);
            cut.corrupt(&name, |bytes| bytes.truncate(length)).unwrap();
            assert!(open(&cut).is_err(), "{} cut at {length}", name.display());
            cuts += 1;
        }
    }
    told("truncations", "embedded engine", cuts);
}

#[test]
fn a_checkpoint_changed_or_cut_anywhere_changes_nothing() {
    let disk = closed();
    let expected = known(open(&disk.after(PowerLoss::KeepsAll)).unwrap().bus);
    let name = dir().join("checkpoint");
    let whole = disk.content(&name).unwrap();
    let with = |bytes: Vec<u8>| {
        let changed = disk.after(PowerLoss::KeepsAll);
        changed.corrupt(&name, |content| *content = bytes).unwrap();
        assert_eq!(known(open(&changed).unwrap().bus), expected);
    };
    let mut changes = 0;
    for (at, &byte) in whole.iter().enumerate() {
        with(whole[..at].to_vec());
        for other in others(at, byte) {
            let mut bytes = whole.clone();
            bytes[at] = other;
            with(bytes);
            changes += 1;
        }
    }
    told("changed bytes", "checkpoint", changes);
    told("truncations", "checkpoint", whole.len() as u64);
}
