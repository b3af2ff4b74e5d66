//! What the benches share: samples, a bare file to compare with, and ratios.
//!
//! A figure of one machine says little; a ratio to the least that could do the same, measured in
//! the same run by turns, says what the promises cost. Each bench prints one JSON line per baseline.

mod bare;
mod day;
mod map;
mod ratio;
mod sample;

pub use bare::{BareFile, FRAME_BYTES};
pub use day::{EVENTS_PER_ORDER, trading_day};
pub use map::scan_map;
pub use ratio::{Better, median, report, stopwatch};
pub use sample::{BODY_BYTES, open_log, ticks};
