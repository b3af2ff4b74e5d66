//! What a run is made of: the shipped agents in the order events reach them, and the author's own.

use std::sync::Arc;

use agent::{
    Agent, monitor::Monitor, quality::Quality, risk::Risk, session::Session, strategy::Imbalance,
    trader::Trader,
};
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
    agents.extend(app.agents.iter().map(Arc::clone));
    push(&mut agents, settings, |s| Trader::new(s.trader()));
    push(&mut agents, settings, |s| Risk::new(s.risk()));
    push(&mut agents, settings, |s| Recon::new(s.recon()));
    push(&mut agents, settings, |s| Monitor::new(s.monitor()));
    agents
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
