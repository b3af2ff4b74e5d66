//! What a bus holds, walked from one end to the other and held against what every entry has to be.

use std::{collections::BTreeMap, time::Duration};

use bus::{BusError, Entry, ErrorClass, Progress, Reader, Stream};
use event::Source;

/// Findings told in words; the count is always whole.
const FINDINGS_MAX: usize = 100;

/// What was found in a bus.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) events: u64,
    pub(crate) progress: u64,
    /// Entries that repeat an earlier one: stored again, and delivered once.
    pub(crate) repeats: u64,
    /// Events of kinds that this version does not know.
    pub(crate) unknown_kinds: u64,
    /// How many findings there are.
    pub(crate) found: u64,
    /// The first of them.
    pub(crate) findings: Vec<String>,
    next: u64,
    sources: BTreeMap<Source, OfSource>,
    sequences: BTreeMap<(Stream, u16), u64>,
}

#[derive(Debug, Default)]
struct OfSource {
    last_seq: u64,
    epoch: u64,
}

impl Contents {
    /// Reads everything that is durable now. What is wrong with it is a finding; what is none of ours is
    /// stepped over once it is told.
    ///
    /// # Errors
    /// [`BusError`] when the servers cannot be asked.
    pub(crate) fn read(reader: &mut dyn Reader) -> Result<Self, BusError> {
        let mut contents = Self::default();
        reader.seek(0)?;
        loop {
            match reader.next_entries() {
                Ok(entries) if entries.is_empty() => break,
                Ok(entries) => entries.iter().for_each(|entry| contents.note(entry)),
                Err(error) => match error.class() {
                    ErrorClass::Retry => return Err(error),
                    ErrorClass::Reject => {
                        contents.tell(error.to_string());
                        contents.next += 1;
                        reader.seek(contents.next)?;
                    }
                    ErrorClass::Fatal => {
                        contents.tell(format!("nothing was read beyond this: {error}"));
                        return Ok(contents);
                    }
                },
            }
        }
        let end = reader.wait(contents.next, Duration::ZERO)?;
        if end > contents.next {
            let read = contents.next;
            contents.tell(format!("{read} entries can be read of {end}"));
        }
        Ok(contents)
    }

    /// Entries, those that are none of ours among them.
    pub(crate) const fn entries(&self) -> u64 {
        self.next
    }

    fn note(&mut self, entry: &Entry) {
        let index = entry.index();
        if index != self.next {
            self.tell(format!("index {index} stands where {} is due", self.next));
        }
        self.next = index + 1;
        match entry {
            Entry::Event(delivered) => {
                self.events += 1;
                let (header, position) = (delivered.record.header(), delivered.position);
                if header.kind == 0 {
                    self.unknown_kinds += 1;
                } else if let Err(error) = delivered.record.event() {
                    self.tell(format!("index {index}: {error}"));
                }
                if (header.stream, header.partition) != (position.stream, position.partition) {
                    self.tell(format!(
                        "index {index}: key {} belongs into partition {} of {}, and stands in {} of {}",
                        header.key,
                        header.partition,
                        header.stream.as_str(),
                        position.partition,
                        position.stream.as_str()
                    ));
                }
                self.note_source(index, header.source, header.source_seq);
                self.note_sequence(index, (position.stream, position.partition), position.sequence);
            }
            Entry::Progress { progress, .. } => {
                self.progress += 1;
                self.note_progress(index, progress);
            }
            // An offer is at home where it stands.
            Entry::Foreign(foreign) => {
                if let Some(why) = &foreign.why {
                    self.tell(format!("index {index}, {}, is none of ours: {why}", foreign.place));
                }
            }
        }
    }

    fn note_source(&mut self, index: u64, source: Source, seq: u64) {
        let of = self.sources.entry(source).or_default();
        let last = of.last_seq;
        of.last_seq = last.max(seq);
        if seq == 0 || seq > last + 1 {
            self.tell(format!("index {index}: {source} goes from {last} to {seq}"));
        } else if seq <= last {
            self.repeats += 1;
        }
    }

    fn note_sequence(&mut self, index: u64, partition: (Stream, u16), sequence: u64) {
        let last = self.sequences.insert(partition, sequence).unwrap_or(0);
        if sequence <= last {
            let (stream, partition) = (partition.0.as_str(), partition.1);
            self.tell(format!(
                "index {index}: {stream} partition {partition} goes from {last} to {sequence}"
            ));
        }
    }

    fn note_progress(&mut self, index: u64, progress: &Progress) {
        let source = progress.source;
        let of = self.sources.entry(source).or_default();
        let (last_seq, epoch) = (of.last_seq, of.epoch);
        of.epoch = epoch.max(progress.epoch);
        if progress.last_source_seq != last_seq {
            self.tell(format!(
                "index {index}: {source} says that it stands at {}, its last event is {last_seq}",
                progress.last_source_seq
            ));
        }
        if progress.epoch < epoch {
            self.tell(format!(
                "index {index}: {source} writes under claim {}, behind claim {epoch}",
                progress.epoch
            ));
        }
        if progress.through().is_some_and(|through| through >= index) {
            self.tell(format!("index {index}: {source} says that it consumed what comes later"));
        }
    }

    fn tell(&mut self, words: String) {
        self.found += 1;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(words);
        }
    }
}
