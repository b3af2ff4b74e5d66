//! A whole run on recorded data: one thread decides, in the order of the tape.

use std::sync::atomic::{AtomicBool, Ordering};

use bus::Bus;
use event::{
    Body, Digest, Event, Label, Source, Timestamp,
    id::{digest_of, foreign_id},
    operations::AgentStarted,
};
use feed::{Instruments, Outcome, TapeReader, TapeRecord};
use gateway::Gateway;
use worker::{Schedule, Timers};

use super::{
    Fold, PipelineError, Unread, broker_record,
    follow::Follower,
    foreign::{Judge, Judged, Verdict, is_known},
    ingress::{
        FilePlace, Numbering, OPERATOR, RootParts, Submission, conflict, is_same, operator_root,
        read_published,
    },
    machine::{Desk, Machine, Seat, Shown},
    rest::Rests,
    stage::Stage,
};
use crate::{
    app::Factory,
    config::Settings,
    control::{CommandJournal, HaltLatch, Published, Socket},
    data_dir::DataDir,
    engine::{Engine, Role},
    setup,
};

/// What a run is given.
pub(crate) struct TapeRun<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) dir: &'a DataDir,
    pub(crate) settings: &'a Settings,
    pub(crate) instruments: &'a Instruments,
    pub(crate) agents: &'a [Factory],
    pub(crate) tape: TapeReader,
    pub(crate) wall_clock: fn() -> Timestamp,
    /// Set by a signal: the record in hand is finished, then the run ends.
    pub(crate) stop: &'a AtomicBool,
}

/// How a run ended.
pub(crate) struct TapeEnd {
    pub(crate) fold: Fold,
    pub(crate) records: u64,
    pub(crate) resumed_at: u64,
    /// The first entry of the log that was delivered again at the start.
    pub(crate) redelivered_from: u64,
    pub(crate) stopped: bool,
    pub(crate) unread: Unread,
    pub(crate) torn: Option<String>,
}

/// The ingress whose mark says how far the merged tape has been read.
pub(crate) const INGRESS: &str = "ingress/tape";
/// The worker of a deterministic run.
pub(super) const WORKER: &str = "worker/tape";

/// Runs the tape to its end, or until it is stopped. Running again goes on where it ended.
pub(crate) fn run_tape(
    mut run: TapeRun<'_>,
    mut progress: impl FnMut(u64, Timestamp),
) -> Result<TapeEnd, PipelineError> {
    let mut opened = run.engine.open(run.dir, Role::Alone, run.wall_clock)?;
    // A run on a tape counts on the places of what it writes, so it looks before it begins.
    let _ = opened.bus.adopt()?;
    let follower = Follower::begin(run.dir, &*opened.bus, run.wall_clock)?;
    let socket = Socket::listen(run.dir.root())?;
    let commands = CommandJournal::open(&run.dir.control())?;
    let torn = opened.torn;
    let mut machine = build(&run, opened.bus)?;
    let made_of = [run.settings.digest, run.instruments.digest(), versions(&machine)];
    let mut rests = Rests::open(&run.dir.cache(), machine.stage.bus(), &made_of)?;
    let standing = rests.restore(&mut machine, || Ok(setup::tasks(run.agents)?))?;
    let redelivered_from = standing.next;
    let mut numbering = machine.recover(standing, run.settings.digest)?;
    commands.logged(numbering.last(Source::new(OPERATOR)?))?;
    let ingress = Source::new(INGRESS)?;
    let resumed_at = machine.stage.bus().progress(ingress).and_then(|p| p.mark).unwrap_or(0);
    run.tape.skip_to(resumed_at)?;
    if machine.clock == Timestamp(i64::MIN) {
        // A session begins with its tape. One that goes on has a clock, and timers that are due before
        // the next record still fire at their own times.
        machine.clock = run.tape.next_time().unwrap_or(machine.clock);
    }
    begin(&run, &mut machine, &mut numbering)?;
    take_foreign(&mut machine, &mut numbering)?;
    let mut records = resumed_at;
    let mut stopped = false;
    let operator = Source::new(OPERATOR)?;
    for record in run.tape.by_ref() {
        let record = record?;
        machine.fire_timers(record.time, run.stop)?;
        if run.stop.load(Ordering::Acquire) {
            stopped = true;
            break;
        }
        take_commands(&mut machine, &mut numbering, &commands, operator)?;
        while let Some(published) = socket.next() {
            take_published(&mut machine, &mut numbering, published)?;
        }
        take_foreign(&mut machine, &mut numbering)?;
        records = record.ordinal + 1;
        let time = record.time;
        let events = roots(record, &mut numbering);
        machine.record(events, (ingress, records))?;
        machine.stage.flush_if_full()?;
        rests.keep_if_due(&mut machine, &numbering, records)?;
        progress(records, time);
        if run.stop.load(Ordering::Acquire) {
            stopped = true;
            break;
        }
        if !follower.is_running() {
            break;
        }
    }
    take_commands(&mut machine, &mut numbering, &commands, operator)?;
    machine.rest()?;
    machine.stage.flush()?;
    rests.keep(&mut machine, &numbering, records)?;
    commands.logged(numbering.last(operator))?;
    let Machine { fold, stage, .. } = machine;
    stage.close()?;
    follower.finish()?;
    Ok(TapeEnd {
        fold,
        records,
        resumed_at,
        redelivered_from,
        stopped,
        unread: Unread::of(&run.tape),
        torn,
    })
}

