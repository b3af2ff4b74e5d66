//! The engine as the contract sees it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use bus::{
    Bus, BusError, Cut, Delivered, Drift, Entry, Head, Position, Progress, Reader, Record,
    Stored as _, Topology, Unit, publish_roots,
};
use event::{EventId, Source, Timestamp};

use crate::{
    Durability, KafkaHandle, Options,
    claims::Claims,
    client::Cluster,
    handle::Shared,
    reader::KafkaReader,
    tail::Tail,
    topics,
    transaction::Transactions,
    walker::{Beginning, read_genesis},
    waypoints::Waypoints,
    writer::Writer,
};

/// How many readers' cuts are remembered as checked.
const CHECKED_CUTS: usize = 16;
/// Entries kept so that a cursor that goes on finds them.
const WINDOW_ENTRIES: usize = 8192;

/// The engine over Kafka. One process writes under a name; any number read.
#[derive(Debug)]
pub struct KafkaBus {
    cluster: Arc<Cluster>,
    shared: Arc<Shared>,
    incarnation: u64,
    durability: Durability,
    claims: Arc<Claims>,
    tail: Arc<Tail>,
    waypoints: Arc<Mutex<Waypoints>>,
    reader: Option<KafkaReader>,
    /// Entries read last, in order without gaps.
    window: VecDeque<Entry>,
    /// Positions at the end of cuts this bus has moved or checked; the oldest goes first.
    checked: Vec<Position>,
}

impl KafkaBus {
    /// Opens a bus, making its topics where there are none, and fences whoever has it open under
    /// the same name. `wall_clock` says when something is stored; nothing depends on it.
    ///
    /// # Errors
    /// [`crate::KafkaBusError`] within [`BusError`].
    pub fn open(options: Options, wall_clock: fn() -> Timestamp) -> Result<Self, BusError> {
        let cluster = Arc::new(Cluster::new(options));
        let writer = Writer::open(&cluster, wall_clock)?;
        let (incarnation, durability) = (writer.incarnation, writer.durability);
        let (tail, waypoints) = (Arc::clone(&writer.tail), Arc::clone(&writer.waypoints));
        let claims = Arc::clone(&writer.claims);
        let shared = Arc::new(Shared::new(writer, cluster.topology.clone()));
        Ok(Self {
            cluster,
            shared,
            incarnation,
            durability,
            claims,
            tail,
            waypoints,
            reader: None,
            window: VecDeque::new(),
            checked: Vec::new(),
        })
    }

    /// A reader for a process that writes nothing: it takes over no name, makes no topic, and asks
    /// for no promise about what is written.
    ///
    /// # Errors
    /// [`crate::KafkaBusError::Absent`] where there is no bus, within [`BusError`].
    pub fn follow(options: Options) -> Result<Box<dyn Reader>, BusError> {
        let cluster = Arc::new(Cluster::new(options));
        topics::require(&cluster, &cluster.observer()?)?;
        let genesis = read_genesis(&cluster, Beginning::MayLack)?;
        let genesis = genesis.ok_or_else(|| cluster.absent("is empty"))?;
        let incarnation = genesis.of_life(&cluster)?;
        let (claims, tail, waypoints) = (Arc::default(), Arc::default(), Arc::default());
        Ok(Box::new(KafkaReader::new(&cluster, incarnation, &claims, &tail, &waypoints)?))
    }

    /// Takes a name away from whoever writes under it. A transaction that it left open is ended: until
    /// then it holds up every reader, and every writer that stands behind it.
    ///
    /// # Errors
    /// [`crate::KafkaBusError`] within [`BusError`].
    pub fn fence(options: Options) -> Result<(), BusError> {
        Ok(Transactions::take_over(&Cluster::new(options)).map(drop)?)
    }

    /// What of the topics is otherwise than it has to be. Nothing is made, and nothing changed.
    ///
    /// # Errors
    /// [`crate::KafkaBusError`] within [`BusError`].
    pub fn plan(options: Options) -> Result<Vec<Drift>, BusError> {
        let cluster = Cluster::new(options);
        Ok(topics::plan(&cluster, &cluster.observer()?)?)
    }

    /// Makes the topics where there are none.
    ///
    /// # Errors
    /// [`crate::KafkaBusError`] within [`BusError`], as where there are some, or others.
    pub fn apply(options: Options) -> Result<(), BusError> {
        let cluster = Cluster::new(options);
        Ok(topics::ensure(&cluster, &cluster.observer()?)?)
    }

    /// What an acknowledgement of the servers is worth, where there is a bus.
    ///
    /// # Errors
    /// [`crate::KafkaBusError`] within [`BusError`].
    pub fn durability_of(options: Options) -> Result<Durability, BusError> {
        let cluster = Cluster::new(Options { accept_lazy: true, ..options });
        Ok(topics::durability(&cluster, &cluster.observer()?)?)
    }

    /// A way to write from other threads.
    #[must_use]
    pub fn handle(&self) -> KafkaHandle {
        KafkaHandle { shared: Arc::clone(&self.shared) }
    }

