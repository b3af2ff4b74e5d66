//! Of two who write one source the later is heard.

use bus::BusError;
use event::Source;

use super::{Writer, group::Batch};
use crate::Writers;

impl Writer {
    /// Whether the batch was refused because somebody claimed a source of it meanwhile: then what
    /// else is written here goes on.
    pub(super) fn claimed_since(&mut self, batch: &Batch) -> Option<BusError> {
        if self.link.options.writers == Writers::One {
            return None;
        }
        self.catch_up().ok()?;
        let claimed = |(source, held): (&Source, &u64)| {
            let newest = self.ledger.epoch(*source);
            let (source_name, held) = (*source, *held);
            (newest > held || (newest == held && batch.claims(source_name)))
                .then_some(BusError::Fenced { source_name, held, newest })
        };
        batch.epochs.iter().find_map(claimed)
    }
}
