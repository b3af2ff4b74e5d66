//! `run`: the whole pipeline on a tape.

use std::{
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    time::Duration,
};

use bus::BusError;
use event::Timestamp;
use feed::TapeReader;
use serde_json::{Value, json};

use super::{args::Common, journal_check::JournalCheck, output, setting, setting::Setting, work};
use crate::{
    App,
    clock::{Stopwatch, wall_clock},
    control::{HaltLatch, LatchState},
    data_dir::{Binding, LIVE},
    engine::{Engine, EngineError, Standing},
    exit::{Exit, Failure, OrExit as _, OrItsExit as _},
    journal::Until,
    pipeline::{
        Fold, Hosted, LiveEnd, LiveRun, PipelineError, TapeEnd, TapeRun, Told, Unread, run_live,
        run_tape,
    },
    query::{printable, summary},
    setup, signal,
};

/// Runs a tape to its end.
pub(super) fn tape(
    app: &App,
    common: &Common,
    engine: Engine,
    input: &[PathBuf],
) -> Result<Exit, Failure> {
    let setting = Setting { engine, ..setting::read(common)? };
    let watch = Stopwatch::start();
    let TapeEnd { fold, records, resumed_at, redelivered_from, stopped, unread, torn } =
        carry_out(app, &setting, input)?;
    let rate = watch.rate(records - resumed_at);
    let from = (resumed_at > 0).then_some(redelivered_from);
    let elsewhere = Vec::new();
    let end = End { fold, records, resumed_at, from, stopped, unread, torn, rate, elsewhere };
    Ok(end.tell(common, &setting))
}

/// What of a live run other processes do.
pub(super) struct Shared<'a> {
    /// Agents that they host.
    pub(super) without: &'a [String],
    /// Seconds for which one of these may stand still.
    pub(super) patience: u32,
}

/// Runs the same agents free, the tape at its own pace.
pub(super) fn live(
    app: &App,
    common: &Common,
    engine: Engine,
    input: &[PathBuf],
    speed: u32,
    shared: &Shared<'_>,
) -> Result<Exit, Failure> {
    let setting = Setting { engine, ..setting::read(common)? };
    let (elsewhere, agents) = work::split(app, &setting.settings, shared.without)?;
    if !elsewhere.is_empty() && setting.engine == Engine::Embedded {
        return Err(Failure { exit: Exit::Usage, error: EngineError::NoServer.into() });
    }
    work::must_keep_monitor(&elsewhere)?;
    let tape = bound_tape(&setting, input, LIVE)?;
    let stop = signal::stop_flag().or_exit(Exit::Environment)?;
    let check = JournalCheck::start(&setting.dir, &stop);
    let watch = Stopwatch::start();
    let run = LiveRun {
        engine: &setting.engine,
        dir: &setting.dir,
        settings: &setting.settings,
        instruments: &setting.instruments,
        agents: &agents,
        elsewhere: &elsewhere,
        patience: Duration::from_secs(shared.patience.into()),
        tape,
        wall_clock,
        speed,
        stop,
        tell,
    };
    let ended = run_live(run).map_err(failure);
    check.finish()?;
    let LiveEnd { records, resumed_at, stopped, unread, torn, elsewhere } = ended?;
    let rate = watch.rate(records - resumed_at);
    let fold = crate::history::fold(&setting.dir, Until::End)?.fold;
    let end = End { fold, records, resumed_at, from: None, stopped, unread, torn, rate, elsewhere };
    Ok(end.tell(common, &setting))
}

/// What an operator who watches a live run must see when it happens.
fn tell(told: Told<'_>) {
    match told {
        Told::Event(event) => {
            let time = event.time.to_string();
            let clock = time.get(11..23).unwrap_or_default();
            eprintln!("{clock}  {} {}", event.body.kind().as_str(), summary(event));
        }
        Told::Halted(reason) => eprintln!("the latch is HALTED: {}", printable(reason)),
        Told::Released => eprintln!("the latch is open"),
        told => work::tell(told),
    }
}

/// Opens the inputs and binds the directory to them.
fn bound_tape(setting: &Setting, input: &[PathBuf], mode: &str) -> Result<TapeReader, Failure> {
    let tape = TapeReader::open(input, &setting.instruments).or_its_exit()?;
    let inputs = tape.inputs().map(|(path, _, digest)| (digest, path.display().to_string()));
    let binding = Binding {
        config: setting.digest(),
        mode: mode.into(),
        inputs: inputs.collect(),
        bus: setting.engine.clone(),
    };
    if setting.engine.must_suit(&setting.dir).map_err(failure)? == Standing::ToBeMade {
        eprintln!("nothing of {} is there yet; it is made now", setting.engine);
    }
    setting.dir.make().or_exit(Exit::Environment)?;
    setting.dir.bind(&binding).or_its_exit()?;
    let settings = setting.layers.to_text().or_exit(Exit::Usage)?;
    setting.dir.keep_settings(&settings).or_exit(Exit::Environment)?;
    Ok(tape)
}

/// How often a run begins again because others wrote into its bus.
const STARTS_MAX: u32 = 100;

/// Binds the directory and runs the tape in it.
pub(super) fn carry_out(
    app: &App,
    setting: &Setting,
    input: &[PathBuf],
) -> Result<TapeEnd, Failure> {
    let mut tape = bound_tape(setting, input, "tape")?;
    let stop = signal::stop_flag().or_exit(Exit::Environment)?;
    let agents = setup::agents(app, &setting.settings);
    let check = JournalCheck::start(&setting.dir, &stop);
    let mut meter = Meter::new();
    let mut starts = 1;
    let end = loop {
        let run = TapeRun {
            engine: &setting.engine,
            dir: &setting.dir,
            settings: &setting.settings,
            instruments: &setting.instruments,
            agents: &agents,
            tape,
            wall_clock,
            stop: &stop,
        };
        match run_tape(run, |records, time| meter.show(records, time)) {
            // Others wrote into the bus while this run counted on its places: the log says where it
            // stands, and it goes on from there.
            Err(PipelineError::Bus(BusError::Moved { .. })) if starts < STARTS_MAX => {
                starts += 1;
                tape = bound_tape(setting, input, "tape")?;
            }
            end => break end.map_err(failure),
        }
    };
    check.finish()?;
    meter.finish();
    end
}