    /// Which life of the bus this is.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// What an acknowledgement of the servers is worth, as far as they say.
    #[must_use]
    pub const fn durability(&self) -> Durability {
        self.durability
    }

    /// Bounds the bytes of events the bus may hold, as [`Options::room_bytes`].
    pub fn set_room(&self, bytes: Option<u64>) {
        self.shared.writer().room_bytes = bytes;
    }

    fn new_reader(&self) -> Result<KafkaReader, BusError> {
        let (claims, tail, waypoints) = (&self.claims, &self.tail, &self.waypoints);
        Ok(KafkaReader::new(&self.cluster, self.incarnation, claims, tail, waypoints)?)
    }

    /// Up to `max` of the durable entries from `index` on.
    fn entries(&mut self, index: u64, max: usize) -> Result<Vec<Entry>, BusError> {
        let end = self.shared.writer().finder.durable_next().min(index.saturating_add(max as u64));
        if index >= end {
            return Ok(Vec::new());
        }
        let first = self.window.front().map_or(0, Entry::index);
        let mut next = self.window.back().map_or(0, |last| last.index() + 1);
        if self.window.is_empty() || index < first || index > next {
            self.window.clear();
            next = index;
        }
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => self.new_reader()?,
        };
        if self.window.is_empty() {
            reader.seek(index)?;
        }
        while next < end {
            let more = match reader.next_entries() {
                Ok(more) => more,
                Err(error) => {
                    // What was read on the way may be lost with it: begin anew next time.
                    self.window.clear();
                    return Err(error);
                }
            };
            if more.is_empty() {
                break;
            }
            next += more.len() as u64;
            self.window.extend(more);
        }
        self.reader = Some(reader);
        let first = self.window.front().map_or(0, Entry::index);
        let from = index.saturating_sub(first) as usize;
        let found = self.window.iter().skip(from).take((end - index) as usize);
        let found: Vec<Entry> = found.cloned().collect();
        let surplus = self.window.len().saturating_sub(WINDOW_ENTRIES).min(from);
        drop(self.window.drain(..surplus));
        Ok(found)
    }

    /// Holds the end of a cut against what is stored there.
    fn check(&mut self, last: Position) -> Result<(), BusError> {
        if self.checked.contains(&last) {
            return Ok(());
        }
        let there = self.shared.writer().finder.at(last.index)?;
        if there.is_none_or(|there| there.position != last) {
            let checkpoint = Box::new(last);
            return Err(BusError::StreamRewound { stream: last.stream, checkpoint });
        }
        self.remember(last, None);
        Ok(())
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

impl Bus for KafkaBus {
    fn topology(&self) -> &Topology {
        &self.cluster.topology
    }

    fn commit(&mut self, units: &[Unit]) -> Result<Vec<Vec<Position>>, BusError> {
        let mut writer = self.shared.writer();
        self.shared.calls.commit_with(&mut writer, units)
    }

    fn adopt(&mut self) -> Result<u64, BusError> {
        self.shared.writer().adopt()
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
            let writer = self.shared.writer();
            let events = entries.into_iter().filter_map(|entry| match entry {
                Entry::Event(event) if !writer.repeats.contains(&event.position.index) => {
                    Some(event)
                }
                _ => None,
            });
            for event in events {
                cut.advance(&event.position);
                delivered.push(event);
            }
            drop(writer);
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
        let sequences = self.shared.writer().ledger.sequencer().sequences();
        let head = |((stream, partition), sequence)| Head { stream, partition, sequence };
        sequences.into_iter().map(head).collect()
    }

    fn next_index(&self) -> u64 {
        self.shared.writer().finder.durable_next()
    }

    fn seek(&mut self, time: Timestamp) -> Result<u64, BusError> {
        const STEP: usize = 512;
        let mut index = 0;
        loop {
            let entries = self.entries(index, STEP)?;
            let late = entries.iter().find(|entry| match entry {
                Entry::Event(event) => event.record.header().time >= time,
                Entry::Progress { .. } | Entry::Foreign(_) => false,
            });
            if let Some(found) = late {
                return Ok(found.index());
            }
            if entries.is_empty() {
                return Ok(index);
            }
            index += entries.len() as u64;
        }
    }

    fn high_water(&self, source: Source) -> u64 {
        self.shared.writer().ledger.high_water(source)
    }

    fn progress(&self, source: Source) -> Option<Progress> {
        self.shared.writer().ledger.progress(source)
    }

    fn lookup(&mut self, id: EventId) -> Result<Option<Delivered>, BusError> {
        let writer = self.shared.writer();
        if let Some(index) = writer.ledger.recent(id)
            && let Some(found) = writer.finder.at(index)?
            && found.position.event_id == id
        {
            return Ok(Some(found));
        }
        writer.finder.by_id(id)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, BusError> {
        Ok(Box::new(self.new_reader()?))
    }

    fn close(&mut self) -> Result<(), BusError> {
        self.shared.writer().close();
        Ok(())
    }
}
