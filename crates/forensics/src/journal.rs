//! The writer.

use std::{path::Path, sync::Arc};

use bus::Stream;
use event::Timestamp;
use segment::{Batch, Disk, Entry, Options, Priority, RealDisk, SegmentLog, Torn};

use crate::{JournalError, JournalReader, Stamp};

/// The tag of an event's record.
const EVENT: u8 = 1;
/// The tag of a progress record.
const PROGRESS: u8 = 2;
/// The tag of what somebody else wrote.
const FOREIGN: u8 = 3;
/// Bytes put together before they are made durable.
const BATCH_BYTES: usize = 1 << 20;

/// What of ours an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// An event.
    Event,
    /// A progress record.
    Progress,
    /// What somebody else wrote.
    Foreign,
}

impl What {
    const fn tag(self) -> u8 {
        match self {
            Self::Event => EVENT,
            Self::Progress => PROGRESS,
            Self::Foreign => FOREIGN,
        }
    }

    pub(crate) const fn of_tag(tag: u8) -> Option<Self> {
        Some(match tag {
            EVENT => Self::Event,
            PROGRESS => Self::Progress,
            FOREIGN => Self::Foreign,
            _ => return None,
        })
    }
}

/// An entry as the bus gives it.
#[derive(Clone, Copy, Debug)]
pub struct Taken<'a> {
    /// Where the bus has it.
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
    /// The bytes, as received.
    pub bytes: &'a [u8],
}

/// The journal of one log.
#[derive(Debug)]
pub struct Journal {
    log: SegmentLog,
    batch: Batch,
    record: Vec<u8>,
    /// The next place of the bus's total order.
    next_log_index: u64,
    incarnation: Option<u64>,
    torn: Option<Torn>,
    wall_clock: fn() -> Timestamp,
}

impl Journal {
    /// Opens the journal in `dir` on this machine's disk, making it where there is none.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(dir: &Path, wall_clock: fn() -> Timestamp) -> Result<Self, JournalError> {
        let options = Options { incarnation: wall_clock().0 as u64, ..Options::default() };
        Self::open_on(Arc::new(RealDisk), dir, options, wall_clock)
    }

    /// Opens the journal in `dir` of a disk.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open_on(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: Options,
        wall_clock: fn() -> Timestamp,
    ) -> Result<Self, JournalError> {
        let (log, recovery) = SegmentLog::open(disk, dir, options)?;
        let mut journal = Self {
            batch: Batch::default(),
            record: Vec::new(),
            next_log_index: 0,
            incarnation: None,
            torn: recovery.torn,
            wall_clock,
            log,
        };
        if let Some(last) = journal.log.next_index().checked_sub(1) {
            let mut reader = journal.reader();
            reader.seek(last)?;
            let mut stamp = None;
            while reader.visit_batch(|entry| -> Result<(), JournalError> {
                stamp = Some(entry.stamp);
                Ok(())
            })? {}
            journal.next_log_index = stamp.map_or(0, |stamp| stamp.log_index.saturating_add(1));
            journal.incarnation = stamp.map(|stamp| stamp.incarnation);
        }
        let log = &journal.log;
        log.begin(&mut journal.batch);
        Ok(journal)
    }

    /// The next place of the bus's total order this journal waits for.
    #[must_use]
    pub const fn next_log_index(&self) -> u64 {
        self.next_log_index
    }

    /// What a crash left half written, and was cut off.
    #[must_use]
    pub const fn torn(&self) -> Option<&Torn> {
        self.torn.as_ref()
    }

    /// A reader of what is durable in this journal.
    #[must_use]
    pub fn reader(&self) -> JournalReader {
        JournalReader::of(self.log.reader())
    }

    /// Takes the next entry of the bus. It is durable after [`Journal::sync`], or earlier.
    ///
    /// # Errors
    /// [`JournalError::Gap`] when an index was skipped, [`JournalError::Rewound`] when the bus
    /// began another life; nothing of the entry is taken then.
    pub fn take(&mut self, taken: &Taken<'_>) -> Result<(), JournalError> {
        let found = taken.stamp.log_index;
        if self.incarnation.is_some_and(|known| known != taken.stamp.incarnation) {
            return Err(JournalError::Rewound { index: found });
        }
        if found != self.next_log_index {
            return Err(JournalError::Gap { expected: self.next_log_index, found });
        }
        self.record.clear();
        taken.stamp.put(&mut self.record);
        self.record.extend_from_slice(taken.bytes);
        let _ = self.batch.push(&Entry {
            tag: taken.what.tag(),
            stream: taken.stream.map_or(0, |stream| stream as u8),
            kind: taken.kind,
            partition: taken.partition,
            sequence: taken.sequence,
            time: taken.time.0,
            body: &self.record,
        });
        self.incarnation = Some(taken.stamp.incarnation);
        self.next_log_index = found + 1;
        if self.batch.len_bytes() >= BATCH_BYTES { self.sync() } else { Ok(()) }
    }

    /// Makes everything taken durable.
    ///
    /// # Errors
    /// [`JournalError::Segment`]; what was taken since the last sync is then not counted as taken.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        let stored_at = (self.wall_clock)().0;
        let _ = self.log.append(&mut self.batch, stored_at, Priority::Reserved)?;
        self.log.sync()?;
        let log = &self.log;
        log.begin(&mut self.batch);
        Ok(())
    }

    /// Checks that an entry the journal has is still what the bus holds at its place.
    ///
    /// # Errors
    /// [`JournalError::Rewound`].
    pub fn check_last(&self, index: u64, bytes: &[u8]) -> Result<(), JournalError> {
        let mut same = false;
        let mut reader = self.reader();
        reader.seek(self.log.next_index().saturating_sub(1))?;
        while reader.visit_batch(|entry| -> Result<(), JournalError> {
            same = entry.stamp.log_index == index && entry.bytes == bytes;
            Ok(())
        })? {}
        if same { Ok(()) } else { Err(JournalError::Rewound { index }) }
    }

    /// Shuts down cleanly.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn close(mut self) -> Result<(), JournalError> {
        self.sync()?;
        Ok(self.log.close()?)
    }
}
