//! The journal run again: every agent decides once more on what it had consumed, and every byte it
//! emits is held against what was recorded.
//!
//! Every task consumes in log order, in a deterministic run and in a free-running one alike, so one
//! pass over the journal is enough: an event is first compared with what its task minted when its
//! cause went by, then delivered to the tasks that want it.
//!
//! Enter at [`Rerun`].

mod rerun;

#[cfg(test)]
mod tests;

pub use rerun::{Divergence, Rerun, Tally};
