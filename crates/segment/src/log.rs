//! The writer: one batch, one write; one sync makes it durable.

use std::{
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    Batch, Disk, DiskFile, Entry, Lock, Reader, SegmentError, Tail,
    disk::zero_fill,
    format::{
        BATCH_BYTES_MAX, BATCH_HEAD_BYTES, BatchHead, BatchKind, SEGMENT_HEAD_BYTES, SegmentHead,
        segment_path,
    },
    spare::{SpareState, Spares},
    sparse::Sparse,
};

/// Room always kept in a segment for a close record and a seal.
const ENDING_BYTES: u64 = 2 * BATCH_HEAD_BYTES as u64;

/// How a log is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Names the log: a directory made anew is another log, even with the same content. Used when
    /// the log is created; an existing one keeps its own.
    pub incarnation: u64,
    /// Bytes of the first segment; each next one is twice as large.
    pub first_segment_bytes: u64,
    /// Bytes of a segment at most.
    pub segment_bytes: u64,
    /// Bytes kept for writes of [`Priority::Reserved`] when the disk is full, at most half a
    /// segment.
    pub reserve_bytes: u64,
    /// Whether segments are zero-filled ahead on a thread of their own.
    pub background: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            incarnation: 0,
            first_segment_bytes: 4 << 20,
            segment_bytes: 64 << 20,
            reserve_bytes: 8 << 20,
            background: true,
        }
    }
}

impl Options {
    /// Capacity of the segment with this ordinal.
    pub(crate) fn capacity(&self, ordinal: u64) -> u64 {
        let doublings = ordinal.min(20) as u32;
        let grown = self.first_segment_bytes.saturating_mul(1 << doublings);
        grown.clamp(4 * ENDING_BYTES, self.segment_bytes.max(4 * ENDING_BYTES)).next_multiple_of(8)
    }
}

/// Which writes go first when room is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Refused first.
    Normal,
    /// May use the reserve: cancels, halts, evidence.
    Reserved,
}

/// The only writer of a log.
#[derive(Debug)]
pub struct SegmentLog {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) dir: PathBuf,
    pub(crate) options: Options,
    pub(crate) head: SegmentHead,
    pub(crate) file: Arc<dyn DiskFile>,
    /// Where the next batch goes.
    pub(crate) offset: u64,
    /// Below this offset the segment is durable.
    pub(crate) synced_offset: u64,
    pub(crate) next_index: u64,
    /// Whether the segment has its seal already: what comes goes to the next.
    pub(crate) sealed: bool,
    pub(crate) sparse: Sparse,
    pub(crate) spares: Spares,
    pub(crate) tail: Arc<Tail>,
    pub(crate) poisoned: bool,
    pub(crate) scratch: Batch,
    /// Released last.
    pub(crate) _lock: Box<dyn Lock>,
}

impl SegmentLog {
    /// The index the next record gets.
    #[must_use]
    pub const fn next_index(&self) -> u64 {
        self.next_index
    }

