//! The loop as a state machine: an input, then its effects. The file to read first is `task.rs`.
//!
//! A [`Task`] is one agent over one scope: it has the agent's state, a source name, a gap-free
//! source sequence and a logical clock. [`Task::step`] takes one event and returns what must become
//! durable together. Nothing here reads a clock, a bus or a file; a driver does, and a simulator
//! drives the very same code.
//!
//! [`Seat`] is a task that runs free: it waits until a step is durable, keeps the task's timers, and
//! knows where a restart goes on. [`Numbering`] mints what enters from outside.
//!
//! [`Watch`] says of a task that another process drives what it owes the log, and for how long.
//! [`Standby`] is a seat that follows such a task and takes it over.
//!
//! [`Fences`] knows where the code of a task changed, so that what one version decided is never decided
//! again by the next.
//!
//! [`Schedule`] orders deliveries: every task sees every event in log order, and what one event
//! causes is delivered before the next root.
//!
//! Cost: an event nobody subscribed to costs one bit test per task.

#![no_std]
#![deny(clippy::float_arithmetic)]

extern crate alloc;

mod fence;
mod numbering;
mod schedule;
mod seat;
mod standby;
mod task;
mod timers;
mod watch;

#[cfg(test)]
mod entry_tests;
#[cfg(test)]
mod fence_tests;
#[cfg(test)]
mod seat_tests;
#[cfg(test)]
mod standby_tests;
#[cfg(test)]
mod tests;

pub use fence::{Fence, Fences};
pub use numbering::{FilePlace, Numbering, RootParts};
pub use schedule::{Delivery, Schedule};
pub use seat::{Failed, Seat, Step};
pub use standby::Standby;
pub use task::{Effects, Task, TaskError, root_event};
pub use timers::{PendingTimer, Timers, timer_event, timer_source};
pub use watch::{Debt, Owed, Watch};
