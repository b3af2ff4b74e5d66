//! Taken, read back, refused.

mod crash;
mod damage;

use std::sync::Arc;

use bus::Stream;
use event::Timestamp;
use segment::{Options, RealDisk};

use crate::{Journal, JournalError, JournalReader, Stamp, Taken, What};

fn taken(log_index: u64, bytes: &[u8]) -> Taken<'_> {
    Taken {
        stamp: Stamp { incarnation: 7, log_index, stored_at: Timestamp(3) },
        what: What::Event,
        stream: Some(Stream::Order),
        partition: 1,
        sequence: log_index + 1,
        kind: 60,
        time: Timestamp(log_index as i64 * 10),
        bytes,
    }
}

/// Whether the long forms are asked for, as `cargo xtask soak` does.
fn soak() -> bool {
    std::env::var_os("BLOTTER_SOAK").is_some()
}

/// Says how much was tried, for the table of what was proven.
fn told(proof: &str, of: &str, count: u64) {
    println!("{{\"proof\":\"{proof}\",\"of\":\"{of}\",\"count\":{count}}}");
}

fn open(dir: &std::path::Path) -> Journal {
    let options = Options {
        first_segment_bytes: 1 << 16,
        segment_bytes: 1 << 16,
        reserve_bytes: 1 << 10,
        background: false,
        incarnation: 1,
    };
    Journal::open_on(Arc::new(RealDisk), dir, options, || Timestamp(1)).unwrap()
}

fn read(dir: &std::path::Path) -> Vec<(u64, u64, Vec<u8>)> {
    let mut reader = JournalReader::open(dir).unwrap();
    let mut found = vec![];
    while reader
        .visit_batch(|entry| -> Result<(), JournalError> {
            found.push((entry.index, entry.stamp.log_index, entry.bytes.to_vec()));
            Ok(())
        })
        .unwrap()
    {}
    found
}

#[test]
fn what_was_taken_is_read_back_verbatim_with_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open(dir.path());
    for index in 0..500 {
        journal.take(&taken(index, &index.to_le_bytes())).unwrap();
    }
    journal.close().unwrap();
    let expected: Vec<_> = (0..500).map(|i: u64| (i, i, i.to_le_bytes().to_vec())).collect();
    assert_eq!(read(dir.path()), expected);
}

#[test]
fn a_reopened_journal_waits_for_the_entry_after_its_last() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open(dir.path());
    for index in 0..10 {
        journal.take(&taken(index, b"x")).unwrap();
    }
    journal.sync().unwrap();
    journal.take(&taken(10, b"not durable")).unwrap();
    drop(journal);
    let mut journal = open(dir.path());
    assert_eq!(journal.next_log_index(), 10);
    journal.take(&taken(10, b"again")).unwrap();
    journal.close().unwrap();
    assert_eq!(read(dir.path()).last().unwrap().2, b"again");
}

#[test]
fn a_skipped_index_stops_it_and_nothing_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open(dir.path());
    journal.take(&taken(0, b"a")).unwrap();
    let gap = journal.take(&taken(2, b"c")).unwrap_err();
    assert!(matches!(gap, JournalError::Gap { expected: 1, found: 2 }));
    let again = journal.take(&taken(0, b"a")).unwrap_err();
    assert!(matches!(again, JournalError::Gap { expected: 1, found: 0 }));
    journal.take(&taken(1, b"b")).unwrap();
    journal.close().unwrap();
    assert_eq!(read(dir.path()).len(), 2);
}

#[test]
fn another_life_of_the_log_or_other_bytes_are_a_rewound_stream() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open(dir.path());
    journal.take(&taken(0, b"a")).unwrap();
    journal.sync().unwrap();
    let mut other = taken(1, b"b");
    other.stamp.incarnation = 8;
    assert!(matches!(journal.take(&other), Err(JournalError::Rewound { index: 1 })));
    assert!(journal.check_last(0, b"a").is_ok());
    assert!(matches!(journal.check_last(0, b"z"), Err(JournalError::Rewound { index: 0 })));
}
