//! The monitor: what people must know, and when trading stops by itself.
//!
//! | seen | alert | severity | halts |
//! |---|---|---|---|
//! | a feed that does not parse | `FeedUnparseable` | critical | everything |
//! | a feed silent or disconnected | `MarketDataDisconnected` | critical | - |
//! | a market anomaly | `MarketAnomaly` | warning | - |
//! | an order of unknown outcome | `OrderUnknown` | warning | - |
//! | `rejects_max` rejections in `rejects_window_ns` | `OrderRejects` | warning | - |
//! | the drawdown limit passed | `DrawdownLimit` | critical | the account |
//! | another watched limit passed | `LimitBreached` | warning | - |
//! | a break confirmed | `BreakConfirmed` | the break's | the account, when critical |
//! | a quarantined record | `RecordQuarantined` | warning; critical when its key is parked | - |
//! | a task failed | `AgentFailed` | warning; critical past its restarts | everything, past its restarts |
//! | no heartbeat for `heartbeat_ns`, after one | `HeartbeatMissing` | critical | - |
//! | a broker snapshot that failed | `SnapshotFailed` | warning | - |
//! | a halt | `TradingHalted` | critical | is one |
//!
//! One alert per (alert, subject) in `repeat_ns`; the next one says how many were held back.
//!
//! A halt by an operator is obeyed at once. A resume needs actor, reason, feeds that parse, and a
//! clean reconciliation: a broker snapshot of every account in question, taken since the halt, of
//! which reconciliation says that it compared it and found nothing critical ([`BOOKS_COMPARED`]), and
//! no critical break open; a break is open until it is resolved, explained or not. If only that is
//! missing a snapshot is asked for, and the refusal says to try again.

mod alerts;
mod halts;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};

use alerts::Alert;
use event::{
    AccountId, Body, BreakId, Event, EventId, Kind, Label, SECOND_NS, Source, Timestamp,
    choices::{FeedState, OperatorVerb, RiskRule, Severity},
    message, nested,
};
use guard::{Muted, RateWindow, Suppression};

use crate::{Agent, Outbox, RestoreError, Scope, label, state};

/// The alert by which reconciliation says that it compared the snapshot that caused it, and that it
/// found nothing critical.
pub const BOOKS_COMPARED: &str = "BooksCompared";

/// Snapshots per account whose comparison is waited for; reconciliation compares the newest.
const TAKEN_MAX: usize = 16;

/// When to alert and when to halt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Least time between two alerts of one name on one subject, in nanoseconds.
    pub repeat_ns: i64,
    /// Rejections by the broker, per account, that make an alert.
    pub rejects_max: u32,
    /// The window they are counted in, in nanoseconds.
    pub rejects_window_ns: i64,
    /// A worker silent for longer than this is missing, in nanoseconds.
    pub heartbeat_ns: i64,
    /// A task that fails after this many restarts halts trading.
    pub restarts_max: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            repeat_ns: 300 * SECOND_NS,
            rejects_max: 5,
            rejects_window_ns: 60 * SECOND_NS,
            heartbeat_ns: 30 * SECOND_NS,
            restarts_max: 3,
        }
    }
}

message! {
    /// A critical break that is not over.
    OpenBreak {
        /// The break.
        1 break_id: BreakId,
        /// Its account.
        2 account: AccountId,
    }

    /// A worker's last sign of life.
    Pulse {
        /// The worker.
        1 worker: Source,
        /// When it was.
        2 seen: Timestamp,
        /// Whether it is missing.
        3 missing: bool,
    }

    /// Rejections of an account's orders.
    Rejects {
        /// The account.
        1 account: AccountId,
        /// When they were.
        2 times: Vec<Timestamp>,
    }

    /// Snapshots taken of an account that is not known to be clean.
    Taken {
        /// The account.
        1 account: AccountId,
        /// The snapshots, oldest first.
        2 snapshots: Vec<EventId>,
    }

    /// The agent's state.
    Standing {
        /// Alerts held back.
        1 muted: Vec<Muted>,
        /// Rejections.
        2 rejects: Vec<Rejects>,
        /// Workers.
        3 pulses: Vec<Pulse>,
        /// Whether a timer is set.
        4 armed: bool,
        /// Accounts known.
        5 accounts: Vec<AccountId>,
        /// Accounts whose books were compared and clean since their last halt.
        6 clean: Vec<AccountId>,
        /// Critical breaks.
        7 breaks: Vec<OpenBreak>,
        /// Feeds that do not parse.
        8 unparseable: Vec<Source>,
        /// Whether everything is halted.
        9 halted_all: bool,
        /// Accounts halted.
        10 halted: Vec<AccountId>,
        /// Snapshots asked for.
        11 snapshots_asked: u64,
        /// Snapshots taken and not known to be clean.
        12 taken: Vec<Taken>,
    }
}

