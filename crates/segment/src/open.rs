//! Opening for writing: what is there, what a crash left, and what is damage.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    Access, Batch, Disk, DiskFile, Options, SegmentError, SegmentLog, Tail,
    batch::{Found, examine, time_max_of, verbatim},
    disk::{sync_above, zero_fill},
    format::{BATCH_MAGIC, BatchKind, SEGMENT_HEAD_BYTES, SegmentHead, segment_of, segment_path},
    spare::Spares,
    sparse::Sparse,
    window::Window,
};

/// An incomplete last batch, found and cleared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The file.
    pub path: PathBuf,
    /// Where the batch began.
    pub offset: u64,
    /// How many bytes were cleared.
    pub bytes: u64,
    /// What did not hold.
    pub what: &'static str,
}

/// What opening found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Whether the log was made just now.
    pub created: bool,
    /// Whether the last writer shut down cleanly.
    pub closed: bool,
    /// The index the next record gets.
    pub next_index: u64,
    /// What a crash left half written.
    pub torn: Option<Torn>,
}

/// The last segment, read to its end.
pub(crate) struct Scanned {
    pub(crate) offset: u64,
    pub(crate) next_index: u64,
    pub(crate) closed: bool,
    pub(crate) sealed: bool,
    synced_offset: u64,
    /// The first batch that holds a record which does not match its own checksum, where asked for.
    pub(crate) unsound: Option<u64>,
    sparse: Sparse,
    pub(crate) flaw: Option<&'static str>,
}

impl SegmentLog {
    /// Opens the log in `dir` for writing, making it where there is none.
    ///
    /// # Errors
    /// [`SegmentError`]; nothing is changed on disk when the log is damaged.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: Options,
    ) -> Result<(Self, Recovery), SegmentError> {
        disk.create_dir(dir).map_err(|error| unwritable(dir, error))?;
        let lock = disk.lock(&dir.join("lock")).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => SegmentError::SecondWriter { dir: dir.to_path_buf() },
            _ => unwritable(dir, error),
        })?;
        let names = disk.list(dir).map_err(|e| SegmentError::io("list", dir, e))?;
        for name in names.iter().filter(|name| name.ends_with(".tmp")) {
            let path = dir.join(name);
            disk.remove(&path).map_err(|e| SegmentError::io("remove", path, e))?;
        }
        let spares = Spares::new(Arc::clone(&disk), dir, options.background)
            .map_err(|e| SegmentError::io("prepare", dir, e))?;
        let segments: Vec<u64> = names.iter().filter_map(|name| segment_of(name)).collect();
        let created = segments.is_empty();
        let (head, file) = if created {
            create_first(&*disk, dir, &options, &spares)?
        } else {
            let found = check_heads(&*disk, dir, &segments)?;
            // The last writer may have died between naming a segment and making its name durable.
            disk.sync_dir(dir).map_err(|e| SegmentError::io("make durable", dir, e))?;
            found
        };
        let path = segment_path(dir, head.first_index);
        let mut window = Window::new(&*file, &path, head.capacity);
        let scanned = scan(&mut window, &head)?;
        let torn = match scanned.flaw {
            Some(what) => Some(tear(&mut window, &scanned, what)?),
            None => None,
        };
        settle(&*file, &mut window, &scanned, torn.as_ref())?;
        spares.request(options.capacity(head.ordinal + 1));
        let recovery = Recovery {
            created,
            closed: created || (scanned.closed && torn.is_none()),
            next_index: scanned.next_index,
            torn,
        };
        let log = Self {
            disk,
            dir: dir.to_path_buf(),
            options,
            head,
            file,
            offset: scanned.offset,
            synced_offset: scanned.offset,
            next_index: scanned.next_index,
            sealed: scanned.sealed,
            sparse: scanned.sparse,
            spares,
            tail: Arc::new(Tail::new(scanned.next_index)),
            poisoned: false,
            scratch: Batch::default(),
            _lock: lock,
        };
        Ok((log, recovery))
    }
}

fn unwritable(dir: &Path, error: io::Error) -> SegmentError {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            SegmentError::ReadOnly { dir: dir.to_path_buf() }
        }
        _ => SegmentError::io("open", dir, error),
    }
}

fn create_first(
    disk: &dyn Disk,
    dir: &Path,
    options: &Options,
    spares: &Spares,
) -> Result<(SegmentHead, Arc<dyn DiskFile>), SegmentError> {
    let spare = spares.take(options.capacity(0)).map_err(|error| {
        if crate::log::is_no_space(&error) {
            SegmentError::Full { dir: dir.to_path_buf(), needed_bytes: options.capacity(0) }
        } else {
            unwritable(dir, error)
        }
    })?;
    let head = SegmentHead {
        incarnation: options.incarnation,
        first_index: 0,
        capacity: spare.capacity,
        ordinal: 0,
        rewritten: false,
    };
    let path = segment_path(dir, 0);
    sync_above(disk, dir).map_err(|error| unwritable(dir, error))?;
    spare
        .file
        .write_at(&head.encode(), 0)
        .and_then(|()| spare.file.sync())
        .and_then(|()| disk.rename(&spare.path, &path))
        .and_then(|()| disk.sync_dir(dir))
        .map_err(|error| SegmentError::io("make", path, error))?;
    Ok((head, spare.file))
}

/// Reads every segment's head, holds them against each other, and opens the last for writing.
fn check_heads(
    disk: &dyn Disk,
    dir: &Path,
    segments: &[u64],
) -> Result<(SegmentHead, Arc<dyn DiskFile>), SegmentError> {
    let mut previous: Option<SegmentHead> = None;
    let mut last = None;
    for &first_index in segments {
        let path = segment_path(dir, first_index);
        let file =
            disk.open(&path, Access::Write).map_err(|e| SegmentError::io("open", &path, e))?;
        let head = read_head(&*file, &path)?;
        check_follows(previous, &head, first_index, &path)?;
        previous = Some(head);
        last = Some((head, file));
    }
    last.ok_or_else(|| SegmentError::Absent { dir: dir.to_path_buf() })
}

