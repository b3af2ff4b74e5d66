//! What a run is made of: the shipped agents in the order events reach them, and the author's own.

use std::sync::Arc;

use agent::{
    Agent, monitor::Monitor, quality::Quality, risk::Risk, session::Session, strategy::Imbalance,
    trader::Trader,
};
use event::books::LimitsLoaded;
use reconcile::Recon;
use worker::{Task, TaskError};

use crate::{
    app::{App, Factory},
    config::Settings,
};

/// Every agent of a run, in the order an event is delivered to them. The order is part of what makes
/// two runs equal, so it is fixed here and nowhere else.
pub(crate) fn agents(app: &App, settings: &Settings) -> Vec<Factory> {
    let mut agents = Vec::new();
    push(&mut agents, settings, |s| Quality::new(s.quality()));
    push(&mut agents, settings, |_| Session::new(agent::session::Config::default()));
    push(&mut agents, settings, |s| Imbalance::new(s.strategy()));
    agents.extend(app.agents.iter().map(|registered| Arc::clone(&registered.make)));
    push(&mut agents, settings, |s| Trader::new(s.trader()));
    push(&mut agents, settings, |s| Risk::new(s.risk()));
    push(&mut agents, settings, |s| Recon::new(s.recon()));
    push(&mut agents, settings, |s| Monitor::new(s.monitor()));
    agents
}

/// The agents of a run with one of them changed, and whether it is there at all.
pub(crate) struct Changed {
    /// All agents, the changed one in its place.
    pub(crate) agents: Vec<Factory>,
    /// The limits that the settings of the change load.
    pub(crate) limits: Option<LimitsLoaded>,
}

/// The settings an agent has, by the name its task has on the bus.
const SECTIONS: [(&str, &str); 6] = [
    ("quality", "quality"),
    ("imbalance", "strategy"),
    ("trader", "trader"),
    ("risk", "limits"),
    ("recon", "recon"),
    ("monitor", "monitor"),
];

/// The section of the settings that a shipped agent has; the section's own name does too.
pub(crate) fn section(agent: &str) -> Option<(&'static str, &'static str)> {
    SECTIONS.into_iter().find(|(name, section)| agent == *name || agent == *section)
}

/// The agents of a run with a shipped one under other settings.
pub(crate) fn with_settings(
    app: &App,
    settings: &Settings,
    agent: &str,
    changed: &Settings,
) -> Changed {
    let mut agents = agents(app, settings);
    for (slot, other) in agents.iter_mut().zip(self::agents(app, changed)) {
        if other().name().as_str() == agent {
            *slot = other;
        }
    }
    let limits = (agent == "risk").then(|| changed.limits_loaded());
    Changed { agents, limits }
}

/// The agents of a run with one of the author's own in another variant; `None` when there is no
/// such agent, with the variants it has when there is none of this name.
pub(crate) fn with_variant(
    app: &App,
    settings: &Settings,
    agent: &str,
    variant: &str,
) -> Option<Result<Changed, Vec<String>>> {
    let named = |make: &Factory| make().name().as_str() == agent;
    let registered = app.agents.iter().find(|registered| named(&registered.make))?;
    let known = registered.variants.iter().find(|(name, _)| name == variant);
    let Some((_, other)) = known else {
        return Some(Err(registered.variants.iter().map(|(name, _)| name.clone()).collect()));
    };
    let mut agents = agents(app, settings);
    for slot in agents.iter_mut().filter(|make| named(make)) {
        *slot = Arc::clone(other);
    }
    Some(Ok(Changed { agents, limits: None }))
}

/// A fresh task of every agent.
///
/// # Errors
/// [`TaskError`] when an agent's name and scope make no source.
pub(crate) fn tasks(agents: &[Factory]) -> Result<Vec<Task>, TaskError> {
    agents.iter().map(|make| Task::new(make())).collect()
}

fn push<A: Agent + 'static>(
    agents: &mut Vec<Factory>,
    settings: &Settings,
    make: impl Fn(&Settings) -> A + Send + Sync + 'static,
) {
    let settings = settings.clone();
    agents.push(Arc::new(move || Box::new(make(&settings))));
}
