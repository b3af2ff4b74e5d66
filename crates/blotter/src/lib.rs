//! Event-sourced message bus for trading agents: the assembly.
pub mod control;
pub mod query;
mod config;
mod exit;
