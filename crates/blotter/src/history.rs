//! What the journal adds up to, at its end or at any moment of it, through disposable snapshots.
//!
//! A question costs what restoring one snapshot costs, and folding at most [`spacing`] bytes of
//! journal behind it. The spacing grows with the size of the state and never with the log, so a
//! question about a log ten times as long takes as long; and what all snapshots hold together stays
//! below a sixteenth of the journal.
//!
//! A snapshot is trusted only as far as it was checked: its digest, the version of the fold, and the
//! very entry of this very log it was cut behind. [`rebuild`] uses none and checks those it passes.

use std::path::Path;

use event::{Digest, id::digest_of};
use forensics::{JournalError, JournalReader};
use projection::FOLD_VERSION;
use snapshot::{Dropped, Flaw, Snapshot, SnapshotStore};

use crate::{
    clock::wall_clock,
    data_dir::DataDir,
    exit::{Exit, Failure},
    journal::{self, Item, Until},
    pipeline::{Fold, INGRESS},
};

/// What a walk of the journal adds up to.
pub(crate) struct Folded {
    pub(crate) fold: Fold,
    /// Records of the tape read, from the ingress's own mark.
    pub(crate) records: u64,
    /// Entries folded for this question.
    pub(crate) entries: u64,
    /// The last entry folded or restored; `None` when there is none.
    pub(crate) last: Option<u64>,
}

/// The snapshots of this fold.
const NAME: &str = "fold";
/// Journal that is folded sooner than a snapshot is looked up.
const SPACING_BYTES_MIN: u64 = 4 << 20;
/// Bytes of journal for each byte of state.
const SPACING_PER_STATE: u64 = 16;
/// What an entry occupies beside its bytes, about.
const ENTRY_HEAD_BYTES: u64 = 64;

/// Bytes of journal between two snapshots, when a state has this size.
pub(crate) const fn spacing(state_bytes: u64) -> u64 {
    let by_state = state_bytes.saturating_mul(SPACING_PER_STATE);
    if by_state > SPACING_BYTES_MIN { by_state } else { SPACING_BYTES_MIN }
}

/// Folds the journal up to `until`, from the newest sound snapshot that is not beyond it. Snapshots
/// are kept on the way for the next question.
pub(crate) fn fold(dir: &DataDir, until: Until) -> Result<Folded, Failure> {
    let mut reader = journal::open_until(dir, wall_clock, until)?;
    let until = until.as_index(&mut reader)?;
    let cache = Cache::open(dir);
    let begun = cache.newest(&mut reader, until)?;
    go_on(&mut reader, begun, until, &cache)
}

/// Folds the journal from its beginning up to `until`, whatever snapshots there are; those that
/// folding does not confirm are dropped.
pub(crate) fn rebuild(dir: &DataDir, until: Until) -> Result<Folded, Failure> {
    let mut reader = journal::open_until(dir, wall_clock, until)?;
    let until = until.as_index(&mut reader)?;
    go_on(&mut reader, Folded::nothing(), until, &Cache::open(dir))
}

fn go_on(
    reader: &mut JournalReader,
    begun: Folded,
    until: Until,
    cache: &Cache,
) -> Result<Folded, Failure> {
    let mut folded = begun;
    let from = folded.last.map_or(0, |last| last + 1);
    let mut keeper = Keeper::new(cache, from);
    journal::walk(reader, from, until, |item| {
        folded.take(&item);
        keeper.passed(&folded, &item);
        Ok(())
    })?;
    match (until, folded.last) {
        (Until::Index(index), Some(last)) if last < index => Err(Failure::new(
            Exit::NotFound,
            format!("E7504 the journal ends at index {last}; there is no {index} yet"),
        )),
        _ => Ok(folded),
    }
}

impl Folded {
    fn nothing() -> Self {
        Self { fold: Fold::default(), records: 0, entries: 0, last: None }
    }

    fn take(&mut self, item: &Item<'_>) {
        self.entries += 1;
        self.last = Some(item.index());
        match item {
            Item::Event { event, bytes, .. } => self.fold.apply(event, bytes),
            Item::Progress { progress, .. } => {
                if progress.source.as_str() == INGRESS {
                    self.records = progress.mark.unwrap_or(0).max(self.records);
                }
            }
            // What it led to is an event of its own.
            Item::Foreign { .. } => {}
        }
    }
}

