//! Kept, found, damaged, dropped.

use std::fs;

use crate::{
    Snapshot, SnapshotStore,
    store::{unwrap, wrap},
};

fn snapshot(index: u64) -> Snapshot {
    Snapshot { index, state: vec![index as u8; 100] }
}

#[test]
fn the_newest_at_or_below_an_index_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(dir.path()).unwrap();
    for index in [10, 20, 30] {
        store.keep("books", 1, &snapshot(index)).unwrap();
    }
    assert_eq!(store.newest("books", 1, 29), Some(snapshot(20)));
    assert_eq!(store.newest("books", 1, 30), Some(snapshot(30)));
    assert_eq!(store.newest("books", 1, 9), None);
    assert_eq!(store.newest("book", 1, 99), None);
}

#[test]
fn another_fold_version_is_no_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(dir.path()).unwrap();
    store.keep("books", 1, &snapshot(10)).unwrap();
    assert_eq!(store.newest("books", 2, 99), None);
}

#[test]
fn old_snapshots_make_room() {
    let dir = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(dir.path()).unwrap();
    for index in 0..100 {
        store.keep("books", 1, &snapshot(index)).unwrap();
    }
    assert_eq!(store.newest("books", 1, 67), None);
    assert_eq!(store.newest("books", 1, 68), Some(snapshot(68)));
}

#[test]
fn a_damaged_or_deleted_store_never_answers_wrongly_and_opens_again() {
    for byte_step in [1, 7, 97] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        let store = SnapshotStore::open(&path).unwrap();
        store.keep("books", 1, &snapshot(10)).unwrap();
        drop(store);
        for entry in fs::read_dir(&path).unwrap() {
            let file = entry.unwrap().path();
            if !file.is_file() {
                continue;
            }
            let mut bytes = fs::read(&file).unwrap();
            bytes.iter_mut().step_by(byte_step).for_each(|byte| *byte ^= 0x55);
            fs::write(&file, bytes).unwrap();
        }
        let store = SnapshotStore::open(&path).unwrap();
        let found = store.newest("books", 1, 99);
        assert!(found.is_none() || found == Some(snapshot(10)), "a wrong snapshot came back");
        store.keep("books", 1, &snapshot(11)).unwrap();
        assert_eq!(store.newest("books", 1, 99), Some(snapshot(11)));
    }
}

#[test]
fn no_bytes_upset_the_reader_of_snapshots() {
    let corpus = [0, 1, 1 << 40].map(|index| wrap("books", 1, &snapshot(index)).unwrap());
    fuzz::Target::new("wrapped snapshots", corpus.to_vec())
        .run(|bytes| unwrap("books", 1, bytes).is_some());
}
