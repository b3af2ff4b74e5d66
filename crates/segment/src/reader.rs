//! Reading: any number of readers, in any process, while the writer runs.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    Access, Disk, DiskFile, ReadBatch, SegmentError, Tail,
    batch::{Found, examine, time_max_of},
    chunk::Chunk,
    format::{
        BATCH_HEAD_BYTES, BatchKind, SEGMENT_HEAD_BYTES, SegmentHead, segment_of, segment_path,
    },
    open::{check_follows, durable_beyond, read_head},
    sparse::Sparse,
};

const CHUNK_BYTES_MIN: usize = 64 << 10;
/// Half of what a core's own cache holds on common machines, so that what was copied from the page
/// cache is still near when its checksums are computed.
const CHUNK_BYTES_MAX: usize = 512 << 10;

/// What is known of one segment without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentFacts {
    /// Its first index.
    pub first_index: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether a rewrite took records out.
    pub rewritten: bool,
    /// Whether another segment follows.
    pub sealed: bool,
}

/// A cursor over a log.
#[derive(Debug)]
pub struct Reader {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    incarnation: u64,
    tail: Option<Arc<Tail>>,
    /// Records below this index are not returned.
    from: u64,
    at: Option<Place>,
}

/// Where in a segment the cursor stands.
#[derive(Debug)]
struct Place {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    head: SegmentHead,
    sparse: Sparse,
    offset: u64,
    next_index: u64,
    chunk: Chunk,
    chunk_bytes: usize,
}

/// What a step of the cursor gave.
enum Step {
    Records(ReadBatch),
    Mark,
    Sealed,
    End,
}

impl Reader {
    /// Opens the log in `dir` for reading; needs no lock and changes nothing.
    ///
    /// # Errors
    /// [`SegmentError::Absent`] when there is no log.
    pub fn open(disk: Arc<dyn Disk>, dir: &Path) -> Result<Self, SegmentError> {
        let absent = || SegmentError::Absent { dir: dir.to_path_buf() };
        let segments = match segments_of(&*disk, dir) {
            Err(SegmentError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(absent());
            }
            other => other?,
        };
        let first = segments.first().copied().ok_or_else(absent)?;
        let (_, path, head) = open_segment(&*disk, dir, first)?;
        check_follows(None, &head, first, &path)?;
        Ok(Self::new(disk, dir.to_path_buf(), head.incarnation, None))
    }

    pub(crate) const fn new(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        incarnation: u64,
        tail: Option<Arc<Tail>>,
    ) -> Self {
        Self { disk, dir, incarnation, tail, from: 0, at: None }
    }

    /// Another reader of the same log, at its beginning.
    #[must_use]
    pub fn another(&self) -> Self {
        let (disk, tail) = (Arc::clone(&self.disk), self.tail.clone());
        Self::new(disk, self.dir.clone(), self.incarnation, tail)
    }

    /// The log's incarnation.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// The log's segments, in order.
    ///
    /// # Errors
    /// [`SegmentError`].
    pub fn segments(&self) -> Result<Vec<SegmentFacts>, SegmentError> {
        let segments = segments_of(&*self.disk, &self.dir)?;
        let last = segments.last().copied();
        segments
            .into_iter()
            .map(|first_index| {
                let (_, _, head) = open_segment(&*self.disk, &self.dir, first_index)?;
                Ok(SegmentFacts {
                    first_index,
                    bytes: head.capacity,
                    rewritten: head.rewritten,
                    sealed: Some(first_index) != last,
                })
            })
            .collect()
    }

    /// Goes to the first record at or above `index`.
    ///
    /// # Errors
    /// [`SegmentError`].
    pub fn seek(&mut self, index: u64) -> Result<(), SegmentError> {
        self.from = index;
        let here = self.at.as_ref().is_some_and(|at| {
            index >= at.head.first_index
                && (index < at.next_index || at.sparse.noted_to <= at.offset)
        });
        if !here {
            let segments = segments_of(&*self.disk, &self.dir)?;
            let after = segments.partition_point(|&first| first <= index);
            let Some(&first) = segments.get(after.saturating_sub(1)) else {
                return Err(SegmentError::Absent { dir: self.dir.clone() });
            };
            self.enter(first)?;
        }
        if let Some(at) = &mut self.at {
            at.go(index);
        }
        Ok(())
    }

    /// Goes to the first record whose time is at or after `time`, and returns its index; at the
    /// end, the index after the last record.
    ///
    /// # Errors
    /// [`SegmentError`].
    pub fn seek_time(&mut self, time: i64) -> Result<u64, SegmentError> {
        let segments = segments_of(&*self.disk, &self.dir)?;
        let mut end = 0;
        for &first in &segments {
            self.enter(first)?;
            self.from = first;
            if let Some(at) = &mut self.at {
                // A sealed segment's index says whether anything in it is late enough.
                if at.sparse.noted_to > 0 && at.sparse.time_max < time {
                    continue;
                }
                if let Some(point) = at.sparse.at_time(time) {
                    at.jump(point.offset, point.index);
                }
            }
            while let Some(batch) = self.next_in_segment()? {
                end = batch.next_index();
                if let Some(found) = batch.entries().find(|entry| entry.entry.time >= time) {
                    let index = found.index;
                    self.seek(index)?;
                    return Ok(index);
                }
            }
        }
        self.from = end;
        Ok(end)
    }

