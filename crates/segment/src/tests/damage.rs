//! Every flipped byte and every cut is seen.

use super::*;
use crate::{PowerLoss, SimDisk};

/// What opening for writing and reading everything say together.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Whole,
    Torn { kept: u64 },
    Refused,
}

fn judge(disk: &SimDisk) -> Verdict {
    let Ok((log, recovery)) = try_open(disk) else { return Verdict::Refused };
    drop(log);
    match (all(disk), recovery.torn) {
        (Err(_), _) => Verdict::Refused,
        (Ok(found), Some(_)) => Verdict::Torn { kept: found.len() as u64 },
        (Ok(_), None) => Verdict::Whole,
    }
}

/// Three segments; the last holds two batches and, where `closed`, a close record.
fn three_segments(closed: bool) -> SimDisk {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    while log.segment() == 0 || segment_names(&disk).len() < 3 {
        append(&mut log, 4).unwrap();
        log.sync().unwrap();
    }
    append(&mut log, 3).unwrap();
    log.sync().unwrap();
    if closed {
        log.close().unwrap();
    }
    disk
}

fn used(disk: &SimDisk, name: &std::path::Path) -> usize {
    disk.content(name).unwrap().iter().rposition(|&byte| byte != 0).unwrap() + 1
}

#[test]
fn every_flipped_byte_of_a_closed_log_is_seen() {
    let disk = three_segments(true);
    assert_eq!(judge(&disk.after(PowerLoss::KeepsAll)), Verdict::Whole);
    let mut flips = 0;
    let total = all(&disk).unwrap().len() as u64;
    let names = segment_names(&disk);
    for name in &names {
        for at in 0..disk.content(name).unwrap().len() {
            let flipped = disk.after(PowerLoss::KeepsAll);
            flipped.corrupt(name, |bytes| bytes[at] ^= 0x40).unwrap();
            let last = name == names.last().unwrap();
            // Beyond the seal of an older segment nothing is ever read.
            if !last && at >= used(&disk, name) {
                continue;
            }
            let verdict = judge(&flipped);
            // The close record itself, and the zeros after it, hold nothing to lose.
            let close_begins = used(&disk, name).next_multiple_of(8) - 56;
            if last && at >= close_begins {
                assert_eq!(verdict, Verdict::Torn { kept: total }, "{} {at}", name.display());
            } else {
                assert_eq!(verdict, Verdict::Refused, "{} {at}", name.display());
            }
            flips += 1;
        }
    }
    println!("{flips} flipped bytes seen");
}

#[test]
fn without_a_close_record_only_the_last_batch_can_be_torn() {
    let disk = three_segments(false);
    let total = all(&disk).unwrap().len() as u64;
    let name = segment_names(&disk).pop().unwrap();
    let last_batch = used(&disk, &name).next_multiple_of(8) - batch_bytes(&disk);
    for at in 64..used(&disk, &name) {
        let flipped = disk.after(PowerLoss::KeepsAll);
        flipped.corrupt(&name, |bytes| bytes[at] ^= 0x01).unwrap();
        let expected =
            if at >= last_batch { Verdict::Torn { kept: total - 3 } } else { Verdict::Refused };
        assert_eq!(judge(&flipped), expected, "byte {at}");
    }
}

/// Bytes of the last batch: three records.
fn batch_bytes(disk: &SimDisk) -> usize {
    let total = all(disk).unwrap().len() as u64;
    let bodies: usize = (total - 3..total).map(|i| body(i).len()).sum();
    (56 + 3 * 40 + bodies).next_multiple_of(8)
}

#[test]
fn every_truncation_is_seen() {
    let disk = three_segments(true);
    let names = segment_names(&disk);
    for name in &names {
        for length in 0..disk.content(name).unwrap().len() {
            let cut = disk.after(PowerLoss::KeepsAll);
            cut.corrupt(name, |bytes| bytes.truncate(length)).unwrap();
            assert_eq!(judge(&cut), Verdict::Refused, "{} {length}", name.display());
        }
        let gone = disk.after(PowerLoss::KeepsAll);
        gone.remove(name).unwrap();
        // A log is never known to be longer than its last segment.
        if name != names.last().unwrap() && name != names.first().unwrap() {
            assert_eq!(judge(&gone), Verdict::Refused);
        }
    }
}

#[test]
fn durable_batches_zeroed_out_are_damage_not_a_torn_tail() {
    let disk = three_segments(false);
    let name = segment_names(&disk).remove(1);
    let wiped = disk.after(PowerLoss::KeepsAll);
    wiped.corrupt(&name, |bytes| bytes[64..].fill(0)).unwrap();
    assert_eq!(judge(&wiped), Verdict::Refused);
}

#[test]
fn a_torn_tail_is_cleared_and_the_log_goes_on() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    append(&mut log, 3).unwrap();
    log.sync().unwrap();
    append(&mut log, 4).unwrap();
    drop(log);
    let torn = disk.after(PowerLoss::TearsLast(200));
    let (mut log, recovery) = open(&torn);
    let found = recovery.torn.unwrap();
    assert!(found.bytes > 0 && !recovery.closed);
    assert_eq!(recovery.next_index, 3);
    append(&mut log, 2).unwrap();
    log.close().unwrap();
    assert_eq!(judge(&torn), Verdict::Whole);
    assert_eq!(all(&torn).unwrap(), (0..5).collect::<Vec<_>>());
}

#[test]
fn an_earlier_batch_of_the_same_sync_may_be_the_one_that_tore() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    append(&mut log, 3).unwrap();
    log.sync().unwrap();
    append(&mut log, 4).unwrap();
    append(&mut log, 4).unwrap();
    drop(log);
    let name = segment_names(&disk).remove(0);
    // The first of two batches no sync had covered is gone, the second is whole.
    disk.corrupt(&name, |bytes| {
        let at = (64 + 56 + 3 * 40 + 1 + 2 + 3_usize).next_multiple_of(8);
        bytes[at..at + 100].fill(0);
    })
    .unwrap();
    assert_eq!(judge(&disk), Verdict::Torn { kept: 3 });
}
