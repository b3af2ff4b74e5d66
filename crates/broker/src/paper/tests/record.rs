use std::{fs, path::Path, sync::Arc};

use segment::RealDisk;
use tempfile::TempDir;

use super::{
    super::record::{Opened, Record},
    record_of,
};
use crate::BrokerError;

fn open(dir: &Path) -> Result<Opened, BrokerError> {
    Record::open(Arc::new(RealDisk), dir)
}

fn open_read_only(dir: &Path) -> Result<Opened, BrokerError> {
    Record::open_read_only(Arc::new(RealDisk), dir)
}

fn written(payloads: &[&[u8]]) -> TempDir {
    let dir = TempDir::new().unwrap();
    let mut record = open(dir.path()).unwrap().record;
    payloads.iter().for_each(|payload| record.append(payload).unwrap());
    dir
}

#[test]
fn every_torn_tail_is_cut_and_what_is_whole_stays() {
    let dir = written(&[b"first", b"", b"third, and longer"]);
    let whole = fs::read(record_of(dir.path())).unwrap();
    let ends = [8, 8 + 25, 8 + 25 + 20, whole.len()];
    for len in 0..=whole.len() {
        fs::write(record_of(dir.path()), &whole[..len]).unwrap();
        let seen = if len < 8 { 0 } else { ends.iter().filter(|&&end| end <= len).count() - 1 };
        if len >= 8 {
            let read_only = open_read_only(dir.path()).unwrap();
            assert_eq!(read_only.frames.len(), seen, "{len} bytes, read only");
            assert_eq!(fs::metadata(record_of(dir.path())).unwrap().len(), len as u64);
        }
        let mut opened = open(dir.path()).unwrap();
        assert_eq!(opened.frames.len(), seen, "{len} bytes");
        opened.record.append(b"next").unwrap();
        drop(opened);
        let again = open(dir.path()).unwrap();
        assert_eq!(again.frames.len(), seen + 1, "{len} bytes, then one more frame");
        assert_eq!(again.frames.last().unwrap(), b"next");
    }
}

#[test]
fn flipped_bit_before_the_last_frame_is_damage_and_never_a_shorter_record() {
    let dir = written(&[b"first", b"second", b"third"]);
    let whole = fs::read(record_of(dir.path())).unwrap();
    let last = whole.len() - 25;
    for at in 0..last {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        fs::write(record_of(dir.path()), &bytes).unwrap();
        let error = open(dir.path()).unwrap_err();
        assert!(matches!(error, BrokerError::Damaged { .. }), "byte {at}: {error}");
        assert_eq!(fs::read(record_of(dir.path())).unwrap(), bytes, "byte {at}: left as it was");
    }
}

#[test]
fn zeros_after_the_last_frame_are_a_torn_tail() {
    let dir = written(&[b"first"]);
    let mut bytes = fs::read(record_of(dir.path())).unwrap();
    bytes.resize(bytes.len() + 4_096, 0);
    fs::write(record_of(dir.path()), &bytes).unwrap();
    assert_eq!(open(dir.path()).unwrap().frames, [b"first"]);
}

#[test]
fn two_writers_do_not_share_a_record() {
    let dir = written(&[b"first"]);
    let held = open(dir.path()).unwrap();
    assert!(matches!(open(dir.path()).unwrap_err(), BrokerError::Busy { .. }));
    assert_eq!(open_read_only(dir.path()).unwrap().frames.len(), 1);
    drop(held);
    assert!(open(dir.path()).is_ok());
}
