//! The fold against what it promises.

mod corrections;
mod fuzz;
mod journal;
mod laws;
mod lifecycle;
mod model;
mod money;
mod orders;
mod state;
