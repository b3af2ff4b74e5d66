//! Halting, and what must be true before trading resumes.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use event::{
    AccountId, Event, EventId, Source,
    books::{AlertRaised, SnapshotRequested},
    choices::Severity,
    operations::{OperatorCommanded, ResumeRefused, TradingHalted, TradingResumed},
};

use super::{Monitor, TAKEN_MAX};
use crate::{Evidence, Outbox, label};

impl Monitor {
    /// Halts one account or everything, unless that very halt stands already.
    pub(super) fn halt(
        &mut self,
        account: Option<AccountId>,
        reason: String,
        by: &str,
        out: &mut Outbox,
    ) {
        let stands = match account {
            Some(account) => self.halted.contains(&account),
            None => self.halted_all,
        };
        if !stands {
            self.halt_for_operator(account, reason, by, out);
        }
    }

    /// Halts, also what is halted already: an operator always gets an answer.
    pub(super) fn halt_for_operator(
        &mut self,
        account: Option<AccountId>,
        reason: String,
        by: &str,
        out: &mut Outbox,
    ) {
        self.note_halt(account);
        out.emit(TradingHalted { account, reason, by: by.to_string() });
    }

    /// A snapshot was taken; what it says is known once it is compared.
    pub(super) fn note_snapshot(&mut self, account: AccountId, snapshot: EventId) {
        if self.clean.contains(&account) {
            return;
        }
        let taken = self.taken.entry(account).or_default();
        if taken.len() >= TAKEN_MAX {
            let _ = taken.remove(0);
        }
        taken.push(snapshot);
    }

    /// Only the word of the account's own reconciliation counts, on a snapshot seen since the halt.
    pub(super) fn note_compared(&mut self, event: &Event, alert: &AlertRaised) {
        let Some(account) = alert.account else { return };
        let by = Source::new(&format!("recon/{account}"));
        let taken = self.taken.get(&account);
        let known = taken.zip(event.cause_id).is_some_and(|(taken, cause)| taken.contains(&cause));
        if known && by.is_ok_and(|by| by == event.source) && alert.severity == Severity::Info {
            let _ = self.taken.remove(&account);
            let _ = self.clean.insert(account);
        }
    }

    /// From a halt on, only a newer snapshot is a clean one.
    pub(super) fn note_halt(&mut self, account: Option<AccountId>) {
        match account {
            Some(account) => {
                let _ = self.halted.insert(account);
                let _ = self.clean.remove(&account);
                let _ = self.taken.remove(&account);
            }
            None => {
                self.halted_all = true;
                self.clean.clear();
                self.taken.clear();
            }
        }
    }

    pub(super) fn note_resume(&mut self, account: Option<AccountId>) {
        match account {
            Some(account) => drop(self.halted.remove(&account)),
            None => {
                self.halted_all = false;
                self.halted.clear();
            }
        }
    }

    /// Resumes, or says what is missing.
    pub(super) fn resume(&mut self, command: &OperatorCommanded, out: &mut Outbox) {
        let OperatorCommanded { account, actor, reason, .. } = command;
        let unclean = self.without_clean_snapshot(*account);
        let evidence = Evidence::default()
            .observed("unparseable_feeds", self.unparseable.len())
            .observed("critical_breaks", self.critical_breaks(*account))
            .observed("accounts_without_clean_snapshot", unclean.len());
        if let Some(objection) = self.objection(command) {
            let refused =
                ResumeRefused { account: *account, actor: actor.clone(), reason: objection };
            out.decide(refused, evidence.basis());
            return;
        }
        if !unclean.is_empty() {
            let names: Vec<String> = unclean.iter().map(AccountId::to_string).collect();
            let reason = format!(
                "no broker snapshot since the halt of {} was compared and clean; one is asked for: run \
                 `blotter reconcile`, then resume again",
                names.join(", ")
            );
            let refused = ResumeRefused { account: *account, actor: actor.clone(), reason };
            out.decide(refused, evidence.basis());
            for account in unclean {
                self.snapshots_asked += 1;
                let cycle = self.snapshots_asked;
                out.emit(SnapshotRequested { account, reason: label("resume"), cycle });
            }
            return;
        }
        self.note_resume(*account);
        let resumed =
            TradingResumed { account: *account, actor: actor.clone(), reason: reason.clone() };
        out.decide(resumed, evidence.basis());
    }

    /// Why a resume is refused whatever a snapshot says.
    fn objection(&self, command: &OperatorCommanded) -> Option<String> {
        if command.actor.trim().is_empty() || command.reason.trim().is_empty() {
            return Some("a resume needs an actor and a reason".into());
        }
        if let Some(feed) = self.unparseable.first() {
            return Some(format!("feed {feed} does not parse"));
        }
        if self.halted_all && command.account.is_some() {
            return Some("all trading is halted; resume without an account".into());
        }
        match self.critical_breaks(command.account) {
            0 => None,
            count => Some(format!(
                "{count} critical breaks are open; run `blotter reconcile` and resolve them"
            )),
        }
    }

    fn critical_breaks(&self, account: Option<AccountId>) -> usize {
        self.breaks.values().filter(|one| account.is_none_or(|account| **one == account)).count()
    }

    /// Accounts a resume concerns whose books were not compared since the halt.
    fn without_clean_snapshot(&self, account: Option<AccountId>) -> Vec<AccountId> {
        let concerned: Vec<AccountId> = match account {
            Some(account) => Vec::from([account]),
            None => self.accounts.iter().copied().collect(),
        };
        concerned.into_iter().filter(|account| !self.clean.contains(account)).collect()
    }
}
