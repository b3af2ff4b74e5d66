//! `restore`: a log that is lost or damaged, made anew from its journal.
//!
//! The journal has every entry of the log verbatim, and where it stood. They are committed again to
//! an empty log of the same incarnation through the engine itself, which checks ids, sequences and
//! order as it did the first time; then the new log is read back and held against the journal. What
//! was in the place of the log is kept beside it.

use std::{
    collections::VecDeque,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use bus::{Bus, Progress, Record, Topology};
use bus_log::{LogBus, LogReader};
use forensics::{Journal, JournalEntry, JournalError, JournalReader};
use segment::{Options, RealDisk, SegmentError};
use serde_json::json;

use super::{args::Common, output};
use crate::{
    clock::wall_clock,
    copy::Units,
    data_dir::DataDir,
    engine::Engine,
    exit::{Exit, Failure, OrItsExit as _},
};

/// Units that share an fsync.
const UNITS_MAX: usize = 512;

/// Makes the log anew.
pub(super) fn restore(common: &Common) -> Result<Exit, Failure> {
    let dir = DataDir::new(&common.data);
    dir.must_hold_data().or_its_exit()?;
    let binding = dir.binding().or_its_exit()?;
    if binding.is_some_and(|binding| binding.bus != Engine::Embedded) {
        return Err(refused(
            Exit::Conflict,
            "E7711 the log of this directory is on a server; a log in the directory is what can be \
             restored",
        ));
    }
    // Held to the end: nobody takes entries in meanwhile, and no run goes on.
    let journal = Journal::open(&dir.journal(), wall_clock).or_its_exit()?;
    let _ = segment::check(&RealDisk, &dir.journal()).or_its_exit()?;
    must_need_it(&dir, &journal)?;
    let fresh = dir.root().join("log.restored");
    remove_unfinished(&fresh)?;
    let written = write(&journal, &fresh)?;
    compare(&journal, &fresh)?;
    let kept = swap(&dir, &fresh)?;
    tell(common, &written, kept.as_deref());
    Ok(Exit::Ok)
}

/// A log that is whole and has all that the journal has is left alone.
fn must_need_it(dir: &DataDir, journal: &Journal) -> Result<(), Failure> {
    let whole = match segment::check(&RealDisk, &dir.log()) {
        Ok(log) => log.next_index >= journal.next_log_index(),
        Err(error @ SegmentError::Newer { .. }) => return Err(error).or_its_exit(),
        Err(_) => false,
    };
    if whole {
        return Err(refused(
            Exit::Conflict,
            "E7712 the log is whole and has all that the journal has: nothing to restore; \
             `blotter verify` says more",
        ));
    }
    if journal.next_log_index() == 0 {
        return Err(refused(
            Exit::NotFound,
            "E7713 the journal holds nothing that a log could be made of",
        ));
    }
    Ok(())
}

/// What was written.
#[derive(Default)]
struct Written {
    entries: u64,
    events: u64,
}

/// Commits every entry of the journal again.
fn write(journal: &Journal, fresh: &Path) -> Result<Written, Failure> {
    let mut reader = journal.reader();
    let incarnation = incarnation(&mut reader)?;
    let options = Options { incarnation, ..Options::default() };
    let failed = |error: bus::BusError| super::run::failure(error.into());
    let opened = LogBus::open_on(Arc::new(RealDisk), fresh, options, wall_clock);
    let mut bus = opened.map_err(failed)?.bus;
    let (mut units, topology) = (Units::default(), bus.topology().clone());
    reader.seek(0).or_its_exit()?;
    let mut written = Written::default();
    loop {
        let more = reader.visit_batch(|entry| -> Result<(), RestoreError> {
            written.entries += 1;
            written.events += u64::from(entry.is_event());
            take(&mut units, &entry, &topology)
        });
        let more = more.map_err(RestoreError::into_failure)?;
        if !more {
            units.end_run();
        }
        if !more || units.complete().0 >= UNITS_MAX {
            let _ = bus.commit(&units.take_complete()).map_err(failed)?;
        }
        if !more {
            bus.close().map_err(failed)?;
            return Ok(written);
        }
    }
}

fn incarnation(reader: &mut JournalReader) -> Result<u64, Failure> {
    let mut found = 0;
    reader.seek(0).or_its_exit()?;
    let _ = reader
        .visit_batch(|entry| -> Result<(), JournalError> {
            found = entry.stamp.incarnation;
            Ok(())
        })
        .or_its_exit()?;
    Ok(found)
}

/// An entry on its way back into its unit.
fn take(
    units: &mut Units,
    entry: &JournalEntry<'_>,
    topology: &Topology,
) -> Result<(), RestoreError> {
    let decode = |error| RestoreError::Decode(entry.index, error);
    if entry.is_event() {
        units.take_event(Record::of_bytes(entry.bytes.to_vec().into(), topology).map_err(decode)?);
    } else {
        units.take_progress(Progress::from_bytes(entry.bytes).map_err(decode)?);
    }
    Ok(())
}

enum RestoreError {
    Journal(JournalError),
    Decode(u64, event::DecodeError),
}

impl From<JournalError> for RestoreError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl RestoreError {
    fn into_failure(self) -> Failure {
        match self {
            Self::Journal(error) => Failure { exit: (&error).into(), error: error.into() },
            Self::Decode(index, error) => refused(
                Exit::Integrity,
                format!("E7714 journal entry {index} cannot be read: {error}"),
            ),
        }
    }
}

/// Every entry of the new log is the journal's, at the same place, and there is no other.
fn compare(journal: &Journal, fresh: &Path) -> Result<(), Failure> {
    let failed = |error: bus::BusError| super::run::failure(error.into());
    let _ = segment::check(&RealDisk, fresh).or_its_exit()?;
    let mut log = LogReader::open(fresh).map_err(failed)?;
    log.seek(0).map_err(failed)?;
    let mut reader = journal.reader();
    reader.seek(0).or_its_exit()?;
    let mut ours = VecDeque::new();
    let mut differs = None;
    while differs.is_none()
        && reader
            .visit_batch(|entry| -> Result<(), JournalError> {
                ours.push_back((entry.stamp.log_index, entry.bytes.to_vec()));
                Ok(())
            })
            .or_its_exit()?
    {
        // The log's batches and the journal's end elsewhere.
        while differs.is_none() && !ours.is_empty() {
            let more = log.visit_batch(|entry| -> Result<(), bus::BusError> {
                while ours.is_empty() && differs.is_none() {
                    let more = reader.visit_batch(|entry| -> Result<(), JournalError> {
                        ours.push_back((entry.stamp.log_index, entry.bytes.to_vec()));
                        Ok(())
                    });
                    if !matches!(more, Ok(true)) {
                        differs = Some(entry.index);
                    }
                }
                let same = ours
                    .pop_front()
                    .is_some_and(|(index, bytes)| index == entry.index && bytes == entry.body);
                if !same {
                    differs = differs.or(Some(entry.index));
                }
                Ok(())
            });
            if !more.map_err(failed)? {
                differs = ours.front().map(|(index, _)| *index);
            }
        }
    }
    let index = match differs {
        Some(index) => index,
        None if log.next_index() == journal.next_log_index() => return Ok(()),
        None => journal.next_log_index(),
    };
    Err(refused(
        Exit::Integrity,
        format!(
            "E7715 the log made of the journal is another at index {index}; nothing was put in the \
             place of the log, look at {}",
            fresh.display()
        ),
    ))
}

/// Puts the new log in its place, and what was there beside it.
fn swap(dir: &DataDir, fresh: &Path) -> Result<Option<PathBuf>, Failure> {
    let log = dir.log();
    let moved = if log.exists() {
        let kept = (1_u32..)
            .map(|number| dir.root().join(format!("log.damaged-{number}")))
            .find(|kept| !kept.exists());
        let kept = kept.unwrap_or_else(|| dir.root().join("log.damaged"));
        fs::rename(&log, &kept).map_err(|error| io(&log, &error))?;
        Some(kept)
    } else {
        None
    };
    fs::rename(fresh, &log).map_err(|error| io(fresh, &error))?;
    segment::sync_above(&RealDisk, &log).map_err(|error| io(&log, &error))?;
    Ok(moved)
}

/// What an earlier restore that did not come to its end left.
fn remove_unfinished(fresh: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(fresh) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io(fresh, &error)),
        _ => Ok(()),
    }
}

fn io(path: &Path, error: &std::io::Error) -> Failure {
    refused(Exit::Environment, format!("E7716 {} cannot be moved: {error}", path.display()))
}

fn refused(exit: Exit, words: impl std::fmt::Display) -> Failure {
    Failure::new(exit, words)
}

fn tell(common: &Common, written: &Written, kept: Option<&Path>) {
    if common.json {
        return output::json(&json!({
            "restored": true,
            "entries": written.entries,
            "events": written.events,
            "kept": kept.map(|kept| kept.display().to_string()),
        }));
    }
    output::line(&format!(
        "the log is restored: {} entries, {} events, each the journal's to the byte and at its place; \
         when each was stored is in the journal alone",
        written.entries, written.events
    ));
    if let Some(kept) = kept {
        output::line(&format!("what was in its place is kept as {}", kept.display()));
    }
    let data = common.data.display();
    output::line(&format!("next: blotter verify --data {data}, then the command that ran before"));
}
