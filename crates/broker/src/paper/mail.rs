//! Reports on their way: each is delivered at its own time and numbered in order of delivery.

use std::collections::BTreeMap;

use event::Timestamp;

use crate::{Fact, Moment, Report};

/// Reports, waiting and delivered.
///
/// Numbers follow (time of delivery, order of making). A report is never made to be delivered
/// before it was made, so whatever is due at a moment is before whatever is made after it, and the
/// numbers come out the same however often, and when, they are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mail {
    made: u64,
    waiting: BTreeMap<(Timestamp, u64), Letter>,
    delivered: Vec<(Timestamp, Letter)>,
}

#[derive(Clone, Debug)]
struct Letter {
    position: u64,
    at: Timestamp,
    fact: Fact,
}

impl Mail {
    /// Takes a fact of `made`, to be delivered at `delivered_at`.
    pub(crate) fn post(
        &mut self,
        made: Moment,
        at: Timestamp,
        delivered_at: Timestamp,
        fact: Fact,
    ) {
        let key = (delivered_at.max(made.time), self.made);
        self.made += 1;
        let _ = self.waiting.insert(key, Letter { position: made.position, at, fact });
    }

    /// How many were ever made.
    pub(crate) const fn made(&self) -> u64 {
        self.made
    }

    /// What was delivered by `now` with a number over `after`.
    pub(crate) fn read(&mut self, now: Moment, after: u64, max: usize) -> Vec<Report> {
        while let Some(first) = self.waiting.first_entry()
            && first.key().0 <= now.time
        {
            let ((delivered_at, _), letter) = first.remove_entry();
            self.delivered.push((delivered_at, letter));
        }
        let from = usize::try_from(after).unwrap_or(usize::MAX);
        let due = self.delivered.get(from..).unwrap_or_default().iter().take(max);
        due.take_while(|(delivered_at, letter)| {
            *delivered_at <= now.time && letter.position <= now.position
        })
        .zip(after.saturating_add(1)..)
        .map(|((_, letter), number)| Report { number, at: letter.at, fact: letter.fact.clone() })
        .collect()
    }
}
