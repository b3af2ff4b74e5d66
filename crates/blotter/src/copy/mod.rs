//! A bus made the same as another: every entry at its place, byte for byte.
//!
//! What is there already is compared first, so that a copy which was killed goes on and one that is finished
//! changes nothing; and what was written is read back and compared, so the end of it is a proof. Beside the
//! bytes, each bus says for itself when it stored an entry and which life of it this is.

mod units;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use bus::{Bus, BusError, Entry, ErrorClass, Progress, Reader, Unit};
use event::{Digest, Kind, Source};
use projection::LogDigest;

pub(crate) use units::Units;

/// Units that share a commit, and the bytes of their events.
const UNITS_MAX: usize = 128;
const BYTES_MAX: usize = 8 << 20;

/// Why a bus cannot be made the same as another.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyError {
    /// The target holds something else.
    #[error(
        "E7721 the target holds something else at index {index} than the source; give an empty one, nothing was written"
    )]
    Differs {
        /// Where.
        index: u64,
    },
    /// The target goes on where the source ends.
    #[error(
        "E7722 the target holds more than the source, from index {index} on; it is no copy of it, nothing was written"
    )]
    HoldsMore {
        /// Where the source ends.
        index: u64,
    },
    /// An entry of the source is none that a bus would take.
    #[error("E7723 the entry at index {index} of the source cannot be carried: {why}")]
    CannotBeCarried {
        /// Where.
        index: u64,
        /// What is wrong with it.
        why: String,
    },
    /// What was written is not what was read.
    #[error("E7724 the copy is not the source's at index {index}: {why}; use it for nothing")]
    NotTheSame {
        /// Where.
        index: u64,
        /// What was found.
        why: String,
    },
    /// One of the two failed.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// What a copy came to.
#[derive(Debug)]
pub(crate) struct Copied {
    /// Entries of the source, and of the target.
    pub(crate) entries: u64,
    /// Events among them.
    pub(crate) events: u64,
    /// Entries that were there already.
    pub(crate) found: u64,
    /// Of both, as every engine has it.
    pub(crate) log_digest: Digest,
}

/// One side, walked from its beginning.
pub(crate) struct Side {
    reader: Box<dyn Reader>,
    ahead: VecDeque<Entry>,
    next: u64,
    /// Where it ends, when that was known beforehand.
    end: u64,
    events: u64,
    digest: LogDigest,
    /// The last sequence of each source.
    sources: BTreeMap<Source, u64>,
}

impl Side {
    /// The entries of `reader` below `end`.
    pub(crate) fn of(reader: Box<dyn Reader>, end: u64) -> Self {
        let (ahead, digest, sources) = (VecDeque::new(), LogDigest::default(), BTreeMap::new());
        Self { reader, ahead, next: 0, end, events: 0, digest, sources }
    }

    /// A bus that holds nothing.
    pub(crate) fn empty() -> Self {
        Self::of(Box::new(Nothing), 0)
    }

    /// The same walk, gone on with another reader.
    fn go_on_with(self, reader: Box<dyn Reader>, end: u64) -> Self {
        Self { reader, ahead: VecDeque::new(), end, ..self }
    }

    fn begin(&mut self) -> Result<(), CopyError> {
        Ok(self.reader.seek(self.next)?)
    }

    /// Whether there is another entry.
    fn has_more(&mut self) -> Result<bool, CopyError> {
        if self.next >= self.end {
            return Ok(false);
        }
        if self.ahead.is_empty() {
            self.ahead = match self.reader.next_entries() {
                Ok(entries) => entries.into(),
                Err(error) if error.class() == ErrorClass::Reject => {
                    let why = error.to_string();
                    return Err(CopyError::CannotBeCarried { index: self.next, why });
                }
                Err(error) => return Err(error.into()),
            };
        }
        Ok(!self.ahead.is_empty())
    }

    /// The next entry.
    fn next(&mut self) -> Result<Option<Entry>, CopyError> {
        if !self.has_more()? {
            return Ok(None);
        }
        let Some(entry) = self.ahead.pop_front() else { return Ok(None) };
        let refuse = |why: String| CopyError::CannotBeCarried { index: self.next, why };
        if let Entry::Foreign(foreign) = &entry {
            return Err(refuse(format!("others wrote it, {}", foreign.place)));
        }
        if entry.index() != self.next {
            return Err(refuse(format!("index {} stands in its place", entry.index())));
        }
        if let Entry::Event(event) = &entry {
            let header = event.record.header();
            let last = self.sources.entry(header.source).or_default();
            if header.source_seq <= *last {
                // The target would not give it a place again, and all behind it would move.
                return Err(refuse(format!("it repeats {} {last}", header.source)));
            }
            *last = header.source_seq;
            self.events += 1;
            self.digest.note(Kind::of_number(header.kind), header.key, event.record.bytes());
        }
        self.next += 1;
        Ok(Some(entry))
    }
}

