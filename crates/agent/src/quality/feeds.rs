//! Whether each feed arrives and parses.
//!
//! A breaker per feed: records that do not parse are its failures, market events its successes.
//! Only feeds in trouble are held, so a healthy feed costs nothing.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use event::{
    Source, Timestamp, choices::QuarantineReason, message, nested, operations::EventQuarantined,
};
use guard::{Breaker, BreakerState, BreakerStatus};

use super::Config;

message! {
    /// The trouble with one feed.
    FeedHealth {
        /// The feed.
        1 feed: Source,
        /// Whether nothing arrives.
        2 silent: bool,
        /// Whether what arrives parses.
        3 parsing: BreakerStatus,
    }
}

nested!(FeedHealth);

#[derive(Clone, Debug)]
struct Trouble {
    silent: bool,
    parsing: Breaker,
}

impl Trouble {
    const fn new(config: &Config) -> Self {
        Self { silent: false, parsing: Breaker::new(config.unparseable, 0, config.good_records) }
    }
}

/// The feeds in trouble.
#[derive(Clone, Debug)]
pub(super) struct Feeds {
    troubled: BTreeMap<Source, Trouble>,
}

impl Feeds {
    pub(super) const fn new() -> Self {
        Self { troubled: BTreeMap::new() }
    }

    pub(super) fn any_in_trouble(&self) -> bool {
        !self.troubled.is_empty()
    }

    pub(super) fn is_silent(&self, feed: Source) -> bool {
        self.troubled.get(&feed).is_some_and(|trouble| trouble.silent)
    }

    /// Takes note that nothing arrives; true when that is new.
    pub(super) fn fell_silent(&mut self, config: &Config, feed: Source) -> bool {
        let trouble = self.troubled.entry(feed).or_insert_with(|| Trouble::new(config));
        !core::mem::replace(&mut trouble.silent, true)
    }

    /// Counts a record that did not parse; in words why, when that makes the feed unparseable.
    pub(super) fn bad_record(
        &mut self,
        now: Timestamp,
        config: &Config,
        record: &EventQuarantined,
    ) -> Option<String> {
        if record.parked || !is_parse_failure(record.reason) {
            return None;
        }
        let trouble = self.troubled.entry(record.origin).or_insert_with(|| Trouble::new(config));
        trouble.parsing.failed(now).then(|| {
            let run = trouble.parsing.status().consecutive;
            format!("{run} records in a row do not parse, the last one: {}", record.detail)
        })
    }

    /// Counts a record that parsed; in words why, when that makes the feed live again.
    pub(super) fn good_record(&mut self, now: Timestamp, feed: Source) -> Option<&'static str> {
        let trouble = self.troubled.get_mut(&feed)?;
        let was_silent = core::mem::take(&mut trouble.silent);
        let parses_again = trouble.parsing.succeeded(now);
        let parses = trouble.parsing.state(now) == BreakerState::Closed;
        if trouble.parsing.is_quiet(now) {
            let _ = self.troubled.remove(&feed);
        }
        match (parses_again, was_silent && parses) {
            (true, _) => Some("records parse again"),
            (false, true) => Some("data arrives again"),
            (false, false) => None,
        }
    }

    pub(super) fn health(&self) -> Vec<FeedHealth> {
        let health = |(feed, trouble): (&Source, &Trouble)| FeedHealth {
            feed: *feed,
            silent: trouble.silent,
            parsing: trouble.parsing.status(),
        };
        self.troubled.iter().map(health).collect()
    }

    pub(super) fn restored(config: &Config, health: Vec<FeedHealth>) -> Self {
        let trouble = |health: FeedHealth| {
            let mut trouble = Trouble::new(config);
            trouble.silent = health.silent;
            trouble.parsing.restore(&health.parsing);
            (health.feed, trouble)
        };
        Self { troubled: health.into_iter().map(trouble).collect() }
    }
}

/// Whether a record was quarantined because its format is not the one expected; an instrument
/// nobody defined, a conflict, a clock and a stranger say nothing about the format.
const fn is_parse_failure(reason: QuarantineReason) -> bool {
    match reason {
        QuarantineReason::Malformed
        | QuarantineReason::UnknownKind
        | QuarantineReason::UnknownField
        | QuarantineReason::Number
        | QuarantineReason::Newer
        | QuarantineReason::Truncated
        | QuarantineReason::TooLarge => true,
        QuarantineReason::UnknownInstrument
        | QuarantineReason::Conflict
        | QuarantineReason::Foreign
        | QuarantineReason::Clock => false,
    }
}
