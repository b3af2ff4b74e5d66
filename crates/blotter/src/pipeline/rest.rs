//! The machine at rest, as a disposable snapshot: so that a run that starts again goes on from there
//! and redelivers only what is behind it.
//!
//! It is taken between two records of a tape, when nothing is under way, and only of what is durable.
//! It is keyed by everything it depends on beside the log: the program, the settings, the agents; and
//! by the very entry of this very log that it was cut behind. Whatever does not hold is dropped, said
//! on stderr, and the log is delivered from further back: it costs time and nothing else.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use bus::{Bus, Entry};
use event::{
    Digest, Event, Label, Source, Timestamp,
    id::digest_of,
    message, nested,
    wire::{Blob, Message as _},
};
use gateway::Gateway;
use snapshot::{Flaw, Snapshot, SnapshotStore};
use worker::{Fences, Numbering, PendingTimer, Task, Timers};

use super::{
    PipelineError,
    fold::Fold,
    machine::{Machine, Seat, Shown},
};
use crate::{
    history::{self, spacing},
    journal,
};

message! {
    /// A part of the machine and its state.
    Part {
        /// Its source.
        1 source: Source,
        /// Its state.
        2 state: Blob,
    }

    /// A timer that waits.
    Waiting {
        /// When it is due.
        1 due: Timestamp,
        /// Who asked.
        2 task: Source,
        /// Its number within the task.
        3 request: u64,
        /// What the task calls it.
        4 name: Label,
    }

    /// The last number of a source.
    Numbered {
        /// The source.
        1 source: Source,
        /// Its last number.
        2 last: u64,
    }

    /// An event, as its bytes.
    Kept {
        /// The bytes.
        1 bytes: Blob,
    }

    /// The machine at rest.
    Resting {
        /// The session clock.
        1 clock: Timestamp,
        /// Market records the venue has printed.
        2 position: u64,
        /// What the log adds up to.
        3 fold: Blob,
        /// Tasks.
        4 tasks: Vec<Part>,
        /// Gateways.
        5 gateways: Vec<Part>,
        /// Timers that wait.
        6 timers: Vec<Waiting>,
        /// Timers fired, by source.
        7 fired: Vec<Numbered>,
        /// How every source is numbered.
        8 numbering: Vec<Numbered>,
        /// When the venue was last shown a record.
        9 shown_at: Option<Timestamp>,
        /// At which position.
        10 shown_position: u64,
        /// That record's events.
        11 shown: Vec<Kept>,
    }
}

nested!(Part, Waiting, Numbered, Kept);

/// Where a machine stands: everything below was delivered, and sources are numbered so.
#[derive(Default)]
pub(crate) struct Standing {
    /// The first index that was not delivered.
    pub(crate) next: u64,
    pub(crate) numbering: Numbering,
}

/// Where machines at rest are kept, when the store can be had.
pub(crate) struct Rests {
    cache: PathBuf,
    store: Option<SnapshotStore>,
    version: Digest,
    /// The digest of the settings.
    config: Digest,
    incarnation: u64,
    /// Where the last one was taken, or the run began.
    last: u64,
    state_bytes: u64,
}

/// The snapshots of the machine.
const NAME: &str = "run";
/// Kept of them; one would do, were it never damaged.
const KEPT: usize = 3;
/// What an entry of the log occupies, about.
const ENTRY_BYTES: u64 = 160;

impl Rests {
    /// Opens the store in `cache`. `made_of` is what the machine depends on beside log and program,
    /// the settings first.
    pub(crate) fn open(
        cache: &Path,
        bus: &dyn Bus,
        made_of: &[Digest],
    ) -> Result<Self, PipelineError> {
        let incarnation = bus.reader()?.incarnation();
        let config = made_of.first().copied().unwrap_or(Digest([0; 32]));
        let Some(program) = program() else {
            return Ok(Self {
                cache: cache.into(),
                store: None,
                version: Digest([0; 32]),
                config,
                incarnation,
                last: 0,
                state_bytes: 0,
            });
        };
        let mut parts: Vec<&[u8]> = vec![&program.0];
        parts.extend(made_of.iter().map(|digest| &digest.0[..]));
        let store = SnapshotStore::open(&cache.join(NAME));
        match &store {
            Ok(store) if store.was_damaged() => {
                eprintln!("the snapshots in the cache were damaged; the log is delivered again");
            }
            Ok(_) => {}
            Err(error) => eprintln!("{error}"),
        }
        let version = digest_of("run", &parts);
        Ok(Self {
            cache: cache.into(),
            store: store.ok(),
            version,
            config,
            incarnation,
            last: 0,
            state_bytes: 0,
        })
    }

