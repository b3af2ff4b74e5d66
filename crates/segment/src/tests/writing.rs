//! Appending, shutting down, coming back.

use std::sync::Arc;

use super::*;
use crate::{Class, RealDisk, SimDisk};

#[test]
fn what_was_appended_is_read_back_after_a_clean_shutdown() {
    let disk = SimDisk::new();
    let (mut log, recovery) = open(&disk);
    assert!(recovery.created && recovery.closed && recovery.torn.is_none());
    for count in [1, 5, 3] {
        append(&mut log, count).unwrap();
    }
    log.close().unwrap();
    let (log, recovery) = open(&disk);
    assert!(!recovery.created && recovery.closed);
    assert_eq!(recovery.next_index, 9);
    assert_eq!(log.next_index(), 9);
    assert_eq!(all(&disk).unwrap(), (0..9).collect::<Vec<_>>());
}

#[test]
fn many_segments_and_many_shutdowns_make_one_sequence() {
    let disk = SimDisk::new();
    for round in 0..40 {
        let (mut log, recovery) = open(&disk);
        assert_eq!(recovery.next_index, round * 6);
        append(&mut log, 4).unwrap();
        log.sync().unwrap();
        append(&mut log, 2).unwrap();
        log.close().unwrap();
    }
    assert!(segment_names(&disk).len() > 10);
    assert_eq!(all(&disk).unwrap(), (0..240).collect::<Vec<_>>());
}

#[test]
fn a_batch_larger_than_a_segment_gets_a_segment_of_its_own() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    append(&mut log, 2).unwrap();
    append(&mut log, 200).unwrap();
    append(&mut log, 2).unwrap();
    log.close().unwrap();
    assert_eq!(all(&disk).unwrap().len(), 204);
    let _ = open(&disk);
}

#[test]
fn a_second_writer_is_refused_until_the_first_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let first = SegmentLog::open(Arc::clone(&disk), dir.path(), small()).unwrap();
    let second = SegmentLog::open(Arc::clone(&disk), dir.path(), small());
    assert!(matches!(second, Err(SegmentError::SecondWriter { .. })));
    drop(first);
    SegmentLog::open(disk, dir.path(), small()).unwrap();
}

#[test]
fn a_directory_that_cannot_be_written_is_named_as_such() {
    let disk = SimDisk::new();
    disk.set_read_only();
    let refused = try_open(&disk).unwrap_err();
    assert!(matches!(refused, SegmentError::ReadOnly { .. }));
    assert!(refused.to_string().starts_with("E2006"));
}

#[test]
fn a_reader_needs_no_permission_to_write() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    append(&mut log, 30).unwrap();
    log.close().unwrap();
    disk.set_read_only();
    assert_eq!(all(&disk).unwrap().len(), 30);
}

#[test]
fn a_foreign_file_and_a_newer_format_are_told_apart() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    append(&mut log, 3).unwrap();
    log.close().unwrap();
    let name = segment_names(&disk).remove(0);

    let foreign = disk.after(crate::PowerLoss::KeepsAll);
    foreign.corrupt(&name, |bytes| bytes[0] = b'X').unwrap();
    assert!(matches!(try_open(&foreign), Err(SegmentError::NotASegment { .. })));

    let newer = disk.after(crate::PowerLoss::KeepsAll);
    newer
        .corrupt(&name, |bytes| {
            bytes[8..10].copy_from_slice(&2_u16.to_le_bytes());
            let crc = crate::format::SegmentHead::crc_of(&bytes[..64]);
            bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        })
        .unwrap();
    let refused = try_open(&newer).unwrap_err();
    assert!(matches!(refused, SegmentError::Newer { found: 2, newest: 1, .. }));
    assert!(refused.to_string().contains("upgrade blotter"));
}

#[test]
fn a_failed_sync_poisons_the_log() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    append(&mut log, 3).unwrap();
    log.sync().unwrap();
    append(&mut log, 3).unwrap();
    disk.fail_sync_at(disk.syncs());
    assert_eq!(log.sync().unwrap_err().class(), Class::Fatal);
    assert!(matches!(append(&mut log, 1), Err(SegmentError::Poisoned)));
    assert!(matches!(log.sync(), Err(SegmentError::Poisoned)));
    assert_eq!(log.tail().next_index(), 3);
    assert!(log.tail().ended());
    assert!(matches!(log.close(), Err(SegmentError::Poisoned)));
}

#[test]
fn what_a_failed_sync_left_in_memory_is_made_durable_before_it_counts() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    append(&mut log, 3).unwrap();
    disk.fail_sync_at(disk.syncs());
    assert!(log.sync().is_err());
    drop(log);
    // The page cache still shows the batch, the disk does not have it.
    let (mut log, recovery) = open(&disk);
    append(&mut log, 2).unwrap();
    log.sync().unwrap();
    let found = all(&disk.after(crate::PowerLoss::KeepsNone)).unwrap();
    assert_eq!(found.len() as u64, recovery.next_index + 2);
}

#[test]
fn an_empty_append_writes_nothing() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    let before = disk.effects();
    append(&mut log, 0).unwrap();
    log.sync().unwrap();
    assert_eq!(disk.effects(), before);
}

#[test]
fn the_background_thread_makes_the_same_log() {
    let dir = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let options = Options { background: true, ..small() };
    let (mut log, _) = SegmentLog::open(Arc::clone(&disk), dir.path(), options).unwrap();
    for _ in 0..50 {
        append(&mut log, 7).unwrap();
        log.sync().unwrap();
    }
    log.close().unwrap();
    assert!(!dir.path().join("spare.tmp").exists());
    let mut reader = Reader::open(disk, dir.path()).unwrap();
    assert_eq!(read_from(&mut reader, 0).unwrap().len(), 350);
}