nested!(OpenBreak, Pulse, Rejects, Taken);

/// The alerting and halting agent.
#[derive(Clone, Debug)]
pub struct Monitor {
    config: Config,
    suppression: Suppression,
    rejects: BTreeMap<AccountId, RateWindow>,
    pulses: BTreeMap<Source, Pulse>,
    armed: bool,
    accounts: BTreeSet<AccountId>,
    clean: BTreeSet<AccountId>,
    breaks: BTreeMap<BreakId, AccountId>,
    unparseable: BTreeSet<Source>,
    halted_all: bool,
    halted: BTreeSet<AccountId>,
    snapshots_asked: u64,
    taken: BTreeMap<AccountId, Vec<EventId>>,
}

impl Monitor {
    /// An agent that has seen nothing.
    #[must_use]
    pub const fn new(config: Config) -> Self {
        Self {
            config,
            suppression: Suppression::new(config.repeat_ns),
            rejects: BTreeMap::new(),
            pulses: BTreeMap::new(),
            armed: false,
            accounts: BTreeSet::new(),
            clean: BTreeSet::new(),
            breaks: BTreeMap::new(),
            unparseable: BTreeSet::new(),
            halted_all: false,
            halted: BTreeSet::new(),
            snapshots_asked: 0,
            taken: BTreeMap::new(),
        }
    }

    /// Raises what the fact deserves, then halts if it must.
    fn on_fact(&mut self, now: Timestamp, body: &Body, out: &mut Outbox) {
        if let Some(alert) = self.alert_of(now, body) {
            self.raise(now, alert, out);
        }
        if let Some((account, reason)) = self.halt_of(body) {
            self.halt(account, reason, "monitor", out);
        }
    }

    /// The halt a fact demands: for one account or for everything, and why.
    fn halt_of(&self, body: &Body) -> Option<(Option<AccountId>, String)> {
        match body {
            Body::FeedStatusChanged(feed) if feed.state == FeedState::Unparseable => {
                Some((None, format!("feed {} does not parse: {}", feed.feed, feed.detail)))
            }
            Body::LimitBreached(breach) if breach.rule == RiskRule::Drawdown => {
                Some((Some(breach.account), breach.detail.clone()))
            }
            Body::BreakConfirmed(broken) if broken.severity == Severity::Critical => {
                let reason = format!("critical break {} on {}", broken.code, broken.subject);
                Some((Some(broken.account), reason))
            }
            Body::AgentStopped(stop)
                if stop.failed && stop.restarts >= self.config.restarts_max =>
            {
                let times = stop.restarts;
                Some((
                    None,
                    format!("{} failed after {times} restarts: {}", stop.task, stop.reason),
                ))
            }
            _ => None,
        }
    }

    /// Keeps track of what a resume depends on.
    fn track(&mut self, event: &Event) {
        let body = &event.body;
        if let Some(account) = body.account() {
            let _ = self.accounts.insert(account);
        }
        match body {
            Body::FeedStatusChanged(feed) if feed.state == FeedState::Unparseable => {
                let _ = self.unparseable.insert(feed.feed);
            }
            Body::FeedStatusChanged(feed) if feed.state == FeedState::Live => {
                let _ = self.unparseable.remove(&feed.feed);
            }
            Body::BrokerSnapshotTaken(snapshot) if snapshot.failure.is_empty() => {
                self.note_snapshot(snapshot.account, event.event_id);
            }
            Body::AlertRaised(alert) if alert.alert.as_str() == BOOKS_COMPARED => {
                self.note_compared(event, alert);
            }
            Body::BreakOpened(broken) if broken.severity == Severity::Critical => {
                let _ = self.breaks.insert(broken.break_id, broken.account);
            }
            Body::BreakConfirmed(broken) if broken.severity == Severity::Critical => {
                let _ = self.breaks.insert(broken.break_id, broken.account);
            }
            Body::BreakResolved(broken) => drop(self.breaks.remove(&broken.break_id)),
            // Its own halts and resumes come back to it too: whatever came between, the last one
            // in the log is how the gates understand it.
            Body::TradingHalted(halt) => self.note_halt(halt.account),
            Body::TradingResumed(resume) => self.note_resume(resume.account),
            _ => {}
        }
    }

    fn on_heartbeat(&mut self, now: Timestamp, worker: Source, out: &mut Outbox) {
        let _ = self.pulses.insert(worker, Pulse { worker, seen: now, missing: false });
        self.arm(out);
    }

