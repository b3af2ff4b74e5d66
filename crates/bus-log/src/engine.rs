//! The writer.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use bus::{
    Bus, BusError, Delivered, Entry, Head, Offer, Position, Progress, Record, Sequencer, Sources,
    Topology, Unit,
};
use event::{Envelope, EventId, Source, Timestamp};
use segment::{Batch, Disk, Options, Priority, RealDisk, SegmentLog, Torn};

use crate::{
    map::{EVENT, PROGRESS, bus_error},
    reader::LogReader,
};

/// What opening a log found.
#[derive(Debug)]
pub struct Opened {
    /// The engine.
    pub bus: LogBus,
    /// What a crash left half written, and was cut off.
    pub torn: Option<Torn>,
}

/// The embedded engine. One process writes; any number read.
#[derive(Debug)]
pub struct LogBus {
    log: SegmentLog,
    dir: PathBuf,
    topology: Topology,
    sequencer: Sequencer,
    sources: Sources,
    batch: Batch,
    wall_clock: fn() -> Timestamp,
}

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
        let (log, recovery) =
            SegmentLog::open(disk, dir, options).map_err(|error| bus_error(dir, error))?;
        let mut bus = Self {
            log,
            dir: dir.to_path_buf(),
            topology: Topology::shipped(),
            sequencer: Sequencer::default(),
            sources: Sources::default(),
            batch: Batch::default(),
            wall_clock,
        };
        bus.read_back()?;
        Ok(Opened { bus, torn: recovery.torn })
    }

    /// A reader of what is durable in this log.
    #[must_use]
    pub fn reader(&self) -> LogReader {
        LogReader::of(self.log.reader(), &self.dir)
    }

    /// How far the log is durable, to wait on.
    #[must_use]
    pub fn tail(&self) -> Arc<segment::Tail> {
        self.log.tail()
    }

    /// The log's incarnation.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.log.incarnation()
    }

    /// Shuts down cleanly: below the close record every flaw is damage.
    ///
    /// # Errors
    /// [`BusError`].
    pub fn close(self) -> Result<(), BusError> {
        let Self { log, dir, .. } = self;
        log.close().map_err(|error| bus_error(&dir, error))
    }

    /// Learns from the log where every source and partition stands.
    fn read_back(&mut self) -> Result<(), BusError> {
        let mut reader = self.reader();
        let (sequencer, sources) = (&mut self.sequencer, &mut self.sources);
        let incarnation = self.log.incarnation();
        while reader.visit_batch(|raw| -> Result<(), BusError> {
            if !raw.is_event {
                sources.progressed(Progress::from_bytes(raw.body)?);
                return Ok(());
            }
            let envelope = Envelope::decode(raw.body)?;
            sources.accepted(envelope.source, envelope.source_seq);
            if let Some(stream) = raw.stream {
                sequencer.observe(&Position {
                    incarnation,
                    stream,
                    partition: raw.partition,
                    sequence: raw.sequence,
                    index: raw.index,
                    event_id: envelope.event_id,
                });
            }
            Ok(())
        })? {}
        let sequences = self.sequencer.sequences().clone();
        self.sequencer = Sequencer::after(self.log.next_index(), sequences);
        Ok(())
    }

    /// Puts the new entries of a unit into the batch.
    fn stage(&mut self, unit: &Unit) -> Result<Vec<Position>, BusError> {
        let mut positions = Vec::with_capacity(unit.outputs.len());
        for record in &unit.outputs {
            let position = match self.sources.offer(record.header())? {
                Offer::Next => self.push_event(record),
                Offer::Repeat => self.stored(record)?,
            };
            positions.push(position);
        }
        if let Some(progress) = Progress::of(unit, self.sources.high_water(unit.source)) {
            let bytes = progress.to_bytes();
            let _ = self.sequencer.advance();
            let _ = self.batch.push(&segment::Entry {
                tag: PROGRESS,
                stream: 0,
                kind: 0,
                partition: 0,
                sequence: 0,
                time: 0,
                body: &bytes,
            });
            self.sources.progressed(progress);
        }
        Ok(positions)
    }

    fn push_event(&mut self, record: &Record) -> Position {
        let header = record.header();
        let place = self.sequencer.place(header);
        let index = self.batch.push(&segment::Entry {
            tag: EVENT,
            stream: header.stream as u8,
            kind: header.kind,
            partition: header.partition,
            sequence: place.sequence,
            time: header.time.0,
            body: record.bytes(),
        });
        debug_assert_eq!(index, place.index);
        self.sources.accepted(header.source, header.source_seq);
        Position {
            incarnation: self.log.incarnation(),
            stream: header.stream,
            partition: header.partition,
            sequence: place.sequence,
            index: place.index,
            event_id: header.event_id,
        }
    }

    /// The position of a repeat, once its bytes have been compared with what is stored.
    fn stored(&self, record: &Record) -> Result<Position, BusError> {
        let offered = record.header();
        let stored = self.find(|stored| {
            (stored.source, stored.source_seq) == (offered.source, offered.source_seq)
        })?;
        match stored {
            Some(stored) if stored.record.bytes() == record.bytes() => Ok(stored.position),
            _ => Err(BusError::Conflict {
                source_name: offered.source,
                source_seq: offered.source_seq,
                event_id: offered.event_id,
            }),
        }
    }

    /// The first stored event whose envelope is wanted. It reads the log from its beginning:
    /// repeats are rare, and a bound on memory is worth more than their speed.
    fn find(&self, wanted: impl Fn(&Envelope) -> bool) -> Result<Option<Delivered>, BusError> {
        let mut reader = self.reader();
        loop {
            let mut found = None;
            let more = reader.visit_batch(|raw| -> Result<(), BusError> {
                if found.is_none() && raw.is_event && wanted(&Envelope::decode(raw.body)?) {
                    found = Some(raw.index);
                }
                Ok(())
            })?;
            if let Some(index) = found {
                reader.seek(index)?;
                let entry = reader.next_entries()?.into_iter().find(|e| e.index() == index);
                return Ok(match entry {
                    Some(Entry::Event(delivered)) => Some(delivered),
                    _ => None,
                });
            }
            if !more {
                return Ok(None);
            }
        }
    }
}

