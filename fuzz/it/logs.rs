//! Files of the segment log: segments, sparse indexes, checkpoints, journals.

use std::{path::PathBuf, sync::Arc};

use bus_log::LogBus;
use event::Timestamp;
use forensics::{Journal, JournalError, JournalReader, Stamp, Taken, What};
use fuzz::Target;
use segment::{
    BATCH_HEAD_BYTES, Disk, Entry, Options, Priority, RECORD_HEAD_BYTES, Reader, SegmentLog,
    SimDisk, check, crc32c,
};

fn dir() -> PathBuf {
    PathBuf::from("/log")
}

fn small() -> Options {
    Options {
        incarnation: 7,
        first_segment_bytes: 1024,
        segment_bytes: 1024,
        reserve_bytes: 0,
        background: false,
    }
}

const fn clock() -> Timestamp {
    Timestamp(1_732_000_000_000_000_000)
}

/// A disk with these files in the log's directory.
fn disk_of(files: &[(String, Vec<u8>)]) -> Arc<dyn Disk> {
    let disk = SimDisk::new();
    disk.create_dir(&dir()).unwrap();
    for (name, bytes) in files {
        disk.create(&dir().join(name)).unwrap().write_at(bytes, 0).unwrap();
    }
    Arc::new(disk)
}

/// The files of a log's directory whose names end so.
fn files_of(disk: &SimDisk, end: &str) -> Vec<(String, Vec<u8>)> {
    let names = disk.list(&dir()).unwrap().into_iter().filter(|name| name.ends_with(end));
    names.map(|name| (name.clone(), disk.content(&dir().join(&name)).unwrap())).collect()
}

fn written() -> SimDisk {
    let disk = SimDisk::new();
    let (mut log, _) = SegmentLog::open(Arc::new(disk.clone()), &dir(), small()).unwrap();
    for round in 0..9_u8 {
        let body = vec![round; usize::from(round) * 5];
        let entry = Entry {
            tag: 1,
            stream: round,
            kind: 7,
            partition: 2,
            sequence: u64::from(round),
            time: i64::from(round),
            body: &body,
        };
        log.append_all([entry, entry], i64::from(round), Priority::Normal).unwrap();
        log.sync().unwrap();
    }
    log.close().unwrap();
    disk
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize)
}

fn put(bytes: &mut [u8], at: usize, number: u32) {
    if let Some(slot) = bytes.get_mut(at..at + 4) {
        slot.copy_from_slice(&number.to_le_bytes());
    }
}

/// Makes every checksum of a segment what its bytes say, as far as its lengths make sense, and its
/// capacity what its length is.
fn repair_segment(bytes: &mut [u8]) {
    let length = bytes.len() as u64;
    if let Some(slot) = bytes.get_mut(32..40) {
        slot.copy_from_slice(&length.to_le_bytes());
    }
    put(bytes, 12, 0);
    let head = crc32c(bytes.get(..64).unwrap_or_default());
    put(bytes, 12, head);
    let mut at = 64;
    while bytes.get(at..).is_some_and(|rest| rest.starts_with(b"BTCH")) {
        let end = at + u32_at(bytes, at + 8).unwrap_or(0).max(BATCH_HEAD_BYTES);
        let mut record = at + BATCH_HEAD_BYTES;
        while record + RECORD_HEAD_BYTES <= end.min(bytes.len()) {
            let next = record + RECORD_HEAD_BYTES + u32_at(bytes, record + 4).unwrap_or(0);
            if let Some(content) = bytes.get(record + 4..next) {
                let crc = crc32c(content);
                put(bytes, record, crc);
            }
            record = next;
        }
        if let Some(records) = bytes.get(at + BATCH_HEAD_BYTES..end) {
            let crc = crc32c(records);
            put(bytes, at + 48, crc);
        }
        if let Some(head) = bytes.get(at + 8..at + BATCH_HEAD_BYTES) {
            let crc = crc32c(head);
            put(bytes, at + 4, crc);
        }
        at = end;
    }
}

