//! The life of a break: opened, confirmed, explained, resolved.

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};

use agent::Outbox;
use event::{
    EventId, SECOND_NS, Timestamp,
    books::{BreakConfirmed, BreakExplained, BreakOpened, BreakResolved},
    choices::{BreakCode, Resolution},
    id::break_id,
};

use super::{Recon, Tracked};
use crate::{Difference, Standing};

/// A confirmed break is told of again no earlier than at this age, then at four times each age:
/// a break nobody repairs is told of a few times a day, not every cycle.
const TOLD_AGAIN_AGE_NS: i64 = 60 * SECOND_NS;
const AGE_FACTOR: i64 = 4;

impl Recon {
    pub(super) fn open(
        &mut self,
        found: &Difference,
        snapshot: EventId,
        now: Timestamp,
        out: &mut Outbox,
    ) {
        let account = self.config.account;
        let id = break_id(account, found.code.as_str(), &found.subject, now.utc_date());
        let tracked = Tracked {
            code: found.code,
            subject: found.subject.clone(),
            break_id: id,
            opened_at: now,
            cycles: 1,
            confirmed: false,
            explained: false,
            adjusted: false,
            difference: found.difference,
            told_again_at_age_ns: 0,
        };
        let _ = self.breaks.insert((found.code, found.subject.clone()), tracked);
        out.emit(BreakOpened {
            break_id: id,
            account,
            code: found.code,
            subject: found.subject.clone(),
            ours: found.ours.clone(),
            broker: found.broker.clone(),
            difference: found.difference,
            tolerance: found.tolerance,
            severity: found.severity,
            snapshot,
        });
    }

    /// A break is seen again: it is confirmed, and repaired where the snapshot proves how. Answers
    /// whether another look soon would settle something.
    pub(super) fn see_again(
        &mut self,
        found: &Difference,
        snapshot: EventId,
        now: Timestamp,
        out: &mut Outbox,
    ) -> bool {
        let Some(mut tracked) = self.breaks.remove(&(found.code, found.subject.clone())) else {
            return false;
        };
        let stands = found.standing == Standing::Settled || found.difference == tracked.difference;
        tracked.difference = found.difference;
        if stands && found.standing != Standing::Early {
            tracked.cycles = tracked.cycles.saturating_add(1);
        }
        let age_ns = now.since_ns(tracked.opened_at);
        let past_grace = age_ns >= self.config.tolerances.grace_ns;
        let confirms = !tracked.confirmed && tracked.cycles >= 2 && past_grace;
        let tells_again = tracked.confirmed && age_ns >= tracked.told_again_at_age_ns;
        if confirms || tells_again {
            tracked.confirmed = true;
            tracked.told_again_at_age_ns = age_ns.saturating_mul(AGE_FACTOR).max(TOLD_AGAIN_AGE_NS);
            self.tell(&tracked, found, age_ns, out);
        }
        let repairs = tracked.confirmed && !tracked.explained && found.repair.is_some();
        if repairs {
            self.explain(&mut tracked, found, snapshot, out);
        }
        let unsettled = !tracked.confirmed || repairs;
        let _ = self.breaks.insert((found.code, found.subject.clone()), tracked);
        unsettled
    }

    fn tell(&self, tracked: &Tracked, found: &Difference, age_ns: i64, out: &mut Outbox) {
        out.emit(BreakConfirmed {
            break_id: tracked.break_id,
            account: self.config.account,
            code: tracked.code,
            subject: tracked.subject.clone(),
            cycles: tracked.cycles,
            age_ns,
            severity: found.severity,
        });
    }

    /// Says what a break came from and emits its repair, once: a repair that changes nothing
    /// leaves the break open.
    fn explain(
        &mut self,
        tracked: &mut Tracked,
        found: &Difference,
        snapshot: EventId,
        out: &mut Outbox,
    ) {
        let Some(repair) = &found.repair else { return };
        tracked.explained = true;
        out.emit(BreakExplained {
            break_id: tracked.break_id,
            account: self.config.account,
            code: tracked.code,
            subject: tracked.subject.clone(),
            explanation: format!("the broker's snapshot says {}", found.broker),
            evidence: Vec::from([snapshot]),
        });
        tracked.adjusted = self.repair(tracked.break_id, repair, out);
    }

    /// Breaks that a comparison looked at and no longer saw have ended.
    pub(super) fn resolve_unseen(
        &mut self,
        seen: &BTreeSet<(BreakCode, String)>,
        now: Timestamp,
        out: &mut Outbox,
    ) {
        let account = self.config.account;
        self.breaks.retain(|name, tracked| {
            if seen.contains(name) {
                return true;
            }
            let age_s = now.since_ns(tracked.opened_at) / SECOND_NS;
            out.emit(BreakResolved {
                break_id: tracked.break_id,
                account,
                code: tracked.code,
                subject: tracked.subject.clone(),
                resolution: resolution(tracked),
                detail: format!("gone after {} cycles, {age_s} s", tracked.cycles),
            });
            false
        });
    }
}

/// A break that went away without a repair: one about something missing here ended because it
/// arrived, any other was timing.
fn resolution(tracked: &Tracked) -> Resolution {
    let missing_here =
        matches!(tracked.code, BreakCode::FillMissingInternal | BreakCode::OrderMissingInternal);
    if tracked.adjusted {
        Resolution::Adjusted
    } else if tracked.explained || missing_here {
        Resolution::MissingFactArrived
    } else {
        Resolution::Timing
    }
}
