//! The engine as the contract sees it.

use std::sync::Arc;

use bus::{
    Bus, BusError, Class, Cut, Delivered, Drift, Entry, Head, Position, Progress, Reader, Record,
    Stored as _, Topology, Unit, publish_roots,
};
use event::{EventId, Source, Timestamp};

use crate::{
    Advisories, Granted, Options,
    class::class_of,
    granted,
    handle::{NatsHandle, Shared},
    link::Link,
    message::Stored,
    reader::NatsReader,
    stream,
    subject::Subjects,
    tail::Tail,
    writer::Writer,
};

/// Entries read at once where fewer are asked for, since more will be.
const READ_AHEAD: usize = 256;
/// How many readers' cuts are remembered as checked.
const CHECKED_CUTS: usize = 16;

/// The engine over NATS JetStream. One stream is the total order: an entry's index is its sequence
/// there, less one.
#[derive(Debug)]
pub struct NatsBus {
    shared: Arc<Shared>,
    subjects: Subjects,
    incarnation: u64,
    class: Class,
    /// Entries read, in order, without a gap. What is stored never changes.
    ahead: Vec<Stored>,
    /// Positions at the end of cuts this bus has moved or checked; the oldest goes first.
    checked: Vec<Position>,
    /// How often the connection had been lost when they were.
    losses: u64,
}

impl NatsBus {
    /// Connects, waiting for a server that is not there yet, and makes the stream where there is
    /// none.
    ///
    /// # Errors
    /// [`BusError`], with a [`crate::NatsError`] in it for what is the server's.
    pub fn open(options: Options) -> Result<Self, BusError> {
        let topology = Topology::shipped();
        let link = Link::open(options)?;
        let state = link.run(stream::ensure(&link))?;
        let class = class_of(&link.options, &state)?;
        let (incarnation, losses) = (state.incarnation, link.losses());
        let subjects = Subjects::new(&link.options.prefix);
        let tail = Arc::new(Tail::new(Arc::clone(&link), state.last)?);
        let writer = Writer::new(Arc::clone(&link), Arc::clone(&tail), topology.clone(), state)?;
        let shared = Arc::new(Shared::new(link, tail, writer, topology));
        Ok(Self {
            shared,
            subjects,
            incarnation,
            class,
            ahead: Vec::new(),
            checked: Vec::new(),
            losses,
        })
    }

    /// What of the stream is otherwise than it has to be. Nothing is made, and nothing changed.
    ///
    /// # Errors
    /// [`BusError`] when the server cannot be asked.
    pub fn plan(options: Options) -> Result<Vec<Drift>, BusError> {
        let link = Link::open(options)?;
        Ok(link.run(stream::plan(&link))?)
    }

    /// Makes the stream where there is none.
    ///
    /// # Errors
    /// [`BusError`], as where there is one that is otherwise.
    pub fn apply(options: Options) -> Result<(), BusError> {
        let link = Link::open(options)?;
        Ok(link.run(stream::ensure(&link)).map(drop)?)
    }

    /// The stream as it has to be, in the words of the server's API: what other tools make it from.
    #[must_use]
    pub fn wanted(options: &Options) -> serde_json::Value {
        serde_json::to_value(stream::wanted(options)).unwrap_or_default()
    }

    /// What an answer of the stream that is there is worth.
    ///
    /// # Errors
    /// [`BusError`] when the server cannot be asked, or there is none.
    pub fn class_of(options: Options) -> Result<Class, BusError> {
        let link = Link::open(Options { accept_lazy: true, ..options })?;
        let state = link.run(stream::state(&link))?;
        Ok(class_of(&link.options, &state)?)
    }

    /// What the server lets us do; `None` where it does not say.
    ///
    /// # Errors
    /// [`BusError`] when the server cannot be asked.
    pub fn granted(options: Options) -> Result<Option<Granted>, BusError> {
        Ok(granted::ask(&*Link::open(options)?)?)
    }

    /// A way to write from other threads.
    #[must_use]
    pub fn handle(&self) -> NatsHandle {
        NatsHandle { shared: Arc::clone(&self.shared) }
    }

    /// What the server tells of the stream from now on.
    ///
    /// # Errors
    /// [`BusError`] when it cannot be asked.
    pub fn advisories(&self) -> Result<Advisories, BusError> {
        Ok(Advisories::of(&self.shared.link)?)
    }

