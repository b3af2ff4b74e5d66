//! Everything opening for writing would find, in every segment, with nothing changed.

use std::{io, path::Path};

use crate::{
    Access, Disk, SegmentError, Torn,
    batch::{Found, examine, verbatim},
    format::{SEGMENT_HEAD_BYTES, segment_path},
    open::{check_follows, read_head, read_whole, scan, tear},
    reader::segments_of,
};

/// What a check of a whole log found, where it found no damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Segments read.
    pub segments: u64,
    /// Bytes read, zeros among them.
    pub bytes: u64,
    /// The index after the last record.
    pub next_index: u64,
    /// Whether the last writer shut down cleanly.
    pub closed: bool,
    /// What lies behind the last whole batch: what a crash left, or a writer at work.
    pub torn: Option<Torn>,
}

/// Reads every byte of the log in `dir`, the zeros behind its end too, computes every checksum, and
/// changes nothing.
///
/// # Errors
/// [`SegmentError::Damage`] at the first place that does not hold; [`SegmentError::Absent`] when
/// there is no log.
pub fn check(disk: &dyn Disk, dir: &Path) -> Result<Checked, SegmentError> {
    let segments = match segments_of(disk, dir) {
        Err(SegmentError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Vec::new()
        }
        other => other?,
    };
    let mut checked = Checked { segments: 0, bytes: 0, next_index: 0, closed: false, torn: None };
    let mut before = None;
    for (number, &first_index) in segments.iter().enumerate() {
        let path = segment_path(dir, first_index);
        let file =
            disk.open(&path, Access::Read).map_err(|e| SegmentError::io("open", &path, e))?;
        let head = read_head(&*file, &path)?;
        check_follows(before, &head, first_index, &path)?;
        before = Some(head);
        let next = segments.get(number + 1);
        let mut content = read_whole(&*file, &path, head.capacity)?;
        let mut at = scan(&content, &head);
        // A writer at work may finish a batch and begin the next while its place is read. It never
        // touches the same flaw twice.
        while let (Some(what), None) = (at.flaw, next)
            && tear(&content, &at, &path, what).is_err()
        {
            content = read_whole(&*file, &path, head.capacity)?;
            let before = std::mem::replace(&mut at, scan(&content, &head));
            if at.offset == before.offset {
                break;
            }
        }
        let damage = |offset, what| SegmentError::Damage { path: path.clone(), offset, what };
        if let Some(offset) = unsound_record(&content, at.offset) {
            return Err(damage(offset, "a record does not match its checksum"));
        }
        match (at.flaw, next) {
            (Some(what), Some(_)) => return Err(damage(at.offset, what)),
            (Some(what), None) => checked.torn = Some(tear(&content, &at, &path, what)?),
            (None, Some(_)) if !at.sealed => {
                return Err(damage(at.offset, "the segment ends without its seal"));
            }
            (None, Some(&next)) if next != at.next_index => {
                return Err(damage(at.offset, "the next segment begins elsewhere"));
            }
            (None, _) => {}
        }
        checked.segments += 1;
        checked.bytes += content.len() as u64;
        checked.next_index = at.next_index;
        checked.closed = at.closed && checked.torn.is_none();
    }
    match before {
        Some(_) => Ok(checked),
        None => Err(SegmentError::Absent { dir: dir.to_path_buf() }),
    }
}

/// The offset of the first batch below `end` that holds a record which does not match its own
/// checksum.
fn unsound_record(content: &[u8], end: u64) -> Option<u64> {
    let mut offset = SEGMENT_HEAD_BYTES as u64;
    while offset < end {
        let rest = content.get(offset as usize..).unwrap_or_default();
        let Found::Batch(head) = examine(rest) else { return Some(offset) };
        if verbatim(rest, &head).any(|record| record.is_none()) {
            return Some(offset);
        }
        offset += u64::from(head.bytes);
    }
    None
}
