//! A disk that is full.

use super::*;
use crate::{Class, SimDisk};

/// Appends until refused; returns how many batches found room.
fn fill(log: &mut SegmentLog, priority: Priority) -> usize {
    (0..1000)
        .find(|_| match append_as(log, 2, priority) {
            Ok(()) => false,
            Err(refused) => {
                assert!(matches!(refused, SegmentError::Full { .. }));
                assert_eq!(refused.class(), Class::Retry);
                true
            }
        })
        .unwrap()
}

#[test]
fn normal_writes_are_refused_first_and_reserved_ones_go_on() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    disk.set_capacity(Some(3 * 1024));
    assert!(fill(&mut log, Priority::Normal) > 5);
    assert!(fill(&mut log, Priority::Reserved) > 0);
    log.sync().unwrap();
    let next_index = log.next_index();
    assert_eq!(all(&disk).unwrap(), (0..next_index).collect::<Vec<_>>());
    // Even then it shuts down cleanly.
    log.close().unwrap();
    let (_, recovery) = open(&disk);
    assert!(recovery.closed);
    assert_eq!(recovery.next_index, next_index);
}

#[test]
fn the_log_goes_on_by_itself_once_there_is_room() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    disk.set_capacity(Some(2 * 1024));
    let _ = fill(&mut log, Priority::Normal);
    let _ = fill(&mut log, Priority::Reserved);
    disk.set_capacity(None);
    for _ in 0..50 {
        append(&mut log, 3).unwrap();
    }
    log.close().unwrap();
    let (log, _) = open(&disk);
    assert_eq!(all(&disk).unwrap(), (0..log.next_index()).collect::<Vec<_>>());
}

#[test]
fn a_refused_append_leaves_nothing_behind() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    disk.set_capacity(Some(2 * 1024));
    let _ = fill(&mut log, Priority::Normal);
    let before: Vec<_> = segment_names(&disk).iter().map(|n| disk.content(n).unwrap()).collect();
    assert!(append(&mut log, 2).is_err());
    let after: Vec<_> = segment_names(&disk).iter().map(|n| disk.content(n).unwrap()).collect();
    assert_eq!(before, after);
}
