//! The trader: turns signals into orders for one account.
//!
//! A signal sets the target position of its instrument: one unit long on a buy, one unit short on
//! a sell, or flat where shorting is not wanted. One order at a time works towards it. The order
//! joins the touch; after `reprice_after_ns` it is replaced once, at the price `reprice` says;
//! after `cancel_after_ns` the rest is cancelled and the target given up until the next signal. A
//! signal the other way cancels the order at once, and the new target follows when its end is
//! confirmed. An order whose outcome is unknown keeps the instrument waiting. While trading is
//! halted nothing is proposed and targets are given up; cancels go out all the same.
//!
//! It proposes; the risk gate decides.

mod desk;
mod working;

use alloc::{collections::BTreeMap, vec::Vec};

use desk::Desk;
use event::{
    AccountId, Amount, Body, Event, InstrumentId, Kind, Label, Quantity, SECOND_NS, Timestamp,
    message,
};

use crate::{
    Agent, Outbox, RestoreError, Scope,
    executions::{EarlyTerms, Executed, Executions},
    label, state,
};

/// Where an order is priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// At the touch of its own side: rests, earns the spread, may not fill.
    JoinTouch,
    /// At the touch of the other side: fills at once what is there, and rests.
    CrossTouch,
    /// At the touch of the other side, the rest cancelled by the venue.
    ImmediateOrCancel,
}

/// What a sell signal asks for when nothing is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shorting {
    /// One unit short.
    Everywhere,
    /// One unit short in derivatives, flat in spot.
    Derivatives,
    /// Flat.
    Nowhere,
}

/// Parameters of the trader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The account it trades for.
    pub account: AccountId,
    /// Notional of one unit, in the quote currency (inverse: face value), rounded down to a lot.
    pub unit_notional: Amount,
    /// Units that are not by notional, in the instrument's own quantity.
    pub units: BTreeMap<InstrumentId, Quantity>,
    /// What a sell signal asks for.
    pub shorting: Shorting,
    /// Where an order is first priced.
    pub place: Placement,
    /// Where it is priced when it has not filled in time.
    pub reprice: Placement,
    /// When that is, in nanoseconds after the proposal; zero never reprices.
    pub reprice_after_ns: i64,
    /// When the rest is cancelled, in nanoseconds after the proposal.
    pub cancel_after_ns: i64,
    /// How long a proposal or a cancel may wait to be sent, in nanoseconds.
    pub validity_ns: i64,
}

impl Config {
    /// The defaults for one account: units of 1000, join the touch, cross after 3 s, cancel after
    /// 8 s, 2 s to be sent.
    #[must_use]
    pub const fn of(account: AccountId) -> Self {
        Self {
            account,
            unit_notional: Amount::whole(1_000),
            units: BTreeMap::new(),
            shorting: Shorting::Derivatives,
            place: Placement::JoinTouch,
            reprice: Placement::CrossTouch,
            reprice_after_ns: 3 * SECOND_NS,
            cancel_after_ns: 8 * SECOND_NS,
            validity_ns: 2 * SECOND_NS,
        }
    }
}

/// The defaults for the account `PAPER`.
impl Default for Config {
    fn default() -> Self {
        Self::of(AccountId::from_label(label("PAPER")))
    }
}

message! {
    /// The agent's state.
    Standing {
        /// By instrument.
        1 desks: Vec<Desk>,
        /// Executions known.
        2 executions: Vec<Executed>,
        /// Executions taken back.
        3 busted: Vec<Label>,
        /// Whether all trading is halted.
        4 halted_all: bool,
        /// Whether this account is halted.
        5 halted_account: bool,
        /// Whether the account was opened.
        6 opened: bool,
        /// Corrections ahead of their executions.
        7 early: Vec<EarlyTerms>,
        /// Corrections known.
        8 corrections: Vec<Label>,
    }
}

/// The trader of one account.
#[derive(Clone, Debug)]
pub struct Trader {
    config: Config,
    desks: BTreeMap<InstrumentId, Desk>,
    executions: Executions,
    halted_all: bool,
    halted_account: bool,
    opened: bool,
}