/// Leaves a snapshot for questions to come, of a run that knows what its log adds up to. While a reader
/// has the store, it is left out.
pub(crate) fn leave(cache: &Path, index: u64, cut: Digest, state: &[u8]) {
    if let Ok(store) = SnapshotStore::open(&cache.join(NAME)) {
        let _ = store.keep(NAME, version(), Snapshot { index, cut, state: state.to_vec() });
    }
}

/// The store, when it can be had. Without one, as while another reader has it, everything is folded
/// from the beginning: only time is lost.
struct Cache {
    store: Option<SnapshotStore>,
}

impl Cache {
    fn open(dir: &DataDir) -> Self {
        match SnapshotStore::open(&dir.cache().join(NAME)) {
            Ok(store) => {
                if store.was_damaged() {
                    eprintln!("the snapshots in the cache were damaged and are folded anew");
                }
                Self { store: Some(store) }
            }
            Err(error) => {
                eprintln!("{error}");
                Self { store: None }
            }
        }
    }

    fn newest(&self, reader: &mut JournalReader, until: Until) -> Result<Folded, Failure> {
        let Some(store) = &self.store else { return Ok(Folded::nothing()) };
        let last = match until {
            Until::Index(index) => index,
            Until::End | Until::Time(_) => u64::MAX,
        };
        loop {
            let is_here = |found: &Snapshot| {
                // A journal that cannot be read says so when it is folded.
                matches!(cut_at(reader, found.index), Ok(Some(cut)) if cut == found.cut)
            };
            let (found, dropped) = store.newest(NAME, version(), last, is_here);
            dropped.iter().for_each(tell);
            let Some(Snapshot { index, state, .. }) = found else { return Ok(Folded::nothing()) };
            if let Some((fold, records)) = Fold::restore(&state) {
                return Ok(Folded { fold, records, entries: 0, last: Some(index) });
            }
            tell(&store.drop_at(NAME, index, Flaw::OtherVersion));
        }
    }
}

/// What a snapshot of the fold depends on beside the journal.
fn version() -> Digest {
    digest_of("fold", &[&FOLD_VERSION.to_le_bytes()])
}

fn tell(dropped: &Dropped) {
    eprintln!("{dropped}");
}

