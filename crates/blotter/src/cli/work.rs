//! `work`: agents of a live run, in a process of their own.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bus::Drift;
use serde_json::json;

use super::{args::Common, output, run::failure, setting};
use crate::{
    App,
    app::Factory,
    clock::wall_clock,
    config::Settings,
    engine::{Engine, EngineError, Role},
    exit::{Exit, Failure, OrExit as _},
    pipeline::{StandsBy, Told, Work},
    setup, signal,
};

/// Between two looks for a bus that the run has yet to make.
const LOOK: Duration = Duration::from_millis(200);

/// Whom a standby follows.
pub(super) struct Follows<'a> {
    /// The worker's name.
    pub(super) name: &'a str,
    /// Seconds for which a task of it may stand still.
    pub(super) patience: u32,
}

/// Hosts tasks until it is stopped, or others have taken all of them over.
pub(super) fn work(
    app: &App,
    common: &Common,
    engine: &Engine,
    name: &str,
    tasks: &[String],
    follows: Option<Follows<'_>>,
) -> Result<Exit, Failure> {
    let setting = setting::read(common)?;
    let (agents, _) = split(app, &setting.settings, tasks)?;
    if *engine == Engine::Embedded {
        return Err(Failure { exit: Exit::Usage, error: EngineError::NoServer.into() });
    }
    let stop = signal::stop_flag().or_exit(Exit::Environment)?;
    let is_stopped = || stop.load(std::sync::atomic::Ordering::Acquire);
    let mut is_told = false;
    while !is_stopped() && is_missing(engine)? {
        if !is_told {
            eprintln!("there is no run on {engine} yet; waiting for it");
            is_told = true;
        }
        std::thread::park_timeout(LOOK);
    }
    if is_stopped() {
        return Ok(Exit::Interrupted);
    }
    let failed = |error: bus::BusError| failure(error.into());
    let bus = engine.connect(Role::Worker(name), wall_clock).map_err(failed)?;
    let work = Work {
        bus,
        agents: &agents,
        config: setting.settings.digest,
        standby: follows.map(|follows| stands_by(engine, &follows)),
        stop,
        tell: if common.json { tell_json } else { tell },
    };
    crate::pipeline::work(work).map_err(failure)?;
    Ok(Exit::Interrupted)
}

/// How a standby takes over from the worker that it follows.
fn stands_by(engine: &Engine, follows: &Follows<'_>) -> StandsBy {
    let (engine, name) = (engine.clone(), follows.name.to_owned());
    let fence = move || {
        if let Err(error) = engine.fence(Role::Worker(&name)) {
            // The claim that waits for it says what became of it.
            eprintln!("{error}");
        }
    };
    let patience = Duration::from_secs(follows.patience.into());
    StandsBy { patience, fence: Arc::new(fence) }
}

/// Whether the run has not made its bus yet; a worker makes none.
fn is_missing(engine: &Engine) -> Result<bool, Failure> {
    let drift = engine.plan().map_err(|error| failure(error.into()))?;
    Ok(!drift.is_empty() && drift.iter().all(Drift::is_missing))
}

/// The agents that `names` name, and the others. A shipped one goes by the name of its task or of the
/// section of its settings.
pub(super) fn split(
    app: &App,
    settings: &Settings,
    names: &[String],
) -> Result<(Vec<Factory>, Vec<Factory>), Failure> {
    let named: BTreeSet<&str> = names
        .iter()
        .map(|name| setup::section(name).map_or(name.as_str(), |(agent, _)| agent))
        .collect();
    let agents = setup::agents(app, settings);
    let known: Vec<String> = agents.iter().map(|make| make().name().to_string()).collect();
    if let Some(unknown) = named.iter().find(|name| known.iter().all(|known| known != *name)) {
        let known = known.join(", ");
        let words = format!("E7410 no agent is called `{unknown}`; there are {known}");
        return Err(Failure::new(Exit::Usage, words));
    }
    Ok(agents.into_iter().partition(|make| named.contains(make().name().as_str())))
}

/// The monitor halts trading and lets it go on, so it lives where the latch does.
pub(super) fn must_keep_monitor(elsewhere: &[Factory]) -> Result<(), Failure> {
    if elsewhere.iter().any(|make| make().name().as_str() == "monitor") {
        let words =
            "E7411 the monitor lives in the process that has the latch; leave it out of --without";
        return Err(Failure::new(Exit::Usage, words));
    }
    Ok(())
}

/// What whoever watches a worker, or a run with workers, must see when it happens.
pub(super) fn tell(told: Told<'_>) {
    match told {
        Told::Holds(task, claim) => eprintln!("{task} is decided here, under claim {claim}"),
        Told::StandsBy(task) => {
            eprintln!("{task} is followed, to be taken over when it stands still")
        }
        Told::TakesOver(task, owes) => eprintln!("{task} stands still and is taken over: {owes}"),
        Told::Elsewhere(task, claim) => {
            eprintln!("{task} is decided by another process, under claim {claim}");
        }
        Told::StandsStill(task, owes) => {
            eprintln!("{task} stands still in its process, and trading is halted: {owes}");
        }
        Told::Lost(task, why) => eprintln!("{task} is decided here no more: {why}"),
        Told::Event(_) | Told::Halted(_) | Told::Released => {}
    }
}

/// The same for machines, one line each.
fn tell_json(told: Told<'_>) {
    let (word, task, more) = match &told {
        Told::Holds(task, claim) => ("holds", task, json!({ "claim": claim })),
        Told::StandsBy(task) => ("stands_by", task, json!({})),
        Told::TakesOver(task, owes) => ("takes_over", task, json!({ "owes": owes })),
        Told::Lost(task, why) => ("lost", task, json!({ "why": why.to_string() })),
        _ => return,
    };
    let mut line = json!({ "task": task.as_str(), "told": word });
    if let (Some(line), Some(more)) = (line.as_object_mut(), more.as_object()) {
        line.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    output::json(&line);
}
