//! The bus contract: what every engine promises, in the types of one conversation.
//!
//! An engine accepts [`Unit`]s, each atomic, and answers with [`Position`]s that mean durable.
//! Readers walk [`Entry`]s in the order of acceptance. There is no nak: a redelivery would break
//! the order of a key, and a rejection is an output of the unit that rejects.
//!
//! The bus knows events as bytes and an envelope. It knows nothing of what a body means, of agents,
//! or of brokers. Enter at [`Bus`].

mod contract;
mod error;
mod memory;
mod position;
mod progress;
mod record;
mod sequencer;
mod sources;
mod topology;
mod unit;

pub use contract::{Bus, Head};
pub use error::{BusError, ErrorClass};
pub use memory::MemoryBus;
pub use position::{Cut, Position};
pub use progress::{Progress, Run};
pub use record::{Delivered, Entry, Header, Record};
pub use sequencer::{Placement, Sequencer};
pub use sources::{Offer, Sources};
pub use topology::{Class, StreamSpec, Topology, partition_of};
pub use unit::{TimerRequested, Unit};

/// A stream: one per family of events.
pub type Stream = event::Family;
