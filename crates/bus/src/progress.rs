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
        if unit.consumed.is_empty() && unit.timers.is_empty() && unit.mark.is_none() {
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
        })
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
