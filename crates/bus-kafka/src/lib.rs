//! The engine over Kafka: a topic per stream holds the events, one topic of one partition holds the
//! total order, and a transaction makes a unit visible in both at once.
//!
//! An entry of the order topic says of one unit where its events are: topic, partition, offset. A
//! reader walks the order topic and takes the events from where it says. Places in the total order
//! are counted in it, so they have no gaps although offsets do: markers of transactions and what
//! was aborted take offsets and no place.
//!
//! A bus is opened under a name. Whoever opens it again under the same name fences who had it
//! before: a commit of that one fails and nothing of it is ever visible. Buses of different names
//! write side by side; every source belongs to one of them.
//!
//! It knows nothing of what a body means. Enter at [`KafkaBus`]; `docs/decisions/0009` says why it
//! is built so. A commit costs two round trips of producing and one of ending the transaction.

mod adopted;
mod claims;
mod client;
mod engine;
mod error;
mod feed;
mod finder;
mod handle;
mod looks;
mod mender;
mod murmur2;
mod names;
mod options;
mod order;
mod reader;
mod settings;
mod strays;
mod tail;
mod topics;
mod transaction;
mod walker;
mod watch;
mod waypoints;
mod writer;

pub use engine::KafkaBus;
pub use error::KafkaBusError;
pub use handle::KafkaHandle;
pub use murmur2::jvm_partition;
pub use names::Names;
pub use options::Options;
pub use settings::ClientSettings;
pub use topics::Durability;
