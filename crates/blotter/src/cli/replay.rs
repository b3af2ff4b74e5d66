//! `replay`: the journal folded again, and every agent run again.

use std::collections::BTreeMap;

use event::{Event, Source};
use replay::{Divergence, Rerun};
use serde_json::json;

use super::{
    args::Common,
    output, setting,
    state::{fold, print},
};
use crate::{
    App,
    clock::{Stopwatch, wall_clock},
    exit::{Exit, Failure, OrExit as _},
    journal::{self, Item, Until},
    query::summary,
    setup,
};

/// Rebuilds state from the journal; runs agents again when asked.
pub(super) fn replay(
    app: &App,
    common: &Common,
    as_of: Option<&str>,
    agents: bool,
) -> Result<Exit, Failure> {
    let until = Until::parse(as_of)?;
    let setting = setting::read(common)?;
    let watch = Stopwatch::start();
    let folded = fold(&setting.dir, until)?;
    let rate = watch.rate(folded.fold.tally.total());
    let mut numbers = folded.fold.numbers(folded.records, rate);
    let mut exit = Exit::Ok;
    if agents {
        match run_again(app, &setting, until)? {
            Ok(tally) => {
                numbers["agents"] = json!({ "compared": tally.compared, "delivered": tally.delivered, "equal": true });
            }
            Err(divergence) => {
                numbers["agents"] = json!({
                    "equal": false,
                    "task": divergence.task.as_str(),
                    "source_seq": divergence.source_seq,
                    "index": divergence.index,
                    "trace": divergence.trace.to_string(),
                });
                tell(&divergence);
                exit = Exit::CheckFailed;
            }
        }
    }
    if common.json {
        output::json(&numbers);
        return Ok(exit);
    }
    print(&folded.fold);
    output::line(&format!(
        "\n{} events from the journal, {rate} events/s; state {}, log {}",
        folded.fold.tally.total(),
        folded.fold.state_digest(),
        folded.fold.log.digest()
    ));
    if let Some(compared) = numbers["agents"]["compared"].as_u64() {
        output::line(&format!(
            "every agent run again: {compared} events compared, all of them byte for byte equal"
        ));
    }
    Ok(exit)
}

/// Runs every agent again over what it had consumed.
fn run_again(
    app: &App,
    setting: &setting::Setting,
    until: Until,
) -> Result<Result<replay::Tally, Box<Divergence>>, Failure> {
    let tasks = setup::tasks(&setup::agents(app, &setting.settings)).or_exit(Exit::Usage)?;
    let mut rerun = Rerun::new(tasks);
    let mut consumed: BTreeMap<Source, u64> = BTreeMap::new();
    let mut diverged = None;
    let mut reader = journal::open(&setting.dir, wall_clock)?;
    journal::walk(&mut reader, 0, until, |item| {
        match item {
            Item::Event { index, event, bytes } if diverged.is_none() => {
                diverged = rerun.event(index, bytes, &event).err();
            }
            Item::Progress { progress, .. } => {
                if let Some(through) = progress.through() {
                    let _ = consumed.insert(progress.source, through);
                }
            }
            Item::Event { .. } => {}
        }
        Ok(())
    })?;
    if let Some(divergence) = diverged {
        return Ok(Err(divergence));
    }
    // A cut may fall between a unit's events and its progress record: what lies beyond the last
    // progress record is not held against the agents.
    Ok(rerun.finish(&consumed))
}

fn tell(divergence: &Divergence) {
    let side = |event: &Option<Box<Event>>| {
        event.as_ref().map_or_else(
            || "nothing".to_owned(),
            |event| format!("{} {}", event.body.kind().as_str(), summary(event)),
        )
    };
    eprintln!("{divergence}");
    eprintln!("  recorded: {}", side(&divergence.recorded));
    eprintln!("  run again: {}", side(&divergence.reran));
    eprintln!("  next: blotter trace {}", divergence.trace);
}
