//! The fold against what it promises.

mod corrections;
mod first_seen;
mod fuzz;
mod journal;
mod laws;
mod lifecycle;
mod model;
mod money;
mod orders;
mod postings;
mod state;
mod told;
