//! The agent at its desk: a broker that knows the truth, and an agent that is told of some of it.

mod comparison;
mod desk;
mod facts;
mod law;
mod life;
mod peers;
mod resume;
