//! What others wrote into our streams.

use bytes::Bytes;
use event::Timestamp;

/// Bytes that no unit of ours brought, with a place in the total order: who follows the bus meets
/// them where they stand, and says what is to become of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// Their place in the total order.
    pub index: u64,
    /// When they were stored, as far as the engine knows.
    pub stored_at: Timestamp,
    /// Where the servers have them, in the engine's own words: the same for every reader.
    pub place: String,
    /// Why they are none of ours; nothing where they stand at the place kept for producers outside,
    /// which is where they are offered.
    pub why: Option<String>,
    /// The bytes as received.
    pub bytes: Bytes,
}

impl Foreign {
    /// Whether a producer outside offers them as an event.
    #[must_use]
    pub const fn is_offered(&self) -> bool {
        self.why.is_none()
    }
}