/// The [cut](journal::cut_of) of the entry at `index`.
fn cut_at(reader: &mut JournalReader, index: u64) -> Result<Option<Digest>, JournalError> {
    reader.seek(index)?;
    let mut found = None;
    let _ = reader.visit_batch(|entry| -> Result<(), JournalError> {
        if entry.index == index {
            found = journal::cut_in_journal(&entry.stamp, index, entry.bytes);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Keeps a snapshot when one is due, and holds those there are against the fold that passes them.
struct Keeper<'a> {
    cache: &'a Cache,
    /// Indexes ahead that have a snapshot, the next one last.
    ahead: Vec<u64>,
    bytes: u64,
    state_bytes: u64,
}

impl<'a> Keeper<'a> {
    fn new(cache: &'a Cache, from: u64) -> Self {
        let mut ahead = cache.store.as_ref().map(|store| store.indexes(NAME)).unwrap_or_default();
        ahead.retain(|index| *index >= from);
        ahead.reverse();
        Self { cache, ahead, bytes: 0, state_bytes: 0 }
    }

    fn passed(&mut self, folded: &Folded, item: &Item<'_>) {
        let Some(store) = &self.cache.store else { return };
        self.bytes += item.bytes().len() as u64 + ENTRY_HEAD_BYTES;
        let index = item.index();
        let is_kept = self.ahead.last() == Some(&index);
        if !is_kept && self.bytes < spacing(self.state_bytes) {
            return;
        }
        let Some(cut) = item.cut() else { return };
        let state = folded.fold.snapshot(folded.records);
        (self.bytes, self.state_bytes) = (0, state.len() as u64);
        let made = Snapshot { index, cut, state };
        if is_kept {
            let _ = self.ahead.pop();
            let flaw = match store.at(NAME, version(), index) {
                Ok(kept) if kept == made => return,
                Ok(kept) if kept.cut != made.cut => Flaw::OtherLog,
                Ok(_) => Flaw::OtherState,
                Err(flaw) => flaw,
            };
            tell(&store.drop_at(NAME, index, flaw));
        }
        // A snapshot that cannot be kept costs time later, nothing else.
        let _ = store.keep(NAME, version(), made);
    }
}

#[cfg(test)]
mod tests {
    use bus::{Header, Topology};
    use event::{Body, Timestamp, books::AlertRaised, choices::Severity, id::foreign_id};
    use forensics::{Journal, Stamp, Taken};

    use super::*;

    /// A directory whose journal holds this many alerts.
    fn journal_of(alerts: u64) -> (tempfile::TempDir, DataDir) {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::new(folder.path());
        let mut journal = Journal::open(&dir.journal(), wall_clock).unwrap();
        for number in 1..=alerts {
            let event = alert(number);
            let bytes = event.encode();
            let envelope = event::Envelope::decode(&bytes).unwrap();
            let header = Header::of(&envelope, &Topology::shipped());
            let stored_at = Timestamp(number as i64);
            let taken = Taken {
                stamp: Stamp { incarnation: 7, log_index: number - 1, stored_at },
                what: forensics::What::Event,
                stream: Some(header.stream),
                partition: header.partition,
                sequence: number,
                kind: header.kind,
                time: header.time,
                bytes: &bytes,
            };
            journal.take(&taken).unwrap();
        }
        journal.close().unwrap();
        (folder, dir)
    }

    fn alert(number: u64) -> event::Event {
        let source = event::Source::new("test").unwrap();
        let body = Body::from(AlertRaised {
            alert: event::Label::new("A").unwrap(),
            severity: Severity::Info,
            subject: "s".into(),
            detail: number.to_string(),
            account: None,
        });
        let (id, time) = (foreign_id(source, number), Timestamp(number as i64));
        worker::root_event(id, source, number, time, None, body.key(), body)
    }

    /// Plants a snapshot of the first `alerts` events as of `index`, sound in itself.
    fn plant(dir: &DataDir, index: u64, alerts: u64) {
        let mut fold = Fold::default();
        for event in (1..=alerts).map(alert) {
            fold.apply(&event, &event.encode());
        }
        let mut reader = journal::open(dir, wall_clock).unwrap();
        let cut = cut_at(&mut reader, index).unwrap().unwrap();
        let store = SnapshotStore::open(&dir.cache().join(NAME)).unwrap();
        store.keep(NAME, version(), Snapshot { index, cut, state: fold.snapshot(0) }).unwrap();
    }

    fn kept(dir: &DataDir) -> Vec<u64> {
        SnapshotStore::open(&dir.cache().join(NAME)).unwrap().indexes(NAME)
    }

    #[test]
    fn a_question_goes_on_from_a_snapshot() {
        let (_folder, dir) = journal_of(10);
        plant(&dir, 6, 7);
        let folded = fold(&dir, Until::Index(8)).unwrap();
        assert_eq!((folded.entries, folded.last, folded.fold.tally.total()), (2, Some(8), 9));
        let before = fold(&dir, Until::Index(5)).unwrap();
        assert_eq!((before.entries, before.fold.tally.total()), (6, 6));
    }

    #[test]
    fn rebuilding_believes_no_snapshot_and_mends_the_one_that_lies() {
        let (_folder, dir) = journal_of(10);
        let truth = rebuild(&dir, Until::End).unwrap().fold.log.digest();
        // As if a defect had folded six events where there are seven.
        plant(&dir, 6, 6);
        assert_ne!(fold(&dir, Until::End).unwrap().fold.log.digest(), truth);
        let rebuilt = rebuild(&dir, Until::End).unwrap();
        assert_eq!((rebuilt.entries, rebuilt.fold.log.digest()), (10, truth));
        assert_eq!(fold(&dir, Until::End).unwrap().fold.log.digest(), truth);
        assert_eq!(kept(&dir), [6]);
    }

    #[test]
    fn spacing_grows_with_the_state_and_not_with_the_log() {
        assert_eq!(spacing(0), SPACING_BYTES_MIN);
        assert_eq!(spacing(1 << 20), 16 << 20);
        assert_eq!(spacing(u64::MAX), u64::MAX);
    }
}