/// Gives a pipeline error its exit code.
pub(super) fn failure(error: PipelineError) -> Failure {
    use bus::BusError as B;
    let exit = match &error {
        PipelineError::Bus(B::SecondWriter { .. } | B::Conflict { .. } | B::Fenced { .. })
        | PipelineError::NotShared { .. }
        | PipelineError::OtherSettings { .. } => Exit::Conflict,
        PipelineError::Bus(B::Damaged { .. } | B::StreamRewound { .. } | B::Decode(_))
        | PipelineError::Misplaced { .. }
        | PipelineError::BrokerRecordLost { .. }
        | PipelineError::Decode(_) => Exit::Integrity,
        PipelineError::Bus(B::Engine { source, .. }) => {
            let of_engine = source.downcast_ref::<EngineError>().map(EngineError::exit);
            let of_disk = || source.downcast_ref::<segment::SegmentError>().map(Exit::from);
            of_engine.or_else(of_disk).unwrap_or(Exit::Environment)
        }
        PipelineError::Journal(error) => error.into(),
        PipelineError::Broker(error) => error.into(),
        PipelineError::Control(error) => error.into(),
        PipelineError::Feed(error) => error.into(),
        PipelineError::Name(_) | PipelineError::Task(_) => Exit::Usage,
        _ => Exit::Environment,
    };
    Failure { exit, error: error.into() }
}

/// How a run ended, of either mode.
struct End {
    fold: Fold,
    records: u64,
    resumed_at: u64,
    /// The first entry of the log that was delivered again at the start, where one was.
    from: Option<u64>,
    stopped: bool,
    unread: Unread,
    torn: Option<String>,
    rate: u64,
    /// Tasks that other processes decide.
    elsewhere: Vec<Hosted>,
}

impl End {
    /// Words first, then the figures, the same ones whatever the mode.
    fn tell(&self, common: &Common, setting: &Setting) -> Exit {
        self.words();
        if common.json {
            let mut numbers = self.fold.numbers(self.records, self.rate);
            if !self.elsewhere.is_empty() {
                numbers["elsewhere"] = self.elsewhere.iter().map(hosted_json).collect();
            }
            output::json(&numbers);
        } else {
            super::state::print(&self.fold);
            output::line("");
            output::line(&self.fold.words(self.records));
            output::line(&format!("{} records/s; state {}", self.rate, self.fold.state_digest()));
            // The log says nothing of a latch that no halt set, nor that a resume was refused.
            if let Ok(LatchState::Halted { reason }) = HaltLatch::peek(&setting.dir.control()) {
                let reason = printable(&reason);
                output::line(&format!("TRADING IS HALTED by the latch, every account: {reason}"));
            }
            let data = setting.dir.root().display();
            output::line(&format!(
                "data in {data}; try `blotter state --data {data}`, `blotter tail --data {data}`, \
                 `blotter replay --agents --data {data}`"
            ));
        }
        if self.stopped {
            eprintln!(
                "stopped at record {}; run the same command again to go on from there",
                self.records
            );
            return Exit::Interrupted;
        }
        Exit::Ok
    }

    fn words(&self) {
        if let Some(torn) = &self.torn {
            eprintln!(
                "the last run ended inside a write: {torn} were cut off, nothing accepted is lost"
            );
        }
        match self.from {
            Some(from) => eprintln!(
                "went on at record {}, with the log delivered again from index {from}",
                self.resumed_at
            ),
            None if self.resumed_at > 0 => eprintln!("went on at record {}", self.resumed_at),
            None => {}
        }
        for Hosted { task, epoch, stands_still, .. } in &self.elsewhere {
            let still = if *stands_still { ", and stood still" } else { "" };
            eprintln!("{task} was decided by another process, under claim {epoch}{still}");
        }
        for refused in &self.unread.refused {
            eprintln!(
                "{} records of {} are quarantined as {}, the first is record {}: {}",
                refused.count,
                refused.path.display(),
                refused.reason,
                refused.first + 1,
                printable(&refused.detail)
            );
        }
        for (symbol, count) in &self.unread.undefined {
            eprintln!(
                "{count} records are of `{}`, which has no definition: add it to a file and give \
                 --instruments FILE (the shipped ones are an example: `blotter config instruments`)",
                printable(symbol)
            );
        }
    }
}

fn hosted_json(hosted: &Hosted) -> Value {
    json!({
        "task": hosted.task.as_str(),
        "claim": hosted.epoch,
        "stands_still": hosted.stands_still,
    })
}

/// Progress on a terminal; nothing elsewhere.
struct Meter {
    on: bool,
    shown: u64,
}

/// Records between two updates of the meter.
const METER_EVERY: u64 = 8192;

impl Meter {
    fn new() -> Self {
        Self { on: std::io::stderr().is_terminal(), shown: 0 }
    }

    fn show(&mut self, records: u64, time: Timestamp) {
        if self.on && records >= self.shown + METER_EVERY {
            self.shown = records;
            eprint!("\r{records} records, {time}");
            let _ = std::io::stderr().flush();
        }
    }

    fn finish(&self) {
        if self.on && self.shown > 0 {
            eprint!("\r{:60}\r", "");
        }
    }
}
