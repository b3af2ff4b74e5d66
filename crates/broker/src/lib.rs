//! The trading broker: the port a gateway speaks through, and a paper broker behind it.
//!
//! Enter at [`Broker`] for the port, at [`PaperBroker`] for the broker that ships. It knows nothing
//! of the bus, of agents or of our books: a broker has books of its own, and that they may differ
//! from ours is the point.

mod error;
mod paper;
mod port;

pub use error::BrokerError;
pub use paper::{
    Action, BuyFee, Expiry, Faults, Funding, PaperBroker, PaperConfig, PaperPosition, Scripted,
};
pub use port::{Answer, Broker, CancelRequest, Fact, Moment, OrderRequest, ReplaceRequest, Report};