/// Holds a segment's head against its name and against the head before it.
pub(crate) fn check_follows(
    before: Option<SegmentHead>,
    head: &SegmentHead,
    first_index: u64,
    path: &Path,
) -> Result<(), SegmentError> {
    let damage = |what| SegmentError::Damage { path: path.to_path_buf(), offset: 0, what };
    if head.first_index != first_index {
        return Err(damage("the segment's name is not its first index"));
    }
    if let Some(before) = before {
        if before.incarnation != head.incarnation {
            return Err(damage("the segment belongs to another log"));
        }
        if before.ordinal + 1 != head.ordinal {
            return Err(damage("a segment before this one is missing"));
        }
    } else if head.first_index != 0 {
        // Segments are rewritten and never removed.
        return Err(damage("the log's first segment is missing"));
    }
    Ok(())
}

/// Reads a segment's head and checks the file's length against it.
pub(crate) fn read_head(file: &dyn DiskFile, path: &Path) -> Result<SegmentHead, SegmentError> {
    let mut bytes = [0; SEGMENT_HEAD_BYTES];
    let read = file.read_at(&mut bytes, 0).map_err(|e| SegmentError::io("read", path, e))?;
    let head = SegmentHead::decode(bytes.get(..read).unwrap_or_default(), path)?;
    let length = file.len().map_err(|e| SegmentError::io("measure", path, e))?;
    if length != head.capacity {
        return Err(SegmentError::Damage {
            path: path.to_path_buf(),
            offset: length,
            what: "the file's length is not the one it was made with",
        });
    }
    Ok(head)
}

/// Reads batches up to the end or the first flaw.
pub(crate) fn scan(
    content: &mut Window<'_>,
    segment: &SegmentHead,
) -> Result<Scanned, SegmentError> {
    let mut at = Scanned {
        offset: SEGMENT_HEAD_BYTES as u64,
        next_index: segment.first_index,
        closed: false,
        sealed: false,
        synced_offset: SEGMENT_HEAD_BYTES as u64,
        unsound: None,
        sparse: Sparse::default(),
        flaw: None,
    };
    let every_record = content.every_record;
    loop {
        let rest = content.batch(at.offset)?;
        let head = match examine(rest) {
            Found::Nothing => break,
            Found::NeedMore(_) if rest.iter().all(|&byte| byte == 0) => break,
            Found::NeedMore(_) => {
                at.flaw = Some("a batch is longer than its segment");
                break;
            }
            Found::Flaw(what) => {
                at.flaw = Some(what);
                break;
            }
            Found::Batch(head) => head,
        };
        if head.first_index != at.next_index || head.incarnation != segment.incarnation as u32 {
            at.flaw = Some("a batch does not follow the one before it");
            break;
        }
        if at.sealed {
            at.flaw = Some("a batch follows the segment's seal");
            break;
        }
        if every_record
            && at.unsound.is_none()
            && verbatim(rest, &head).any(|record| record.is_none())
        {
            at.unsound = Some(at.offset);
        }
        let time_max = time_max_of(rest, &head);
        at.sparse.note(head.first_index, at.offset, u64::from(head.bytes), time_max);
        at.offset += u64::from(head.bytes);
        at.next_index = head.next_index();
        at.closed = head.kind == BatchKind::Close;
        at.sealed = head.kind == BatchKind::Seal;
        at.synced_offset = head.synced_offset;
    }
    // Stray bytes beyond the tail would look like a flaw once the tail reaches them.
    if at.flaw.is_none() && content.end_of_bytes(at.offset)? > at.offset {
        at.flaw = Some("bytes lie beyond the end");
    }
    Ok(at)
}

/// Tells a torn tail from damage: it is damage when anything later knew this place durable.
pub(crate) fn tear(
    content: &mut Window<'_>,
    at: &Scanned,
    what: &'static str,
) -> Result<Torn, SegmentError> {
    let (path, offset) = (content.path.to_path_buf(), at.offset);
    if durable_beyond(&content.range(offset, content.capacity)?, offset) {
        return Err(SegmentError::Damage { path, offset, what });
    }
    let bytes = content.end_of_bytes(offset)? - offset;
    Ok(Torn { path, offset, bytes, what })
}

/// Whether a valid batch in `rest`, which begins at `offset`, knew that offset durable.
pub(crate) fn durable_beyond(rest: &[u8], offset: u64) -> bool {
    let magic = BATCH_MAGIC.to_le_bytes();
    rest.chunks_exact(8).enumerate().skip(1).any(|(at, chunk)| {
        chunk.starts_with(&magic)
            && match examine(rest.get(at * 8..).unwrap_or_default()) {
                Found::Batch(head) => head.synced_offset > offset,
                _ => false,
            }
    })
}

/// Clears the torn tail and writes again what may never have reached the disk: after a failed sync
/// or a crash the page cache can show bytes the disk does not have, a close record among them.
fn settle(
    file: &dyn DiskFile,
    content: &mut Window<'_>,
    at: &Scanned,
    torn: Option<&Torn>,
) -> Result<(), SegmentError> {
    let doubtful = content.range(at.synced_offset, at.offset)?;
    let settle = || {
        file.write_at(&doubtful, at.synced_offset)?;
        if let Some(torn) = torn {
            zero_fill(file, torn.offset, torn.bytes)?;
        }
        file.sync()
    };
    settle().map_err(|error| SegmentError::io("settle", content.path, error))
}
