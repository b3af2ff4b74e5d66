//! Kept, found, damaged, dropped.

use std::fs;

use event::{Digest, id::digest_of};

use crate::{Dropped, Flaw, Snapshot, SnapshotStore};

const VERSION: Digest = Digest([1; 32]);

fn snapshot(index: u64) -> Snapshot {
    let cut = digest_of("cut", &[&index.to_le_bytes()]);
    Snapshot { index, cut, state: vec![index as u8; 100] }
}

fn newest(store: &SnapshotStore, name: &str, index: u64) -> Option<Snapshot> {
    let (found, dropped) = store.newest(name, VERSION, index, |_| true);
    assert_eq!(dropped, []);
    found
}

#[test]
fn the_newest_at_or_below_an_index_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(dir.path()).unwrap();
    for index in [10, 20, 30] {
        store.keep("books", VERSION, snapshot(index)).unwrap();
    }
    assert_eq!(newest(&store, "books", 29), Some(snapshot(20)));
    assert_eq!(newest(&store, "books", 30), Some(snapshot(30)));
    assert_eq!(newest(&store, "books", 9), None);
    assert_eq!(newest(&store, "book", 99), None);
    assert_eq!(store.indexes("books"), [10, 20, 30]);
}

#[test]
fn a_snapshot_of_another_version_or_another_log_is_dropped_and_said_to_be() {
    let dir = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(dir.path()).unwrap();
    for index in [10, 20] {
        store.keep("books", VERSION, snapshot(index)).unwrap();
    }
    store.keep("books", Digest([2; 32]), snapshot(30)).unwrap();
    let is_of_this_log = |found: &Snapshot| found.cut != snapshot(20).cut;
    let (found, dropped) = store.newest("books", VERSION, 99, is_of_this_log);
    assert_eq!(found, Some(snapshot(10)));
    let drop = |index, flaw| Dropped { name: "books".into(), index, flaw };
    assert_eq!(dropped, [drop(30, Flaw::OtherVersion), drop(20, Flaw::OtherLog)]);
    assert_eq!(store.indexes("books"), [10]);
}

/// Frozen: a form that is read otherwise would be dropped as damaged, or worse, believed.
#[test]
fn the_first_form_of_a_snapshot_is_read_as_it_was() {
    let kept = || Snapshot { index: 300, cut: Digest([2; 32]), state: vec![1, 2, 3] };
    let bytes = kept().wrap("books", VERSION).unwrap();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let (version, cut) = ("01".repeat(32), "02".repeat(32));
    let digest = "198bb2133325afbe41fb43fee07dc562f0a1c4c3dd3ac2bced82d28fd9c423cf";
    assert_eq!(hex, format!("{version}fb2c01{cut}{digest}03010203"));
    assert_eq!(Snapshot::unwrap("books", VERSION, &bytes), Ok(kept()));
}

#[test]
fn pruning_leaves_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(dir.path()).unwrap();
    for index in 0..10 {
        store.keep("books", VERSION, snapshot(index)).unwrap();
        store.keep("tasks", VERSION, snapshot(index)).unwrap();
    }
    store.prune("tasks", 3);
    assert_eq!(store.indexes("tasks"), [7, 8, 9]);
    assert_eq!(store.indexes("books").len(), 10);
}

#[test]
fn a_damaged_or_deleted_store_never_answers_wrongly_and_opens_again() {
    for byte_step in [1, 7, 97] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        let store = SnapshotStore::open(&path).unwrap();
        store.keep("books", VERSION, snapshot(10)).unwrap();
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
        let (found, _) = store.newest("books", VERSION, 99, |_| true);
        assert!(found.is_none() || found == Some(snapshot(10)), "a wrong snapshot came back");
        store.keep("books", VERSION, snapshot(11)).unwrap();
        assert_eq!(newest(&store, "books", 99), Some(snapshot(11)));
    }
}

#[test]
fn no_bytes_upset_the_reader_of_snapshots() {
    let corpus = [0, 1, 1 << 40].map(|index| snapshot(index).wrap("books", VERSION).unwrap());
    fuzz::Target::new("wrapped snapshots", corpus.to_vec())
        .run(|bytes| Snapshot::unwrap("books", VERSION, bytes).is_ok());
}