impl Trader {
    /// A trader that has seen nothing.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            desks: BTreeMap::new(),
            executions: Executions::default(),
            halted_all: false,
            halted_account: false,
            opened: false,
        }
    }

    fn desk(&mut self, instrument: InstrumentId) -> &mut Desk {
        self.desks.entry(instrument).or_insert_with(|| Desk::new(instrument))
    }

    /// Moves an instrument towards its target. While trading is halted there is none.
    fn act(&mut self, now: Timestamp, instrument: InstrumentId, out: &mut Outbox) {
        if let Some(desk) = self.desks.get_mut(&instrument) {
            desk.act(now, &self.config, out);
        }
    }

    fn on_executions(&mut self, event: &Event) {
        for change in self.executions.fold(&event.body) {
            self.desk(change.instrument).execute(event, &change);
        }
    }

    fn on_account(&mut self, body: &Body) {
        match body {
            Body::AccountOpened(opened) if !self.opened => {
                self.opened = true;
                for position in &opened.positions {
                    self.desk(position.instrument).book(position.quantity.amount());
                }
            }
            Body::AdjustmentBooked(booked) => {
                if let Some(instrument) = booked.instrument {
                    self.desk(instrument).book(booked.quantity.amount());
                }
            }
            Body::AdjustmentReversed(reversed) => {
                if let Some(instrument) = reversed.instrument {
                    self.desk(instrument).book(reversed.quantity.amount());
                }
            }
            _ => {}
        }
    }

    fn on_control(&mut self, body: &Body) {
        match body {
            Body::TradingHalted(halt) => {
                self.halted_all |= halt.account.is_none();
                self.halted_account |= halt.account.is_some();
                self.desks.values_mut().for_each(Desk::give_up);
            }
            Body::TradingResumed(resume) => {
                self.halted_account = false;
                self.halted_all = self.halted_all && resume.account.is_some();
            }
            _ => {}
        }
    }

    fn on_timer(&mut self, now: Timestamp, name: Label, out: &mut Outbox) {
        let halted = self.halted_all || self.halted_account;
        for desk in self.desks.values_mut() {
            desk.on_timer(now, name, halted, &self.config, out);
        }
    }
}

impl Agent for Trader {
    fn name(&self) -> Label {
        label("trader")
    }

    fn version(&self) -> Label {
        label("1")
    }

    fn subscriptions(&self) -> &'static [Kind] {
        &[
            Kind::MarketQuote,
            Kind::InstrumentDefined,
            Kind::SignalEmitted,
            Kind::OrderDenied,
            Kind::OrderAccepted,
            Kind::OrderRejected,
            Kind::OrderReplaced,
            Kind::CancelRejected,
            Kind::OrderCancelled,
            Kind::OrderExpired,
            Kind::OrderLapsed,
            Kind::OrderUnknown,
            Kind::OrderExecuted,
            Kind::ExecutionBusted,
            Kind::ExecutionCorrected,
            Kind::AccountOpened,
            Kind::AdjustmentBooked,
            Kind::AdjustmentReversed,
            Kind::TradingHalted,
            Kind::TradingResumed,
        ]
    }

    fn scope(&self) -> Scope {
        Scope::Account(self.config.account)
    }

    fn on_event(&mut self, now: Timestamp, event: &Event, out: &mut Outbox) {
        match &event.body {
            Body::MarketQuote(quote) => match self.desks.get_mut(&quote.instrument) {
                Some(desk) => desk.quote(event, quote),
                None => self.desk(quote.instrument).quote(event, quote),
            },
            Body::InstrumentDefined(defined) => self.desk(defined.instrument).define(defined),
            Body::SignalEmitted(signal) => {
                let shorting = self.config.shorting;
                if !(self.halted_all || self.halted_account) {
                    self.desk(signal.instrument).signal(event, signal, shorting);
                    self.act(now, signal.instrument, out);
                }
            }
            Body::TimerFired(timer) => self.on_timer(now, timer.name, out),
            Body::OrderExecuted(_) | Body::ExecutionBusted(_) | Body::ExecutionCorrected(_) => {
                self.on_executions(event);
                if let Some(instrument) = event.body.instrument() {
                    self.act(now, instrument, out);
                }
            }
            body => {
                self.on_account(body);
                self.on_control(body);
                if let (Some(_), Some(instrument)) = (body.order(), body.instrument()) {
                    if let Some(desk) = self.desks.get_mut(&instrument) {
                        desk.order_fact(now, event, &self.config, out);
                    }
                    self.act(now, instrument, out);
                }
            }
        }
    }

    fn snapshot(&self) -> Option<Vec<u8>> {
        let standing = Standing {
            desks: self.desks.values().cloned().collect(),
            executions: self.executions.known(),
            busted: self.executions.busted(),
            early: self.executions.early(),
            corrections: self.executions.corrections(),
            halted_all: self.halted_all,
            halted_account: self.halted_account,
            opened: self.opened,
        };
        Some(state::save(self.version(), &standing))
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), RestoreError> {
        let from: Standing = state::load(self.version(), snapshot)?;
        self.desks = from.desks.into_iter().map(|desk| (desk.instrument, desk)).collect();
        self.executions =
            Executions::restored(from.executions, from.busted, from.early, from.corrections);
        self.halted_all = from.halted_all;
        self.halted_account = from.halted_account;
        self.opened = from.opened;
        Ok(())
    }
}

#[cfg(test)]
mod corner_tests;
#[cfg(test)]
mod tests;