/// What a bus holds that is not there yet.
struct Nothing;

impl Reader for Nothing {
    fn incarnation(&self) -> u64 {
        0
    }

    fn seek(&mut self, _: u64) -> Result<(), BusError> {
        Ok(())
    }

    fn next_entries(&mut self) -> Result<Vec<Entry>, BusError> {
        Ok(Vec::new())
    }

    fn wait(&mut self, _: u64, _: Duration) -> Result<u64, BusError> {
        Ok(0)
    }
}

/// Makes the target the same as the source. `open` opens the target for writing, once it is known to be how
/// the source begins; the others give readers of either.
pub(crate) fn copy(
    mut source: Side,
    target: Option<Side>,
    open: impl FnOnce() -> Result<Box<dyn Bus>, CopyError>,
    read_source: impl FnOnce() -> Result<Box<dyn Reader>, CopyError>,
    read_target: impl FnOnce() -> Result<Box<dyn Reader>, CopyError>,
) -> Result<Copied, CopyError> {
    source.begin()?;
    let mut target = target.unwrap_or_else(Side::empty);
    compare(&mut source, &mut target)?;
    let there = target.next;
    if source.has_more()? {
        let mut bus = open()?;
        // What a copy that was killed had underway is decided by opening, and may be there after all.
        target = target.go_on_with(bus.reader()?, bus.next_index());
        compare(&mut source, &mut target)?;
        let from = target.next;
        append(&mut source, &mut *bus)?;
        drop(bus);
        target = target.go_on_with(read_target()?, source.next);
        let mut again = Side::of(read_source()?, source.next);
        again.next = from;
        read_back(&mut again, &mut target)?;
    }
    let digest = target.digest.digest();
    if digest != source.digest.digest() || target.next != source.next {
        let why = "the digests differ".into();
        return Err(CopyError::NotTheSame { index: source.next, why });
    }
    Ok(Copied { entries: source.next, events: target.events, found: there, log_digest: digest })
}

/// What is there of a copy: as much as the target has, which has to be how the source goes on.
fn compare(source: &mut Side, target: &mut Side) -> Result<(), CopyError> {
    target.begin()?;
    while let Some(theirs) = target.next()? {
        let index = theirs.index();
        match source.next()? {
            Some(ours) if is_same(&ours, &theirs) => {}
            Some(_) => return Err(CopyError::Differs { index }),
            None => return Err(CopyError::HoldsMore { index }),
        }
    }
    Ok(())
}

fn is_same(ours: &Entry, theirs: &Entry) -> bool {
    let is_event = |entry: &Entry| matches!(entry, Entry::Event(_));
    ours.index() == theirs.index()
        && is_event(ours) == is_event(theirs)
        && ours.bytes() == theirs.bytes()
}

/// What the source has beyond `bus`, committed to it in its order.
fn append(source: &mut Side, bus: &mut dyn Bus) -> Result<(), CopyError> {
    let mut units = Units::default();
    loop {
        let entry = source.next()?;
        let is_over = entry.is_none();
        match entry {
            Some(Entry::Event(event)) => units.take_event(event.record),
            Some(Entry::Progress { progress, bytes, index, .. }) => {
                // What a newer version says in it is not among the fields known here.
                if *bytes != *progress.to_bytes() {
                    let why = "its progress record says more than this version knows".into();
                    return Err(CopyError::CannotBeCarried { index, why });
                }
                units.take_progress(progress);
            }
            // None comes by: the source refuses it.
            Some(Entry::Foreign(_)) => {}
            None => units.end_run(),
        }
        let (complete, bytes) = units.complete();
        if is_over || complete >= UNITS_MAX || bytes >= BYTES_MAX {
            commit(&units.take_complete(), bus)?;
        }
        if is_over {
            return Ok(bus.close()?);
        }
    }
}

/// Every entry takes a place, or those behind it would stand elsewhere than in the source.
fn commit(units: &[Unit], bus: &mut dyn Bus) -> Result<(), CopyError> {
    let says = |unit: &Unit| Progress::of(unit, 0).is_some();
    let entries = units.iter().map(|unit| unit.outputs.len() as u64 + u64::from(says(unit)));
    let due = bus.next_index() + entries.sum::<u64>();
    let _ = bus.commit(units)?;
    let index = bus.next_index();
    if index == due {
        return Ok(());
    }
    let why = format!("{due} entries were to be there");
    Err(CopyError::NotTheSame { index, why })
}

/// Holds what was written against what it was written from.
fn read_back(source: &mut Side, written: &mut Side) -> Result<(), CopyError> {
    source.begin()?;
    written.begin()?;
    while let Some(ours) = source.next()? {
        let index = ours.index();
        let why = match written.next()? {
            Some(theirs) if is_same(&ours, &theirs) => continue,
            Some(_) => "other bytes were read back",
            None => "nothing was read back",
        };
        return Err(CopyError::NotTheSame { index, why: why.into() });
    }
    Ok(())
}