    /// The log's incarnation.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.head.incarnation
    }

    /// The first index of the segment being written.
    #[must_use]
    pub const fn segment(&self) -> u64 {
        self.head.first_index
    }

    /// The log's directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether a failed write or sync left what is on disk in doubt; everything is refused then.
    #[must_use]
    pub const fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    /// How far the log is durable, to wait on.
    #[must_use]
    pub fn tail(&self) -> Arc<Tail> {
        Arc::clone(&self.tail)
    }

    /// A reader in this process: it returns durable records only.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(
            Arc::clone(&self.disk),
            self.dir.clone(),
            self.head.incarnation,
            Some(self.tail()),
        )
    }

    /// Empties `batch` and numbers its records from the log's next index.
    pub fn begin(&self, batch: &mut Batch) {
        batch.begin(self.next_index);
    }

    /// Whether a write of this size and priority would be refused for want of room. It asks for
    /// room where none is, so a later answer may differ.
    #[must_use]
    pub fn is_full_for(&self, bytes: usize, priority: Priority) -> bool {
        let (bytes, left) = (bytes as u64, self.left_bytes());
        if self.spares.state() == SpareState::Missing {
            self.spares.request(self.options.capacity(self.head.ordinal + 1));
        }
        if self.spares.state() != SpareState::Missing {
            return false;
        }
        let kept = match priority {
            Priority::Normal => self.options.reserve_bytes.min(self.head.capacity / 2),
            Priority::Reserved => 0,
        };
        left < bytes.saturating_add(kept)
    }

    /// Appends the batch whole, as one write; durable after the next [`SegmentLog::sync`].
    ///
    /// `stored_at` is the wall time the caller vouches for. Returns the records' indexes.
    ///
    /// # Errors
    /// [`SegmentError::Full`] and [`SegmentError::TooLarge`] leave the log as it was. After
    /// [`SegmentError::Poisoned`] or a failed write that could not be undone every call is
    /// refused.
    pub fn append(
        &mut self,
        batch: &mut Batch,
        stored_at: i64,
        priority: Priority,
    ) -> Result<Range<u64>, SegmentError> {
        self.sound()?;
        assert_eq!(batch.first_index, self.next_index, "a batch is begun on the log it goes to");
        let bytes = batch.len_bytes() as u64;
        if bytes > BATCH_BYTES_MAX as u64 {
            return Err(SegmentError::TooLarge { bytes, max: BATCH_BYTES_MAX as u64 });
        }
        if batch.is_empty() {
            return Ok(self.next_index..self.next_index);
        }
        self.make_room(bytes, priority)?;
        let head = self.batch_head(BatchKind::Records, stored_at, batch.records);
        let time_max = batch.time_max;
        let written = self.file.write_at(batch.finish(head), self.offset);
        if let Err(error) = written {
            return Err(self.undo(bytes, error));
        }
        self.sparse.note(self.next_index, self.offset, bytes, time_max);
        let indexes = self.next_index..self.next_index + u64::from(batch.records);
        self.offset += bytes;
        self.next_index = indexes.end;
        Ok(indexes)
    }

    /// Appends records as one batch; see [`SegmentLog::append`].
    ///
    /// # Errors
    /// As [`SegmentLog::append`].
    pub fn append_all<'a>(
        &mut self,
        entries: impl IntoIterator<Item = Entry<'a>>,
        stored_at: i64,
        priority: Priority,
    ) -> Result<Range<u64>, SegmentError> {
        let mut batch = std::mem::take(&mut self.scratch);
        self.begin(&mut batch);
        for entry in entries {
            let _ = batch.push(&entry);
        }
        let appended = self.append(&mut batch, stored_at, priority);
        self.scratch = batch;
        appended
    }

    /// Makes everything appended durable.
    ///
    /// # Errors
    /// When the medium fails, what was appended since the last sync is in doubt and the log
    /// refuses everything from then on.
    pub fn sync(&mut self) -> Result<(), SegmentError> {
        self.sound()?;
        if self.offset == self.synced_offset {
            return Ok(());
        }
        self.sync_file()?;
        self.tail.advance(self.next_index);
        Ok(())
    }

    /// Shuts down cleanly: syncs, then writes the close record below which every flaw is damage.
    ///
    /// # Errors
    /// Those of [`SegmentLog::sync`].
    pub fn close(mut self) -> Result<(), SegmentError> {
        self.sync()?;
        if !self.sealed && self.offset + ENDING_BYTES <= self.head.capacity {
            self.write_mark(BatchKind::Close)?;
            self.sync_file()?;
        }
        Ok(())
    }

    pub(crate) fn sound(&self) -> Result<(), SegmentError> {
        if self.poisoned { Err(SegmentError::Poisoned) } else { Ok(()) }
    }

    fn poison(&mut self) {
        self.poisoned = true;
        self.tail.end();
    }

    fn sync_file(&mut self) -> Result<(), SegmentError> {
        if let Err(error) = self.file.sync() {
            self.poison();
            return Err(SegmentError::io("make durable", self.path(), error));
        }
        self.synced_offset = self.offset;
        Ok(())
    }

    fn make_room(&mut self, bytes: u64, priority: Priority) -> Result<(), SegmentError> {
        if self.is_full_for(bytes as usize, priority) {
            return Err(SegmentError::Full { dir: self.dir.clone(), needed_bytes: bytes });
        }
        if bytes > self.left_bytes() {
            self.roll(bytes)?;
        }
        Ok(())
    }

    /// Bytes that fit in this segment beside what ends it.
    const fn left_bytes(&self) -> u64 {
        if self.sealed {
            return 0;
        }
        self.head.capacity.saturating_sub(self.offset + ENDING_BYTES)
    }

    /// Seals this segment and goes on in the next.
    fn roll(&mut self, bytes: u64) -> Result<(), SegmentError> {
        let needed = bytes + ENDING_BYTES + SEGMENT_HEAD_BYTES as u64;
        // A segment that holds no record is replaced under its own name, so it keeps its place in
        // the row of segments.
        let is_empty = self.next_index == self.head.first_index;
        let ordinal = self.head.ordinal + u64::from(!is_empty);
        let capacity = self.options.capacity(ordinal).max(needed.next_multiple_of(8));
        // The spare comes first: without it nothing is sealed and the log goes on where it is.
        let spare = self.spares.take(capacity).map_err(|error| {
            if is_no_space(&error) {
                SegmentError::Full { dir: self.dir.clone(), needed_bytes: bytes }
            } else {
                SegmentError::io("make a segment in", &self.dir, error)
            }
        })?;
        if !self.sealed {
            self.write_mark(BatchKind::Seal)?;
            self.sealed = true;
        }
        self.sync_file()?;
        self.tail.advance(self.next_index);
        self.sparse.save(&*self.disk, &self.dir, &self.head);
        let head = SegmentHead {
            incarnation: self.head.incarnation,
            first_index: self.next_index,
            capacity: spare.capacity,
            ordinal,
            rewritten: false,
        };
        let path = segment_path(&self.dir, head.first_index);
        let placed = spare
            .file
            .write_at(&head.encode(), 0)
            .and_then(|()| spare.file.sync())
            .and_then(|()| self.disk.rename(&spare.path, &path))
            .and_then(|()| self.disk.sync_dir(&self.dir));
        if let Err(error) = placed {
            // The old segment is sealed and the new one is in doubt.
            self.poison();
            return Err(SegmentError::io("make a segment at", path, error));
        }
        self.head = head;
        self.file = spare.file;
        self.offset = SEGMENT_HEAD_BYTES as u64;
        self.synced_offset = self.offset;
        self.sealed = false;
        self.sparse = Sparse::default();
        self.spares.request(self.options.capacity(ordinal + 1));
        Ok(())
    }

    fn write_mark(&mut self, kind: BatchKind) -> Result<(), SegmentError> {
        let mut mark = Batch::default();
        mark.begin(self.next_index);
        let head = self.batch_head(kind, 0, 0);
        let bytes = mark.finish(head);
        let length = bytes.len() as u64;
        if let Err(error) = self.file.write_at(bytes, self.offset) {
            return Err(self.undo(length, error));
        }
        self.offset += length;
        Ok(())
    }

    fn batch_head(&self, kind: BatchKind, stored_at: i64, span: u32) -> BatchHead {
        BatchHead {
            bytes: 0,
            records: 0,
            first_index: self.next_index,
            span,
            kind,
            stored_at,
            synced_offset: self.synced_offset,
            records_crc: 0,
            incarnation: self.head.incarnation as u32,
        }
    }

    /// Clears what a failed write may have left, so that nothing is half there.
    fn undo(&mut self, bytes: u64, error: io::Error) -> SegmentError {
        if zero_fill(&*self.file, self.offset, bytes).is_err() {
            self.poison();
        }
        if is_no_space(&error) {
            return SegmentError::Full { dir: self.dir.clone(), needed_bytes: bytes };
        }
        self.poison();
        SegmentError::io("write", self.path(), error)
    }

    fn path(&self) -> PathBuf {
        segment_path(&self.dir, self.head.first_index)
    }
}

impl Drop for SegmentLog {
    fn drop(&mut self) {
        self.tail.end();
    }
}

pub(crate) fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
