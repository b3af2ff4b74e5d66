//! Seeking, following, and reading what a rewrite left.

use std::{sync::Arc, time::Duration};

use super::*;
use crate::{RealDisk, SimDisk};

fn filled(batches: u64) -> (SimDisk, SegmentLog) {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    for _ in 0..batches {
        append(&mut log, 5).unwrap();
    }
    log.sync().unwrap();
    (disk, log)
}

#[test]
fn every_index_is_found_with_and_without_the_sparse_index() {
    let (disk, _log) = filled(30);
    for without in [false, true] {
        if without {
            for name in disk.list(&dir()).unwrap().iter().filter(|n| n.ends_with(".idx")) {
                disk.remove(&dir().join(name)).unwrap();
            }
        }
        let mut reader = reader(&disk);
        for from in (0..=150).chain((0..150).rev()) {
            assert_eq!(read_from(&mut reader, from).unwrap(), (from..150).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_damaged_sparse_index_is_built_again() {
    let (disk, _log) = filled(30);
    for name in disk.list(&dir()).unwrap().iter().filter(|n| n.ends_with(".idx")) {
        disk.corrupt(&dir().join(name), |bytes| bytes[30] ^= 1).unwrap();
    }
    assert_eq!(read_from(&mut reader(&disk), 77).unwrap(), (77..150).collect::<Vec<_>>());
}

#[test]
fn a_time_is_found_at_its_first_record() {
    let (disk, _log) = filled(30);
    let mut reader = reader(&disk);
    for index in 0..150 {
        assert_eq!(reader.seek_time(time(index)).unwrap(), index);
        assert_eq!(reader.seek_time(time(index) - 3).unwrap(), index);
        let batch = reader.next_batch().unwrap().unwrap();
        assert_eq!(batch.entries().next().unwrap().index, index);
    }
    assert_eq!(reader.seek_time(time(150)).unwrap(), 150);
    assert!(reader.next_batch().unwrap().is_none());
}

#[test]
fn the_writers_process_reads_durable_records_only() {
    let (_disk, mut log) = filled(1);
    let mut inside = log.reader();
    assert_eq!(read_from(&mut inside, 0).unwrap(), (0..5).collect::<Vec<_>>());
    append(&mut log, 5).unwrap();
    assert_eq!(read_from(&mut inside, 5).unwrap(), Vec::<u64>::new());
    log.sync().unwrap();
    assert_eq!(read_from(&mut inside, 5).unwrap(), (5..10).collect::<Vec<_>>());
}

#[test]
fn a_follower_in_another_process_sees_whole_batches_as_they_come() {
    let dir = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let (mut log, _) = SegmentLog::open(Arc::clone(&disk), dir.path(), small()).unwrap();
    let mut follower = Reader::open(disk, dir.path()).unwrap();
    let mut seen = Vec::new();
    for round in 0..60 {
        append(&mut log, 3).unwrap();
        log.sync().unwrap();
        while let Some(batch) = follower.next_batch().unwrap() {
            seen.extend(batch.entries().map(|entry| entry.index));
        }
        assert_eq!(seen.len(), 3 * (round + 1));
    }
    assert_eq!(seen, (0..180).collect::<Vec<_>>());
}

#[test]
fn a_batch_half_written_is_the_end_for_a_follower() {
    let (disk, mut log) = filled(1);
    append(&mut log, 5).unwrap();
    let name = segment_names(&disk).remove(0);
    let whole = disk.content(&name).unwrap();
    let end = whole.iter().rposition(|&byte| byte != 0).unwrap();
    for cut in end - 150..end {
        let half = disk.after(crate::PowerLoss::KeepsAll);
        half.corrupt(&name, |bytes| bytes[cut..].fill(0)).unwrap();
        let seen = all(&half).unwrap();
        assert_eq!(seen, (0..5).collect::<Vec<_>>(), "cut at {cut}");
    }
}

#[test]
fn waiting_ends_with_the_record_waited_for() {
    let (_disk, mut log) = filled(1);
    let tail = log.tail();
    let waiter = std::thread::spawn(move || tail.wait(5, Duration::from_secs(60)));
    append(&mut log, 1).unwrap();
    log.sync().unwrap();
    assert_eq!(waiter.join().unwrap(), 6);
    let tail = log.tail();
    drop(log);
    assert_eq!(tail.wait(6, Duration::from_secs(60)), 6);
}

#[test]
fn a_rewritten_segment_keeps_indexes_and_leaves_no_gap_records() {
    let (disk, mut log) = filled(30);
    let segments = reader(&disk).segments().unwrap();
    for facts in segments.iter().filter(|facts| facts.sealed) {
        let done = log.rewrite_segment(facts.first_index, |e| e.index % 7 == 0).unwrap();
        assert!(done.bytes_after < done.bytes_before);
    }
    let last = segments.last().unwrap().first_index;
    assert!(matches!(log.rewrite_segment(last, |_| true), Err(SegmentError::NotSealed { .. })));
    let kept: Vec<u64> = (0..150).filter(|i| i % 7 == 0 || *i >= last).collect();
    assert_eq!(all(&disk).unwrap(), kept);
    for from in 0..150 {
        let expected: Vec<u64> = kept.iter().copied().filter(|i| *i >= from).collect();
        assert_eq!(read_from(&mut reader(&disk), from).unwrap(), expected);
    }
    // A second rewrite takes out the rest, and the log still opens and goes on.
    for facts in segments.iter().filter(|facts| facts.sealed) {
        let _ = log.rewrite_segment(facts.first_index, |_| false).unwrap();
    }
    log.close().unwrap();
    let (mut log, _) = open(&disk);
    append(&mut log, 5).unwrap();
    log.close().unwrap();
    assert_eq!(all(&disk).unwrap(), (last..155).collect::<Vec<_>>());
}

#[test]
fn a_damaged_segment_is_not_rewritten() {
    let (disk, mut log) = filled(30);
    let name = segment_names(&disk).remove(0);
    disk.corrupt(&name, |bytes| bytes[200] ^= 1).unwrap();
    let before = disk.content(&name).unwrap();
    assert!(matches!(log.rewrite_segment(0, |_| true), Err(SegmentError::Damage { .. })));
    assert_eq!(disk.content(&name).unwrap(), before);
}

#[test]
fn what_a_reader_settled_survives_a_loss_of_power() {
    let (disk, mut log) = filled(7);
    append(&mut log, 4).unwrap();
    drop(log);
    // The writer is dead, its last batch is in the page cache alone.
    assert_eq!(all(&disk).unwrap().len(), 39);
    assert_eq!(all(&disk.after(crate::PowerLoss::KeepsNone)).unwrap().len(), 35);
    assert_eq!(reader(&disk).settle().unwrap(), 39);
    assert_eq!(all(&disk.after(crate::PowerLoss::KeepsNone)).unwrap().len(), 39);
}
