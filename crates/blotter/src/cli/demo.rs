//! `demo`: a generated day with an incident in it, and what became of it.

use std::{fs, path::PathBuf};

use broker::{Action, Funding, Scripted};
use event::{Amount, Currency, InstrumentId, Quantity, SECOND_NS, choices::Side};
use feed::day::{Beats, Day};

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
    output::line(&format!(
        "\n{} records: {} stored, {} quarantined; {} orders, {} executions, {} open breaks; \
         {rate} records/s",
        end.records,
        end.records - end.fold.tape_quarantined,
        end.fold.tape_quarantined,
        end.fold.tally.kind(event::Kind::SubmitOrder),
        end.fold.tally.kind(event::Kind::OrderExecuted),
        end.fold.open_breaks(),
    ));
    let data = root.display();
    output::line(&format!("The data lies in {data}. Try:"));
    output::line(&format!("  blotter replay --agents --data {data}"));
    output::line(&format!("  blotter reconcile --data {data}"));
    output::line(&format!("  blotter tail --data {data}"));
    Ok(Exit::Ok)
}

/// Empties the demo's own subdirectory; nothing else is ever removed.
fn start_anew(root: &PathBuf) -> Result<(), Failure> {
    match fs::remove_dir_all(root) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::new(
            Exit::Environment,
            format!("E7701 {} cannot be started anew: {error}", root.display()),
        )),
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
