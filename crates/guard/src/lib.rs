//! Decisions about time, each a small state machine that is told what time it is.
//!
//! Nothing here reads a clock: `now` is an argument, the input's time in an agent and the driver's
//! in a supervisor, so the same calls give the same answers. It knows no bus, no broker and no
//! event's meaning.
//!
//! | decision | type | who asks |
//! |---|---|---|
//! | restart the task, or give up? | [`RestartIntensity`] | whoever supervises tasks |
//! | one more in this window? | [`RateWindow`] | the risk gate, the monitor |
//! | does this feed still parse? | [`Breaker`] | data quality |
//! | say it again? | [`Suppression`] | the monitor |
//! | which session is this? | [`Calendar`] | the session agent |
//!
//! Cost: every answer is amortised constant time; memory is bounded by the limits given.

#![no_std]
#![deny(clippy::float_arithmetic)]

extern crate alloc;

mod breaker;
mod calendar;
mod intensity;
mod rate;
mod suppression;

pub use breaker::{Breaker, BreakerState, BreakerStatus, Trip};
pub use calendar::{Calendar, Session};
pub use intensity::{RestartIntensity, Verdict};
pub use rate::RateWindow;
pub use suppression::{Muted, Raise, SUBJECTS_MAX, Suppression};

#[cfg(test)]
mod tests;
