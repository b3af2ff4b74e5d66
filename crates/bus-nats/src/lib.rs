//! The engine over NATS JetStream.
//!
//! One stream holds everything in the total order: an entry's index is its sequence there, less
//! one. Nothing can be removed from it, so indexes have no gaps. A unit is one atomic batch, fenced
//! by what its writer believes the stream, or its own source, to end with; whoever is mistaken is
//! refused, and an answer that was lost is looked up byte for byte before anything is sent again.
//! Nothing is reported accepted that the server has not acknowledged.
//!
//! Enter at [`NatsBus`]; [`Options`] says how to reach a server. The file to read first is
//! `batch.rs`. This crate knows no other engine, and no body of an event.
//!
//! Cost: one round trip and one batch per call of commit, shared by the calls that wait; a read is a
//! round trip per thousand entries.

pub mod acl;
mod advisory;
mod answer;
mod batch;
mod class;
mod engine;
mod error;
mod feed;
mod fetch;
mod finder;
mod granted;
mod handle;
mod link;
mod message;
mod options;
mod reader;
mod rebuild;
mod stream;
mod subject;
mod tail;
mod writer;

pub use advisory::{Advisories, Advisory, Happened};
pub use engine::NatsBus;
pub use error::NatsError;
pub use granted::Granted;
pub use handle::NatsHandle;
pub use options::{Identity, Options, PREFIX, Tls, Writers};
