//! Every changed byte and every cut is seen.

use super::*;
use crate::{Checked, PowerLoss, SimDisk, check};

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

/// What `blotter verify` asks of a log.
fn checked(disk: &SimDisk) -> Result<Checked, SegmentError> {
    check(disk, &dir())
}

/// Other values for a byte: every bit flipped, or all 255.
fn others(byte: u8) -> impl Iterator<Item = u8> {
    let all = soak();
    (0..=255_u8).filter(move |other| *other != byte && (all || (other ^ byte).is_power_of_two()))
}

#[test]
fn every_flipped_byte_of_a_closed_log_is_seen() {
    let disk = three_segments(true);
    assert_eq!(judge(&disk.after(PowerLoss::KeepsAll)), Verdict::Whole);
    let whole = checked(&disk).unwrap();
    assert!(whole.closed && whole.torn.is_none() && whole.segments >= 3);
    let mut flips = 0;
    let total = all(&disk).unwrap().len() as u64;
    let names = segment_names(&disk);
    for name in &names {
        let content = disk.content(name).unwrap();
        let last = name == names.last().unwrap();
        let end = used(&disk, name).next_multiple_of(8);
        // The close record itself, and the zeros after it, hold nothing to lose.
        let close_begins = end - 56;
        for (at, &byte) in content.iter().enumerate() {
            for other in others(byte) {
                let changed = disk.after(PowerLoss::KeepsAll);
                changed.corrupt(name, |bytes| bytes[at] = other).unwrap();
                flips += 1;
                let told = checked(&changed);
                if last && at >= close_begins {
                    let torn = told.unwrap().torn.unwrap();
                    assert!(
                        (torn.offset..torn.offset + torn.bytes).contains(&(at as u64)) || at < end
                    );
                    assert_eq!(judge(&changed), Verdict::Torn { kept: total }, "{at}");
                } else {
                    assert!(told.is_err(), "{} {at} went unseen", name.display());
                    // Beyond the seal of an older segment nothing is ever read.
                    let unread = !last && at >= end;
                    let verdict = if unread { Verdict::Whole } else { Verdict::Refused };
                    assert_eq!(judge(&changed), verdict, "{} {at}", name.display());
                }
            }
        }
    }
    told("changed bytes", "segment log", flips);
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
        let told = checked(&flipped);
        assert!(told.as_ref().map_or(at < last_batch, |found| found.torn.is_some()), "{told:?}");
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
    let mut cuts = 0;
    for name in &names {
        for length in 0..disk.content(name).unwrap().len() {
            cuts += 1;
            let cut = disk.after(PowerLoss::KeepsAll);
            cut.corrupt(name, |bytes| bytes.truncate(length)).unwrap();
            assert!(checked(&cut).is_err(), "{} {length}", name.display());
            assert_eq!(judge(&cut), Verdict::Refused, "{} {length}", name.display());
        }
        let gone = disk.after(PowerLoss::KeepsAll);
        gone.remove(name).unwrap();
        // A log is never known to be longer than its last segment.
        if name != names.last().unwrap() {
            assert!(checked(&gone).is_err());
            assert_eq!(judge(&gone), Verdict::Refused);
        }
    }
    told("truncations", "segment log", cuts);
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
