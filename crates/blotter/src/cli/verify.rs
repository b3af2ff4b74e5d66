//! `verify`: is the log whole, and is every entry of it in the journal?

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use bus::{Header, Progress, Topology};
use event::{Envelope, Event, Source};
use forensics::{JournalEntry, JournalError, JournalReader, What};
use segment::SegmentError;
use serde_json::json;

use super::{
    args::{BoundArgs, Common},
    output,
};
use crate::{
    clock::wall_clock,
    control::Publisher,
    data_dir::DataDir,
    engine::{Engine, Sequences},
    exit::{Exit, Failure, OrItsExit as _},
    journal,
};

/// What was found, in order of place.
#[derive(Default)]
struct Findings {
    entries: u64,
    events: u64,
    /// Entries that others wrote.
    foreign: u64,
    words: Vec<String>,
    /// What lies behind the last whole batch, in words: no damage, and told.
    torn: Vec<String>,
    /// Entries at the end of the log that the journal could not be brought up to.
    behind: u64,
    /// The place in the log after the journal's last entry.
    journaled_to: u64,
    sources: BTreeMap<Source, u64>,
    partitions: BTreeMap<(u8, u16), Partition>,
    /// How sequences within a partition run.
    sequences: Sequences,
}

/// Sequences of a partition, as far as they were met.
#[derive(Default)]
struct Partition {
    last: u64,
    /// Those that were met of late, where they need not ascend.
    recent: BTreeSet<u64>,
    /// Below it all were met, or come no more.
    floor: u64,
}

/// Sequences further apart than so many were not written at a time.
const APART_MAX: usize = 4096;

impl Partition {
    /// Takes note of the next sequence; whether it is where it may be.
    fn meets(&mut self, sequence: u64, run: Sequences) -> bool {
        let before = std::mem::replace(&mut self.last, sequence);
        match run {
            Sequences::Dense => sequence == before + 1,
            Sequences::Ascend => sequence > before,
            Sequences::Differ => {
                let is_new = sequence >= self.floor && self.recent.insert(sequence);
                if self.recent.len() > APART_MAX {
                    self.floor = self.recent.pop_first().map_or(self.floor, |lowest| lowest + 1);
                }
                is_new
            }
        }
    }
}

/// Findings told; the count is always whole.
const TOLD_MAX: usize = 20;

/// Checks log and journal against each other and against themselves.
pub(super) fn verify(common: &Common, bus: &BoundArgs) -> Result<Exit, Failure> {
    let dir = DataDir::new(&common.data);
    dir.must_hold_data().or_its_exit()?;
    let engine = bus.engine(&dir).or_its_exit()?;
    let mut findings = Findings::default();
    // First of all: opening the journal to bring it up to the log would clear its torn tail.
    for files in [dir.log(), dir.journal()] {
        check_files(&files, &mut findings)?;
    }
    let mut journal = journal::open(&dir, wall_clock)?;
    let topology = Topology::shipped();
    let bound = dir.binding().or_its_exit()?;
    findings.sequences = bound.map_or(Sequences::Dense, |bound| bound.bus.sequences(bound.role()));
    let checked = check_journal(&mut journal, &topology, &mut findings);
    if let Err(error) = checked {
        findings.words.push(error.to_string());
    }
    if let Err(error) = check_log(&dir, &engine, &mut findings) {
        findings.words.push(error);
    }
    let sound = findings.words.is_empty();
    if common.json {
        output::json(&json!({
            "sound": sound,
            "entries": findings.entries,
            "events": findings.events,
            "foreign": findings.foreign,
            "findings": findings.words,
            "torn": findings.torn,
            "journal_behind": findings.behind,
        }));
    } else {
        findings.torn.iter().for_each(|words| output::line(words));
        if findings.behind > 0 {
            output::line(&format!(
                "the journal is {} entries behind the log and cannot be brought up to it now; the next \
                 run does, once there is room",
                findings.behind
            ));
        }
        if findings.foreign > 0 {
            output::line(&format!("{} entries were written by others", findings.foreign));
        }
        findings.words.iter().take(TOLD_MAX).for_each(|words| output::line(words));
        if let Some(more) = findings.words.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
            output::line(&format!("… and {more} more, all of them with --json"));
        }
        output::line(&if sound {
            format!(
                "sound: {} entries, {} events; checksums, order, source sequences, derived headers \
                 and the journal against the log",
                findings.entries, findings.events
            )
        } else {
            format!("{} findings in {} entries", findings.words.len(), findings.entries)
        });
    }
    Ok(match (sound, findings.behind) {
        (false, _) => Exit::Integrity,
        (true, 0) => Exit::Ok,
        (true, _) => Exit::Environment,
    })
}

/// Every byte of a log's files, also those that nothing reads.
fn check_files(files: &Path, findings: &mut Findings) -> Result<(), Failure> {
    match segment::check(&segment::RealDisk, files) {
        Ok(checked) => findings.torn.extend(checked.torn.map(|torn| {
            format!(
                "{}: {} bytes from byte {} on are no whole batch: left by a crash, or being written now",
                torn.path.display(),
                torn.bytes,
                torn.offset
            )
        })),
        // A directory that holds one of the two is told of by whoever reads the other.
        Err(SegmentError::Absent { .. }) => {}
        // What a newer version wrote cannot be judged here.
        Err(error @ SegmentError::Newer { .. }) => return Err(error).or_its_exit(),
        Err(error) => findings.words.push(error.to_string()),
    }
    Ok(())
}

