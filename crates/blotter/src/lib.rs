//! Event-sourced message bus for trading agents: the assembly.
//!
//! An agent author depends on this crate alone: implement [`Agent`], hand it to [`App::agent`], call
//! [`App::main`]. What ships as the `blotter` binary is the same with no agent added.
//!
//! Enter at `pipeline` for the path of one event, at `cli` for the commands.

mod app;
mod cli;
mod clock;
mod comparison;
mod config;
mod control;
mod copy;
mod data_dir;
mod engine;
mod exit;
#[cfg(test)]
mod fuzz;
mod history;
mod journal;
mod pipeline;
mod query;
mod rerun;
mod setup;
mod signal;
mod streams;

pub use agent::{Agent, Outbox, Scope};
pub use app::App;
pub use event;
