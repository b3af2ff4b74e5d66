//! The books of every account, and what concerns all of them.

use alloc::{collections::BTreeMap, string::ToString, vec::Vec};

use event::{
    AccountId, Body, Event, InstrumentId, Kind, OrderId, Source, Timestamp,
    choices::{FeedState, QuarantineReason, TradingState},
    market::InstrumentDefined,
    operations::SessionPhaseChanged,
};

use crate::{Account, Contract, Finding, Halt, Order, instruments::Instruments};

/// Orders, executions, positions, cash, limits, breaks and halts, folded from events.
///
/// ```
/// use projection::Books;
/// let mut books = Books::new();
/// assert_eq!(books.accounts().count(), 0);
/// assert!(!Books::wants(event::Kind::MarketQuote));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books {
    pub(crate) accounts: BTreeMap<AccountId, Account>,
    pub(crate) instruments: Instruments,
    pub(crate) halt_all: Option<Halt>,
    pub(crate) feeds: BTreeMap<Source, FeedState>,
    pub(crate) sessions: BTreeMap<event::Label, SessionPhaseChanged>,
    pub(crate) quarantined: BTreeMap<QuarantineReason, u64>,
    pub(crate) parked: BTreeMap<Source, u64>,
}

impl Books {
    /// Books without anything in them.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            accounts: BTreeMap::new(),
            instruments: Instruments::new(),
            halt_all: None,
            feeds: BTreeMap::new(),
            sessions: BTreeMap::new(),
            quarantined: BTreeMap::new(),
            parked: BTreeMap::new(),
        }
    }

    /// Whether an event of this kind changes the books; records of other kinds need no decoding.
    #[must_use]
    pub const fn wants(kind: Kind) -> bool {
        !matches!(
            kind,
            Kind::MarketTrade
                | Kind::MarketQuote
                | Kind::BookDelta
                | Kind::BookSnapshot
                | Kind::MarketAnomalyDetected
                | Kind::SignalEmitted
                | Kind::LimitBreached
                | Kind::AlertRaised
                | Kind::SnapshotRequested
                | Kind::TimerFired
                | Kind::OperatorCommanded
                | Kind::ResumeRefused
                | Kind::AgentStarted
                | Kind::AgentStopped
                | Kind::Heartbeat
        )
    }

    /// Folds an event, and returns what about it cannot be right.
    pub fn apply(&mut self, event: &Event) -> Vec<Finding> {
        let mut findings = Vec::new();
        match &event.body {
            Body::InstrumentDefined(b) => self.define(event, b, &mut findings),
            Body::TradingStatusChanged(b) => {
                let _ = self.instruments.status.insert(b.instrument, b.status);
            }
            Body::FeedStatusChanged(b) => drop(self.feeds.insert(b.feed, b.state)),
            Body::SessionPhaseChanged(b) => drop(self.sessions.insert(b.calendar, b.clone())),
            Body::EventQuarantined(b) => {
                *self.quarantined.entry(b.reason).or_default() += 1;
                if b.parked {
                    *self.parked.entry(b.origin).or_default() += 1;
                }
            }
            Body::TradingHalted(b) => {
                let (reason, by) = (b.reason.to_string(), b.by.to_string());
                self.halt(b.account, Halt { reason, by, since: event.time });
            }
            Body::TradingResumed(b) => self.resume(b.account),
            body if Self::wants(body.kind()) => {
                if let Some(account) = body.account() {
                    self.fold_account(account, event, &mut findings);
                }
            }
            _ => {}
        }
        findings
    }

    fn fold_account(&mut self, id: AccountId, event: &Event, findings: &mut Vec<Finding>) {
        let halt = &self.halt_all;
        let account = self.accounts.entry(id).or_insert_with(|| Account::new(id, halt.clone()));
        let instruments = &self.instruments;
        match &event.body {
            Body::OrderExecuted(b) => account.executed(event, b, instruments, findings),
            Body::ExecutionBusted(b) => account.busted(event, b, instruments, findings),
            Body::ExecutionCorrected(b) => account.corrected(event, b, instruments, findings),
            Body::AccountOpened(b) => account.opened(event, b, findings),
            Body::BrokerSnapshotTaken(b) => account.listed(b),
            Body::BalancesReported(b) => account.reported.clone_from(&b.balances),
            Body::FeeCharged(b) => account.fee_charged(event, b, instruments, findings),
            Body::FundingPaid(b) => account.funding_paid(event, b, findings),
            Body::TransferBooked(b) => account.transferred(event, b, findings),
            Body::LimitsLoaded(b) => account.limits = Some(b.clone()),
            Body::BreakOpened(b) => account.break_opened(event, b),
            Body::BreakConfirmed(b) => account.break_confirmed(b),
            Body::BreakExplained(b) => {
                if let Some(open) = account.breaks.get_mut(&b.break_id) {
                    open.explained = true;
                }
            }
            Body::BreakResolved(b) => drop(account.breaks.remove(&b.break_id)),
            Body::AdjustmentBooked(b) => account.adjusted(event, b, findings),
            Body::AdjustmentReversed(b) => account.reversed(event, b, findings),
            _ => account.fold_order(event, findings),
        }
    }

    /// Takes a definition; executions that waited for it are booked now.
    fn define(&mut self, event: &Event, defined: &InstrumentDefined, findings: &mut Vec<Finding>) {
        if !self.instruments.define(defined) {
            return;
        }
        for account in self.accounts.values_mut() {
            if account.positions.contains_key(&defined.instrument) {
                account.fold_again(defined.instrument, event, &self.instruments, findings);
            }
        }
    }

    fn halt(&mut self, account: Option<AccountId>, halt: Halt) {
        if let Some(id) = account {
            let _ =
                self.accounts.entry(id).or_insert_with(|| Account::new(id, None)).halt.insert(halt);
            return;
        }
        for account in self.accounts.values_mut() {
            account.halt = Some(halt.clone());
        }
        self.halt_all = Some(halt);
    }

    fn resume(&mut self, account: Option<AccountId>) {
        if let Some(id) = account {
            self.accounts.entry(id).or_insert_with(|| Account::new(id, None)).halt = None;
            return;
        }
        self.halt_all = None;
        for account in self.accounts.values_mut() {
            account.halt = None;
        }
    }
}