fn build(run: &TapeRun<'_>, bus: Box<dyn Bus>) -> Result<Machine, PipelineError> {
    let seats = setup::tasks(run.agents)?.into_iter().map(Seat::new).collect();
    let account = run.settings.account.name;
    let gateway = Gateway::new(account)?;
    let facts = bus.high_water(gateway.broker_source());
    let read = bus.progress(gateway.broker_source()).and_then(|progress| progress.mark);
    let read = read.unwrap_or(0);
    let broker = broker_record::open(run.dir, run.settings, run.instruments, facts, read)?;
    Ok(Machine {
        seats,
        desks: vec![Desk { gateway, broker }],
        timers: Timers::default(),
        schedule: Schedule::default(),
        fold: Fold::default(),
        stage: Stage::new(bus),
        latch: HaltLatch::open(&run.dir.control())?,
        clock: Timestamp(i64::MIN),
        position: 0,
        shown: Shown::default(),
        foreign: Vec::new(),
    })
}

/// A digest of which agents there are, and of which version.
fn versions(machine: &Machine) -> Digest {
    let names: Vec<String> =
        machine.sources().into_iter().map(|(task, version)| format!("{task} {version}")).collect();
    digest_of("agents", &[names.join("\n").as_bytes()])
}

/// Life-cycle events of this start; and, on the first one, what configuration supplies.
fn begin(
    run: &TapeRun<'_>,
    machine: &mut Machine,
    numbering: &mut Numbering,
) -> Result<(), PipelineError> {
    let now = machine.clock;
    start_agents(machine, numbering, run.settings.digest)?;
    let instruments = Source::new("config/instruments")?;
    let definitions: Vec<Body> =
        run.instruments.definitions().map(|defined| Body::from(defined.clone())).collect();
    for (number, body) in (1..).zip(definitions) {
        if number > numbering.last(instruments) {
            let digest = run.instruments.digest();
            let event = numbering.config_root(instruments, digest, number, now, body);
            machine.root(event)?;
        }
    }
    let limits = Source::new("config/limits")?;
    if numbering.last(limits) == 0 {
        let body = Body::from(run.settings.limits_loaded());
        let event = numbering.config_root(limits, run.settings.digest, 1, now, body);
        machine.root(event)?;
    }
    let currency = run.settings.account.reporting_currency;
    for at in 0..machine.desks.len() {
        let moment = machine.moment();
        let Some(desk) = machine.desks.get_mut(at) else { continue };
        let source = desk.gateway.broker_source();
        if let Some(event) = desk.gateway.open_books(&mut desk.broker, currency, moment)? {
            let _ = machine.accept(source, vec![event], None)?;
            machine.settle()?;
        }
    }
    Ok(())
}

fn start_agents(
    machine: &mut Machine,
    numbering: &mut Numbering,
    config: Digest,
) -> Result<(), PipelineError> {
    let worker = Source::new(WORKER)?;
    // Whatever the log holds by now was taken by every task.
    let fence_index = machine.stage.next_index();
    let epoch = numbering.last(worker) + 1;
    let untold = machine.seats.iter_mut().filter(|seat| !seat.is_told);
    let started: Vec<(Source, Label)> = untold
        .map(|seat| {
            seat.is_told = true;
            (seat.task.source(), seat.task.version())
        })
        .collect();
    for (task, version) in started {
        let body = Body::from(AgentStarted { task, epoch, version, config, fence_index });
        let event = numbering.worker_root(worker, machine.clock, body);
        machine.root(event)?;
    }
    Ok(())
}

