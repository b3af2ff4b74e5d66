//! Cancelling everything: on a halt, by command, and when the process must end.

use broker::{CancelRequest, Moment};
use event::{Event, EventId, OrderId, Timestamp, choices::AttemptAction};

use crate::{Gateway, Plan, link::client_order_id, plan::Attempt};

/// Such a cancel is as urgent tomorrow.
const NEVER: Timestamp = Timestamp(i64::MAX);

impl Gateway {
    /// Cancels of everything the broker may be working, for a process that must end and cannot make
    /// attempts durable any more. A cancel adds no exposure, so it may go first and be logged later.
    #[must_use]
    pub fn emergency_cancels(&self) -> Vec<CancelRequest> {
        self.links
            .iter()
            .filter(|(_, link)| link.is_open())
            .filter_map(|(&order, link)| {
                let client_order_id = client_order_id(order).ok()?;
                let (attempt, instrument) = (link.attempts + 1, link.instrument);
                Some(CancelRequest { order, client_order_id, attempt, instrument })
            })
            .collect()
    }

    /// Notes which orders a halt concerns: those in front of it in the log. One whose submit has no
    /// answer is owed a cancel for when it has one, because a cancel that overtakes its submit is
    /// refused and the order works on.
    pub(crate) fn note_sweep(&mut self, halt: EventId) {
        for link in self.links.values_mut() {
            link.cancel_owed |= link.is_open() && link.is_pending(AttemptAction::Submit);
        }
        let standing = self.links.iter().filter(|(_, link)| !link.terminal);
        let orders = standing.map(|(&order, _)| order).collect();
        if !self.answered.contains(&halt) {
            let _ = self.sweeps.insert(halt, orders);
        }
    }

    /// Cancels every order the halt concerns that the broker may be working; one whose submit is
    /// unknown too.
    pub(crate) fn cancel_all(&mut self, plan: &mut Plan, halt: &Event, now: Moment) {
        for order in self.sweeps.remove(&halt.event_id).unwrap_or_default() {
            if self.can_cancel(order) {
                self.send(plan, halt, cancel(order), now);
            }
        }
    }

    /// Cancels an order that was owed a cancel, now that its submit has an answer.
    pub(crate) fn cancel_owed(
        &mut self,
        plan: &mut Plan,
        answer: &Event,
        order: OrderId,
        now: Moment,
    ) {
        let is_owed = self.links.get(&order).is_some_and(|link| link.cancel_owed);
        if is_owed && self.can_cancel(order) {
            self.send(plan, answer, cancel(order), now);
        }
    }

    fn can_cancel(&self, order: OrderId) -> bool {
        let link = self.links.get(&order);
        link.is_some_and(|link| link.is_open() && link.admits(AttemptAction::Cancel))
    }
}

const fn cancel(order: OrderId) -> Attempt {
    Attempt { order, action: AttemptAction::Cancel, valid_until: NEVER }
}