/// Whether a unit may use the reserve: everything but market data may.
fn priority(units: &[Unit]) -> Priority {
    let market = units
        .iter()
        .flat_map(|unit| &unit.outputs)
        .any(|record| record.header().stream == bus::Stream::Market);
    if market { Priority::Normal } else { Priority::Reserved }
}

impl Bus for LogBus {
    fn topology(&self) -> &Topology {
        &self.topology
    }

    fn commit(&mut self, units: &[Unit]) -> Result<Vec<Vec<Position>>, BusError> {
        let before = (self.sequencer.clone(), self.sources.clone());
        self.log.begin(&mut self.batch);
        let staged: Result<Vec<_>, _> = units.iter().map(|unit| self.stage(unit)).collect();
        let stored_at = (self.wall_clock)().0;
        let written = staged.and_then(|positions| {
            let failed = |error| bus_error(&self.dir, error);
            let _ = self.log.append(&mut self.batch, stored_at, priority(units)).map_err(failed)?;
            self.log.sync().map_err(failed)?;
            Ok(positions)
        });
        if written.is_err() {
            // Nothing of the call was accepted, so nothing of it is remembered.
            (self.sequencer, self.sources) = before;
        }
        written
    }

    fn read(&mut self, index: u64, max: usize) -> Result<Vec<Entry>, BusError> {
        let mut reader = self.reader();
        let mut entries = Vec::new();
        if index >= self.log.next_index() {
            return Ok(entries);
        }
        reader.seek(index)?;
        while entries.len() < max {
            let batch = reader.next_entries()?;
            if batch.is_empty() {
                break;
            }
            entries.extend(batch.into_iter().filter(|entry| entry.index() >= index));
        }
        entries.truncate(max);
        Ok(entries)
    }

    fn heads(&self) -> Vec<Head> {
        self.sequencer
            .sequences()
            .iter()
            .map(|(&(stream, partition), &sequence)| Head { stream, partition, sequence })
            .collect()
    }

    fn next_index(&self) -> u64 {
        self.log.next_index()
    }

    fn seek(&mut self, time: Timestamp) -> Result<u64, BusError> {
        self.reader().seek_time(time)
    }

    fn high_water(&self, source: Source) -> u64 {
        self.sources.high_water(source)
    }

    fn progress(&self, source: Source) -> Option<Progress> {
        self.sources.progress(source).cloned()
    }

    fn lookup(&mut self, id: EventId) -> Result<Option<Delivered>, BusError> {
        self.find(|envelope| envelope.event_id == id)
    }
}