    /// Puts the machine where the newest sound snapshot has it; at its beginning without one.
    pub(crate) fn restore(
        &mut self,
        machine: &mut Machine,
        fresh: impl Fn() -> Result<Vec<Task>, PipelineError>,
    ) -> Result<Standing, PipelineError> {
        let end = machine.stage.bus().next_index();
        let standing = match end.checked_sub(1) {
            Some(last) => self.newest(last, machine, fresh)?,
            None => Standing::default(),
        };
        self.last = end;
        Ok(standing)
    }

    fn newest(
        &self,
        last: u64,
        machine: &mut Machine,
        fresh: impl Fn() -> Result<Vec<Task>, PipelineError>,
    ) -> Result<Standing, PipelineError> {
        let Some(store) = &self.store else { return Ok(Standing::default()) };
        loop {
            let bus = machine.stage.bus();
            let is_here = |found: &Snapshot| {
                // A log that cannot be read says so when it is delivered.
                matches!(self.cut(bus, found.index), Ok(Some(cut)) if cut == found.cut)
            };
            let (found, dropped) = store.newest(NAME, self.version, last, is_here);
            dropped.iter().for_each(|dropped| eprintln!("{dropped}"));
            let Some(Snapshot { index, state, .. }) = found else { return Ok(Standing::default()) };
            let resting = Resting::decode(&state).ok();
            let restored = match resting {
                Some(resting) => wake(machine, resting, fresh()?, self.config),
                None => None,
            };
            if let Some(numbering) = restored {
                return Ok(Standing { next: index + 1, numbering });
            }
            eprintln!("{}", store.drop_at(NAME, index, Flaw::OtherVersion));
        }
    }

    /// Keeps the machine, which is at rest, when as much log as is worth it has been written since.
    pub(crate) fn keep_if_due(
        &mut self,
        machine: &mut Machine,
        numbering: &Numbering,
        records: u64,
    ) -> Result<(), PipelineError> {
        let written = machine.stage.next_index().saturating_sub(self.last) * ENTRY_BYTES;
        if written < spacing(self.state_bytes) {
            Ok(())
        } else {
            self.keep(machine, numbering, records)
        }
    }

    /// Keeps the machine, which is at rest once this many records of the tape have been read. Readers
    /// of the past find what the log adds up to there among their own snapshots.
    pub(crate) fn keep(
        &mut self,
        machine: &mut Machine,
        numbering: &Numbering,
        records: u64,
    ) -> Result<(), PipelineError> {
        let Some(store) = &self.store else { return Ok(()) };
        self.last = machine.stage.next_index();
        let Some(resting) = lay_down(machine, numbering, records) else { return Ok(()) };
        machine.stage.flush()?;
        let end = machine.stage.bus().next_index();
        self.last = end;
        let Some(index) = end.checked_sub(1) else { return Ok(()) };
        let Some(cut) = self.cut(machine.stage.bus(), index)? else { return Ok(()) };
        history::leave(&self.cache, index, cut, &resting.fold.0);
        let mut state = Vec::with_capacity(self.state_bytes as usize);
        resting.encode(&mut state);
        drop(resting);
        self.state_bytes = state.len() as u64;
        // One that cannot be kept costs time at the next start, nothing else.
        if store.keep(NAME, self.version, Snapshot { index, cut, state }).is_ok() {
            store.prune(NAME, KEPT);
        }
        Ok(())
    }

    /// A digest of the entry at `index` that no other log has there.
    fn cut(&self, bus: &mut dyn Bus, index: u64) -> Result<Option<Digest>, PipelineError> {
        let entries = bus.read(index, 1)?;
        let bytes = match entries.first() {
            Some(entry) if entry.index() != index => return Ok(None),
            Some(Entry::Event(delivered)) => delivered.record.bytes().to_vec(),
            Some(Entry::Progress { progress, .. }) => progress.to_bytes(),
            Some(Entry::Foreign(foreign)) => foreign.bytes.to_vec(),
            None => return Ok(None),
        };
        Ok(Some(journal::cut_of(self.incarnation, index, &bytes)))
    }
}

