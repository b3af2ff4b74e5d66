//! One seed drives what ships through everything that can go wrong.
//!
//! Tasks ([`worker::Seat`]), the gateway ([`gateway::Desk`]), the agents, the folds, reconciliation,
//! the journal and the encoding are the code that ships. Bus medium, disk, clock, the way to the bus
//! and the broker are simulated, and everything happens on one thread, in an order that a seed draws.
//! The paper broker's own ledger is the oracle of the books.
//!
//! | file | what it holds |
//! |---|---|
//! | `plan` | what a seed stands for |
//! | `fault` | what can go wrong, and how often |
//! | `world` | the parts of a run and its one scheduler |
//! | `act` | whose turn it is to do what; `seats`, `desks`, `entry` what that is |
//! | `mail` | units and answers on their way, and the log as it grows |
//! | `life` | how parts begin from the log, and how they end |
//! | `strike` | what goes wrong as time passes |
//! | `medium` | the engine |
//! | `oracle` | holds every entry of the log against the invariants |
//! | `sums` | positions and alerts counted again, plainly |
//! | `rest` | what must hold after a restart and once all is at rest |
//! | `again` | tasks and books made again from the log |
//! | `upgrade`, `shelf` | other builds of an agent; snapshots of tasks |
//! | `cast`, `rival` | who takes part |
//! | `defence` | defences that are switched off to see that their absence is seen |
//!
//! Enter at [`run`]. It knows no real clock, no thread and no file.

mod act;
mod again;
mod aim;
mod cast;
mod chance;
mod coverage;
mod defence;
mod desks;
mod entry;
mod fault;
mod invariant;
mod life;
mod mail;
mod medium;
mod oracle;
mod part;
mod plan;
mod rest;
mod rival;
mod seats;
mod shelf;
mod shrink;
mod strike;
mod sums;
mod tape;
#[cfg(test)]
mod tests;
mod told;
mod trace;
mod upgrade;
mod venue;
mod world;

pub use chance::Chance;
pub use coverage::Coverage;
pub use defence::Defence;
pub use fault::{Fault, Rates};
pub use invariant::{Invariant, Violation};
pub use medium::EngineKind;
pub use part::{Effect, PartKind};
pub use plan::Plan;
pub use shrink::shrink;
pub use trace::{Trace, Words};

/// What a run left.
#[derive(Debug)]
pub struct Ran {
    /// Everything that happened.
    pub trace: Trace,
    /// Events handed to a part.
    pub deliveries: u64,
    /// Events in the log.
    pub events: u64,
    /// Orders approved.
    pub orders: u64,
    /// Executions booked.
    pub executions: u64,
    /// What went wrong, and how often.
    pub faults: Vec<(Fault, u64)>,
    /// Between which effects parts died.
    pub coverage: Coverage,
    /// What did not hold, if anything.
    pub violation: Option<Violation>,
}

/// Runs a plan to its end, or to the first thing that does not hold.
#[must_use]
pub fn run(plan: Plan, words: Words) -> Ran {
    let mut world = match world::World::new(plan, words) {
        Ok(world) => world,
        Err(violation) => return Ran::failed(violation),
    };
    let violation = world.run().err();
    let count = |fault| (fault, world.happened(fault));
    Ran {
        deliveries: world.deliveries,
        events: world.oracle.events,
        orders: world.oracle.orders.len() as u64,
        executions: world
            .oracle
            .books
            .accounts()
            .map(|account| account.executions().len() as u64)
            .sum(),
        faults: Fault::ALL.into_iter().map(count).collect(),
        coverage: world.coverage,
        trace: world.trace,
        violation,
    }
}

impl Ran {
    fn failed(violation: Violation) -> Self {
        Self {
            trace: Trace::default(),
            deliveries: 0,
            events: 0,
            orders: 0,
            executions: 0,
            faults: Vec::new(),
            coverage: Coverage::default(),
            violation: Some(violation),
        }
    }
}
