//! `replay`: the journal folded again, and every agent run again.

use std::collections::BTreeMap;

use event::{Event, Source};
use replay::{Divergence, Rerun};
use serde_json::{Value, json};

use super::{
    args::Common,
    output, setting,
    state::{print, tell_end},
};
use crate::{
    App,
    clock::{Stopwatch, wall_clock},
    exit::{Exit, Failure, OrExit as _},
    history,
    journal::{self, Item, Until},
    query::{FieldDifference, field_differences, summary},
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
    let setting = setting::of_directory(common)?;
    let watch = Stopwatch::start();
    let folded = match until {
        // What the whole journal adds up to is added up, whatever snapshots say.
        Until::End => history::rebuild(&setting.dir, until)?,
        Until::Index(_) | Until::Time(_) => history::fold(&setting.dir, until)?,
    };
    tell_end(&setting.dir, until, &folded);
    let rate = watch.rate(folded.entries);
    let mut numbers = folded.fold.numbers(folded.records, rate);
    numbers["folded"] = json!(folded.entries);
    let mut exit = Exit::Ok;
    if agents {
        match run_again(app, &setting, until)? {
            Ok(tally) => {
                numbers["agents"] = json!({ "compared": tally.compared, "delivered": tally.delivered, "equal": true });
            }
            Err(divergence) => {
                numbers["agents"] = divergence_json(&divergence);
                tell(&divergence, common);
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
        "\n{} events, {} entries of the journal folded for it, {rate} entries/s; state {}, log {}",
        folded.fold.tally.total(),
        folded.entries,
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
            Item::Event { index, event, bytes, .. } if diverged.is_none() => {
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

/// Names the first difference: both sides, the fields they differ in, and the trace.
fn tell(divergence: &Divergence, common: &Common) {
    let side = |event: &Option<Box<Event>>| {
        event.as_ref().map_or_else(
            || "nothing".to_owned(),
            |event| format!("{} {}", event.body.kind().as_str(), summary(event)),
        )
    };
    eprintln!("{divergence}");
    eprintln!("  recorded:  {}", side(&divergence.recorded));
    eprintln!("  run again: {}", side(&divergence.reran));
    for FieldDifference { field, one, other } in fields(divergence) {
        let words = |side: Option<String>| side.unwrap_or_else(|| "nothing".into());
        eprintln!("    {field}: recorded {}, run again {}", words(one), words(other));
    }
    let data = common.data.display();
    eprintln!("  next: blotter trace {} --data {data}", divergence.trace);
}

/// The same for machines.
fn divergence_json(divergence: &Divergence) -> Value {
    let side = |event: &Option<Box<Event>>| event.as_deref().map(event::wire::event_to_json);
    let fields = fields(divergence).into_iter().map(|FieldDifference { field, one, other }| {
        json!({ "field": field, "recorded": one, "run_again": other })
    });
    json!({
        "equal": false,
        "task": divergence.task.as_str(),
        "source_seq": divergence.source_seq,
        "index": divergence.index,
        "trace": divergence.trace.to_string(),
        "recorded": side(&divergence.recorded),
        "run_again": side(&divergence.reran),
        "fields": fields.collect::<Vec<_>>(),
    })
}

fn fields(divergence: &Divergence) -> Vec<FieldDifference> {
    match (&divergence.recorded, &divergence.reran) {
        (Some(recorded), Some(reran)) => field_differences(recorded, reran),
        _ => Vec::new(),
    }
}
