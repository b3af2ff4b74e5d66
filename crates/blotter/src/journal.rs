//! The journal as the readers see it: opened, walked, cut at an index or an instant.

use bus::Progress;
use event::{Digest, Event, Timestamp, id::digest_of};
use forensics::{JournalEntry, JournalError, JournalReader, Stamp, What};

use crate::{
    data_dir::DataDir,
    exit::{Exit, Failure, OrItsExit as _},
    pipeline,
};

/// One entry, decoded.
#[expect(clippy::large_enum_variant, reason = "visited one at a time, never collected")]
pub(crate) enum Item<'a> {
    /// An event and its bytes.
    Event {
        /// Its journal index.
        index: u64,
        /// The event.
        event: Event,
        /// Its bytes, verbatim.
        bytes: &'a [u8],
        /// Where the bus had it.
        stamp: Stamp,
    },
    /// A progress record.
    Progress {
        /// Its journal index.
        index: u64,
        /// The record.
        progress: Progress,
        /// Its bytes, verbatim.
        bytes: &'a [u8],
        /// Where the bus had it.
        stamp: Stamp,
    },
    /// What somebody else wrote.
    Foreign {
        /// Its journal index.
        index: u64,
        /// Its bytes, verbatim.
        bytes: &'a [u8],
        /// Where the bus had it.
        stamp: Stamp,
    },
}

impl Item<'_> {
    /// The entry's journal index.
    pub(crate) const fn index(&self) -> u64 {
        match self {
            Self::Event { index, .. }
            | Self::Progress { index, .. }
            | Self::Foreign { index, .. } => *index,
        }
    }

    /// The entry's bytes.
    pub(crate) const fn bytes(&self) -> &[u8] {
        match self {
            Self::Event { bytes, .. }
            | Self::Progress { bytes, .. }
            | Self::Foreign { bytes, .. } => bytes,
        }
    }

    /// See [`cut_of`]; `None` where journal and log do not count alike.
    pub(crate) fn cut(&self) -> Option<Digest> {
        match self {
            Self::Event { index, bytes, stamp, .. }
            | Self::Progress { index, bytes, stamp, .. }
            | Self::Foreign { index, bytes, stamp } => cut_in_journal(stamp, *index, bytes),
        }
    }
}

/// A digest of an entry that no other log has at this index.
pub(crate) fn cut_of(incarnation: u64, index: u64, bytes: &[u8]) -> Digest {
    digest_of("cut", &[&incarnation.to_le_bytes(), &index.to_le_bytes(), bytes])
}

/// The same of a journal's entry.
pub(crate) fn cut_in_journal(stamp: &Stamp, index: u64, bytes: &[u8]) -> Option<Digest> {
    (stamp.log_index == index).then(|| cut_of(stamp.incarnation, index, bytes))
}

/// Where a walk ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// The end of what is there.
    End,
    /// This journal index, included.
    Index(u64),
    /// The last entry whose time is not after this instant.
    Time(Timestamp),
}

impl Until {
    /// Reads a journal index, or an instant as RFC 3339.
    pub(crate) fn parse(text: Option<&str>) -> Result<Self, Failure> {
        let Some(text) = text else { return Ok(Self::End) };
        if let Ok(index) = text.parse() {
            return Ok(Self::Index(index));
        }
        let time = text.parse().map_err(|_| {
            Failure::new(
                Exit::Usage,
                format!("E7501 `{text}` is neither a journal index nor an instant as 2024-08-09T00:00:00Z"),
            )
        })?;
        Ok(Self::Time(time))
    }

    /// The same end as an index: the entry before the first whose time is past the instant.
    pub(crate) fn as_index(self, reader: &mut JournalReader) -> Result<Self, Failure> {
        let Self::Time(last) = self else { return Ok(self) };
        let past = reader.seek_time(last.plus_ns(1)).or_its_exit()?;
        match past.checked_sub(1) {
            Some(index) => Ok(Self::Index(index)),
            None => Err(Failure::new(
                Exit::NotFound,
                format!(
                    "E7503 the journal begins after {last}; `blotter tail --from 0` shows when"
                ),
            )),
        }
    }
}

/// Brings the journal up to the log when no run does, and opens it.
///
/// While a run is active its own journal thread keeps up, and this waits for nothing.
pub(crate) fn open(dir: &DataDir, wall_clock: fn() -> Timestamp) -> Result<JournalReader, Failure> {
    dir.must_hold_data().or_its_exit()?;
    match pipeline::catch_up(&dir.log(), &dir.journal(), wall_clock) {
        // Another process writes the journal, or this one may not: what is there is read.
        Ok(()) | Err(_) if dir.journal().is_dir() => {}
        Ok(()) => {}
        Err(error) => return Err(Failure { exit: Exit::Environment, error: error.into() }),
    }
    JournalReader::open(&dir.journal()).or_its_exit()
}

/// Opens the journal for a question about a moment. An index that it holds already needs no bringing up
/// to the log, which reads the last segments of both.
pub(crate) fn open_until(
    dir: &DataDir,
    wall_clock: fn() -> Timestamp,
    until: Until,
) -> Result<JournalReader, Failure> {
    if let Until::Index(index) = until
        && let Ok(mut reader) = JournalReader::open(&dir.journal())
        && holds(&mut reader, index)
    {
        return Ok(reader);
    }
    open(dir, wall_clock)
}

fn holds(reader: &mut JournalReader, index: u64) -> bool {
    let mut found = false;
    let sought = reader.seek(index).is_ok();
    let read = sought
        && reader
            .visit_batch(|entry| -> Result<(), JournalError> {
                found |= entry.index == index;
                Ok(())
            })
            .is_ok();
    read && found
}

/// Walks the journal from `from` to `until`.
pub(crate) fn walk(
    reader: &mut JournalReader,
    from: u64,
    until: Until,
    mut visit: impl FnMut(Item<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    reader.seek(from).or_its_exit()?;
    let mut done = false;
    while !done {
        let more = reader.visit_batch(|entry| -> Result<(), WalkError> {
            done = done || is_past(&entry, until);
            if done || entry.index < from {
                return Ok(());
            }
            visit(decode(&entry)?).map_err(WalkError::Visit)
        });
        match more {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(WalkError::Visit(failure)) => return Err(failure),
            Err(WalkError::Journal(error)) => {
                return Err(error).or_its_exit();
            }
            Err(WalkError::Decode(index, error)) => {
                return Err(Failure::new(
                    Exit::Integrity,
                    format!("E7502 journal entry {index} cannot be read: {error}"),
                ));
            }
        }
    }
    Ok(())
}

enum WalkError {
    Journal(JournalError),
    Decode(u64, event::DecodeError),
    Visit(Failure),
}

impl From<JournalError> for WalkError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

fn is_past(entry: &JournalEntry<'_>, until: Until) -> bool {
    match until {
        Until::End => false,
        Until::Index(last) => entry.index > last,
        Until::Time(last) => entry.is_event() && entry.time > last,
    }
}

fn decode<'a>(entry: &JournalEntry<'a>) -> Result<Item<'a>, WalkError> {
    let failed = |error| WalkError::Decode(entry.index, error);
    let JournalEntry { index, bytes, stamp, .. } = *entry;
    Ok(match entry.what {
        What::Event => {
            let event = Event::decode(bytes).map_err(failed)?;
            Item::Event { index, event, bytes, stamp }
        }
        What::Progress => {
            let progress = Progress::from_bytes(bytes).map_err(failed)?;
            Item::Progress { index, progress, bytes, stamp }
        }
        What::Foreign => Item::Foreign { index, bytes, stamp },
    })
}
