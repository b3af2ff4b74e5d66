//! `replay`: the journal folded again, and every agent run again.

use event::Event;
use replay::Divergence;
use serde_json::{Value, json};

use super::{
    args::Common,
    output, setting,
    state::{print, tell_end},
};
use crate::{
    App,
    clock::Stopwatch,
    exit::{Exit, Failure},
    history,
    journal::Until,
    query::{FieldDifference, field_differences, summary},
    rerun, setup,
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
        match rerun::run_again(&setting.dir, &setup::agents(app, &setting.settings), until)? {
            Ok(tally) => {
                numbers["agents"] = json!({
                    "compared": tally.compared,
                    "delivered": tally.delivered,
                    "earlier": tally.earlier,
                    "equal": true,
                });
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
        if let Some(earlier @ 1..) = numbers["agents"]["earlier"].as_u64() {
            output::line(&format!(
                "{earlier} events of earlier versions or settings of an agent were not compared"
            ));
        }
    }
    Ok(exit)
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
