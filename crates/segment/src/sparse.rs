//! A sparse index of one segment: a point every 64 KiB, so that a seek reads little.
//!
//! The file beside a sealed segment is disposable: absent, stale or damaged, it is built again by
//! reading the segment.

use std::path::Path;

use crate::{
    Access, Disk, crc32c,
    format::{Numbers, SegmentHead, index_path},
};

const POINT_SPACING_BYTES: u64 = 64 << 10;
const POINT_BYTES: u64 = 24;
const MAGIC: u64 = u64::from_le_bytes(*b"BLOTIDX\n");

/// The state of the segment at the beginning of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    /// The batch's first index.
    pub(crate) index: u64,
    /// Its offset.
    pub(crate) offset: u64,
    /// The latest time of any record before it.
    pub(crate) time_max_before: i64,
}

/// Points of one segment, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sparse {
    pub(crate) points: Vec<Point>,
    /// The latest time of any record noted so far.
    pub(crate) time_max: i64,
    /// Batches below this offset have been noted.
    pub(crate) noted_to: u64,
}

impl Default for Sparse {
    fn default() -> Self {
        Self { points: Vec::new(), time_max: i64::MIN, noted_to: 0 }
    }
}

impl Sparse {
    /// Takes note of a batch; those already noted change nothing.
    pub(crate) fn note(&mut self, index: u64, offset: u64, bytes: u64, time_max: i64) {
        if offset < self.noted_to {
            return;
        }
        let due = self.points.last().is_none_or(|p| offset - p.offset >= POINT_SPACING_BYTES);
        if due {
            self.points.push(Point { index, offset, time_max_before: self.time_max });
        }
        self.time_max = self.time_max.max(time_max);
        self.noted_to = offset + bytes;
    }

    /// The last point at or before `index`.
    pub(crate) fn at_index(&self, index: u64) -> Option<Point> {
        let after = self.points.partition_point(|point| point.index <= index);
        after.checked_sub(1).and_then(|at| self.points.get(at)).copied()
    }

    /// The last point before which every time is below `time`.
    pub(crate) fn at_time(&self, time: i64) -> Option<Point> {
        let after = self.points.partition_point(|point| point.time_max_before < time);
        after.checked_sub(1).and_then(|at| self.points.get(at)).copied()
    }

    /// Writes the index beside its segment. It is disposable, so it is not synced.
    pub(crate) fn save(&self, disk: &dyn Disk, dir: &Path, head: &SegmentHead) {
        let mut out = Vec::with_capacity(48 + self.points.len() * 24);
        out.extend_from_slice(&MAGIC.to_le_bytes());
        out.extend_from_slice(&u64::from(head_mark(head)).to_le_bytes());
        out.extend_from_slice(&self.time_max.to_le_bytes());
        out.extend_from_slice(&self.noted_to.to_le_bytes());
        out.extend_from_slice(&(self.points.len() as u64).to_le_bytes());
        for point in &self.points {
            out.extend_from_slice(&point.index.to_le_bytes());
            out.extend_from_slice(&point.offset.to_le_bytes());
            out.extend_from_slice(&point.time_max_before.to_le_bytes());
        }
        let crc = u64::from(crc32c(&out));
        out.extend_from_slice(&crc.to_le_bytes());
        // A failure leaves no index, or one that does not match its checksum.
        if let Ok(file) = disk.create(&index_path(dir, head.first_index)) {
            let _ = file.write_at(&out, 0);
        }
    }

    /// Reads the index of a sealed segment; `None` when it has to be built.
    pub(crate) fn load(disk: &dyn Disk, dir: &Path, head: &SegmentHead) -> Option<Self> {
        let file = disk.open(&index_path(dir, head.first_index), Access::Read).ok()?;
        let mut bytes = vec![0; usize::try_from(file.len().ok()?).ok()?];
        if file.read_at(&mut bytes, 0).ok()? != bytes.len() {
            return None;
        }
        let (rest, crc) = bytes.split_last_chunk::<8>()?;
        if u64::from_le_bytes(*crc) != u64::from(crc32c(rest)) {
            return None;
        }
        let mut numbers = Numbers(rest);
        if numbers.u64() != MAGIC || numbers.u64() != u64::from(head_mark(head)) {
            return None;
        }
        let (time_max, noted_to, count) = (numbers.i64(), numbers.u64(), numbers.u64());
        // A count is believed when that many points are there, not before.
        if count.checked_mul(POINT_BYTES) != Some(numbers.0.len() as u64) {
            return None;
        }
        let points: Vec<Point> = (0..count)
            .map(|_| Point {
                index: numbers.u64(),
                offset: numbers.u64(),
                time_max_before: numbers.i64(),
            })
            .collect();
        let is_within = noted_to <= head.capacity
            && points.iter().all(|p| p.offset < noted_to && p.index >= head.first_index)
            && points.is_sorted_by_key(|p| (p.index, p.offset));
        is_within.then_some(Self { points, time_max, noted_to })
    }
}

/// Binds an index to its segment: a rewritten segment has another head.
fn head_mark(head: &SegmentHead) -> u32 {
    crc32c(&head.encode())
}