    /// When the stream was made, in nanoseconds: which life of it this is.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// What an answer of this bus is worth.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.class
    }

    /// Entries from `index` on.
    fn entries(&mut self, index: u64, max: usize) -> Result<Vec<Entry>, BusError> {
        self.fill(index, max)?;
        let Some(first) = self.ahead.first().map(Stored::index) else { return Ok(Vec::new()) };
        let wanted = self.ahead.iter().skip((index - first) as usize).take(max);
        let topology = &self.shared.topology;
        Ok(wanted
            .map(|message| message.entry(&self.subjects, topology, self.incarnation))
            .collect())
    }

    /// Reads so that what was read ahead begins at or before `index` and, where the stream has
    /// them, holds `max` entries from there.
    fn fill(&mut self, index: u64, max: usize) -> Result<(), BusError> {
        self.check_stream()?;
        let first = self.ahead.first().map_or(0, Stored::index);
        let held = first..first + self.ahead.len() as u64;
        if held.contains(&index) && (held.end - index) as usize >= max {
            return Ok(());
        }
        let link = &self.shared.link;
        self.ahead = link.run(link.get_from(index + 1, max.max(READ_AHEAD)))?;
        if self.ahead.is_empty() && index < self.shared.writer().finder.durable_next {
            // A replica may be behind its leader.
            self.ahead.extend(link.run(link.get_at(index + 1))?);
        }
        Ok(())
    }

    /// After an outage the stream may be another.
    fn check_stream(&mut self) -> Result<(), BusError> {
        let losses = self.shared.link.losses();
        if losses != self.losses {
            self.shared.writer().verify()?;
            (self.losses, self.ahead, self.checked) = (losses, Vec::new(), Vec::new());
        }
        Ok(())
    }

    /// Holds the end of a cut against what is stored there.
    fn check(&mut self, last: Position) -> Result<(), BusError> {
        self.check_stream()?;
        if self.checked.contains(&last) {
            return Ok(());
        }
        let there = self.shared.link.run(self.shared.link.get_at(last.index + 1))?;
        let there = there
            .map(|message| message.entry(&self.subjects, &self.shared.topology, self.incarnation));
        match there {
            Some(Entry::Event(there)) if there.position == last => {
                self.remember(last, None);
                Ok(())
            }
            _ => {
                let checkpoint = Box::new(last);
                Err(BusError::StreamRewound { stream: last.stream, checkpoint })
            }
        }
    }

    /// Remembers the end of a cut, in place of where the same cut ended before.
    fn remember(&mut self, last: Position, before: Option<Position>) {
        self.checked.retain(|known| Some(*known) != before);
        if self.checked.len() == CHECKED_CUTS {
            let _ = self.checked.remove(0);
        }
        self.checked.push(last);
    }
}

impl Bus for NatsBus {
    fn topology(&self) -> &Topology {
        &self.shared.topology
    }

    fn commit(&mut self, units: &[Unit]) -> Result<Vec<Vec<Position>>, BusError> {
        let mut writer = self.shared.writer();
        self.shared.calls.commit_with(&mut writer, units)
    }

    fn commit_at(&mut self, index: u64, units: &[Unit]) -> Result<Vec<Vec<Position>>, BusError> {
        let found = self.next_index();
        if found != index {
            return Err(BusError::Moved { expected: index, found });
        }
        self.shared.writer().commit_in_place(units)
    }

    fn adopt(&mut self) -> Result<u64, BusError> {
        self.shared.writer().look()?;
        Ok(0)
    }

    fn publish(&mut self, records: &[Record]) -> Result<Vec<Position>, BusError> {
        let mut writer = self.shared.writer();
        let known = records.iter().map(|r| writer.ledger.known_root(r, &writer.finder));
        let answers = known.collect::<Result<Vec<_>, _>>()?;
        publish_roots(records, answers, |units| self.shared.calls.commit_with(&mut writer, units))
    }

    fn next(&mut self, cut: &mut Cut, max: usize) -> Result<Vec<Delivered>, BusError> {
        let before = cut.last;
        if let Some(last) = before {
            self.check(last)?;
        }
        let mut delivered = Vec::new();
        while delivered.len() < max {
            let entries = self.entries(cut.next_index, max - delivered.len())?;
            let Some(end) = entries.last().map(Entry::index) else { break };
            for entry in entries {
                if let Entry::Event(event) = entry {
                    cut.advance(&event.position);
                    delivered.push(event);
                }
            }
            cut.next_index = end + 1;
        }
        if let Some(last) = cut.last.filter(|_| !delivered.is_empty()) {
            self.remember(last, before);
        }
        Ok(delivered)
    }

    fn read(&mut self, index: u64, max: usize) -> Result<Vec<Entry>, BusError> {
        self.entries(index, max)
    }

    fn heads(&self) -> Vec<Head> {
        let sequences = self.shared.current().ledger.sequencer().sequences();
        let head = |((stream, partition), sequence)| Head { stream, partition, sequence };
        sequences.into_iter().map(head).collect()
    }

    fn next_index(&self) -> u64 {
        self.shared.current().ledger.sequencer().next_index()
    }

    /// Walks from the beginning: times are those of events, and need not ascend along the stream.
    fn seek(&mut self, time: Timestamp) -> Result<u64, BusError> {
        let mut index = 0;
        loop {
            let entries = self.entries(index, 1000)?;
            let Some(end) = entries.last().map(Entry::index) else { return Ok(index) };
            let late = |entry: &&Entry| match entry {
                Entry::Event(event) => event.record.header().time >= time,
                Entry::Progress { .. } | Entry::Foreign(_) => false,
            };
            if let Some(found) = entries.iter().find(late) {
                return Ok(found.index());
            }
            index = end + 1;
        }
    }

    fn high_water(&self, source: Source) -> u64 {
        self.shared.current().ledger.high_water(source)
    }

    fn progress(&self, source: Source) -> Option<Progress> {
        self.shared.current().ledger.progress(source)
    }

    fn lookup(&mut self, id: EventId) -> Result<Option<Delivered>, BusError> {
        let writer = self.shared.current();
        if let Some(index) = writer.ledger.recent(id)
            && let Some(found) = writer.finder.at(index)?
            && found.position.event_id == id
        {
            return Ok(Some(found));
        }
        writer.finder.by_id(id)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, BusError> {
        let Shared { link, tail, topology, .. } = &*self.shared;
        let (link, tail) = (Arc::clone(link), Arc::clone(tail));
        Ok(Box::new(NatsReader::new(link, tail, topology.clone(), self.incarnation)))
    }

    fn close(&mut self) -> Result<(), BusError> {
        self.shared.writer().close();
        Ok(())
    }
}
