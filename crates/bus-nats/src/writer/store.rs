//! One batch after the other into the stream, wherever it comes to stand.

use bus::{BusError, Position};
use event::Source;

use super::{
    Places, Writer,
    group::{Batch, Sent},
};
use crate::{
    NatsError, Writers,
    batch::{Failed, Fence, Fenced},
};

impl Writer {
    /// Stores one batch. `positions` are those that were answered beforehand. Returns how much
    /// further on it stands than was believed.
    pub(super) fn store<'a>(
        &mut self,
        batch: Batch,
        positions: impl Iterator<Item = &'a mut Position>,
    ) -> Result<u64, BusError> {
        if batch.messages.is_empty() {
            return Ok(0);
        }
        let mut fence = self.fence(&batch);
        loop {
            let incarnation = self.state.incarnation;
            let fenced = Fenced { messages: &batch.messages, fence, incarnation };
            let Failed { error, in_doubt } = match self.link.store(&fenced) {
                Ok(last) => {
                    self.state.bytes += batch.bytes;
                    return self.note_stored(batch, last, positions);
                }
                Err(failed) => failed,
            };
            let is_fenced = matches!(NatsError::of(&error), Some(NatsError::Fenced { .. }));
            if is_fenced && self.step_over_strangers(&batch).unwrap_or(false) {
                if self.places == Places::MayMove {
                    // Where strangers write often the stream never ends where it was seen to.
                    fence = self.fence_of_sources(&batch);
                    continue;
                }
                let (expected, found) = (batch.first_index, self.finder.durable_next);
                self.roll_back(&batch);
                self.ledger.skip_to(found);
                return Err(BusError::Moved { expected, found });
            }
            self.roll_back(&batch);
            if let Some(why @ (NatsError::Fenced { .. } | NatsError::Recreated { .. })) =
                NatsError::of(&error)
            {
                let why = why.clone();
                if let Some(claimed) = self.claimed_since(&batch) {
                    return Err(claimed);
                }
                self.stopped = Some(why);
            }
            if in_doubt {
                self.in_doubt = Some(batch);
            }
            return Err(error);
        }
    }

    /// Forgets what was admitted and is not stored.
    fn roll_back(&mut self, batch: &Batch) {
        // What moved was forgotten as a whole.
        if !self.moved {
            self.ledger.roll_back(batch.before.clone());
        }
        self.ledger.skip_to(self.finder.durable_next);
    }

    fn fence(&self, batch: &Batch) -> Fence {
        match self.link.options.writers {
            Writers::One => Fence::Stream(self.finder.durable_next),
            Writers::Many => self.fence_of_sources(batch),
        }
    }

    fn fence_of_sources(&self, batch: &Batch) -> Fence {
        let mut fences: Vec<(usize, Source, u64)> = Vec::new();
        for (at, source) in batch.entries.iter().map(Sent::source).enumerate() {
            if fences.iter().all(|(_, fenced, _)| *fenced != source) {
                let last = self.last_of.get(&source).copied().unwrap_or(0);
                fences.push((at, source, last));
            }
        }
        Fence::Sources(fences)
    }

    /// Takes note of a batch whose last message has this sequence, and returns how much further on it
    /// stands than was believed.
    fn note_stored<'a>(
        &mut self,
        batch: Batch,
        last: u64,
        positions: impl Iterator<Item = &'a mut Position>,
    ) -> Result<u64, BusError> {
        let first_index = last - batch.messages.len() as u64;
        let alone = self.link.options.writers == Writers::One;
        let further = first_index - batch.first_index;
        if !alone || further > 0 {
            // Others have written in between, so the places are known only now.
            self.roll_back(&batch);
            self.moved = alone;
            self.catch_up_to(first_index)?;
            for position in positions.filter(|position| position.index >= batch.first_index) {
                position.index += further;
                if !alone {
                    position.sequence = position.index + 1;
                }
            }
        }
        let is_noted = alone && !self.moved;
        for (entry, index) in batch.entries.into_iter().zip(first_index..) {
            let _ = self.last_of.insert(entry.source(), index + 1);
            match entry {
                Sent::Event { position, .. } if is_noted => self.known = Some(position),
                Sent::Event { position, source, source_seq } => {
                    let sequence = if alone { position.sequence } else { index + 1 };
                    let position = Position { index, sequence, ..position };
                    self.ledger.note_event(&position, source, source_seq);
                    self.known = Some(position);
                }
                Sent::Progress(_) if is_noted => {}
                Sent::Progress(progress) => self.ledger.note_progress(index, &progress),
            }
        }
        self.finder.durable_next = last;
        self.tail.advance(last);
        Ok(further)
    }
}
