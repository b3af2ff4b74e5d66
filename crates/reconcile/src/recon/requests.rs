//! When a snapshot is asked for.

use agent::Outbox;
use event::{
    Body, Event, Label, OrderId, Timestamp, books::SnapshotRequested, choices::AttemptAction,
};

use super::{Recon, label};

impl Recon {
    /// The books begin: the first snapshot is asked for soon.
    pub(super) fn start(&mut self, now: Timestamp, out: &mut Outbox) {
        if core::mem::replace(&mut self.started, true) {
            return;
        }
        out.timer(label("interval"), now.plus_ns(self.config.first_after_ns));
    }

    pub(super) fn timer_fired(&mut self, name: Label, now: Timestamp, out: &mut Outbox) {
        match name.as_str() {
            "interval" => {
                out.timer(name, now.plus_ns(self.config.interval_ns));
                // A confirmation about to be asked for would only ask the same again.
                self.again_at = None;
                self.request(name, out);
            }
            "again" if self.again_at.is_some_and(|due| due <= now) => {
                self.again_at = None;
                self.request(name, out);
            }
            "unknown" => self.request(name, out),
            _ => {}
        }
    }

    fn request(&mut self, reason: Label, out: &mut Outbox) {
        self.cycle += 1;
        let (account, cycle) = (self.config.account, self.cycle);
        out.emit(SnapshotRequested { account, reason, cycle });
    }

    /// Somebody else asks for a snapshot, numbered by who asked: it is known by the request it
    /// answers, and compared whatever its number is.
    pub(super) fn snapshot_asked(&mut self, request: &Event) {
        let Body::SnapshotRequested(asked) = &request.body else { return };
        if asked.reason.as_str() == "resume" {
            let _ = self.asked.insert(request.event_id);
            self.word_owed = true;
        }
    }

    /// Asks again before the interval is over, once.
    pub(super) fn ask_again(&mut self, now: Timestamp, out: &mut Outbox) {
        if self.again_at.is_none() {
            let due = now.plus_ns(self.config.confirm_after_ns);
            self.again_at = Some(due);
            out.timer(label("again"), due);
        }
    }

    /// An attempt's outcome is not known: asks after the broker's read lag, when it may show, and
    /// after the attempt has expired as well, when its absence proves something.
    pub(super) fn ask_when_known(
        &mut self,
        order: OrderId,
        action: AttemptAction,
        now: Timestamp,
        out: &mut Outbox,
    ) {
        let lag_ns = self.config.tolerances.read_lag_ns;
        out.timer(label("unknown"), now.plus_ns(lag_ns));
        let account = self.books.account(self.config.account);
        let expires = account.and_then(|account| account.order(order)?.expires(action));
        if let Some(expires) = expires.filter(|expires| *expires > now) {
            out.timer(label("unknown"), expires.plus_ns(lag_ns));
        }
    }
}
