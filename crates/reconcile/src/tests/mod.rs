//! The agent at its desk: a broker that knows the truth, and an agent that is told of some of it.

mod bookings;
mod comparison;
mod desk;
mod facts;
mod law;
mod life;
mod listing;
mod looks;
mod peers;
mod resume;
