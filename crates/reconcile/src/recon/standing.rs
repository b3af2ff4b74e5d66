//! The agent's state as bytes.

use alloc::vec::Vec;

use agent::{Agent, RestoreError, state};
use event::{EventId, Timestamp, books::BrokerBooking, message, wire::Blob};
use projection::Books;

use super::{Deferred, Listed, Recon, Tracked};

message! {
    /// The agent's state.
    ReconState {
        /// Its books, as their snapshot.
        1 books: Blob,
        /// Breaks.
        2 breaks: Vec<Tracked>,
        /// Differences in flight.
        3 deferred: Vec<Deferred>,
        /// Unknown executions.
        4 listed: Vec<Listed>,
        /// Unknown bookings.
        5 bookings: Vec<BrokerBooking>,
        /// Repairs under way.
        6 repairs: Vec<EventId>,
        /// Whether the first snapshot was asked for.
        7 started: bool,
        /// The last cycle asked for.
        8 cycle: u64,
        /// The last cycle compared.
        9 compared: u64,
        /// Snapshots in a row that proved nothing.
        10 inconclusive: u32,
        /// When the next snapshot beside the regular ones is due.
        11 again_at: Option<Timestamp>,
        /// Snapshots others asked for.
        12 asked: Vec<EventId>,
        /// Whether somebody waits for a clean comparison.
        13 word_owed: bool,
    }
}

impl Recon {
    pub(super) fn save(&self) -> Vec<u8> {
        let kept = ReconState {
            books: Blob(self.books.snapshot()),
            breaks: self.breaks.values().cloned().collect(),
            deferred: self.deferred.values().cloned().collect(),
            listed: self.listed.values().cloned().collect(),
            bookings: self.bookings.values().cloned().collect(),
            repairs: self.repairs.iter().copied().collect(),
            started: self.started,
            cycle: self.cycle,
            compared: self.compared,
            inconclusive: self.inconclusive,
            again_at: self.again_at,
            asked: self.asked.iter().copied().collect(),
            word_owed: self.word_owed,
        };
        state::save(self.version(), &kept)
    }

    pub(super) fn load(&mut self, snapshot: &[u8]) -> Result<(), RestoreError> {
        let from: ReconState = state::load(self.version(), snapshot)?;
        self.books = Books::restore(&from.books.0).map_err(|_| RestoreError)?;
        self.breaks =
            from.breaks.into_iter().map(|one| ((one.code, one.subject.clone()), one)).collect();
        self.deferred =
            from.deferred.into_iter().map(|one| ((one.code, one.subject.clone()), one)).collect();
        self.listed = from.listed.into_iter().map(|one| (one.execution.exec_id, one)).collect();
        self.bookings =
            from.bookings.into_iter().map(|one| ((one.booking, one.booking_id), one)).collect();
        self.repairs = from.repairs.into_iter().collect();
        self.started = from.started;
        self.cycle = from.cycle;
        self.compared = from.compared;
        self.inconclusive = from.inconclusive;
        self.again_at = from.again_at;
        self.asked = from.asked.into_iter().collect();
        self.word_owed = from.word_owed;
        Ok(())
    }
}