/// The events of one tape record.
pub(crate) fn roots(record: TapeRecord, numbering: &mut Numbering) -> Vec<Event> {
    let TapeRecord { source, file_digest: digest, record: number, receive_time, outcome, .. } =
        record;
    let bodies = match outcome {
        Outcome::Root(root) | Outcome::Command(root) => vec![root],
        Outcome::Parts(parts) => parts,
        Outcome::Quarantine(quarantined) => {
            let body = Body::from(quarantined);
            vec![feed::RootBody { event_time: None, key: body.key(), body, producer: None }]
        }
    };
    (0..)
        .zip(bodies)
        .map(|(part, root)| {
            let place = FilePlace { source, digest, record: number, part };
            let parts = RootParts { event_time: root.event_time, key: root.key, body: root.body };
            numbering.file_root(place, receive_time, parts)
        })
        .collect()
}

/// Takes in what others wrote into the bus, as far as it was met.
fn take_foreign(machine: &mut Machine, numbering: &mut Numbering) -> Result<(), PipelineError> {
    let mut met = std::mem::take(&mut machine.foreign);
    met.extend(machine.stage.take_foreign());
    if met.is_empty() {
        return Ok(());
    }
    let bus = machine.stage.bus();
    let incarnation = bus.reader()?.incarnation();
    let mut judge = Judge::resume(incarnation, |source| bus.progress(source))?;
    for foreign in met {
        if !judge.is_due(&foreign) {
            continue;
        }
        let event = match judge.judge(&foreign, numbering, machine.clock) {
            Judged::New(event) => Some(*event),
            Judged::Repeat(root) => {
                machine.stage.flush()?;
                let stored =
                    machine.stage.bus().lookup(foreign_id(root.source, root.source_seq))?;
                let stored = stored.map(|stored| stored.record.event()).transpose()?;
                let verdict =
                    (!is_known(stored.as_deref(), &root)).then(|| Verdict::conflict(&root));
                verdict.map(|v| judge.quarantine(&foreign, v, numbering, machine.clock))
            }
            Judged::Quarantined(v) => Some(judge.quarantine(&foreign, v, numbering, machine.clock)),
        };
        machine.stage.mark(judge.source(), judge.pass(&foreign));
        if let Some(event) = event {
            numbering.observe(event.source, event.source_seq);
            machine.root(event)?;
        }
    }
    machine.stage.flush()
}

/// Takes in what operators have asked for since.
fn take_commands(
    machine: &mut Machine,
    numbering: &mut Numbering,
    commands: &CommandJournal,
    operator: Source,
) -> Result<(), PipelineError> {
    for command in commands.after(numbering.last(operator))? {
        let event = operator_root(numbering, operator, command, machine.clock);
        machine.root(event)?;
    }
    Ok(())
}

/// Takes in what a producer published; the answer goes out once it is durable.
fn take_published(
    machine: &mut Machine,
    numbering: &mut Numbering,
    published: Published,
) -> Result<(), PipelineError> {
    let answer = match read_published(&published.line, numbering, machine.clock) {
        Submission::Refused(reason) => serde_json::json!({ "error": reason }),
        Submission::Repeat(root) => {
            let id = event::id::foreign_id(root.source, root.source_seq);
            machine.stage.flush()?;
            let stored = machine.stage.bus().lookup(id)?;
            let same = match &stored {
                Some(stored) => is_same(&*stored.record.event()?, &root),
                None => false,
            };
            match stored {
                Some(stored) if same => serde_json::json!({
                    "event_id": id.to_string(),
                    "index": stored.position.index,
                    "repeat": true,
                }),
                _ => serde_json::json!({ "error": conflict(&root) }),
            }
        }
        Submission::New(event) => {
            let (id, source, seq) = (event.event_id, event.source, event.source_seq);
            numbering.observe(source, seq);
            machine.root(*event)?;
            machine.stage.flush()?;
            serde_json::json!({ "event_id": id.to_string(), "repeat": false })
        }
    };
    published.answer(answer.to_string());
    Ok(())
}
