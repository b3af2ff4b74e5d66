//! What is stored already, for the few times somebody asks.

use std::sync::{Arc, Mutex, PoisonError};

use bus::{BusError, Delivered, Entry, Stored as Stores, Topology};
use event::{EventId, Source};

use crate::{fetch::Which, link::Link, message::Stored, subject::Subjects};

/// Messages read at once where one leads to the next.
const PAGE: usize = 256;

/// Looks into the stream for the ledger.
#[derive(Debug)]
pub(crate) struct Finder {
    link: Arc<Link>,
    subjects: Subjects,
    topology: Topology,
    incarnation: u64,
    pub(crate) durable_next: u64,
    /// What was read around the last place found. What is stored never changes.
    page: Mutex<Vec<Stored>>,
}

impl Finder {
    pub(crate) fn new(link: Arc<Link>, topology: Topology, incarnation: u64) -> Self {
        let subjects = Subjects::new(&link.options.prefix);
        let page = Mutex::default();
        Self { link, subjects, topology, incarnation, durable_next: 0, page }
    }

    fn delivered(&self, message: &Stored) -> Option<Delivered> {
        match message.entry(&self.subjects, &self.topology, self.incarnation) {
            Entry::Event(delivered) => Some(delivered),
            _ => None,
        }
    }

    /// The event with this id, from the beginning of the stream.
    pub(crate) fn by_id(&self, id: EventId) -> Result<Option<Delivered>, BusError> {
        let wanted: String = id.0.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut first = 1;
        loop {
            let read = self.link.run(self.link.get_from(first, 1000))?;
            let Some(last) = read.last() else { return Ok(None) };
            first = last.sequence + 1;
            let found = read.iter().filter(|message| message.id() == Some(&wanted));
            let found = found.filter_map(|message| self.delivered(message));
            if let Some(found) = found.into_iter().find(|found| found.position.event_id == id) {
                return Ok(Some(found));
            }
        }
    }

    /// An event in the page.
    fn in_page(&self, source: Source, source_seq: u64) -> Option<Delivered> {
        let page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        page.iter().filter_map(|message| self.delivered(message)).find(|found| {
            let header = found.record.header();
            (header.source, header.source_seq) == (source, source_seq)
        })
    }

    fn read_page(&self, first: u64) -> Result<(), BusError> {
        let read = self.link.run(self.link.get_from(first, PAGE))?;
        *self.page.lock().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// The first entry of a source at or after a sequence, as the stream's leader has it, and the
    /// number the source had reached with it.
    fn next_of(&self, source: Source, seq: u64) -> Result<Option<(Stored, u64)>, BusError> {
        let mut seq = seq;
        loop {
            let next_by_subj = Some(self.subjects.of_source(source));
            let which = Which { seq: Some(seq), next_by_subj, last_by_subj: None };
            let Some(message) = self.link.run(self.link.get(&which))? else { return Ok(None) };
            match message.entry(&self.subjects, &self.topology, self.incarnation) {
                Entry::Event(event) => {
                    return Ok(Some((message, event.record.header().source_seq)));
                }
                Entry::Progress { progress, .. } => {
                    return Ok(Some((message, progress.last_source_seq)));
                }
                // What is none of ours says nothing of the source.
                Entry::Foreign(_) => seq = message.sequence + 1,
            }
        }
    }
}

impl Stores for Finder {
    /// A source's numbers never fall along the stream, so halving finds any of them.
    fn find(&self, source: Source, source_seq: u64) -> Result<Option<Delivered>, BusError> {
        if let Some(found) = self.in_page(source, source_seq) {
            return Ok(Some(found));
        }
        let (mut low, mut high) = (1, self.durable_next + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let next = self.next_of(source, middle)?.filter(|(next, _)| next.sequence < high);
            let Some((message, reached)) = next else {
                high = middle;
                continue;
            };
            if let Some(found) = self.delivered(&message)
                && found.record.header().source_seq == source_seq
            {
                self.read_page(message.sequence)?;
                return Ok(Some(found));
            }
            // A progress record carries the number of the event before it.
            if reached < source_seq {
                low = message.sequence + 1;
            } else {
                high = middle;
            }
        }
        Ok(None)
    }

    fn at(&self, index: u64) -> Result<Option<Delivered>, BusError> {
        if index >= self.durable_next {
            return Ok(None);
        }
        let message = self.link.run(self.link.get_at(index + 1))?;
        Ok(message.and_then(|message| self.delivered(&message)))
    }

    fn durable_next(&self) -> u64 {
        self.durable_next
    }
}
