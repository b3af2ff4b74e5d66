//! What is durable already, for the few times somebody asks.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bus::{BusError, Delivered, Entry, Stored};
use event::{Envelope, EventId, Source};

use crate::reader::LogReader;

/// Reads the log for the ledger. A repeat is looked for from the beginning; the ones after it in
/// the same source go on from there, so a tail committed again is read once.
#[derive(Debug)]
pub(crate) struct Finder {
    state: Mutex<State>,
    pub(crate) durable_next: u64,
}

#[derive(Debug)]
struct State {
    reader: LogReader,
    /// The last place found in a source's sequence, and its index.
    last: Option<(Source, u64, u64)>,
}

impl Finder {
    pub(crate) fn new(reader: LogReader, durable_next: u64) -> Self {
        Self { state: Mutex::new(State { reader, last: None }), durable_next }
    }

    /// The event with this id, from the beginning of the log.
    pub(crate) fn by_id(&self, id: EventId) -> Result<Option<Delivered>, BusError> {
        let mut state = self.state();
        state.reader.seek(0)?;
        state.reader.find(|bytes| is_event(bytes, id))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A reader left anywhere is good: every use begins with a seek.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Canonical bytes begin with the id: tag 1, 16 bytes.
fn is_event(bytes: &[u8], id: EventId) -> Result<bool, BusError> {
    match bytes.get(..18) {
        Some([0x0a, 16, found @ ..]) => Ok(*found == id.0),
        _ => Ok(Envelope::decode(bytes)?.event_id == id),
    }
}

impl Stored for Finder {
    fn find(&self, source: Source, source_seq: u64) -> Result<Option<Delivered>, BusError> {
        let mut state = self.state();
        let from = match state.last {
            Some((known, seq, index)) if known == source && seq < source_seq => index + 1,
            Some((known, seq, index)) if known == source && seq == source_seq => index,
            _ => 0,
        };
        state.reader.seek(from)?;
        let found = state.reader.find(|bytes| {
            let envelope = Envelope::decode(bytes)?;
            Ok((envelope.source, envelope.source_seq) == (source, source_seq))
        })?;
        state.last = found.as_ref().map(|found| (source, source_seq, found.position.index));
        Ok(found)
    }

    fn at(&self, index: u64) -> Result<Option<Delivered>, BusError> {
        if index >= self.durable_next {
            return Ok(None);
        }
        let entries = self.state().reader.entries_from(index, 1)?;
        Ok(match entries.into_iter().next() {
            Some(Entry::Event(found)) if found.position.index == index => Some(found),
            _ => None,
        })
    }

    fn durable_next(&self) -> u64 {
        self.durable_next
    }
}