    fn on_timer(&mut self, now: Timestamp, out: &mut Outbox) {
        self.armed = false;
        let heartbeat_ns = self.config.heartbeat_ns;
        let mut missing = Vec::new();
        for pulse in self.pulses.values_mut().filter(|pulse| !pulse.missing) {
            if now.since_ns(pulse.seen) >= heartbeat_ns {
                pulse.missing = true;
                missing.push((pulse.worker, now.since_ns(pulse.seen)));
            }
        }
        for (worker, silent_ns) in missing {
            let detail = format!("no heartbeat for {} s", silent_ns / SECOND_NS);
            let subject = worker.to_string();
            let alert = Alert::new("HeartbeatMissing", Severity::Critical, subject, detail);
            self.raise(now, alert, out);
        }
        self.arm(out);
    }

    /// Sets a timer for when the next worker would be missing, if none is set.
    fn arm(&mut self, out: &mut Outbox) {
        let seen = self.pulses.values().filter(|pulse| !pulse.missing).map(|pulse| pulse.seen);
        if let Some(first) = seen.min()
            && !self.armed
        {
            out.timer(label("heartbeat"), first.plus_ns(self.config.heartbeat_ns));
            self.armed = true;
        }
    }
}

impl Agent for Monitor {
    fn name(&self) -> Label {
        label("monitor")
    }

    fn version(&self) -> Label {
        label("1")
    }

    fn subscriptions(&self) -> &'static [Kind] {
        &[
            Kind::FeedStatusChanged,
            Kind::MarketAnomalyDetected,
            Kind::OrderRejected,
            Kind::OrderUnknown,
            Kind::AccountOpened,
            Kind::LimitsLoaded,
            Kind::LimitBreached,
            Kind::BrokerSnapshotTaken,
            Kind::AlertRaised,
            Kind::BreakOpened,
            Kind::BreakConfirmed,
            Kind::BreakResolved,
            Kind::OperatorCommanded,
            Kind::TradingHalted,
            Kind::TradingResumed,
            Kind::AgentStopped,
            Kind::Heartbeat,
            Kind::EventQuarantined,
        ]
    }

    fn scope(&self) -> Scope {
        Scope::All
    }

    fn on_event(&mut self, now: Timestamp, event: &Event, out: &mut Outbox) {
        let body = &event.body;
        self.track(event);
        match body {
            Body::OperatorCommanded(command) => match command.verb {
                OperatorVerb::Halt => {
                    let (account, by) = (command.account, command.actor.as_str());
                    self.halt_for_operator(account, command.reason.clone(), by, out);
                }
                OperatorVerb::Resume => self.resume(command, out),
                // The gateway cancels; nothing is decided here.
                OperatorVerb::CancelAll => {}
            },
            Body::Heartbeat(pulse) => self.on_heartbeat(now, pulse.worker, out),
            Body::TimerFired(_) => self.on_timer(now, out),
            body => self.on_fact(now, body, out),
        }
    }

    fn snapshot(&self) -> Option<Vec<u8>> {
        let rejects = |(account, window): (&AccountId, &RateWindow)| Rejects {
            account: *account,
            times: window.times(),
        };
        let open = |(break_id, account): (&BreakId, &AccountId)| OpenBreak {
            break_id: *break_id,
            account: *account,
        };
        let standing = Standing {
            muted: self.suppression.muted(),
            rejects: self.rejects.iter().map(rejects).collect(),
            pulses: self.pulses.values().cloned().collect(),
            armed: self.armed,
            accounts: self.accounts.iter().copied().collect(),
            clean: self.clean.iter().copied().collect(),
            breaks: self.breaks.iter().map(open).collect(),
            unparseable: self.unparseable.iter().copied().collect(),
            halted_all: self.halted_all,
            halted: self.halted.iter().copied().collect(),
            snapshots_asked: self.snapshots_asked,
            taken: self
                .taken
                .iter()
                .map(|(account, snapshots)| Taken {
                    account: *account,
                    snapshots: snapshots.clone(),
                })
                .collect(),
        };
        Some(state::save(self.version(), &standing))
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), RestoreError> {
        let from: Standing = state::load(self.version(), snapshot)?;
        self.suppression.restore(from.muted);
        self.rejects = BTreeMap::new();
        for rejects in from.rejects {
            self.rejects_of(rejects.account).restore(&rejects.times);
        }
        self.pulses = from.pulses.into_iter().map(|pulse| (pulse.worker, pulse)).collect();
        self.armed = from.armed;
        self.accounts = from.accounts.into_iter().collect();
        self.clean = from.clean.into_iter().collect();
        self.breaks = from.breaks.into_iter().map(|one| (one.break_id, one.account)).collect();
        self.unparseable = from.unparseable.into_iter().collect();
        self.halted_all = from.halted_all;
        self.halted = from.halted.into_iter().collect();
        self.snapshots_asked = from.snapshots_asked;
        self.taken = from.taken.into_iter().map(|one| (one.account, one.snapshots)).collect();
        Ok(())
    }
}

#[cfg(test)]
mod corner_tests;
#[cfg(test)]
mod tests;
