//! The bus and the way to it: the engine, units in flight, and answers in flight.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use bus::{
    Bus, BusError, Cut, Delivered, Entry, MemoryBus, Personality, Position, Progress, Record,
    Topology, Unit,
};
use bus_log::LogBus;
use event::{Event, Source, Timestamp};
use segment::{Options, SimDisk};

use crate::defence::Defence;

/// Which engine a run has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// In memory, as one atomic log.
    Atomic,
    /// In memory, as transactions whose markers take sequences.
    Transactional,
    /// In memory, with a window of recent ids.
    Windowed,
    /// The embedded log, on a disk that loses power.
    Log,
}

impl EngineKind {
    /// Every engine.
    pub const ALL: [Self; 4] = [Self::Atomic, Self::Transactional, Self::Windowed, Self::Log];

    /// Its name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Atomic => "atomic",
            Self::Transactional => "transactional",
            Self::Windowed => "windowed",
            Self::Log => "log",
        }
    }
}

/// A part's place among the parts, and which life of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartLife {
    pub(crate) part: usize,
    pub(crate) life: u32,
}

/// Units on their way to the bus.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) from: PartLife,
    pub(crate) ticket: u64,
    pub(crate) units: Arc<Vec<Unit>>,
    pub(crate) not_before: Timestamp,
    /// Whether its answer will be lost.
    pub(crate) unanswered: bool,
}

/// What came back.
#[derive(Debug)]
pub(crate) enum Outcome {
    Stored,
    Refused(BusError),
    TimedOut,
}

/// An answer on its way back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) to: PartLife,
    pub(crate) ticket: u64,
    pub(crate) outcome: Outcome,
    pub(crate) not_before: Timestamp,
}

enum Engine {
    Memory(Box<MemoryBus>),
    Log(Box<LogBus>),
    /// The process that held it is down.
    Down,
}

/// The bus and the way to it.
pub(crate) struct Medium {
    kind: EngineKind,
    engine: Engine,
    topology: Topology,
    pub(crate) letters: Vec<Letter>,
    pub(crate) replies: Vec<Reply>,
    /// What the embedded log delivered, decoded once for all readers, as its distributor does.
    shared: Vec<Delivered>,
    shared_cut: Cut,
    tickets: u64,
    /// Whether the last opening told of a torn tail.
    pub(crate) tore: bool,
}

pub(crate) const LOG_DIR: &str = "log";

/// Nothing in a simulation depends on when something was stored.
pub(crate) fn no_clock() -> Timestamp {
    Timestamp(1)
}

pub(crate) fn options() -> Options {
    Options {
        incarnation: 1,
        first_segment_bytes: 1 << 15,
        segment_bytes: 1 << 17,
        reserve_bytes: 1 << 13,
        background: false,
    }
}

impl Medium {
    pub(crate) fn new(kind: EngineKind, disk: &SimDisk) -> Result<Self, BusError> {
        let topology = Topology::shipped();
        let mut medium = Self {
            kind,
            engine: Engine::Down,
            topology,
            letters: Vec::new(),
            replies: Vec::new(),
            shared: Vec::new(),
            shared_cut: Cut::default(),
            tickets: 0,
            tore: false,
        };
        if kind == EngineKind::Log {
            medium.open(disk)?;
        } else {
            medium.engine = Engine::Memory(Box::new(medium.in_memory(1)));
        }
        Ok(medium)
    }

    pub(crate) const fn topology(&self) -> &Topology {
        &self.topology
    }

    pub(crate) const fn is_embedded(&self) -> bool {
        matches!(self.kind, EngineKind::Log)
    }

    /// Opens the embedded engine, when it is down.
    pub(crate) fn open(&mut self, disk: &SimDisk) -> Result<(), BusError> {
        if matches!(self.engine, Engine::Down) {
            let disk = Arc::new(disk.clone());
            let opened = LogBus::open_on(disk, Path::new(LOG_DIR), options(), no_clock)?;
            self.tore = opened.torn.is_some();
            self.engine = Engine::Log(Box::new(opened.bus));
            self.shared.clear();
            self.shared_cut = Cut::default();
        }
        Ok(())
    }

    /// The process that holds an embedded engine is gone. Units on their way to it are, too.
    pub(crate) fn close(&mut self) {
        if self.is_embedded() {
            self.engine = Engine::Down;
            self.letters.clear();
        }
    }

    /// Shuts an embedded engine down cleanly.
    pub(crate) fn shut_down(&mut self) -> Result<(), BusError> {
        match std::mem::replace(&mut self.engine, Engine::Down) {
            Engine::Log(mut bus) => bus.close(),
            other => {
                self.engine = other;
                Ok(())
            }
        }
    }

    pub(crate) fn bus(&mut self) -> Option<&mut dyn Bus> {
        match &mut self.engine {
            Engine::Memory(bus) => Some(bus.as_mut()),
            Engine::Log(bus) => Some(bus.as_mut()),
            Engine::Down => None,
        }
    }

    /// Bounds what a bus in memory holds; `None` takes the bound away.
    pub(crate) fn set_room(&mut self, entries: Option<usize>) {
        if let Engine::Memory(bus) = &mut self.engine {
            bus.set_room(entries);
        }
    }

    /// Puts a bus in memory back to an earlier copy of itself.
    pub(crate) fn rewind(&mut self, index: u64) {
        let engine = std::mem::replace(&mut self.engine, Engine::Down);
        self.engine = match engine {
            Engine::Memory(bus) => Engine::Memory(Box::new(bus.rewound_to(index))),
            other => other,
        };
    }

