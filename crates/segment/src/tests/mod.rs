//! A small log, and what is asked of it.

mod crash;
mod damage;
mod full;
mod golden;
mod reading;
mod writing;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{Disk, Entry, Options, Priority, Reader, Recovery, SegmentError, SegmentLog};

/// Segments so small that a few batches fill them.
pub(super) fn small() -> Options {
    Options {
        incarnation: 7,
        first_segment_bytes: 1024,
        segment_bytes: 1024,
        reserve_bytes: 256,
        background: false,
    }
}

/// Whether the long forms are asked for, as `cargo xtask soak` does.
pub(super) fn soak() -> bool {
    std::env::var_os("BLOTTER_SOAK").is_some()
}

/// Says how much was tried, for the table of what was proven.
pub(super) fn told(proof: &str, of: &str, count: u64) {
    println!("{{\"proof\":\"{proof}\",\"of\":\"{of}\",\"count\":{count}}}");
}

pub(super) fn dir() -> PathBuf {
    PathBuf::from("/log")
}

pub(super) fn open(disk: &(impl Disk + Clone + 'static)) -> (SegmentLog, Recovery) {
    try_open(disk).unwrap()
}

pub(super) fn try_open(
    disk: &(impl Disk + Clone + 'static),
) -> Result<(SegmentLog, Recovery), SegmentError> {
    SegmentLog::open(Arc::new(disk.clone()), &dir(), small())
}

pub(super) fn reader(disk: &(impl Disk + Clone + 'static)) -> Reader {
    Reader::open(Arc::new(disk.clone()), &dir()).unwrap()
}

/// The body of the record with this index: its length and bytes differ from its neighbours'.
pub(super) fn body(index: u64) -> Vec<u8> {
    (0..index % 23 + 1).map(|at| (index * 31 + at) as u8).collect()
}

pub(super) fn entry(index: u64, body: &[u8]) -> Entry<'_> {
    Entry {
        tag: 1,
        stream: (index % 3) as u8,
        kind: (index % 5) as u16,
        partition: (index % 4) as u16,
        sequence: index / 2,
        time: time(index),
        body,
    }
}

pub(super) fn time(index: u64) -> i64 {
    index as i64 * 10
}

/// Appends `count` records whose content says where they belong.
pub(super) fn append(log: &mut SegmentLog, count: u64) -> Result<(), SegmentError> {
    append_as(log, count, Priority::Normal)
}

pub(super) fn append_as(
    log: &mut SegmentLog,
    count: u64,
    priority: Priority,
) -> Result<(), SegmentError> {
    let first = log.next_index();
    let bodies: Vec<Vec<u8>> = (first..first + count).map(body).collect();
    let entries = bodies.iter().enumerate().map(|(at, body)| entry(first + at as u64, body));
    log.append_all(entries, first as i64, priority).map(|_| ())
}

/// Reads from `from` to the end, checks every record, and returns the indexes.
pub(super) fn read_from(reader: &mut Reader, from: u64) -> Result<Vec<u64>, SegmentError> {
    reader.seek(from)?;
    let mut indexes = Vec::new();
    while let Some(batch) = reader.next_batch()? {
        for found in batch.entries() {
            let expected_body = body(found.index);
            let expected = entry(found.index, &expected_body);
            assert_eq!(found.entry.body, expected.body);
            assert_eq!(found.entry.time, expected.time);
            assert_eq!(found.entry.sequence, expected.sequence);
            assert_eq!(
                (found.entry.tag, found.entry.stream, found.entry.kind, found.entry.partition),
                (expected.tag, expected.stream, expected.kind, expected.partition)
            );
            indexes.push(found.index);
        }
    }
    Ok(indexes)
}

pub(super) fn all(disk: &(impl Disk + Clone + 'static)) -> Result<Vec<u64>, SegmentError> {
    read_from(&mut reader(disk), 0)
}

pub(super) fn segment_names(disk: &dyn Disk) -> Vec<PathBuf> {
    let names = disk.list(Path::new("/log")).unwrap();
    names.iter().filter(|n| n.ends_with(".seg")).map(|n| dir().join(n)).collect()
}
