//! What the log adds up to: books, last prices, counts and the log's digest.

use event::{
    Digest, Event, Family, Kind, Timestamp, message,
    wire::{Blob, Message as _},
};
use projection::{Books, LogDigest, Marks, Tally};
use serde_json::{Map, Value, json};

message! {
    /// Everything folded, for a disposable snapshot.
    FoldState {
        /// Books.
        1 books: Blob,
        /// Last prices.
        2 marks: Blob,
        /// Counts.
        3 tally: Blob,
        /// The log's chains.
        4 log: Blob,
        /// The time of the latest event.
        5 last_time: Timestamp,
        /// Records of tapes that would not become events.
        6 tape_quarantined: u64,
        /// Records of the tape read.
        7 records: u64,
    }
}

/// Everything folded from the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fold {
    pub(crate) books: Books,
    pub(crate) marks: Marks,
    pub(crate) tally: Tally,
    pub(crate) log: LogDigest,
    /// The time of the latest event.
    pub(crate) last_time: Timestamp,
    /// Records of tapes that would not become events.
    pub(crate) tape_quarantined: u64,
}

impl Fold {
    /// Folds an event and the bytes it was stored as.
    pub(crate) fn apply(&mut self, event: &Event, bytes: &[u8]) {
        let kind = event.body.kind();
        self.last_time = self.last_time.max(event.time);
        self.log.note(Some(kind), event.key, bytes);
        self.tally.note(Some(kind));
        if Marks::wants(kind) {
            self.marks.apply(event);
        }
        if kind == Kind::EventQuarantined && event.source.as_str().starts_with("file/") {
            self.tape_quarantined += 1;
        }
        if Books::wants(kind) {
            // The reconciliation agent folds the same events and raises what is found as alerts.
            let _ = self.books.apply(event);
        }
    }

    /// The whole fold as bytes.
    pub(crate) fn snapshot(&self, records: u64) -> Vec<u8> {
        let state = FoldState {
            books: Blob(self.books.snapshot()),
            marks: Blob(self.marks.snapshot()),
            tally: Blob(self.tally.snapshot()),
            log: Blob(self.log.snapshot()),
            last_time: self.last_time,
            tape_quarantined: self.tape_quarantined,
            records,
        };
        let mut out = Vec::new();
        state.encode(&mut out);
        out
    }

    /// Takes back what [`Fold::snapshot`] gave, with the records read; `None` when the bytes are
    /// not of this version: the journal is folded instead.
    pub(crate) fn restore(bytes: &[u8]) -> Option<(Self, u64)> {
        let state = FoldState::decode(bytes).ok()?;
        let fold = Self {
            books: Books::restore(&state.books.0).ok()?,
            marks: Marks::restore(&state.marks.0).ok()?,
            tally: Tally::restore(&state.tally.0).ok()?,
            log: LogDigest::restore(&state.log.0).ok()?,
            last_time: state.last_time,
            tape_quarantined: state.tape_quarantined,
        };
        Some((fold, state.records))
    }

    /// The digest of business state: last prices and books.
    pub(crate) fn state_digest(&self) -> Digest {
        self.books.state_digest(&self.marks)
    }

    /// Breaks that are open.
    pub(crate) fn open_breaks(&self) -> u64 {
        self.books.accounts().map(|account| account.breaks().count() as u64).sum()
    }

    /// The counts that every run and demo ends with. A proposal becomes an order when the risk gate
    /// has it sent.
    pub(crate) fn words(&self, records: u64) -> String {
        format!(
            "{records} records: {} stored, {} quarantined; {} orders, {} executions, {} open breaks",
            records - self.tape_quarantined.min(records),
            self.tape_quarantined,
            self.tally.kind(Kind::SubmitOrder),
            self.tally.kind(Kind::OrderExecuted),
            self.open_breaks(),
        )
    }

    /// The numbers every run, replay and demo ends with.
    pub(crate) fn numbers(&self, records: u64, events_per_second: u64) -> Value {
        let mut events = Map::new();
        for family in Family::ALL {
            let _ = events.insert(family.as_str().into(), json!(self.tally.family(family)));
        }
        json!({
            "records": records,
            "stored": records - self.tape_quarantined.min(records),
            "quarantined": self.tape_quarantined,
            "events": events,
            "proposals": self.tally.kind(Kind::OrderProposed),
            "orders": self.tally.kind(Kind::SubmitOrder),
            "executions": self.tally.kind(Kind::OrderExecuted),
            "open_breaks": self.open_breaks(),
            "state_digest": self.state_digest().to_string(),
            "log_digest": self.log.digest().to_string(),
            "events_per_second": events_per_second,
        })
    }
}
