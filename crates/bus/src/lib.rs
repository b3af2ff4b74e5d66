//! The bus contract: what every engine promises, in the types of one conversation.
//!
//! An engine accepts [`Unit`]s, each atomic, and answers with [`Position`]s that mean durable.
//! Readers walk [`Entry`]s in the order of acceptance. There is no nak: a redelivery would break
//! the order of a key, and a rejection is an output of the unit that rejects.
//!
//! The bus knows events as bytes and an envelope. It knows nothing of what a body means, of agents,
//! or of brokers. Enter at [`Bus`]; what it promises is [`conformance`], clause by clause, and
//! [`MemoryBus`] is the contract without a medium, behaving as one of three real engines does.
//!
//! Cost: admitting a record compares its source's sequence and looks into one slot of a table.

mod contract;
mod error;
mod foreign;
mod ledger;
mod memory;
mod position;
mod progress;
mod record;
mod sequencer;
mod shared;
mod topology;
mod unit;

pub mod conformance;

#[cfg(test)]
mod tests;

pub use contract::{Bus, Head, Reader};
pub use error::{BusError, ErrorClass};
pub use foreign::Foreign;
pub use ledger::{Admission, Ledger, Savepoint, Stored, publish_roots};
pub use memory::{MemoryBus, Personality};
pub use position::{Cut, Position};
pub use progress::{Progress, Run};
pub use record::{Delivered, Entry, Header, Record};
pub use sequencer::{Placement, Sequencer};
pub use shared::{Answer, Commits, SharedWriter};
pub use topology::{Class, Drift, StreamSpec, Topology, partition_of};
pub use unit::{TimerRequested, Unit};

/// A stream: one per family of events.
pub type Stream = event::Family;
