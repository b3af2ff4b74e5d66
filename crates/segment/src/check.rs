//! Everything opening for writing would find, in every segment, with nothing changed.

use std::{io, path::Path};

use crate::{
    Access, Disk, SegmentError, Torn,
    format::segment_path,
    open::{check_follows, read_head, scan, tear},
    reader::segments_of,
    window::Window,
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
        let mut content = Window::new(&*file, &path, head.capacity).with_every_record();
        let mut at = scan(&mut content, &head)?;
        // A writer at work may finish a batch and begin the next while its place is read. It never
        // touches the same flaw twice.
        while let (Some(what), None) = (at.flaw, next)
            && matches!(tear(&mut content, &at, what), Err(SegmentError::Damage { .. }))
        {
            content.clear();
            let before = std::mem::replace(&mut at, scan(&mut content, &head)?);
            if at.offset == before.offset {
                break;
            }
        }
        let damage = |offset, what| SegmentError::Damage { path: path.clone(), offset, what };
        if let Some(offset) = at.unsound {
            return Err(damage(offset, "a record does not match its checksum"));
        }
        match (at.flaw, next) {
            (Some(what), Some(_)) => return Err(damage(at.offset, what)),
            (Some(what), None) => checked.torn = Some(tear(&mut content, &at, what)?),
            (None, Some(_)) if !at.sealed => {
                return Err(damage(at.offset, "the segment ends without its seal"));
            }
            (None, Some(&next)) if next != at.next_index => {
                return Err(damage(at.offset, "the next segment begins elsewhere"));
            }
            (None, _) => {}
        }
        checked.segments += 1;
        checked.bytes += head.capacity;
        checked.next_index = at.next_index;
        checked.closed = at.closed && checked.torn.is_none();
    }
    match before {
        Some(_) => Ok(checked),
        None => Err(SegmentError::Absent { dir: dir.to_path_buf() }),
    }
}
