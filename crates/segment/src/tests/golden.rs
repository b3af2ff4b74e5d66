//! Format version 1 stays readable, and is what this version writes.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use crate::{Disk, Entry, Options, Priority, Reader, RealDisk, SegmentLog};

const OPTIONS: Options = Options {
    incarnation: 0x0123_4567_89ab_cdef,
    first_segment_bytes: 512,
    segment_bytes: 1024,
    reserve_bytes: 0,
    background: false,
};

fn golden() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/v1"))
}

fn body(index: u64) -> Vec<u8> {
    format!("body of record {index}").into_bytes()
}

fn entry(index: u64, body: &[u8]) -> Entry<'_> {
    Entry {
        tag: (index % 2) as u8,
        stream: (index % 10) as u8 + 1,
        kind: 20 + index as u16,
        partition: (index % 4) as u16,
        sequence: index + 1,
        time: 1_723_161_904_000_000_000 + index as i64,
        body,
    }
}

/// Two lives, three segments, the first of them rewritten.
fn write(dir: &Path) {
    for life in 0..2 {
        let disk = Arc::new(RealDisk);
        let (mut log, _) = SegmentLog::open(disk, dir, OPTIONS).unwrap();
        for count in [1, 2, 3, 4] {
            let first = log.next_index();
            let bodies: Vec<_> = (first..first + count).map(body).collect();
            let entries = bodies.iter().zip(first..).map(|(body, index)| entry(index, body));
            log.append_all(entries, 1_732_000_000_000_000_000, Priority::Normal).unwrap();
            log.sync().unwrap();
        }
        if life == 1 {
            log.rewrite_segment(0, |entry| entry.index % 3 != 1).unwrap();
        }
        log.close().unwrap();
    }
}

/// Names and bytes of the segments in a directory.
fn segments(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = RealDisk.list(dir).unwrap().into_iter().filter(|name| name.ends_with(".seg"));
    names.map(|name| (name.clone(), std::fs::read(dir.join(&name)).unwrap())).collect()
}

#[test]
fn version_1_is_read_to_the_last_field() {
    let mut reader = Reader::open(Arc::new(RealDisk), golden()).unwrap();
    assert_eq!(reader.incarnation(), OPTIONS.incarnation);
    let mut indexes = Vec::new();
    while let Some(batch) = reader.next_batch().unwrap() {
        assert_eq!(batch.stored_at(), 1_732_000_000_000_000_000);
        for found in batch.entries() {
            let expected_body = body(found.index);
            let expected = entry(found.index, &expected_body);
            assert_eq!(format!("{:?}", found.entry), format!("{expected:?}"));
            indexes.push(found.index);
        }
    }
    let first_segment_ends = reader.segments().unwrap()[1].first_index;
    let kept: Vec<u64> = (0..20).filter(|i| *i >= first_segment_ends || i % 3 != 1).collect();
    assert_eq!(indexes, kept);
}

#[test]
fn version_1_is_what_this_version_writes() {
    let fresh = tempfile::tempdir().unwrap();
    write(fresh.path());
    let (written, golden) = (segments(fresh.path()), segments(golden()));
    assert!(golden.len() >= 3);
    for (name, bytes) in &golden {
        assert!(written.get(name) == Some(bytes), "{name} is written otherwise than it was");
    }
    assert_eq!(written.len(), golden.len());
}

#[test]
fn version_1_is_opened_and_continued() {
    let copy = tempfile::tempdir().unwrap();
    for (name, bytes) in segments(golden()) {
        std::fs::write(copy.path().join(name), bytes).unwrap();
    }
    let (mut log, recovery) = SegmentLog::open(Arc::new(RealDisk), copy.path(), OPTIONS).unwrap();
    assert!(recovery.closed && !recovery.created);
    assert_eq!(log.next_index(), 20);
    let more = body(20);
    log.append_all([entry(20, &more)], 0, Priority::Normal).unwrap();
    log.close().unwrap();
}