    /// Makes a bus in memory anew, with the events it held and nothing else of it.
    pub(crate) fn recreate(&mut self) -> Result<(), BusError> {
        let events = self.history()?;
        let mut anew = self.in_memory(2);
        for entry in &events {
            if let Entry::Event(delivered) = entry {
                let source = delivered.record.header().source;
                let _ = anew.commit(&[Unit::of_roots(source, vec![delivered.record.clone()])])?;
            }
        }
        self.engine = Engine::Memory(Box::new(anew));
        Ok(())
    }

    fn in_memory(&self, incarnation: u64) -> MemoryBus {
        let personality = match self.kind {
            EngineKind::Transactional => Personality::Transactional,
            EngineKind::Windowed => Personality::WindowedDedupe { ids: 64 },
            EngineKind::Atomic | EngineKind::Log => Personality::Atomic,
        };
        MemoryBus::with(personality, Topology::shipped(), incarnation)
    }

    pub(crate) fn next_index(&mut self) -> u64 {
        self.bus().map_or(0, |bus| bus.next_index())
    }

    pub(crate) fn progress(&mut self, source: Source) -> Option<Progress> {
        self.bus().and_then(|bus| bus.progress(source))
    }

    pub(crate) fn high_water(&mut self, source: Source) -> u64 {
        self.bus().map_or(0, |bus| bus.high_water(source))
    }

    /// All entries from `index` on.
    pub(crate) fn entries(&mut self, index: u64) -> Result<Vec<Entry>, BusError> {
        self.bus().map_or_else(|| Ok(Vec::new()), |bus| bus.read(index, usize::MAX))
    }

    /// All entries, each event once: what a part that begins again goes through.
    pub(crate) fn history(&mut self) -> Result<Vec<Entry>, BusError> {
        let mut seen = BTreeSet::new();
        let mut entries = self.entries(0)?;
        entries.retain(|entry| match entry {
            Entry::Event(delivered) => seen.insert(delivered.position.event_id),
            Entry::Progress { .. } | Entry::Foreign(_) => true,
        });
        Ok(entries)
    }

    /// Up to `max` events behind a reader's cut.
    pub(crate) fn next(&mut self, cut: &mut Cut, max: usize) -> Result<Vec<Delivered>, BusError> {
        match &mut self.engine {
            Engine::Down => Ok(Vec::new()),
            Engine::Memory(bus) => bus.next(cut, max),
            Engine::Log(bus) => {
                loop {
                    let more = bus.next(&mut self.shared_cut, 256)?;
                    if more.is_empty() {
                        break;
                    }
                    self.shared.extend(more);
                }
                let from = self.shared.partition_point(|d| d.position.index < cut.next_index);
                let found: Vec<_> = self.shared.iter().skip(from).take(max).cloned().collect();
                found.iter().for_each(|delivered| cut.advance(&delivered.position));
                if from + found.len() == self.shared.len() {
                    cut.next_index = self.shared_cut.next_index;
                }
                Ok(found)
            }
        }
    }

    /// The same without the defence against repeats: what is stored is delivered.
    pub(crate) fn next_with_repeats(
        &mut self,
        cut: &mut Cut,
        max: usize,
    ) -> Result<Vec<Delivered>, BusError> {
        let mut found = Vec::new();
        for entry in self.entries(cut.next_index)?.into_iter().take(max) {
            cut.next_index = entry.index() + 1;
            if let Entry::Event(delivered) = entry {
                cut.advance(&delivered.position);
                found.push(delivered);
            }
        }
        Ok(found)
    }

    /// Commits without one of the defences.
    pub(crate) fn commit_without(
        &mut self,
        units: &[Unit],
        without: Option<Defence>,
    ) -> Result<Vec<Vec<Position>>, BusError> {
        match without {
            Some(Defence::UnitAtomicity) => {
                let bare: Vec<Unit> =
                    units.iter().map(|u| Unit::of_roots(u.source, u.outputs.clone())).collect();
                self.commit(&bare)
            }
            Some(Defence::Fencing) => match self.commit(units) {
                Err(BusError::Conflict { .. } | BusError::SourceGap { .. }) => {
                    let renumbered: Result<Vec<_>, _> =
                        units.iter().map(|unit| self.renumbered(unit)).collect();
                    self.commit(&renumbered?)
                }
                other => other,
            },
            _ => self.commit(units),
        }
    }

    /// A unit whose places are whatever comes next, whoever has them.
    fn renumbered(&mut self, unit: &Unit) -> Result<Unit, BusError> {
        let first = self.high_water(unit.source) + 1;
        let mut again = unit.clone();
        for (number, record) in (first..).zip(&mut again.outputs) {
            let mut event = Event::clone(&*record.event()?);
            // An engine that does not fence does not compare ids either.
            event.event_id.0.reverse();
            event.source_seq = number;
            *record = Record::of_event(Arc::new(event), &self.topology);
        }
        Ok(again)
    }

    /// A ticket for a call: an answer to another ticket is not meant.
    pub(crate) const fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    /// What arrives is bytes: nothing that the sender decoded comes along.
    pub(crate) fn commit(&mut self, units: &[Unit]) -> Result<Vec<Vec<Position>>, BusError> {
        let mut arrived = Vec::with_capacity(units.len());
        for unit in units {
            let outputs: Result<Vec<_>, _> = unit
                .outputs
                .iter()
                .map(|record| Record::of_bytes(record.bytes().clone(), &self.topology))
                .collect();
            arrived.push(Unit {
                source: unit.source,
                outputs: outputs?,
                consumed: unit.consumed.clone(),
                timers: unit.timers.clone(),
                mark: unit.mark,
                epoch: unit.epoch,
                claim: unit.claim,
            });
        }
        match self.bus() {
            Some(bus) => bus.commit(&arrived),
            None => Err(BusError::Poisoned),
        }
    }
}
