//! What is taken in and not stored yet: calls, and the batches they become.

use std::collections::BTreeMap;

use bus::{Position, Progress, Savepoint};
use event::Source;

use crate::message::Outgoing;

/// What becomes one atomic batch.
#[derive(Debug)]
pub(super) struct Batch {
    /// Where the ledger goes back to when it is not stored.
    pub(super) before: Savepoint,
    /// The place of its first message, as far as known beforehand.
    pub(super) first_index: u64,
    pub(super) messages: Vec<Outgoing>,
    /// What the messages are.
    pub(super) entries: Vec<Sent>,
    pub(super) bytes: u64,
    /// The claims its sources are written under, where there are any.
    pub(super) epochs: BTreeMap<Source, u64>,
}

/// What a message is to the ledger.
#[derive(Clone, Debug)]
pub(super) enum Sent {
    Event { position: Position, source: Source, source_seq: u64 },
    Progress(Progress),
}

impl Sent {
    pub(super) const fn source(&self) -> Source {
        match self {
            Self::Event { source, .. } => *source,
            Self::Progress(progress) => progress.source,
        }
    }
}

/// Calls on their way.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) batches: Vec<Batch>,
    /// Calls taken in: their number, the batches there were then, what they will be answered.
    pub(super) complete: Vec<(usize, usize, Vec<Vec<Position>>)>,
}

/// A call while it is taken in.
pub(super) struct Call {
    pub(super) before: Savepoint,
    /// Batches, and the messages of the last one, before it.
    pub(super) mark: (usize, usize),
    pub(super) answer: Vec<Vec<Position>>,
}

impl Group {
    pub(super) fn mark(&self) -> (usize, usize) {
        (self.batches.len(), self.batches.last().map_or(0, |batch| batch.messages.len()))
    }

    pub(super) fn reset_to(&mut self, (batches, messages): (usize, usize)) {
        self.batches.truncate(batches);
        if let Some(batch) = self.batches.last_mut() {
            batch.messages.truncate(messages);
            batch.entries.truncate(messages);
            batch.bytes = batch.messages.iter().map(Outgoing::stored_bytes).sum();
        }
    }
}

impl Batch {
    pub(super) const fn new(before: Savepoint, first_index: u64) -> Self {
        Self {
            before,
            first_index,
            messages: Vec::new(),
            entries: Vec::new(),
            bytes: 0,
            epochs: BTreeMap::new(),
        }
    }

    /// Whether it begins an epoch of `source`.
    pub(super) fn claims(&self, source: Source) -> bool {
        self.entries.iter().any(|entry| match entry {
            Sent::Progress(progress) => progress.source == source && progress.is_claim(),
            Sent::Event { .. } => false,
        })
    }

    /// What stands before it takes `further` more places than was believed.
    pub(super) fn shift(&mut self, further: u64) {
        self.first_index += further;
        for entry in &mut self.entries {
            if let Sent::Event { position, .. } = entry {
                position.index += further;
            }
        }
    }

    pub(super) fn push(&mut self, message: Outgoing, sent: Sent) {
        self.bytes += message.stored_bytes();
        self.messages.push(message);
        self.entries.push(sent);
    }
}
