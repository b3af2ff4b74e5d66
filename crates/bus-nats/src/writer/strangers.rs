//! What others write into the stream between what is written here.

use bus::{BusError, Entry};

use super::{
    Writer,
    group::{Batch, Sent},
};
use crate::{Writers, fetch::Which, message::Stored, stream};

impl Writer {
    /// Takes note of a message of a stranger. It has a place, and a fence on its subject counts it.
    pub(super) fn note_stranger(&mut self, message: &Stored) {
        if let Some((source, _)) = self.subjects.read(&message.subject) {
            let _ = self.last_of.insert(source, message.sequence);
        }
        self.ledger.skip_to(message.sequence);
    }

    /// Looks how far the stream goes. Where nobody else of ours writes, only strangers do.
    pub(crate) fn look(&mut self) -> Result<(), BusError> {
        self.prepare()?;
        let _ = match self.link.options.writers {
            Writers::One => self.pass_strangers()?,
            Writers::Many => {
                self.catch_up()?;
                true
            }
        };
        self.tail.advance_quietly(self.finder.durable_next);
        let next = self.finder.durable_next;
        self.ledger.skip_to(next);
        Ok(())
    }

    /// Whether the batch was refused for nothing but what strangers wrote, which is stepped over.
    /// What is admitted and not stored stays as it is.
    pub(super) fn step_over_strangers(&mut self, batch: &Batch) -> Result<bool, BusError> {
        match self.link.options.writers {
            Writers::One => self.pass_strangers(),
            Writers::Many => self.pass_on_subjects(batch),
        }
    }

    /// Goes to the end of the stream as long as strangers wrote there; false when they did not, or
    /// somebody of ours did.
    fn pass_strangers(&mut self) -> Result<bool, BusError> {
        let now = self.link.run(stream::state(&self.link))?;
        if now.incarnation != self.state.incarnation {
            return Ok(false);
        }
        let began = self.finder.durable_next;
        while self.finder.durable_next < now.last {
            let first = self.finder.durable_next + 1;
            let wanted = (now.last - self.finder.durable_next).min(1000) as usize;
            let mut read = self.link.run(self.link.get_from(first, wanted))?;
            if read.is_empty() {
                // A replica may be behind its leader.
                read.extend(self.link.run(self.link.get_at(first))?);
            }
            if read.is_empty() {
                return Ok(false);
            }
            for message in read {
                let (subjects, topology) = (&self.subjects, &self.topology);
                if !matches!(message.entry(subjects, topology, now.incarnation), Entry::Foreign(_))
                {
                    return Ok(false);
                }
                if let Some((source, _)) = self.subjects.read(&message.subject) {
                    let _ = self.last_of.insert(source, message.sequence);
                }
                self.finder.durable_next = message.sequence;
            }
        }
        Ok(self.finder.durable_next > began)
    }

    /// The same for the subjects of the batch's sources.
    fn pass_on_subjects(&mut self, batch: &Batch) -> Result<bool, BusError> {
        let mut passed = false;
        for source in batch.entries.iter().map(Sent::source) {
            loop {
                let seq = self.last_of.get(&source).copied().unwrap_or(0) + 1;
                let next_by_subj = Some(self.subjects.of_source(source));
                let which = Which { seq: Some(seq), next_by_subj, last_by_subj: None };
                let Some(message) = self.link.run(self.link.get(&which))? else { break };
                let incarnation = self.state.incarnation;
                if message.own(&self.subjects, &self.topology, incarnation).is_some() {
                    return Ok(false);
                }
                let _ = self.last_of.insert(source, message.sequence);
                passed = true;
            }
        }
        Ok(passed)
    }
}
