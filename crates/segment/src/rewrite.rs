//! Taking expired records out of a sealed segment, crash safe by rename.

use std::path::Path;

use crate::{
    Access, Batch, DiskFile, EntryRef, SegmentError, SegmentLog,
    batch::{Found, examine, verbatim},
    format::{BatchHead, BatchKind, SEGMENT_HEAD_BYTES, SegmentHead, index_path, segment_path},
    open::read_head,
};

/// What a rewrite did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// Records that stayed, under the indexes they had.
    pub kept: u64,
    /// Records taken out.
    pub removed: u64,
    /// Bytes before.
    pub bytes_before: u64,
    /// Bytes after.
    pub bytes_after: u64,
}

impl SegmentLog {
    /// Writes the sealed segment that begins with `first_index` anew with the records `keep`
    /// accepts. Those keep their index, sequence and bytes; nothing is left in place of the others.
    ///
    /// A crash at any moment leaves the old segment or the new one.
    ///
    /// # Errors
    /// [`SegmentError::NotSealed`] for the segment being written; [`SegmentError::Damage`] leaves
    /// the segment as it was.
    pub fn rewrite_segment(
        &mut self,
        first_index: u64,
        mut keep: impl FnMut(&EntryRef<'_>) -> bool,
    ) -> Result<Rewritten, SegmentError> {
        self.sound()?;
        if first_index >= self.head.first_index {
            return Err(SegmentError::NotSealed { first_index });
        }
        let path = segment_path(&self.dir, first_index);
        let old =
            self.disk.open(&path, Access::Read).map_err(|e| SegmentError::io("open", &path, e))?;
        let head = read_head(&*old, &path)?;
        let mut done = Rewritten { bytes_before: head.capacity, ..Rewritten::default() };
        let bytes = rewrite(&*old, &path, &head, &mut keep, &mut done)?;
        done.bytes_after = bytes.len() as u64;
        let fresh = self.dir.join(format!("{first_index:020}.tmp"));
        // The sparse index goes first: it holds offsets of the old file.
        let _ = self.disk.remove(&index_path(&self.dir, first_index));
        let place = || {
            let file = self.disk.create(&fresh)?;
            file.write_at(&bytes, 0)?;
            file.sync()?;
            self.disk.rename(&fresh, &path)?;
            self.disk.sync_dir(&self.dir)
        };
        match place() {
            Ok(()) => Ok(done),
            Err(error) => {
                let _ = self.disk.remove(&fresh);
                Err(SegmentError::io("rewrite", path, error))
            }
        }
    }
}

fn rewrite(
    old: &dyn DiskFile,
    path: &Path,
    segment: &SegmentHead,
    keep: &mut dyn FnMut(&EntryRef<'_>) -> bool,
    done: &mut Rewritten,
) -> Result<Vec<u8>, SegmentError> {
    let mut content = vec![0; segment.capacity as usize];
    let read = old.read_at(&mut content, 0).map_err(|e| SegmentError::io("read", path, e))?;
    content.truncate(read);
    let mut out = vec![0; SEGMENT_HEAD_BYTES];
    let (mut offset, mut next_index) = (SEGMENT_HEAD_BYTES, segment.first_index);
    // Indexes of batches that lost all their records are covered by the next batch.
    let mut covered_from = segment.first_index;
    let mut batch = Batch::default();
    loop {
        let at = offset as u64;
        let damage = |what| SegmentError::Damage { path: path.to_path_buf(), offset: at, what };
        let rest = content.get(offset..).unwrap_or_default();
        let head = match examine(rest) {
            Found::Batch(head) if head.first_index == next_index => head,
            Found::Batch(_) => return Err(damage("a batch does not follow the one before it")),
            Found::Flaw(what) => return Err(damage(what)),
            Found::Nothing | Found::NeedMore(_) => {
                return Err(damage("the segment ends without its seal"));
            }
        };
        offset += head.bytes as usize;
        next_index = head.next_index();
        batch.begin(covered_from);
        for record in verbatim(rest, &head) {
            let Some((record, entry)) = record else {
                return Err(damage("a record does not match its checksum"));
            };
            if keep(&entry) {
                batch.push_verbatim(record);
                done.kept += 1;
            } else {
                done.removed += 1;
            }
        }
        let span = u32::try_from(next_index - covered_from).unwrap_or(u32::MAX);
        let is_full = span > u32::MAX / 2;
        if !batch.is_empty() || is_full || (head.kind == BatchKind::Seal && span > 0) {
            let covering = BatchHead {
                span,
                first_index: covered_from,
                kind: BatchKind::Records,
                synced_offset: out.len() as u64,
                ..head
            };
            out.extend_from_slice(batch.finish(covering));
            covered_from = next_index;
        }
        if head.kind == BatchKind::Seal {
            batch.begin(covered_from);
            let seal = BatchHead { synced_offset: out.len() as u64, ..head };
            out.extend_from_slice(batch.finish(seal));
            let head = SegmentHead { capacity: out.len() as u64, rewritten: true, ..*segment };
            if let Some(slot) = out.get_mut(..SEGMENT_HEAD_BYTES) {
                slot.copy_from_slice(&head.encode());
            }
            return Ok(out);
        }
    }
}