/// Reads a log from its beginning; false where it is damaged.
fn read(disk: Arc<dyn Disk>) -> bool {
    let Ok(mut reader) = Reader::open(disk, &dir()) else { return false };
    loop {
        match reader.next_batch() {
            Ok(Some(batch)) => assert!(batch.entries().count() < 1 << 17),
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

#[test]
fn no_bytes_upset_the_reader_and_the_writer_of_segments() {
    let corpus = files_of(&written(), ".seg").into_iter().map(|(_, bytes)| bytes).collect();
    let target = Target { repair: repair_segment, ..Target::new("segments", corpus) };
    target.run(|bytes| {
        let disk = disk_of(&[("00000000000000000000.seg".into(), bytes.to_vec())]);
        let checked = check(&*disk, &dir()).is_ok();
        let is_read = read(Arc::clone(&disk));
        assert!(is_read || !checked, "what is sound is read");
        if let Ok(mut reader) = Reader::open(Arc::clone(&disk), &dir()) {
            let _ = (reader.seek(3), reader.next_batch(), reader.seek_time(4), reader.next_batch());
        }
        if let Ok((mut log, _)) = SegmentLog::open(disk, &dir(), small()) {
            let _ = log.rewrite_segment(0, |_| true);
        }
        is_read
    });
}

fn repair_index(bytes: &mut [u8]) {
    if let Some((content, crc)) = bytes.split_last_chunk_mut::<8>() {
        *crc = u64::from(crc32c(content)).to_le_bytes();
    }
}

#[test]
fn no_bytes_upset_the_reader_of_sparse_indexes() {
    let disk = written();
    let (segments, indexes) = (files_of(&disk, ".seg"), files_of(&disk, ".idx"));
    let name = indexes.first().unwrap().0.clone();
    let corpus = indexes.into_iter().map(|(_, bytes)| bytes).collect();
    let target = Target { repair: repair_index, ..Target::new("sparse indexes", corpus) };
    target.run(|bytes| {
        let mut files = segments.clone();
        files.push((name.clone(), bytes.to_vec()));
        let disk = disk_of(&files);
        let Ok(mut reader) = Reader::open(Arc::clone(&disk), &dir()) else { return false };
        let is_found = reader.seek(2).is_ok() && reader.next_batch().is_ok();
        let _ = (reader.seek_time(3), reader.next_batch());
        is_found
    });
}

fn repair_checkpoint(bytes: &mut [u8]) {
    if let Some((crc, content)) = bytes.split_first_chunk_mut::<8>() {
        *crc = u64::from(crc32c(content)).to_le_bytes();
    }
}

#[test]
fn no_bytes_upset_the_reader_of_checkpoints() {
    let disk = SimDisk::new();
    let mut log = LogBus::open_on(Arc::new(disk.clone()), &dir(), small(), clock).unwrap().bus;
    let events = crate::events::events();
    let instrument = events.iter().find(|event| event.source_seq == 1).unwrap().clone();
    let record = bus::Record::of_event(Arc::new(instrument), &bus::Topology::shipped());
    let unit = bus::Unit::of_roots(record.header().source, vec![record]);
    let _ = bus::Bus::commit(&mut log, &[unit]).unwrap();
    bus::Bus::close(&mut log).unwrap();
    let (segments, checkpoints) = (files_of(&disk, ".seg"), files_of(&disk, "checkpoint"));
    let corpus = checkpoints.into_iter().map(|(_, bytes)| bytes).collect();
    // An engine remembers recent ids in a window of a fixed size.
    let target = Target {
        repair: repair_checkpoint,
        memory_bytes: 8 << 20,
        ..Target::new("checkpoints", corpus)
    };
    target.run(|bytes| {
        let mut files = segments.clone();
        files.push(("checkpoint".into(), bytes.to_vec()));
        let opened = LogBus::open_on(disk_of(&files), &dir(), small(), clock);
        opened.is_ok_and(|opened| bus::Bus::next_index(&opened.bus) >= 1)
    });
}

#[test]
fn no_bytes_upset_the_reader_and_the_writer_of_journals() {
    let disk = SimDisk::new();
    let mut journal = Journal::open_on(Arc::new(disk.clone()), &dir(), small(), clock).unwrap();
    for index in 0..9 {
        let stamp = Stamp { incarnation: 7, log_index: index, stored_at: clock() };
        let taken = Taken {
            stamp,
            what: [What::Event, What::Foreign, What::Progress][index as usize % 3],
            stream: Some(bus::Stream::Order),
            partition: 1,
            sequence: index + 1,
            kind: 60,
            time: Timestamp(index as i64),
            bytes: b"bytes of an entry",
        };
        journal.take(&taken).unwrap();
        journal.sync().unwrap();
    }
    journal.close().unwrap();
    let corpus = files_of(&disk, ".seg").into_iter().map(|(_, bytes)| bytes).collect();
    let target = Target { repair: repair_segment, ..Target::new("journals", corpus) };
    target.run(|bytes| {
        let disk = disk_of(&[("00000000000000000000.seg".into(), bytes.to_vec())]);
        let reads = |mut reader: JournalReader| -> Result<(), JournalError> {
            while reader.visit_batch(|_| Ok::<(), JournalError>(()))? {}
            reader.end().map(|_| ())
        };
        let is_read = JournalReader::open_on(Arc::clone(&disk), &dir()).and_then(reads).is_ok();
        let opened = Journal::open_on(disk, &dir(), small(), clock);
        let _ = opened.and_then(|journal| journal.check_last(3, b"x"));
        is_read
    });
}
