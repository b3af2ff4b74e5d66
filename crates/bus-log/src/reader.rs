//! Reads a log, also while another process writes it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use bus::{BusError, Delivered, Entry, Position, Progress, Record, Stream, Topology};
use bytes::Bytes;
use event::Timestamp;
use segment::{Disk, EntryRef, ReadBatch, Reader, RealDisk, SegmentError};

use crate::map::{EVENT, bus_error};

/// A record as it lies in the log, nothing of it decoded.
#[derive(Clone, Copy, Debug)]
pub struct RawEntry<'a> {
    /// Its place in the total order.
    pub index: u64,
    /// When it was stored, by the writer's wall clock.
    pub stored_at: Timestamp,
    /// Whether it is an event (else a progress record).
    pub is_event: bool,
    /// The stream, for an event.
    pub stream: Option<Stream>,
    /// The partition.
    pub partition: u16,
    /// The sequence in the partition.
    pub sequence: u64,
    /// The kind's number.
    pub kind: u16,
    /// The event's time.
    pub time: Timestamp,
    /// The bytes.
    pub body: &'a [u8],
}

/// A reader of a log.
#[derive(Debug)]
pub struct LogReader {
    reader: Reader,
    dir: PathBuf,
    topology: Topology,
}

impl LogReader {
    /// Opens the log in `dir`; needs no lock and changes nothing.
    ///
    /// # Errors
    /// [`BusError`].
    pub fn open(dir: &Path) -> Result<Self, BusError> {
        Self::open_on(Arc::new(RealDisk), dir)
    }

    /// Opens the log in `dir` of a disk.
    ///
    /// # Errors
    /// [`BusError`].
    pub fn open_on(disk: Arc<dyn Disk>, dir: &Path) -> Result<Self, BusError> {
        let reader = Reader::open(disk, dir).map_err(|error| bus_error(dir, error))?;
        Ok(Self::of(reader, dir))
    }

    /// A reader over an open segment reader.
    pub(crate) fn of(reader: Reader, dir: &Path) -> Self {
        Self { reader, dir: dir.to_path_buf(), topology: Topology::shipped() }
    }

    /// Another reader of the same log, at its beginning.
    pub(crate) fn another(&self) -> Self {
        Self::of(self.reader.another(), &self.dir)
    }

    /// The log's incarnation.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.reader.incarnation()
    }

    /// The place after the last entry read or skipped.
    #[must_use]
    pub fn next_index(&self) -> u64 {
        self.reader.next_index()
    }

    /// Makes durable what is found at the end of the log, and returns the place after it.
    ///
    /// # Errors
    /// [`BusError`].
    pub fn settle(&mut self) -> Result<u64, BusError> {
        self.reader.settle().map_err(|error| bus_error(&self.dir, error))
    }

    /// Goes to the entry at `index`.
    ///
    /// # Errors
    /// [`BusError`].
    pub fn seek(&mut self, index: u64) -> Result<(), BusError> {
        self.reader.seek(index).map_err(|error| bus_error(&self.dir, error))
    }

    /// Goes to the first entry at or after `time`, and returns its index.
    ///
    /// # Errors
    /// [`BusError`].
    pub fn seek_time(&mut self, time: Timestamp) -> Result<u64, BusError> {
        self.reader.seek_time(time.0).map_err(|error| bus_error(&self.dir, error))
    }

    /// The entries of the next batch, raw; false at the end of what is there.
    ///
    /// # Errors
    /// Those of reading, and of `visit`.
    pub fn visit_batch<E: From<BusError>>(
        &mut self,
        mut visit: impl FnMut(RawEntry<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        let Some(batch) = self.next()? else { return Ok(false) };
        for found in batch.entries() {
            visit(raw(&found, &batch))?;
        }
        Ok(true)
    }

    /// At most `max` entries from `index` on; fewer at the end of what is there.
    ///
    /// # Errors
    /// [`BusError`].
    pub fn entries_from(&mut self, index: u64, max: usize) -> Result<Vec<Entry>, BusError> {
        let incarnation = self.incarnation();
        let mut entries = Vec::new();
        self.seek(index)?;
        while entries.len() < max
            && let Some(batch) = self.next()?
        {
            for found in batch.entries().take(max - entries.len()) {
                let bytes = batch.share(found.entry.body);
                entries.push(entry(&raw(&found, &batch), bytes, incarnation, &self.topology)?);
            }
        }
        Ok(entries)
    }

    /// The first event that is `wanted`, from the place of this reader on.
    ///
    /// # Errors
    /// [`BusError`].
    pub(crate) fn find(
        &mut self,
        wanted: impl Fn(&[u8]) -> Result<bool, BusError>,
    ) -> Result<Option<Delivered>, BusError> {
        while let Some(batch) = self.next()? {
            for found in batch.entries() {
                if found.entry.tag != EVENT || !wanted(found.entry.body)? {
                    continue;
                }
                let bytes = batch.share(found.entry.body);
                let raw = raw(&found, &batch);
                return match entry(&raw, bytes, self.incarnation(), &self.topology)? {
                    Entry::Event(delivered) => Ok(Some(delivered)),
                    Entry::Progress { .. } | Entry::Foreign(_) => Ok(None),
                };
            }
        }
        Ok(None)
    }

    /// The entries of the next batch; empty at the end of what is there.
    ///
    /// # Errors
    /// [`BusError`].
    pub fn next_entries(&mut self) -> Result<Vec<Entry>, BusError> {
        let incarnation = self.incarnation();
        let Some(batch) = self.next()? else { return Ok(Vec::new()) };
        batch
            .entries()
            .map(|found| {
                let bytes = batch.share(found.entry.body);
                entry(&raw(&found, &batch), bytes, incarnation, &self.topology)
            })
            .collect()
    }

    fn next(&mut self) -> Result<Option<ReadBatch>, BusError> {
        match self.reader.next_batch() {
            Ok(batch) => Ok(batch),
            Err(SegmentError::Absent { .. }) => Ok(None),
            Err(error) => Err(bus_error(&self.dir, error)),
        }
    }
}

fn raw<'a>(found: &EntryRef<'a>, batch: &ReadBatch) -> RawEntry<'a> {
    let entry = found.entry;
    RawEntry {
        index: found.index,
        stored_at: Timestamp(batch.stored_at()),
        is_event: entry.tag == EVENT,
        stream: Stream::of_number(entry.stream),
        partition: entry.partition,
        sequence: entry.sequence,
        kind: entry.kind,
        time: Timestamp(entry.time),
        body: entry.body,
    }
}

/// An entry in the contract's words.
pub(crate) fn entry(
    raw: &RawEntry<'_>,
    bytes: Bytes,
    incarnation: u64,
    topology: &Topology,
) -> Result<Entry, BusError> {
    if !raw.is_event {
        let progress = Progress::from_bytes(&bytes)?;
        return Ok(Entry::Progress { index: raw.index, stored_at: raw.stored_at, bytes, progress });
    }
    let record = Record::of_bytes(bytes, topology)?;
    let position = Position {
        incarnation,
        stream: record.header().stream,
        partition: record.header().partition,
        sequence: raw.sequence,
        index: raw.index,
        event_id: record.header().event_id,
    };
    Ok(Entry::Event(Delivered { position, stored_at: raw.stored_at, record }))
}