/// The machine as it is; `None` when some part of it keeps no snapshot.
fn lay_down(machine: &Machine, numbering: &Numbering, records: u64) -> Option<Resting> {
    let mut tasks = Vec::with_capacity(machine.seats.len());
    for Seat { task, .. } in &machine.seats {
        tasks.push(Part { source: task.source(), state: Blob(task.snapshot()?) });
    }
    let mut gateways = Vec::with_capacity(machine.desks.len());
    for desk in &machine.desks {
        let state = Blob(desk.gateway.snapshot()?);
        gateways.push(Part { source: desk.gateway.source(), state });
    }
    let numbered = |(source, last)| Numbered { source, last };
    let waiting = |timer: PendingTimer| Waiting {
        due: timer.due,
        task: timer.task,
        request: timer.request,
        name: timer.name,
    };
    let kept = |event: &Arc<Event>| Kept { bytes: Blob(event.encode().to_vec()) };
    Some(Resting {
        clock: machine.clock,
        position: machine.position,
        fold: Blob(machine.fold.snapshot(records)),
        tasks,
        gateways,
        timers: machine.timers.iter().map(waiting).collect(),
        fired: machine.timers.sequences().map(numbered).collect(),
        numbering: numbering.iter().map(numbered).collect(),
        shown_at: machine.shown.moment.map(|moment| moment.time),
        shown_position: machine.shown.moment.map_or(0, |moment| moment.position),
        shown: machine.shown.events.iter().map(kept).collect(),
    })
}

/// Puts the machine where it was laid down, all of it or nothing.
fn wake(
    machine: &mut Machine,
    resting: Resting,
    fresh: Vec<Task>,
    config: Digest,
) -> Option<Numbering> {
    let (fold, _) = Fold::restore(&resting.fold.0)?;
    let mut tasks = fresh;
    if tasks.len() != resting.tasks.len() || machine.desks.len() != resting.gateways.len() {
        return None;
    }
    for (task, part) in tasks.iter_mut().zip(&resting.tasks) {
        if task.source() != part.source {
            return None;
        }
        task.restore(&part.state.0).ok()?;
    }
    let mut gateways = Vec::with_capacity(machine.desks.len());
    for (desk, part) in machine.desks.iter().zip(&resting.gateways) {
        let mut gateway = Gateway::new(desk.gateway.account()).ok()?;
        if gateway.source() != part.source {
            return None;
        }
        gateway.restore(&part.state.0).ok()?;
        gateways.push(gateway);
    }
    let mut events = Vec::with_capacity(resting.shown.len());
    for kept in resting.shown {
        events.push(Arc::new(Event::decode(&kept.bytes.0).ok()?));
    }
    let mut timers = Timers::default();
    for Waiting { due, task, request, name } in resting.timers {
        timers.set(PendingTimer { due, task, request, name });
    }
    for Numbered { source, last } in resting.fired {
        timers.restore_sequence(source, last);
    }
    let mut numbering = Numbering::default();
    for Numbered { source, last } in resting.numbering {
        numbering.observe(source, last);
    }
    for (seat, task) in machine.seats.iter_mut().zip(tasks) {
        seat.fences = Fences::restored(&task, config);
        seat.task = task;
    }
    for (desk, gateway) in machine.desks.iter_mut().zip(gateways) {
        desk.gateway = gateway;
    }
    let position = resting.shown_position;
    let moment = resting.shown_at.map(|time| broker::Moment { time, position });
    machine.shown = Shown { moment, events };
    (machine.fold, machine.timers) = (fold, timers);
    (machine.clock, machine.position) = (resting.clock, resting.position);
    Some(numbering)
}

/// What stands for the program: a file that was built again decides as it likes. `None` when the file
/// cannot be looked at any more.
fn program() -> Option<Digest> {
    let file = std::env::current_exe().and_then(std::fs::metadata).ok()?;
    let modified = file.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let parts: [&[u8]; 3] = [
        env!("CARGO_PKG_VERSION").as_bytes(),
        &file.len().to_le_bytes(),
        &modified.as_nanos().to_le_bytes(),
    ];
    Some(digest_of("program", &parts))
}