impl Books {
    /// Every account, in order of names.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    /// One account.
    #[must_use]
    pub fn account(&self, account: AccountId) -> Option<&Account> {
        self.accounts.get(&account)
    }

    /// An order of any account, with the account it belongs to.
    #[must_use]
    pub fn order(&self, order: OrderId) -> Option<(AccountId, Order)> {
        self.accounts
            .values()
            .find_map(|account| Some((account.id(), account.order(order)?.into_owned())))
    }

    /// Whether nothing that adds exposure may be sent for this account.
    #[must_use]
    pub fn is_halted(&self, account: AccountId) -> bool {
        self.accounts.get(&account).map_or(self.halt_all.is_some(), |a| a.halt.is_some())
    }

    /// Why all accounts are halted, where they are.
    #[must_use]
    pub const fn halt_all(&self) -> Option<&Halt> {
        self.halt_all.as_ref()
    }

    /// The definition of an instrument that holds at `at`.
    #[must_use]
    pub fn instrument(
        &self,
        instrument: InstrumentId,
        at: Timestamp,
    ) -> Option<&InstrumentDefined> {
        self.instruments.at(instrument, at)
    }

    /// The newest definition of every instrument.
    pub fn instruments(&self) -> impl Iterator<Item = &InstrumentDefined> {
        self.instruments.newest()
    }

    /// The terms of an instrument that hold at `at`.
    #[must_use]
    pub fn contract(&self, instrument: InstrumentId, at: Timestamp) -> Option<Contract> {
        self.instruments.contract(instrument, at)
    }

    /// Whether an instrument trades, where its venue said.
    #[must_use]
    pub fn trading_state(&self, instrument: InstrumentId) -> Option<TradingState> {
        self.instruments.status.get(&instrument).copied()
    }

    /// Feeds and their states.
    pub fn feeds(&self) -> impl Iterator<Item = (Source, FeedState)> {
        self.feeds.iter().map(|(feed, state)| (*feed, *state))
    }

    /// Session calendars and their last phase.
    pub fn sessions(&self) -> impl Iterator<Item = &SessionPhaseChanged> {
        self.sessions.values()
    }

    /// Records quarantined, by reason.
    pub fn quarantined(&self) -> impl Iterator<Item = (QuarantineReason, u64)> {
        self.quarantined.iter().map(|(reason, records)| (*reason, *records))
    }

    /// Records that parked their key, by where they came from.
    pub fn parked(&self) -> impl Iterator<Item = (Source, u64)> {
        self.parked.iter().map(|(origin, records)| (*origin, *records))
    }
}
