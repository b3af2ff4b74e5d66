//! One snapshot: what it opens, confirms, explains and resolves.

use alloc::{
    borrow::Cow,
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};

use agent::Outbox;
use event::{
    EventId, Timestamp,
    books::{AlertRaised, BrokerSnapshotTaken},
    choices::{BreakCode, Severity},
};

use super::{Deferred, Listed, Recon, label};
use crate::{Comparison, Difference, Inconclusive, Standing, compare};

impl Recon {
    pub(super) fn snapshot_taken(
        &mut self,
        snapshot_event: EventId,
        snapshot: &BrokerSnapshotTaken,
        now: Timestamp,
        out: &mut Outbox,
    ) {
        let foreign = self.asked.remove(&snapshot.query);
        // An answer overtaken by a later one says less than what is known.
        if !foreign && snapshot.cycle <= self.compared {
            return;
        }
        // Repairs under way would be seen as differences once more.
        if !self.repairs.is_empty() {
            self.ask_again(now, out);
            return;
        }
        let whole = self.with_what_was_listed_before(snapshot);
        match compare(&self.books, &whole, now, &self.config.tolerances) {
            Ok(comparison) => {
                if !foreign {
                    self.compared = snapshot.cycle;
                }
                self.inconclusive = 0;
                self.remember(&comparison, &whole);
                let clean = is_clean(&comparison);
                self.fold(comparison, snapshot_event, now, out);
                if clean && core::mem::take(&mut self.word_owed) {
                    self.say_compared(out);
                }
            }
            Err(reason) => self.proves_nothing(&reason, now, out),
        }
    }

    /// Says that this snapshot, the cause of the alert, was compared and shows nothing critical.
    fn say_compared(&self, out: &mut Outbox) {
        out.emit(AlertRaised {
            alert: label(agent::monitor::BOOKS_COMPARED),
            severity: Severity::Info,
            subject: self.config.account.to_string(),
            detail: "books and broker were compared and nothing critical was found".into(),
            account: Some(self.config.account),
        });
    }

    /// A snapshot that proves nothing changes no break; it is asked for again a few times, and
    /// then it is an alert.
    fn proves_nothing(&mut self, reason: &Inconclusive, now: Timestamp, out: &mut Outbox) {
        self.inconclusive = self.inconclusive.saturating_add(1);
        if self.inconclusive <= self.config.retries_max {
            self.ask_again(now, out);
        } else if self.inconclusive == self.config.retries_max.saturating_add(1) {
            out.emit(AlertRaised {
                alert: label("ReconInconclusive"),
                severity: Severity::Warning,
                subject: self.config.account.to_string(),
                detail: format!(
                    "{} snapshots in a row proved nothing: {reason}",
                    self.inconclusive
                ),
                account: Some(self.config.account),
            });
        }
    }

    /// The snapshot with executions and bookings that earlier ones listed and that are unknown
    /// still: the listing begins where its cursor stands, and moves on.
    fn with_what_was_listed_before<'a>(
        &self,
        snapshot: &'a BrokerSnapshotTaken,
    ) -> Cow<'a, BrokerSnapshotTaken> {
        let names: BTreeSet<_> = snapshot.executions.iter().map(|one| one.exec_id).collect();
        let moved_past = |listed: &&Listed| {
            listed.ordinal < snapshot.executions_from && !names.contains(&listed.execution.exec_id)
        };
        let executions: Vec<_> =
            self.listed.values().filter(moved_past).map(|one| one.execution.clone()).collect();
        let booked: BTreeSet<_> =
            snapshot.bookings.iter().map(|one| (one.booking, one.booking_id)).collect();
        let unlisted = self.bookings.iter().filter(|(name, _)| !booked.contains(*name));
        let bookings: Vec<_> = unlisted.map(|(_, booking)| booking.clone()).collect();
        if executions.is_empty() && bookings.is_empty() {
            return Cow::Borrowed(snapshot);
        }
        let mut whole = snapshot.clone();
        whole.executions.extend(executions);
        whole.bookings.extend(bookings);
        Cow::Owned(whole)
    }

    /// Keeps what is unknown for the snapshots to come.
    fn remember(&mut self, comparison: &Comparison, snapshot: &BrokerSnapshotTaken) {
        let mut listed = core::mem::take(&mut self.listed);
        for execution in &comparison.unknown_executions {
            let at = snapshot.executions.iter().position(|one| one.exec_id == execution.exec_id);
            let ordinal = snapshot.executions_from.saturating_add(at.unwrap_or(0) as u64);
            let kept = listed
                .remove(&execution.exec_id)
                .unwrap_or_else(|| Listed { ordinal, execution: execution.clone() });
            let _ = self.listed.insert(execution.exec_id, kept);
        }
        self.bookings = comparison
            .unknown_bookings
            .iter()
            .map(|one| ((one.booking, one.booking_id), one.clone()))
            .collect();
    }

    fn fold(
        &mut self,
        comparison: Comparison,
        snapshot: EventId,
        now: Timestamp,
        out: &mut Outbox,
    ) {
        let mut seen: BTreeSet<(BreakCode, String)> = comparison.withheld;
        let mut deferred = core::mem::take(&mut self.deferred);
        let mut unsettled = false;
        for difference in comparison.differences {
            let name = (difference.code, difference.subject.clone());
            let _ = seen.insert(name.clone());
            if self.breaks.contains_key(&name) {
                unsettled |= self.see_again(&difference, snapshot, now, out);
            } else if self.is_due(&difference, deferred.remove(&name)) {
                self.open(&difference, snapshot, now, out);
                unsettled = true;
            }
        }
        self.resolve_unseen(&seen, now, out);
        if unsettled {
            self.ask_again(now, out);
        }
    }

    /// Whether a difference not seen before opens a break now. One in flight is put off, but not
    /// for ever: what is in flight changes, and a difference that stands is one.
    fn is_due(&mut self, difference: &Difference, before: Option<Deferred>) -> bool {
        match difference.standing {
            Standing::Settled => return true,
            Standing::Early => return false,
            Standing::InFlight => {}
        }
        let stood = before.filter(|before| before.difference == difference.difference);
        let times = stood.map_or(0, |before| before.times).saturating_add(1);
        if times >= self.config.deferrals_max {
            return true;
        }
        let (code, subject) = (difference.code, difference.subject.clone());
        let entry =
            Deferred { code, subject: subject.clone(), difference: difference.difference, times };
        let _ = self.deferred.insert((code, subject), entry);
        false
    }
}

/// Whether a comparison found nothing critical, in flight or not, and could look at everything.
fn is_clean(comparison: &Comparison) -> bool {
    let critical = |found: &Difference| found.severity == Severity::Critical;
    comparison.withheld.is_empty() && !comparison.differences.iter().any(critical)
}
