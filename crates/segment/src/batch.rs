//! Batches: how records are put together, and how they are taken apart again.

use bytes::Bytes;

use crate::{
    crc32c,
    format::{BATCH_HEAD_BYTES, BatchHead, Numbers, RECORD_HEAD_BYTES},
};

/// A record to be written. What the numbers mean is the caller's.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// What sort of record.
    pub tag: u8,
    /// Its stream.
    pub stream: u8,
    /// Its kind.
    pub kind: u16,
    /// Its partition of the stream.
    pub partition: u16,
    /// Its sequence in the partition.
    pub sequence: u64,
    /// Its time, in nanoseconds; what seeks by time compare.
    pub time: i64,
    /// Its bytes.
    pub body: &'a [u8],
}

/// A record as it was read.
#[derive(Clone, Copy, Debug)]
pub struct EntryRef<'a> {
    /// Its index in the log.
    pub index: u64,
    /// What the writer gave.
    pub entry: Entry<'a>,
}

/// Records being put together; its memory is used again from batch to batch.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) first_index: u64,
    pub(crate) records: u32,
    pub(crate) time_max: i64,
}

/// A place in a batch to go back to.
#[derive(Clone, Copy, Debug)]
pub struct BatchMark {
    bytes: usize,
    records: u32,
    time_max: i64,
}

impl Batch {
    /// Empties the batch; its first record will have this index.
    pub(crate) fn begin(&mut self, first_index: u64) {
        self.bytes.clear();
        self.bytes.resize(BATCH_HEAD_BYTES, 0);
        self.first_index = first_index;
        self.records = 0;
        self.time_max = i64::MIN;
    }

    /// Adds a record and returns its index.
    #[inline]
    pub fn push(&mut self, entry: &Entry<'_>) -> u64 {
        let index = self.first_index + u64::from(self.records);
        self.push_at(index, entry);
        index
    }

    /// Adds a record as it was read, index, checksum and all, as a rewrite does.
    pub(crate) fn push_verbatim(&mut self, record: &[u8]) {
        self.bytes.extend_from_slice(record);
        self.records += 1;
    }

    #[inline]
    fn push_at(&mut self, index: u64, entry: &Entry<'_>) {
        let mut head = [0; RECORD_HEAD_BYTES];
        let numbers: [(usize, &[u8]); 8] = [
            (4, &(entry.body.len() as u32).to_le_bytes()),
            (8, &index.to_le_bytes()),
            (16, &entry.sequence.to_le_bytes()),
            (24, &entry.time.to_le_bytes()),
            (32, &entry.kind.to_le_bytes()),
            (34, &entry.partition.to_le_bytes()),
            (36, &[entry.stream]),
            (37, &[entry.tag]),
        ];
        for (at, bytes) in numbers {
            if let Some(slot) = head.get_mut(at..at + bytes.len()) {
                slot.copy_from_slice(bytes);
            }
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&head);
        self.bytes.extend_from_slice(entry.body);
        let crc = crc32c(self.bytes.get(start + 4..).unwrap_or_default()).to_le_bytes();
        if let Some(slot) = self.bytes.get_mut(start..start + 4) {
            slot.copy_from_slice(&crc);
        }
        self.records += 1;
        self.time_max = self.time_max.max(entry.time);
    }

    /// How many records it holds.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.records as usize
    }

    /// Whether it holds none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Bytes it will take in the log.
    #[must_use]
    pub const fn len_bytes(&self) -> usize {
        self.bytes.len().next_multiple_of(8)
    }

    /// A place to go back to.
    #[must_use]
    pub const fn mark(&self) -> BatchMark {
        BatchMark { bytes: self.bytes.len(), records: self.records, time_max: self.time_max }
    }

    /// Takes out what was added since `mark`.
    pub fn reset_to(&mut self, mark: BatchMark) {
        self.bytes.truncate(mark.bytes);
        self.records = mark.records;
        self.time_max = mark.time_max;
    }

    /// Writes the head before the records; the bytes are then what goes to disk.
    pub(crate) fn finish(&mut self, mut head: BatchHead) -> &[u8] {
        self.bytes.resize(self.len_bytes(), 0);
        head.bytes = self.bytes.len() as u32;
        head.records = self.records;
        head.records_crc = crc32c(self.bytes.get(BATCH_HEAD_BYTES..).unwrap_or_default());
        if let Some(slot) = self.bytes.get_mut(..BATCH_HEAD_BYTES) {
            slot.copy_from_slice(&head.encode());
        }
        &self.bytes
    }
}

