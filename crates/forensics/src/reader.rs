//! Reads a journal, also while another process writes it.

use std::{path::Path, sync::Arc};

use bus::Stream;
use event::Timestamp;
use segment::{Disk, ReadBatch, Reader, RealDisk, SegmentError};

use crate::{JournalError, Stamp, What, stamp::FORM};

/// An entry of the journal, nothing of it decoded.
#[derive(Clone, Copy, Debug)]
pub struct JournalEntry<'a> {
    /// Its journal index.
    pub index: u64,
    /// Where the bus had it.
    pub stamp: Stamp,
    /// What it is.
    pub what: What,
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
    /// The bytes, verbatim.
    pub bytes: &'a [u8],
}

impl JournalEntry<'_> {
    /// Whether it is an event.
    #[must_use]
    pub const fn is_event(&self) -> bool {
        matches!(self.what, What::Event)
    }
}

/// A reader of a journal.
#[derive(Debug)]
pub struct JournalReader {
    reader: Reader,
}

impl JournalReader {
    /// Opens the journal in `dir`; needs no lock and changes nothing.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(dir: &Path) -> Result<Self, JournalError> {
        Self::open_on(Arc::new(RealDisk), dir)
    }

    /// Opens the journal in `dir` of a disk.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open_on(disk: Arc<dyn Disk>, dir: &Path) -> Result<Self, JournalError> {
        Ok(Self::of(Reader::open(disk, dir)?))
    }

    pub(crate) const fn of(reader: Reader) -> Self {
        Self { reader }
    }

    /// Goes to the entry at `index`.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn seek(&mut self, index: u64) -> Result<(), JournalError> {
        Ok(self.reader.seek(index)?)
    }

    /// Goes to the first entry at or after `time`, and returns its index.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn seek_time(&mut self, time: Timestamp) -> Result<u64, JournalError> {
        Ok(self.reader.seek_time(time.0)?)
    }

    /// The index after the last entry that is there.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn end(&mut self) -> Result<u64, JournalError> {
        let last = self.reader.segments()?.last().map_or(0, |segment| segment.first_index);
        self.reader.seek(last)?;
        while self.reader.next_batch()?.is_some() {}
        Ok(self.reader.next_index())
    }

    /// The entries of the next batch; false at the end of what is there.
    ///
    /// # Errors
    /// Those of reading, and of `visit`.
    pub fn visit_batch<E: From<JournalError>>(
        &mut self,
        mut visit: impl FnMut(JournalEntry<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        let batch = match self.reader.next_batch() {
            Ok(Some(batch)) => batch,
            Ok(None) | Err(SegmentError::Absent { .. }) => return Ok(false),
            Err(error) => return Err(JournalError::from(error).into()),
        };
        for entry in entries(&batch) {
            visit(entry?)?;
        }
        Ok(true)
    }
}

fn entries(batch: &ReadBatch) -> impl Iterator<Item = Result<JournalEntry<'_>, JournalError>> {
    batch.entries().map(|found| {
        let entry = found.entry;
        let newer = |form| JournalError::Form { index: found.index, found: form, known: FORM };
        let (form, stamp, bytes) = Stamp::split(entry.body).ok_or_else(|| newer(0))?;
        if form != FORM {
            return Err(newer(form));
        }
        let what = What::of_tag(entry.tag).ok_or_else(|| newer(u16::from(entry.tag)))?;
        Ok(JournalEntry {
            index: found.index,
            stamp,
            what,
            stream: Stream::of_number(entry.stream),
            partition: entry.partition,
            sequence: entry.sequence,
            kind: entry.kind,
            time: Timestamp(entry.time),
            bytes,
        })
    })
}
