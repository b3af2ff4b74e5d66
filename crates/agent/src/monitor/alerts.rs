//! Which fact deserves which alert.

use alloc::{
    format,
    string::{String, ToString},
};

use event::{
    AccountId, Body, Timestamp,
    books::AlertRaised,
    choices::{FeedState, RiskRule, Severity},
};
use guard::{Raise, RateWindow};

use super::Monitor;
use crate::{Outbox, label};

/// An alert before it is known whether to say it.
#[derive(Clone, Debug)]
pub(super) struct Alert {
    name: &'static str,
    severity: Severity,
    subject: String,
    detail: String,
    account: Option<AccountId>,
}

impl Alert {
    pub(super) const fn new(
        name: &'static str,
        severity: Severity,
        subject: String,
        detail: String,
    ) -> Self {
        Self { name, severity, subject, detail, account: None }
    }

    fn of(self, account: AccountId) -> Self {
        Self { account: Some(account), ..self }
    }
}

impl Monitor {
    /// Says an alert, unless it was said a moment ago.
    pub(super) fn raise(&mut self, now: Timestamp, alert: Alert, out: &mut Outbox) {
        let Alert { name, severity, subject, mut detail, account } = alert;
        let name = label(name);
        let Raise::Say { suppressed } = self.suppression.raise(now, name, &subject) else {
            return;
        };
        if suppressed > 0 {
            detail.push_str(&format!(" ({suppressed} more since it was last said)"));
        }
        out.emit(AlertRaised { alert: name, severity, subject, detail, account });
    }

    /// The alert a fact deserves.
    pub(super) fn alert_of(&mut self, now: Timestamp, body: &Body) -> Option<Alert> {
        use Severity::{Critical, Warning};
        Some(match body {
            Body::FeedStatusChanged(feed) => {
                let name = match feed.state {
                    FeedState::Live => return None,
                    FeedState::Unparseable => "FeedUnparseable",
                    FeedState::Stale | FeedState::Disconnected => "MarketDataDisconnected",
                };
                Alert::new(name, Critical, feed.feed.to_string(), feed.detail.clone())
            }
            Body::MarketAnomalyDetected(found) => {
                let subject = format!("{} {}", found.instrument, found.anomaly);
                Alert::new("MarketAnomaly", Warning, subject, found.detail.clone())
            }
            Body::OrderUnknown(order) => {
                let detail = format!(
                    "{} attempt {} had no answer: {}; run `blotter reconcile`",
                    order.action, order.attempt, order.reason
                );
                Alert::new("OrderUnknown", Warning, order.order.to_string(), detail)
                    .of(order.account)
            }
            Body::OrderRejected(order) => {
                let rejects_max = self.config.rejects_max as usize;
                let window = self.rejects_of(order.account);
                window.record(now);
                if window.count(now) < rejects_max {
                    return None;
                }
                let detail = format!("{rejects_max} rejections, the last one: {}", order.reason);
                Alert::new("OrderRejects", Warning, order.account.to_string(), detail)
                    .of(order.account)
            }
            Body::LimitBreached(breach) => {
                let (name, severity) = match breach.rule {
                    RiskRule::Drawdown => ("DrawdownLimit", Critical),
                    _ => ("LimitBreached", Warning),
                };
                let subject = match breach.instrument {
                    Some(instrument) => format!("{} {instrument}", breach.rule),
                    None => format!("{} {}", breach.rule, breach.account),
                };
                Alert::new(name, severity, subject, breach.detail.clone()).of(breach.account)
            }
            Body::BreakConfirmed(broken) => {
                let detail = format!(
                    "{} on {} seen in {} cycles; run `blotter reconcile`",
                    broken.code, broken.subject, broken.cycles
                );
                let subject = broken.break_id.to_string();
                Alert::new("BreakConfirmed", broken.severity, subject, detail).of(broken.account)
            }
            Body::EventQuarantined(record) => {
                let severity = if record.parked { Critical } else { Warning };
                let detail = format!("record {}: {}", record.record, record.detail);
                Alert::new("RecordQuarantined", severity, record.origin.to_string(), detail)
            }
            Body::AgentStopped(stop) if stop.failed => {
                let spent = stop.restarts >= self.config.restarts_max;
                let severity = if spent { Critical } else { Warning };
                let detail = format!("after {} restarts: {}", stop.restarts, stop.reason);
                Alert::new("AgentFailed", severity, stop.task.to_string(), detail)
            }
            Body::BrokerSnapshotTaken(snapshot) if !snapshot.failure.is_empty() => {
                let detail = format!("nothing was compared: {}", snapshot.failure);
                let subject = snapshot.account.to_string();
                Alert::new("SnapshotFailed", Warning, subject, detail).of(snapshot.account)
            }
            Body::TradingHalted(halt) => {
                let subject = halt.account.map_or_else(|| "all".into(), |one| one.to_string());
                let detail = format!("by {}: {}", halt.by, halt.reason);
                let alert = Alert::new("TradingHalted", Critical, subject, detail);
                Alert { account: halt.account, ..alert }
            }
            _ => return None,
        })
    }

    pub(super) fn rejects_of(&mut self, account: AccountId) -> &mut RateWindow {
        let (count, window_ns) = (self.config.rejects_max as usize, self.config.rejects_window_ns);
        self.rejects.entry(account).or_insert_with(|| RateWindow::new(count, window_ns))
    }
}