/// What stands at an offset.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found {
    /// A whole, valid batch.
    Batch(BatchHead),
    /// Zeros: nothing was written here yet.
    Nothing,
    /// This many bytes are needed to tell.
    NeedMore(usize),
    /// Something else.
    Flaw(&'static str),
}

/// What stands at the beginning of `bytes`, every checksum computed.
pub(crate) fn examine(bytes: &[u8]) -> Found {
    let Some(head_bytes) = bytes.get(..BATCH_HEAD_BYTES) else {
        return Found::NeedMore(BATCH_HEAD_BYTES);
    };
    let head = match BatchHead::decode(head_bytes) {
        Ok(head) => head,
        Err(_) if head_bytes.iter().all(|&byte| byte == 0) => return Found::Nothing,
        Err(what) => return Found::Flaw(what),
    };
    let length = head.bytes as usize;
    let Some(records) = bytes.get(BATCH_HEAD_BYTES..length) else {
        return Found::NeedMore(length);
    };
    // One checksum over all of it is several times faster than one for each record; a record's own
    // is for whoever takes it out of its batch.
    if crc32c(records) == head.records_crc {
        Found::Batch(head)
    } else {
        Found::Flaw("a batch's records do not match its checksum")
    }
}

/// The records of a batch that was examined, as they stand, each with its own checksum computed;
/// `None` in place of one that does not match it.
pub(crate) fn verbatim<'a>(
    bytes: &'a [u8],
    head: &BatchHead,
) -> impl Iterator<Item = Option<(&'a [u8], EntryRef<'a>)>> + use<'a> {
    let mut rest = bytes.get(BATCH_HEAD_BYTES..head.bytes as usize).unwrap_or_default();
    (0..head.records).map(move |_| {
        let record = split_record(&mut rest)?;
        let (crc, checked) = record.split_first_chunk::<4>()?;
        (u32::from_le_bytes(*crc) == crc32c(checked)).then(|| (record, entry_of(record)))
    })
}

/// Takes the record at the beginning of `rest`.
#[inline]
fn split_record<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = Numbers(rest.get(4..8)?).u32() as usize;
    let (record, after) = rest.split_at_checked(RECORD_HEAD_BYTES.checked_add(length)?)?;
    *rest = after;
    Some(record)
}

/// Takes a record's head apart.
#[inline]
fn entry_of(record: &[u8]) -> EntryRef<'_> {
    let mut numbers = Numbers(record.get(8..).unwrap_or_default());
    let index = numbers.u64();
    EntryRef {
        index,
        entry: Entry {
            sequence: numbers.u64(),
            time: numbers.i64(),
            kind: numbers.u16(),
            partition: numbers.u16(),
            stream: numbers.u8(),
            tag: numbers.u8(),
            body: record.get(RECORD_HEAD_BYTES..).unwrap_or_default(),
        },
    }
}

/// The records of a batch that was examined.
pub(crate) fn entries_of<'a>(
    bytes: &'a [u8],
    head: &BatchHead,
) -> impl Iterator<Item = EntryRef<'a>> + use<'a> {
    let mut rest = bytes.get(BATCH_HEAD_BYTES..head.bytes as usize).unwrap_or_default();
    (0..head.records).map_while(move |_| split_record(&mut rest)).map(entry_of)
}

/// The latest time of a batch's records.
pub(crate) fn time_max_of(bytes: &[u8], head: &BatchHead) -> i64 {
    entries_of(bytes, head).map(|entry| entry.entry.time).max().unwrap_or(i64::MIN)
}

/// A whole, valid batch of records, as read.
///
/// Its bytes are a slice of the chunk they were read in; whoever keeps a body keeps that chunk.
#[derive(Clone, Debug)]
pub struct ReadBatch {
    pub(crate) bytes: Bytes,
    pub(crate) head: BatchHead,
    /// Records below this index were not asked for.
    pub(crate) from: u64,
}

impl ReadBatch {
    /// When the batch was stored, as its writer said.
    #[must_use]
    pub const fn stored_at(&self) -> i64 {
        self.head.stored_at
    }

    /// The index after the batch.
    #[must_use]
    pub const fn next_index(&self) -> u64 {
        self.head.next_index()
    }

    /// Its records, in order.
    pub fn entries(&self) -> impl Iterator<Item = EntryRef<'_>> {
        entries_of(&self.bytes, &self.head).skip_while(move |entry| entry.index < self.from)
    }

    /// A body of one of its records, sharing the memory it was read into.
    #[must_use]
    pub fn share(&self, body: &[u8]) -> Bytes {
        if body.is_empty() { Bytes::new() } else { self.bytes.slice_ref(body) }
    }
}