    /// The next batch with records, `None` when nothing complete is there yet; asking again later
    /// goes on from the same place.
    ///
    /// # Errors
    /// [`SegmentError::Damage`] where durable bytes do not hold.
    pub fn next_batch(&mut self) -> Result<Option<ReadBatch>, SegmentError> {
        if self.at.is_none() {
            self.seek(self.from)?;
        }
        loop {
            match self.step()? {
                Step::Records(batch)
                    if batch.next_index() > self.from && batch.head.records > 0 =>
                {
                    return Ok(Some(batch));
                }
                Step::Records(_) | Step::Mark => {}
                Step::End => return Ok(None),
                Step::Sealed => {
                    let Some(next) = self.at.as_ref().map(|at| at.next_index) else {
                        return Ok(None);
                    };
                    if !self.enter_if_there(next)? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// The index after the last record returned or skipped.
    #[must_use]
    pub fn next_index(&self) -> u64 {
        self.at.as_ref().map_or(self.from, |at| at.next_index.max(self.from))
    }

    /// Makes durable what is found at the end of the log, and returns the index after it: for whoever
    /// builds on records that no writer of this process vouches for. A killed writer's last batch is
    /// read before it is on the disk.
    ///
    /// # Errors
    /// [`SegmentError`].
    pub fn settle(&mut self) -> Result<u64, SegmentError> {
        let segments = segments_of(&*self.disk, &self.dir)?;
        self.seek(segments.last().copied().unwrap_or(0))?;
        while self.next_batch()?.is_some() {}
        if let Some(at) = &self.at {
            let synced = at.file.sync().and_then(|()| self.disk.sync_dir(&self.dir));
            synced.map_err(|error| SegmentError::io("make durable", &at.path, error))?;
        }
        Ok(self.next_index())
    }

    fn next_in_segment(&mut self) -> Result<Option<ReadBatch>, SegmentError> {
        loop {
            match self.step()? {
                Step::Records(batch) => return Ok(Some(batch)),
                Step::Mark => {}
                Step::End | Step::Sealed => return Ok(None),
            }
        }
    }

    fn enter(&mut self, first_index: u64) -> Result<(), SegmentError> {
        let (file, path, head) = open_segment(&*self.disk, &self.dir, first_index)?;
        if head.incarnation != self.incarnation {
            return Err(SegmentError::Damage {
                path,
                offset: 0,
                what: "the segment belongs to another log",
            });
        }
        let sparse = Sparse::load(&*self.disk, &self.dir, &head).unwrap_or_default();
        self.at = Some(Place {
            file,
            path,
            head,
            sparse,
            offset: SEGMENT_HEAD_BYTES as u64,
            next_index: first_index,
            chunk: Chunk::default(),
            chunk_bytes: CHUNK_BYTES_MIN,
        });
        Ok(())
    }

    /// Enters the segment that follows a sealed one; false when the writer has not made it yet.
    fn enter_if_there(&mut self, next_index: u64) -> Result<bool, SegmentError> {
        let segments = segments_of(&*self.disk, &self.dir)?;
        if segments.binary_search(&next_index).is_ok() {
            self.enter(next_index)?;
            return Ok(true);
        }
        match (&self.at, segments.last()) {
            (Some(at), Some(&last)) if last > at.head.first_index => Err(SegmentError::Damage {
                path: segment_path(&self.dir, next_index),
                offset: 0,
                what: "the segment is missing",
            }),
            _ => Ok(false),
        }
    }

    fn step(&mut self) -> Result<Step, SegmentError> {
        let limit = self.tail.as_ref().map(|tail| tail.next_index());
        let Some(at) = &mut self.at else { return Ok(Step::End) };
        if limit.is_some_and(|limit| at.next_index >= limit) {
            return Ok(Step::End);
        }
        let found = at.look()?;
        let what = match found {
            Found::Batch(head) if head.first_index != at.next_index => {
                "a batch does not follow the one before it"
            }
            Found::Batch(head) if head.incarnation != at.head.incarnation as u32 => {
                "a batch belongs to another log"
            }
            Found::Batch(head) => {
                if limit.is_some_and(|limit| head.next_index() > limit) {
                    return Ok(Step::End);
                }
                return Ok(at.take(head, self.from));
            }
            Found::Nothing => "the segment ends without its seal",
            Found::NeedMore(_) => "a batch is longer than its segment",
            Found::Flaw(what) => what,
        };
        // Where a writer is at work this is the end; where none can be, it is damage.
        let empty = matches!(found, Found::Nothing);
        at.chunk_bytes = CHUNK_BYTES_MIN;
        if !self.is_damage(empty)? {
            return Ok(Step::End);
        }
        // The writer may have finished between the two looks.
        let Some(at) = &mut self.at else { return Ok(Step::End) };
        at.chunk.clear();
        match at.look()? {
            Found::Batch(head)
                if head.first_index == at.next_index
                    && head.incarnation == at.head.incarnation as u32 =>
            {
                Ok(Step::Mark)
            }
            _ => Err(SegmentError::Damage { path: at.path.clone(), offset: at.offset, what }),
        }
    }

    /// Whether what stands at the cursor cannot be a write in progress.
    fn is_damage(&self, empty: bool) -> Result<bool, SegmentError> {
        let Some(at) = &self.at else { return Ok(false) };
        let segments = segments_of(&*self.disk, &self.dir)?;
        if segments.last().is_some_and(|&last| last > at.head.first_index) {
            return Ok(true);
        }
        if empty {
            return Ok(false);
        }
        let mut rest = vec![0; at.head.capacity.saturating_sub(at.offset) as usize];
        let read = at
            .file
            .read_at(&mut rest, at.offset)
            .map_err(|e| SegmentError::io("read", &at.path, e))?;
        rest.truncate(read);
        Ok(durable_beyond(&rest, at.offset))
    }
}

impl Place {
    /// Goes to the batch that holds `index`, or as near before it as is known.
    fn go(&mut self, index: u64) {
        let first = (SEGMENT_HEAD_BYTES as u64, self.head.first_index);
        let (offset, at_index) =
            self.sparse.at_index(index).map_or(first, |point| (point.offset, point.index));
        // Going forward from here may be nearer than the last point.
        if index < self.next_index || offset > self.offset {
            self.jump(offset, at_index);
        }
    }

    fn jump(&mut self, offset: u64, next_index: u64) {
        if offset != self.offset {
            self.chunk.clear();
        }
        self.offset = offset;
        self.next_index = next_index;
    }

    /// What stands at the cursor; reads on where the chunk at hand does not say.
    fn look(&mut self) -> Result<Found, SegmentError> {
        let found = self.look_on()?;
        if let Found::Batch(_) = found {
            return Ok(found);
        }
        // What was read before the writer went on is stale: look again, at fresh bytes alone.
        self.chunk.clear();
        Ok(match self.look_on()? {
            // A segment may end with less than a batch's head of zeros.
            Found::NeedMore(_) if self.chunk.bytes().iter().all(|&b| b == 0) => Found::Nothing,
            found => found,
        })
    }

    /// What the chunk says, reading on for as long as that gives more of it.
    fn look_on(&mut self) -> Result<Found, SegmentError> {
        loop {
            let found = examine(self.chunk.bytes());
            let Found::NeedMore(bytes) = found else { return Ok(found) };
            let held = self.chunk.bytes().len();
            self.fill(bytes)?;
            if self.chunk.bytes().len() == held {
                return Ok(found);
            }
        }
    }

    /// Reads on, until the chunk holds at least `bytes` bytes or the segment ends.
    fn fill(&mut self, bytes: usize) -> Result<(), SegmentError> {
        let left = self.head.capacity.saturating_sub(self.offset) as usize;
        // A large batch is read alone, with the head of the next one: nothing is left over that
        // would have to be moved.
        let wanted =
            if bytes > CHUNK_BYTES_MIN { bytes + BATCH_HEAD_BYTES } else { self.chunk_bytes };
        let wanted = wanted.min(left);
        self.chunk_bytes = (self.chunk_bytes * 2).min(CHUNK_BYTES_MAX);
        let (file, offset) = (&self.file, self.offset);
        self.chunk
            .extend_to(wanted, |rest, held| file.read_at(rest, offset + held as u64))
            .map_err(|e| SegmentError::io("read", &self.path, e))
    }

    fn take(&mut self, head: crate::format::BatchHead, from: u64) -> Step {
        let bytes = self.chunk.split_to(head.bytes as usize);
        let batch = ReadBatch { bytes, head, from };
        if self.offset >= self.sparse.noted_to {
            let time_max = time_max_of(&batch.bytes, &head);
            self.sparse.note(head.first_index, self.offset, u64::from(head.bytes), time_max);
        }
        self.offset += u64::from(head.bytes);
        self.next_index = head.next_index();
        match head.kind {
            BatchKind::Records => Step::Records(batch),
            BatchKind::Close => Step::Mark,
            BatchKind::Seal => Step::Sealed,
        }
    }
}

pub(crate) fn segments_of(disk: &dyn Disk, dir: &Path) -> Result<Vec<u64>, SegmentError> {
    let names = disk.list(dir).map_err(|e| SegmentError::io("list", dir, e))?;
    Ok(names.iter().filter_map(|name| segment_of(name)).collect())
}

pub(crate) fn open_segment(
    disk: &dyn Disk,
    dir: &Path,
    first_index: u64,
) -> Result<(Arc<dyn DiskFile>, PathBuf, SegmentHead), SegmentError> {
    let path = segment_path(dir, first_index);
    let file = disk.open(&path, Access::Read).map_err(|e| SegmentError::io("open", &path, e))?;
    let head = read_head(&*file, &path)?;
    Ok((file, path, head))
}
