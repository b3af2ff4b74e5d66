//! What a unit says beside its events: what it consumed, which timers it asked for, where its
//! source stands.

use event::{Label, Source, Timestamp, message, nested, wire::Message as _};

use crate::{TimerRequested, Unit};

message! {
    /// A run of consumed inputs. With no stream it runs over the engine's total order.
    Run {
        /// The stream's number; zero means the total order.
        1 stream: u32,
        /// The partition.
        2 partition: u32,
        /// The first place.
        3 first: u64,
        /// The last place.
        4 last: u64,
    }

    /// A timer in a progress record.
    Timer {
        /// Its number within the task.
        1 request: u64,
        /// What the task calls it.
        2 name: Label,
        /// When it is due.
        3 due: Timestamp,
    }

    /// A progress record.
    Progress {
        /// Whose.
        1 source: Source,
        /// The last sequence of the source once the unit is in.
        2 last_source_seq: u64,
        /// What was consumed since the unit before, in order.
        3 consumed: Vec<Run>,
        /// Timers requested.
        4 timers: Vec<Timer>,
        /// How far an ingress has read its own source.
        5 mark: Option<u64>,
        /// The claim of the source it was written under.
        6 epoch: u64,
        /// Not zero where it begins that epoch; see [`Unit::claiming`].
        7 claim: u64,
    }
}

nested!(Run, Timer);

impl Run {
    /// Everything in the total order up to `last`.
    #[must_use]
    pub const fn through(last: u64) -> Self {
        Self { stream: 0, partition: 0, first: 0, last }
    }
}

impl Progress {
    /// The progress record of `unit`; `None` when it has nothing to say beside its events.
    #[must_use]
    pub fn of(unit: &Unit, last_source_seq: u64) -> Option<Self> {
        let says_more = !unit.consumed.is_empty() || !unit.timers.is_empty();
        if !says_more && unit.mark.is_none() && !unit.is_claim() {
            return None;
        }
        let timers = unit.timers.iter().map(|timer| Timer {
            request: timer.request,
            name: timer.name,
            due: timer.due,
        });
        Some(Self {
            source: unit.source,
            last_source_seq,
            consumed: unit.consumed.clone(),
            timers: timers.collect(),
            mark: unit.mark,
            epoch: unit.epoch,
            claim: unit.claim,
        })
    }

    /// A source that has said nothing yet.
    #[must_use]
    pub const fn none(source: Source) -> Self {
        Self {
            source,
            last_source_seq: 0,
            consumed: Vec::new(),
            timers: Vec::new(),
            mark: None,
            epoch: 0,
            claim: 0,
        }
    }

    /// Adds a later record of the same source: how far it is, in one record. Of what was consumed
    /// it keeps the ends, one run per stream and partition; of timers those of the last record,
    /// since pending timers are read from the log.
    pub fn add(&mut self, later: &Self) {
        self.last_source_seq = self.last_source_seq.max(later.last_source_seq);
        for run in &later.consumed {
            let same =
                |known: &&mut Run| (known.stream, known.partition) == (run.stream, run.partition);
            match self.consumed.iter_mut().find(same) {
                Some(known) => {
                    known.first = known.first.min(run.first);
                    known.last = known.last.max(run.last);
                }
                None => self.consumed.push(run.clone()),
            }
        }
        self.timers.clone_from(&later.timers);
        self.mark = self.mark.max(later.mark);
        self.epoch = self.epoch.max(later.epoch);
    }

    /// Whether it begins an epoch.
    #[must_use]
    pub const fn is_claim(&self) -> bool {
        self.claim != 0
    }

    /// The last place of the total order consumed, where it is recorded.
    #[must_use]
    pub fn through(&self) -> Option<u64> {
        self.consumed.iter().filter(|run| run.stream == 0).map(|run| run.last).max()
    }

    /// The timers requested.
    pub fn timers(&self) -> impl Iterator<Item = TimerRequested> + '_ {
        self.timers.iter().map(|timer| TimerRequested {
            request: timer.request,
            name: timer.name,
            due: timer.due,
        })
    }

    /// Appends the record's bytes.
    pub fn append_to(&self, out: &mut Vec<u8>) {
        self.encode(out);
    }

    /// The record's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(96);
        self.encode(&mut out);
        out
    }

    /// Reads the record's bytes.
    ///
    /// # Errors
    /// [`event::DecodeError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, event::DecodeError> {
        Self::decode(bytes)
    }
}
