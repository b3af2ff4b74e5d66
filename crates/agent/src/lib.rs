//! Agents: pure decision code, and the agents that ship.
//!
//! An agent sees events and emits events. It knows no clock (time is the input's `time`), no
//! randomness, no bus, no broker and no file, so it can be run again over the same inputs and must
//! decide the same. Bad input is answered by an event, never by an error.
//!
//! | shipped agent | one task per | decides |
//! |---|---|---|
//! | [`session::Session`] | system | which trading day it is |
//! | [`quality::Quality`] | system | whether market data can be taken at face value |
//! | [`strategy::Imbalance`] | system | which way a market leans |
//! | [`trader::Trader`] | account | which orders follow from signals |
//! | [`risk::Risk`] | account | which orders may be sent |
//! | [`monitor::Monitor`] | system | what people must know, and when trading stops |
//!
//! Enter at [`Agent`]; test an agent on a [`Probe`]; record why it decided with [`Evidence`].

#![no_std]
#![deny(clippy::float_arithmetic)]

extern crate alloc;

mod contract;
mod evidence;
#[cfg(test)]
mod evidence_tests;
mod executions;
pub mod monitor;
mod outbox;
mod probe;
#[cfg(test)]
mod probe_tests;
pub mod quality;
pub mod risk;
pub mod session;
pub mod state;
pub mod strategy;
#[cfg(test)]
mod testing;
pub mod trader;

use alloc::vec::Vec;

use event::{AccountId, Event, Kind, Label};
pub use evidence::{Evidence, Seen};
pub use outbox::{Emission, Outbox, TimerRequest};
pub use probe::Probe;

/// Which keys one task of an agent sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every key: one task for the whole system.
    All,
    /// One task per account: events whose body names this account, and events that name none.
    Account(AccountId),
}

/// Why a snapshot cannot be restored; the task is rebuilt from the log instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the snapshot is not one of this agent's version")]
pub struct RestoreError;

/// Decision code: one input at a time, in order.
///
/// ```
/// use agent::{Agent, Outbox, Scope};
/// use event::{Event, Kind, Label, Timestamp};
///
/// struct Counter { trades: u64 }
///
/// impl Agent for Counter {
///     fn name(&self) -> Label { Label::new("counter").unwrap() }
///     fn version(&self) -> Label { Label::new("1").unwrap() }
///     fn subscriptions(&self) -> &'static [Kind] { &[Kind::MarketTrade] }
///     fn scope(&self) -> Scope { Scope::All }
///     fn on_event(&mut self, _now: Timestamp, _event: &Event, _out: &mut Outbox) {
///         self.trades += 1;
///     }
/// }
/// ```
pub trait Agent: Send {
    /// The agent's name; with the scope it names the task: `risk/PAPER`.
    fn name(&self) -> Label;

    /// The version of its code. No part of any event's bytes or ids except `AgentStarted`.
    fn version(&self) -> Label;

    /// The kinds it wants. A task always gets its own `TimerFired`, without asking.
    fn subscriptions(&self) -> &'static [Kind];

    /// The keys it wants.
    fn scope(&self) -> Scope;

    /// Takes one input and says what follows from it.
    ///
    /// `now` is the task's logical time: the input's time, or the time before it when that is
    /// later. The same inputs in the same order must give the same outputs.
    fn on_event(&mut self, now: event::Timestamp, event: &Event, out: &mut Outbox);

    /// The state as bytes, for a disposable snapshot; `None` when it is rebuilt from the log.
    fn snapshot(&self) -> Option<Vec<u8>> {
        None
    }

    /// Takes back what [`Agent::snapshot`] gave.
    ///
    /// # Errors
    /// [`RestoreError`] when the bytes are not this version's; the state is then unspecified and
    /// the caller starts from a fresh agent.
    fn restore(&mut self, _snapshot: &[u8]) -> Result<(), RestoreError> {
        Err(RestoreError)
    }
}

/// A label written in this crate: text that is none becomes `-`.
fn label(text: &str) -> Label {
    Label::new(text).unwrap_or_else(|_| event::Key::system().label())
}