fn check_journal(
    journal: &mut JournalReader,
    topology: &Topology,
    findings: &mut Findings,
) -> Result<(), JournalError> {
    journal.seek(0)?;
    while journal.visit_batch(|entry| -> Result<(), JournalError> {
        if entry.index != findings.entries {
            findings.words.push(format!(
                "journal index {} stands where {} is due",
                entry.index, findings.entries
            ));
        }
        findings.entries = entry.index + 1;
        findings.journaled_to = entry.stamp.log_index.saturating_add(1);
        match entry.what {
            What::Event => {
                findings.events += 1;
                check_event(&entry, topology, findings);
            }
            What::Progress => {
                if let Err(error) = Progress::from_bytes(entry.bytes) {
                    findings.words.push(format!("entry {}: {error}", entry.index));
                }
            }
            // Its bytes are held against the log's; they promise nothing else.
            What::Foreign => findings.foreign += 1,
        }
        Ok(())
    })? {}
    Ok(())
}

/// An event decodes, its head is what its bytes say, and its source skips nothing.
fn check_event(entry: &JournalEntry<'_>, topology: &Topology, findings: &mut Findings) {
    let index = entry.index;
    let envelope = match Envelope::decode(entry.bytes) {
        Ok(envelope) => envelope,
        Err(error) => return findings.words.push(format!("entry {index}: {error}")),
    };
    if let Err(error) = Event::decode(entry.bytes) {
        findings.words.push(format!("entry {index}: {error}"));
    }
    let derived = Header::of(&envelope, topology);
    if (derived.kind, Some(derived.stream), derived.partition, derived.time)
        != (entry.kind, entry.stream, entry.partition, entry.time)
    {
        findings.words.push(format!("entry {index}: its head is not what its bytes say"));
    }
    let last = findings.sources.entry(envelope.source).or_default();
    if envelope.source_seq != *last + 1 {
        findings.words.push(format!(
            "entry {index}: {} goes from {last} to {}",
            envelope.source, envelope.source_seq
        ));
    }
    *last = envelope.source_seq;
    let place = (derived.stream as u8, derived.partition);
    let partition = findings.partitions.entry(place).or_default();
    let before = partition.last;
    if !partition.meets(entry.sequence, findings.sequences) {
        findings.words.push(format!(
            "entry {index}: {} partition {} goes from {before} to {}",
            derived.stream.as_str(),
            derived.partition,
            entry.sequence
        ));
    }
}

/// Whether a run writes here: its journal is a moment behind its log, or longer where it was stopped.
fn is_run_active(dir: &DataDir) -> bool {
    Publisher::is_listening(dir.root())
}

/// Every entry of the log is in the journal, byte for byte.
fn check_log(dir: &DataDir, engine: &Engine, findings: &mut Findings) -> Result<(), String> {
    let words = |error: &dyn std::error::Error| error.to_string();
    let mut log = engine.reader(dir).map_err(|error| words(&error))?;
    let mut journal = JournalReader::open(&dir.journal()).map_err(|error| words(&error))?;
    log.seek(0).map_err(|error| words(&error))?;
    let mut taken: BTreeMap<u64, event::Digest> = BTreeMap::new();
    let digest = |bytes: &[u8]| event::id::digest_of("entry", &[bytes]);
    let (mut end, mut behind) = (0, 0_u64);
    loop {
        let entries = log.next_entries().map_err(|error| words(&error))?;
        if entries.is_empty() {
            let journaled = findings.journaled_to;
            if end < journaled {
                findings.words.push(format!(
                    "the log ends before index {end}, and the journal holds entries up to {}",
                    journaled - 1
                ));
            }
            findings.behind = if is_run_active(dir) { 0 } else { behind };
            return Ok(());
        }
        for entry in entries {
            let index = entry.index();
            end = index + 1;
            while !taken.contains_key(&index) {
                let read = journal.visit_batch(|entry| -> Result<(), JournalError> {
                    let _ = taken.insert(entry.stamp.log_index, digest(entry.bytes));
                    Ok(())
                });
                if !read.map_err(|error| words(&error))? {
                    break;
                }
            }
            match taken.remove(&index) {
                Some(found) if found == digest(entry.bytes()) => {}
                Some(_) => {
                    findings.words.push(format!("log index {index}: the journal holds other bytes"))
                }
                None if index >= findings.journaled_to => behind += 1,
                None => findings.words.push(format!("log index {index}: not in the journal")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_that_run_as_they_may_are_no_finding_and_any_that_comes_again_is() {
        let met = |run, sequences: &[u64]| {
            let mut partition = Partition::default();
            sequences.iter().map(|sequence| partition.meets(*sequence, run)).collect::<Vec<_>>()
        };
        assert_eq!(met(Sequences::Dense, &[1, 2, 4, 5]), [true, true, false, true]);
        assert_eq!(met(Sequences::Ascend, &[1, 3, 3, 2, 7]), [true, true, false, false, true]);
        assert_eq!(met(Sequences::Differ, &[1, 4, 3, 4, 7]), [true, true, true, false, true]);
        let mut far: Vec<u64> = (10..10 + 2 * APART_MAX as u64).collect();
        assert!(met(Sequences::Differ, &far).into_iter().all(|met| met));
        far.push(11);
        assert_eq!(met(Sequences::Differ, &far).last(), Some(&false));
    }
}
