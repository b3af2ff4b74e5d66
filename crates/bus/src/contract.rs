//! The contract itself.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use event::{EventId, Source, Timestamp};

use crate::{BusError, Cut, Delivered, Entry, Position, Progress, Record, Stream, Topology, Unit};

/// How far one partition goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The stream.
    pub stream: Stream,
    /// The partition.
    pub partition: u16,
    /// Its last sequence.
    pub sequence: u64,
}

/// A messaging engine.
///
/// 1. A result means durable to the stream's class.
/// 2. Per key, order of acceptance is order of delivery, across restarts.
/// 3. A unit is atomic: its events, what was consumed and its timers become visible together.
/// 4. A repeat is delivered once: the same source sequence with the same bytes answers the stored
///    position; with other bytes it is a [`BusError::Conflict`].
/// 5. Nothing accepted is lost by a crash of the client or a restart.
/// 6. A reader that resumes names what it read last; other content there is
///    [`BusError::StreamRewound`].
/// 7. Nothing is dropped to make room: what does not fit is refused whole, market data first.
/// 8. Who claims a source fences who wrote it before: from the claim on nothing is accepted under
///    an earlier one, not even a repeat.
/// 9. What others write into a bus stops nobody: it is an entry of its own, [`Entry::Foreign`], and
///    hides nothing of ours.
///
/// [`crate::conformance`] holds every engine to each of these. Dropping a bus without more ado is
/// a crash of its client: what was answered is durable, what was not may be there or not, whole.
pub trait Bus: Send {
    /// Streams and partitions.
    fn topology(&self) -> &Topology;

    /// Accepts units in order, each whole or not at all, and answers the positions of their events.
    ///
    /// # Errors
    /// [`BusError`]. When one unit is refused, so is the whole call, except for units before one
    /// that repeats another of the same call; offering all of them again is safe.
    fn commit(&mut self, units: &[Unit]) -> Result<Vec<Vec<Position>>, BusError>;

    /// As [`Bus::commit`], where the next place is `index`; else nothing is accepted. For a single
    /// writer that acts on the places it assigned itself.
    ///
    /// # Errors
    /// [`BusError::Moved`] when others wrote meanwhile; else as [`Bus::commit`].
    fn commit_at(&mut self, index: u64, units: &[Unit]) -> Result<Vec<Vec<Position>>, BusError> {
        let found = self.next_index();
        if found == index {
            self.commit(units)
        } else {
            Err(BusError::Moved { expected: index, found })
        }
    }

    /// Gives what others wrote beside the total order a place in it, as [`Entry::Foreign`], and
    /// returns how many it was. What they wrote into it has one already.
    ///
    /// # Errors
    /// [`BusError`].
    fn adopt(&mut self) -> Result<u64, BusError> {
        Ok(0)
    }

    /// Accepts roots, for an ingress that has nothing else to say.
    ///
    /// A root known by its id whose producer says the same as before is answered with the position
    /// it has. Ingress stamps `time` and `source_seq`, so those may differ; then the sequence it
    /// was offered with is not used up.
    ///
    /// # Errors
    /// [`BusError::RootDiffers`] when the producer says something else; else as [`Bus::commit`].
    fn publish(&mut self, records: &[Record]) -> Result<Vec<Position>, BusError>;

    /// Up to `max` events behind the cut, each once, and moves the cut behind them. Empty when
    /// nothing more is there yet. What the cut read last is compared first, so a stream that was
    /// cut short or made anew is noticed and never skipped over.
    ///
    /// # Errors
    /// [`BusError::StreamRewound`], and those of reading.
    fn next(&mut self, cut: &mut Cut, max: usize) -> Result<Vec<Delivered>, BusError>;

    /// Up to `max` entries in the total order from `index` on. An empty answer means the end.
    ///
    /// # Errors
    /// [`BusError`].
    fn read(&mut self, index: u64, max: usize) -> Result<Vec<Entry>, BusError>;

    /// How far every partition goes.
    fn heads(&self) -> Vec<Head>;

    /// The place after the last entry of the total order.
    fn next_index(&self) -> u64;

    /// The first place whose event is at or after `time`.
    ///
    /// # Errors
    /// [`BusError`].
    fn seek(&mut self, time: Timestamp) -> Result<u64, BusError>;

    /// The last sequence accepted of a source; zero for a source never seen.
    fn high_water(&self, source: Source) -> u64;

    /// How far a source is: the sum of its progress records, see [`Progress::add`].
    fn progress(&self, source: Source) -> Option<Progress>;

    /// Claims a source: returns the epoch its units are to be written under from now on. Whoever
    /// wrote it before, in this process or another, is answered [`BusError::Fenced`].
    ///
    /// # Errors
    /// [`BusError`].
    fn claim(&mut self, source: Source) -> Result<u64, BusError> {
        let mut newest = self.progress(source).map_or(0, |progress| progress.epoch);
        loop {
            let epoch = newest + 1;
            // Taken from the system's randomness, as every hasher's keys are.
            let own = RandomState::new().hash_one(epoch) | 1;
            match self.commit(&[Unit::claiming(source, epoch, own)]) {
                // Somebody else was quicker, so this one is the later.
                Err(BusError::Fenced { newest: held, .. }) if held >= epoch => newest = held,
                claimed => return claimed.map(|_| epoch),
            }
        }
    }

    /// The stored event with this id.
    ///
    /// # Errors
    /// [`BusError`].
    fn lookup(&mut self, id: EventId) -> Result<Option<Delivered>, BusError>;

    /// Another reader of the same bus, for a thread of its own, at the beginning of the total order.
    ///
    /// # Errors
    /// [`BusError`].
    fn reader(&self) -> Result<Box<dyn Reader>, BusError>;

    /// Shuts down cleanly; nothing is accepted from then on, and readers are told.
    ///
    /// # Errors
    /// [`BusError`].
    fn close(&mut self) -> Result<(), BusError>;
}

/// Walks the total order of a bus, as far as it is durable: what the journal and the tasks follow.
///
/// Every entry stored is shown, a repeat among them: whoever must act once leaves repeats to
/// [`Bus::next`], or keeps a high-water mark per source.
pub trait Reader: Send {
    /// The life of the bus this reader reads: another one begins at index 0 with other content.
    fn incarnation(&self) -> u64;

    /// Goes to the entry at `index`, which need not be there yet.
    ///
    /// # Errors
    /// [`BusError`].
    fn seek(&mut self, index: u64) -> Result<(), BusError>;

    /// Some of the next durable entries; empty when there are none yet.
    ///
    /// # Errors
    /// [`BusError::StreamRewound`] when what was read is there no more, and those of reading.
    fn next_entries(&mut self) -> Result<Vec<Entry>, BusError>;

    /// Waits until an entry at or above `index` is durable, the bus is shut down, or `patience` is
    /// over; returns the index after the last durable entry.
    ///
    /// # Errors
    /// [`BusError`].
    fn wait(&mut self, index: u64, patience: Duration) -> Result<u64, BusError>;
}
