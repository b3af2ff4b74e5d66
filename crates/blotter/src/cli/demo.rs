//! `demo`: a generated day with an incident in it, and what became of it.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use broker::{Action, Funding, Scripted};
use event::{Amount, Currency, InstrumentId, Quantity, SECOND_NS, choices::Side};
use feed::day::{Beats, Day};
use segment::{Disk as _, RealDisk};

use super::{args::Common, output, run, setting};
use crate::{
    App,
    clock::{Stopwatch, wall_clock},
    config::{Origin, Settings},
    data_dir::DataDir,
    engine::Engine,
    exit::{Exit, Failure, OrExit as _},
    journal::{self, Item, Until},
    query::Story,
};

/// Generates the day anew, runs it, and tells its story.
pub(super) fn demo(app: &App, common: &Common, engine: Engine, seed: u64) -> Result<Exit, Failure> {
    let mut setting = setting::read(common)?;
    let root = common.data.join("demo");
    let _held = hold(&common.data)?;
    start_anew(&root)?;
    setting.dir = DataDir::new(&root);
    setting.engine = engine;
    let day = Day { seed, ..Day::default() };
    eprintln!("generating eight hours of three markets (seed {seed}) ...");
    let plan = day.write(&root.join("tape")).or_exit(Exit::Environment)?;
    script(&mut setting, &plan.beats).or_exit(Exit::Environment)?;
    let watch = Stopwatch::start();
    let end = run::carry_out(app, &setting, &plan.tapes)?;
    let rate = watch.rate(end.records);
    let numbers = end.fold.numbers(end.records, rate);
    if common.json {
        output::json(&numbers);
        return Ok(Exit::Ok);
    }
    let mut story = Story::default();
    let mut reader = journal::open(&setting.dir, wall_clock)?;
    journal::walk(&mut reader, 0, Until::End, |item| {
        if let Item::Event { event, .. } = item {
            story.add(&event);
        }
        Ok(())
    })?;
    output::line("A synthetic day: generated prices, a paper broker, no money.\n");
    story.lines().iter().for_each(|line| output::line(line));
    output::line("");
    super::state::print(&end.fold);
    output::line("\nProfit and loss (synthetic)");
    super::state::print_profit(&end.fold);
    output::line("");
    output::line(&format!("{}; {rate} records/s", end.fold.words(end.records)));
    let data = root.display();
    output::line(&format!("The data lies in {data}. Try:"));
    output::line(&format!("  blotter replay --agents --data {data}"));
    output::line(&format!("  blotter reconcile --data {data}"));
    output::line(&format!("  blotter tail --data {data}"));
    Ok(Exit::Ok)
}

/// Holds the folder against another demo, for as long as the handle is kept: both would start anew.
fn hold(data: &Path) -> Result<fs::File, Failure> {
    fs::create_dir_all(data).map_err(|error| unusable(data, &error))?;
    let folder = fs::File::open(data).map_err(|error| unusable(data, &error))?;
    match folder.try_lock() {
        Ok(()) => Ok(folder),
        Err(fs::TryLockError::WouldBlock) => Err(in_use(&data.join("demo"))),
        Err(fs::TryLockError::Error(error)) => Err(unusable(data, &error)),
    }
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    let words = format!("E7701 {} cannot be started anew: {error}", path.display());
    Failure::new(Exit::Environment, words)
}

fn in_use(root: &Path) -> Failure {
    Failure::new(
        Exit::Conflict,
        format!(
            "E7702 {} is in use, and a demo would start it anew; let that one end, or give another --data",
            root.display()
        ),
    )
}

/// Whether somebody writes the log or the journal in `dir`.
fn is_written(dir: &Path) -> bool {
    let lock = dir.join("lock");
    let locked = || RealDisk.lock(&lock).is_err_and(|e| e.kind() == ErrorKind::WouldBlock);
    lock.exists() && locked()
}

/// Empties the demo's own subdirectory, unless a run is at work there; nothing else is ever removed.
fn start_anew(root: &PathBuf) -> Result<(), Failure> {
    let dir = DataDir::new(root);
    if is_written(&dir.log()) || is_written(&dir.journal()) {
        return Err(in_use(root));
    }
    match fs::remove_dir_all(root) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(unusable(root, &error)),
    }
}

/// What goes wrong at the broker, and when.
fn script(setting: &mut setting::Setting, beats: &Beats) -> anyhow::Result<()> {
    let script = vec![
        Scripted { at: beats.response_lost, action: Action::LoseResponse },
        Scripted {
            at: beats.manual_trade,
            action: Action::ManualTrade {
                instrument: InstrumentId::new("BINANCE-USDM:BTCUSDT")?,
                side: Side::Sell,
                quantity: Quantity::parse("0.05")?,
            },
        },
        Scripted {
            at: beats.late_fee,
            action: Action::LateFee {
                currency: Currency::new("USDT")?,
                amount: Amount::parse("7.5")?,
                delay_ns: 20 * 60 * SECOND_NS,
            },
        },
    ];
    let funding = Funding { interval_ns: 3_600 * SECOND_NS, rate_ppm: 100 };
    let mut set = |name: &str, value| setting.layers.set(name, value, Origin::Demo);
    set("paper.script", toml::Value::try_from(script)?);
    set("paper.funding", toml::Value::try_from(funding)?);
    setting.settings = Settings::of(&setting.layers)?;
    Ok(())
}
