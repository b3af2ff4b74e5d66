//! What every engine remembers of the sources that write to it.

use std::collections::BTreeMap;

use event::Source;

use crate::{BusError, Header, Progress};

/// Whether an event offered is the next of its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// The next one: accept it.
    Next,
    /// One offered before: compare it with what is stored.
    Repeat,
}

/// The high-water mark and last progress record of every source.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    high_water: BTreeMap<Source, u64>,
    progress: BTreeMap<Source, Progress>,
}

impl Sources {
    /// Says what an offered event is.
    ///
    /// # Errors
    /// [`BusError::SourceGap`] when sequences are skipped.
    pub fn offer(&self, header: &Header) -> Result<Offer, BusError> {
        let expected = self.high_water(header.source) + 1;
        match header.source_seq {
            found if found == expected => Ok(Offer::Next),
            found if found < expected && found > 0 => Ok(Offer::Repeat),
            found => Err(BusError::SourceGap { source_name: header.source, expected, found }),
        }
    }

    /// Takes note of an accepted event.
    pub fn accepted(&mut self, source: Source, source_seq: u64) {
        let last = self.high_water.entry(source).or_default();
        *last = source_seq.max(*last);
    }

    /// Takes note of an accepted progress record.
    pub fn progressed(&mut self, progress: Progress) {
        let _ = self.progress.insert(progress.source, progress);
    }

    /// The last sequence accepted of a source.
    #[must_use]
    pub fn high_water(&self, source: Source) -> u64 {
        self.high_water.get(&source).copied().unwrap_or(0)
    }

    /// The last progress record of a source.
    #[must_use]
    pub fn progress(&self, source: Source) -> Option<&Progress> {
        self.progress.get(&source)
    }
}
