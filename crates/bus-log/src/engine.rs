//! The engine as the contract sees it.

use std::{path::Path, sync::Arc};

use bus::{
    Bus, BusError, Cut, Delivered, Entry, Head, Position, Progress, Reader, Record, Stored as _,
    Topology, Unit, publish_roots,
};
use event::{EventId, Source, Timestamp};
use segment::{Disk, Options, RealDisk, SegmentLog, Tail, Torn};

use crate::{
    follow::FollowingReader,
    handle::{LogHandle, Shared},
    map::bus_error,
    reader::LogReader,
    writer::Writer,
};

/// What opening a log found.
#[derive(Debug)]
pub struct Opened {
    /// The engine.
    pub bus: LogBus,
    /// What a crash left half written, and was cut off.
    pub torn: Option<Torn>,
    /// Whether the last writer shut down cleanly.
    pub closed: bool,
}

/// The embedded engine. One process writes; any number read.
#[derive(Debug)]
pub struct LogBus {
    shared: Arc<Shared>,
    reader: LogReader,
    /// Positions at the end of cuts this bus has moved or checked; the oldest goes first.
    checked: Vec<Position>,
    incarnation: u64,
}

/// How many readers' cuts are remembered as checked.
const CHECKED_CUTS: usize = 16;

impl LogBus {
    /// Opens the log in `dir` on this machine's disk, making it where there is none. `wall_clock`
    /// says when something is stored; nothing depends on it.
    ///
    /// # Errors
    /// [`BusError`].
    pub fn open(dir: &Path, wall_clock: fn() -> Timestamp) -> Result<Opened, BusError> {
        let options = Options { incarnation: wall_clock().0 as u64, ..Options::default() };
        Self::open_on(Arc::new(RealDisk), dir, options, wall_clock)
    }

    /// Opens the log in `dir` of a disk.
    ///
    /// # Errors
    /// [`BusError`].
    pub fn open_on(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: Options,
        wall_clock: fn() -> Timestamp,
    ) -> Result<Opened, BusError> {
        let (log, recovery) = SegmentLog::open(Arc::clone(&disk), dir, options)
            .map_err(|error| bus_error(dir, error))?;
        let (tail, incarnation) = (log.tail(), log.incarnation());
        let reader = LogReader::of(log.reader(), dir);
        let writer = Writer::new(log, disk, wall_clock)?;
        let shared = Arc::new(Shared::new(writer, Topology::shipped(), tail));
        let bus = Self { shared, reader, checked: Vec::new(), incarnation };
        Ok(Opened { bus, torn: recovery.torn, closed: recovery.closed })
    }

    /// A way to write from other threads.
    #[must_use]
    pub fn handle(&self) -> LogHandle {
        LogHandle { shared: Arc::clone(&self.shared) }
    }

    /// A reader of what is durable in this log, raw.
    #[must_use]
    pub fn log_reader(&self) -> LogReader {
        self.reader.another()
    }

    /// How far the log is durable, to wait on.
    #[must_use]
    pub fn tail(&self) -> Arc<Tail> {
        Arc::clone(&self.shared.tail)
    }

    /// The log's incarnation.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.incarnation
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

impl Bus for LogBus {
    fn topology(&self) -> &Topology {
        &self.shared.topology
    }

    fn commit(&mut self, units: &[Unit]) -> Result<Vec<Vec<Position>>, BusError> {
        let mut writer = self.shared.writer();
        self.shared.calls.commit_with(&mut writer, units)
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
        while delivered.len() < max && cut.next_index < self.shared.tail.next_index() {
            let wanted = max - delivered.len();
            let entries = self.reader.entries_from(cut.next_index, wanted)?;
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
        if index >= self.shared.tail.next_index() {
            return Ok(Vec::new());
        }
        self.reader.entries_from(index, max)
    }

    fn heads(&self) -> Vec<Head> {
        let sequences = self.shared.writer().ledger.sequencer().sequences();
        let head = |((stream, partition), sequence)| Head { stream, partition, sequence };
        sequences.into_iter().map(head).collect()
    }

    fn next_index(&self) -> u64 {
        self.shared.writer().ledger.sequencer().next_index()
    }

    fn seek(&mut self, time: Timestamp) -> Result<u64, BusError> {
        self.reader.seek_time(time)
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
        Ok(Box::new(FollowingReader { reader: self.reader.another(), tail: self.tail() }))
    }

    /// Below the close record every flaw is damage. Handles are refused from then on.
    fn close(&mut self) -> Result<(), BusError> {
        self.shared.writer().close()
    }
}
