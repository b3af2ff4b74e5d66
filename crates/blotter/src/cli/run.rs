//! `run`: the whole pipeline on a tape.

use std::{
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
};

use event::Timestamp;
use feed::{FeedError, TapeReader};

use super::{args::Common, output, setting, setting::Setting};
use crate::{
    App,
    clock::{Stopwatch, wall_clock},
    data_dir::Binding,
    engine::Engine,
    exit::{Exit, Failure, OrExit as _},
    journal::Until,
    pipeline::{LiveEnd, LiveRun, PipelineError, TapeEnd, TapeRun, run_live, run_tape},
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
    let end = carry_out(app, &setting, input)?;
    summarise(common, &setting, &end, watch);
    if end.stopped {
        eprintln!(
            "stopped at record {}; run the same command again to go on from there",
            end.records
        );
        return Ok(Exit::Interrupted);
    }
    Ok(Exit::Ok)
}

/// Runs the same agents free, the tape at its own pace.
pub(super) fn live(
    app: &App,
    common: &Common,
    engine: Engine,
    input: &[PathBuf],
    speed: u32,
) -> Result<Exit, Failure> {
    let setting = Setting { engine, ..setting::read(common)? };
    let tape = bound_tape(&setting, input, "live")?;
    let agents = setup::agents(app, &setting.settings);
    let stop = signal::stop_flag().or_exit(Exit::Environment)?;
    let watch = Stopwatch::start();
    let run = LiveRun {
        engine: &setting.engine,
        dir: &setting.dir,
        settings: &setting.settings,
        instruments: &setting.instruments,
        agents: &agents,
        tape,
        wall_clock,
        speed,
        stop,
    };
    let LiveEnd { records, resumed_at, stopped } = run_live(run).map_err(failure)?;
    let rate = watch.rate(records - resumed_at);
    let folded = crate::history::fold(&setting.dir, Until::End)?;
    if common.json {
        output::json(&folded.fold.numbers(records, rate));
    } else {
        super::state::print(&folded.fold);
        output::line(&format!("\n{records} records, {rate} records/s"));
    }
    Ok(if stopped { Exit::Interrupted } else { Exit::Ok })
}

/// Opens the inputs and binds the directory to them.
fn bound_tape(setting: &Setting, input: &[PathBuf], mode: &str) -> Result<TapeReader, Failure> {
    let tape = TapeReader::open(input, &setting.instruments).map_err(unreadable)?;
    let inputs = tape.inputs().map(|(path, _, digest)| (digest, path.display().to_string()));
    let binding = Binding {
        config: setting.digest(),
        mode: mode.into(),
        inputs: inputs.collect(),
        bus: setting.engine.clone(),
    };
    setting.dir.make().or_exit(Exit::Environment)?;
    setting.dir.bind(&binding).or_exit(Exit::Conflict)?;
    let settings = setting.layers.to_text().or_exit(Exit::Usage)?;
    setting.dir.keep_settings(&settings).or_exit(Exit::Environment)?;
    Ok(tape)
}

/// Binds the directory and runs the tape in it.
pub(super) fn carry_out(
    app: &App,
    setting: &Setting,
    input: &[PathBuf],
) -> Result<TapeEnd, Failure> {
    let tape = bound_tape(setting, input, "tape")?;
    let stop = signal::stop_flag().or_exit(Exit::Environment)?;
    let agents = setup::agents(app, &setting.settings);
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
    let mut meter = Meter::new();
    let end = run_tape(run, |records, time| meter.show(records, time)).map_err(failure)?;
    meter.finish();
    Ok(end)
}

/// Gives a pipeline error its exit code.
pub(super) fn failure(error: PipelineError) -> Failure {
    use bus::BusError as B;
    let exit = match &error {
        PipelineError::Bus(B::SecondWriter { .. } | B::Conflict { .. }) => Exit::Conflict,
        PipelineError::Bus(B::Damaged { .. } | B::StreamRewound { .. } | B::Decode(_))
        | PipelineError::Misplaced { .. }
        | PipelineError::Decode(_) => Exit::Integrity,
        PipelineError::Bus(B::Engine { source, .. }) => {
            source.downcast_ref::<segment::SegmentError>().map_or(Exit::Environment, Exit::from)
        }
        PipelineError::Journal(error) => error.into(),
        PipelineError::Broker(error) => error.into(),
        PipelineError::Control(error) => error.into(),
        PipelineError::Feed(error) => of_feed(error),
        PipelineError::Name(_) | PipelineError::Task(_) => Exit::Usage,
        _ => Exit::Environment,
    };
    Failure { exit, error: error.into() }
}

/// An input that cannot be used.
fn unreadable(error: FeedError) -> Failure {
    Failure { exit: of_feed(&error), error: error.into() }
}

/// A file that is not there stands in the way; one that is no tape is a wrong argument.
const fn of_feed(error: &FeedError) -> Exit {
    match error {
        FeedError::Read { .. } => Exit::Environment,
        _ => Exit::Usage,
    }
}

fn summarise(common: &Common, setting: &Setting, end: &TapeEnd, watch: Stopwatch) {
    if let Some(torn) = &end.torn {
        eprintln!(
            "the last run ended inside a write: {torn} were cut off, nothing accepted is lost"
        );
    }
    if end.resumed_at > 0 {
        eprintln!(
            "went on at record {}, with the log delivered again from index {}",
            end.resumed_at, end.redelivered_from
        );
    }
    for (symbol, count) in &end.undefined {
        eprintln!(
            "{count} records are of `{symbol}`, which has no definition: add it to a file and give \
             --instruments FILE (the shipped ones are an example: `blotter config instruments`)"
        );
    }
    let rate = watch.rate(end.records - end.resumed_at);
    let numbers = end.fold.numbers(end.records, rate);
    if common.json {
        output::json(&numbers);
        return;
    }
    super::state::print(&end.fold);
    output::line(&format!(
        "\n{} records: {} stored, {} quarantined; {} orders, {} executions, {} open breaks",
        end.records,
        end.records - end.fold.tape_quarantined,
        end.fold.tape_quarantined,
        end.fold.tally.kind(event::Kind::SubmitOrder),
        end.fold.tally.kind(event::Kind::OrderExecuted),
        end.fold.open_breaks(),
    ));
    output::line(&format!("{rate} records/s; state {}", end.fold.state_digest()));
    let data = setting.dir.root().display();
    output::line(&format!(
        "data in {data}; try `blotter state --data {data}`, `blotter tail --data {data}`, \
         `blotter replay --agents --data {data}`"
    ));
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
