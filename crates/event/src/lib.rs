//! The vocabulary: what an event is, what money is, and how both are written down.
//!
//! Everything else in the workspace speaks in these types. This crate knows no clock, no
//! randomness, no input or output, no bus and no broker; it is `no_std`, and holds no float.
//!
//! Enter at [`Event`]; then [`Body`] for the kinds, [`mod@money`] for numbers, [`mod@id`] for how
//! identities are minted, [`mod@wire`] for bytes and JSON.
//!
//! An event's bytes are a pure function of what made it: nothing in them depends on a run, a host,
//! a process or a wall clock, so an event minted again after a crash has the same bytes.
//!
//! Cost: encoding a trade is one allocation; decoding one allocates only for free text.

#![no_std]
#![deny(clippy::float_arithmetic)]

extern crate alloc;

pub mod body;
mod decimal;
mod envelope;
pub mod id;
mod label;
pub mod money;
mod time;
pub mod wire;

pub use body::{Body, Family, Kind, books, choices, market, operations, trading};
pub use envelope::{Basis, Envelope, Event, InputCut, Observed};
pub use id::{BreakId, Digest, EventId, IdError, OrderId, TraceId};
pub use label::{
    AccountId, Currency, InstrumentId, Key, LABEL_BYTES_MAX, Label, LabelError, LimitSetId, Source,
};
pub use money::{Amount, MoneyError, Price, Quantity};
pub use time::{DAY_NS, SECOND_NS, Timestamp, TimestampError};
pub use wire::DecodeError;
