//! The risk gate: one task per account, and nothing is sent that it did not approve.
//!
//! On `OrderProposed` it answers with `OrderApproved` and the command (`SubmitOrder`, or
//! `ReplaceOrder` for a change of an open order) in one unit, or with `OrderDenied` and the first
//! rule broken. Approval and reservation are one event: from then on the order counts in the worst
//! case of its instrument ([`exposure`](WorstCase)) until a terminal state is confirmed. An order
//! that only reduces a position is exempt from the limits on exposure (position, drawdown,
//! close-only), never from sanity, size, rate, collar and duplicate checks.
//!
//! Rules in order: halted, missing limit, instrument, sanity, expired, open break, duplicate, order
//! rate, price collar, order notional, position, close-only, drawdown. The unit of each bound is
//! in the table of [`Limits`]' module, repeated here:
//!
//! | rule | bound | window |
//! |---|---|---|
//! | `ORDER_NOTIONAL`, `POSITION` | quote currency; inverse: face value | - |
//! | `ORDER_RATE` | a count | the window |
//! | `PRICE_COLLAR` | parts per million of the mid price | - |
//! | `DUPLICATE` | not used | the window |
//! | `DRAWDOWN` | reporting currency, since the day's equity base | - |
//!
//! `LimitBreached{DRAWDOWN}` is emitted once a day, when the loss is first seen past its limit.
//!
//! Cost: a quote is one map lookup; while something is held, equity is valued at most once in
//! `valuation_ns`.

mod books;
mod equity;
mod exposure;
mod gate;
pub mod limits;
mod market;
mod standing;

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};

use equity::Equity;
use event::{
    AccountId, Amount, Body, BreakId, Currency, Event, InstrumentId, Kind, Label, OrderId, Price,
    Quantity, SECOND_NS, Timestamp,
    choices::{BookingKind, OrderType, Phase, RiskRule, Severity, Side, TimeInForce},
    message, nested,
    trading::{OrderApproved, OrderDenied, OrderProposed, ReplaceOrder, SubmitOrder},
};
pub use exposure::WorstCase;
use exposure::{Exposure, Reservation};
use gate::{Approval, Denial};
use guard::RateWindow;
pub use limits::Limits;
use market::Markets;

use crate::{Agent, Evidence, Outbox, RestoreError, Scope, Seen, executions::Executions, label};

/// What a gap in the venue's chain of book updates means for orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepthGaps {
    /// The instrument is not traded until a book snapshot.
    Block,
    /// Orders are priced on quotes, so the book does not matter.
    Ignore,
}

/// What the risk gate is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The account it guards.
    pub account: AccountId,
    /// Currencies that count as equal when equity is added up.
    pub at_par: Vec<(Currency, Currency)>,
    /// What a gap in book updates means.
    pub depth_gaps: DepthGaps,
    /// Least time between two valuations of equity on quotes, in nanoseconds.
    pub valuation_ns: i64,
}

impl Config {
    /// The defaults for one account: dollars and their common stablecoin at par, gaps block,
    /// equity valued at most every 100 ms.
    #[must_use]
    pub fn of(account: AccountId) -> Self {
        let at_par = match (Currency::new("USD"), Currency::new("USDT")) {
            (Ok(dollar), Ok(tether)) => Vec::from([(dollar, tether)]),
            _ => Vec::new(),
        };
        Self { account, at_par, depth_gaps: DepthGaps::Block, valuation_ns: SECOND_NS / 10 }
    }
}

/// The defaults for the account `PAPER`.
impl Default for Config {
    fn default() -> Self {
        Self::of(AccountId::from_label(label("PAPER")))
    }
}

message! {
    /// What makes two orders the same order.
    Terms {
        /// The instrument.
        1 instrument: InstrumentId,
        /// The side.
        2 side: Side,
        /// How priced.
        3 order_type: OrderType,
        /// How much.
        4 quantity: Quantity,
        /// The limit.
        5 limit_price: Option<Price>,
        /// How long it rests.
        6 time_in_force: TimeInForce,
        /// The order it changes.
        7 replaces: Option<OrderId>,
    }

    /// An order approved lately.
    Sent {
        /// When it was approved.
        1 approved: Timestamp,
        /// Its terms.
        2 terms: Terms,
    }
}

nested!(Terms, Sent);

impl Terms {
    fn of(proposed: &OrderProposed) -> Self {
        Self {
            instrument: proposed.instrument,
            side: proposed.side,
            order_type: proposed.order_type,
            quantity: proposed.quantity,
            limit_price: proposed.limit_price,
            time_in_force: proposed.time_in_force,
            replaces: proposed.replaces,
        }
    }
}

/// The risk gate of one account.
#[derive(Clone, Debug)]
pub struct Risk {
    config: Config,
    limits: Limits,
    markets: Markets,
    exposure: Exposure,
    executions: Executions,
    equity: Equity,
    rates: BTreeMap<Option<InstrumentId>, RateWindow>,
    recent: VecDeque<Sent>,
    phases: BTreeMap<Label, Phase>,
    open_breaks: BTreeSet<BreakId>,
    bookings: BTreeSet<(BookingKind, Label)>,
    halted_all: bool,
    halted_account: bool,
    opened: bool,
    breached: bool,
    next_valuation: Timestamp,
    facts_seen: Option<Seen>,
    limits_seen: Option<Seen>,
}

impl Risk {
    /// A gate that has seen nothing and so approves nothing.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            limits: Limits::default(),
            markets: Markets::default(),
            exposure: Exposure::default(),
            executions: Executions::default(),
            equity: Equity::default(),
            rates: BTreeMap::new(),
            recent: VecDeque::new(),
            phases: BTreeMap::new(),
            open_breaks: BTreeSet::new(),
            bookings: BTreeSet::new(),
            halted_all: false,
            halted_account: false,
            opened: false,
            breached: false,
            next_valuation: Timestamp(i64::MIN),
            facts_seen: None,
            limits_seen: None,
        }
    }

    /// The worst case of an instrument: what is held, and what could be.
    #[must_use]
    pub fn worst_case(&self, instrument: InstrumentId) -> WorstCase {
        self.exposure.worst_case(instrument)
    }

    fn on_proposal(
        &mut self,
        now: Timestamp,
        event: &Event,
        proposed: &OrderProposed,
        out: &mut Outbox,
    ) {
        let evidence = self.evidence(event, proposed);
        match self.judge(now, proposed) {
            Ok(approval) => self.approve(now, event, proposed, &approval, evidence, out),
            Err(Denial { rule, limit, observed }) => {
                let denied = OrderDenied {
                    order: event.event_id.into(),
                    account: proposed.account,
                    instrument: proposed.instrument,
                    rule,
                    limit,
                    observed,
                };
                out.decide(denied, evidence.basis());
            }
        }
    }

    fn approve(
        &mut self,
        now: Timestamp,
        event: &Event,
        proposed: &OrderProposed,
        approval: &Approval,
        evidence: Evidence,
        out: &mut Outbox,
    ) {
        let order = OrderId::from(event.event_id);
        let approved = OrderApproved {
            order,
            account: proposed.account,
            instrument: proposed.instrument,
            side: proposed.side,
            reserved_quantity: approval.reserved,
            reserved_notional: approval.notional,
            currency: approval.currency,
            position_before: approval.before,
            position_after: approval.after,
            limit_set: approval.limit_set,
            reducing: approval.reducing,
        };
        self.record(now, proposed);
        self.reserve(order, proposed);
        let approval_id = out.next_order().into();
        out.decide(approved, evidence.basis());
        let basis =
            Evidence::default().related(Some(approval_id)).limits(Some(approval.limit_set)).basis();
        out.decide(command(order, proposed), basis);
    }

    /// Counts an approved order for the rules over time.
    fn record(&mut self, now: Timestamp, proposed: &OrderProposed) {
        for scope in [None, Some(proposed.instrument)] {
            if let Some(window) = self.rates.get_mut(&scope) {
                window.record(now);
            }
        }
        let duplicate = |limit: &&event::books::Limit| limit.rule == RiskRule::Duplicate;
        let windows = self.limits.all.iter().filter(duplicate).map(|limit| limit.window_ns);
        let window_ns = windows.max().unwrap_or(0);
        while self.recent.front().is_some_and(|sent| now.since_ns(sent.approved) >= window_ns) {
            let _ = self.recent.pop_front();
        }
        self.recent.push_back(Sent { approved: now, terms: Terms::of(proposed) });
    }

    fn reserve(&mut self, order: OrderId, proposed: &OrderProposed) {
        let total = proposed.quantity.amount();
        match proposed.replaces {
            Some(replaced) => self.exposure.reserve_terms(replaced, order, total),
            None => self.exposure.reserve(Reservation {
                order,
                instrument: proposed.instrument,
                side: proposed.side,
                total,
                filled: Amount::ZERO,
                pending: Vec::new(),
                ended_at: None,
                unknown: false,
                limit_price: proposed.limit_price,
            }),
        }
    }

    /// What a decision on this proposal looks at.
    fn evidence(&self, event: &Event, proposed: &OrderProposed) -> Evidence {
        let market = self.markets.get(proposed.instrument);
        let worst = self.exposure.worst_case(proposed.instrument);
        let profit = self.equity.profit(&self.config, &self.markets, &self.exposure).ok();
        Evidence::default()
            .seen(Some(&Seen::of(event)))
            .seen(market.and_then(|market| market.quoted.as_ref()))
            .seen(self.facts_seen.as_ref())
            .seen(self.limits_seen.as_ref())
            .observed_if("bid", market.and_then(|market| market.bid))
            .observed_if("ask", market.and_then(|market| market.ask))
            .observed("position", worst.position)
            .observed("worst_long", worst.long)
            .observed("worst_short", worst.short)
            .observed_if("profit", profit)
            .observed_if("day_loss", profit.map(|profit| self.equity.loss(profit)))
            .limits(self.limits.set)
    }

    fn on_control(&mut self, body: &Body) {
        match body {
            Body::TradingHalted(halt) if halt.account.is_none() => self.halted_all = true,
            Body::TradingHalted(_) => self.halted_account = true,
            Body::TradingResumed(resume) => {
                self.halted_account = false;
                // An account is not resumed out of a halt of everything.
                self.halted_all = self.halted_all && resume.account.is_some();
            }
            Body::BreakConfirmed(broken) if broken.severity == Severity::Critical => {
                let _ = self.open_breaks.insert(broken.break_id);
            }
            Body::BreakResolved(broken) => {
                let _ = self.open_breaks.remove(&broken.break_id);
            }
            _ => {}
        }
    }
}

/// The command that an approved proposal becomes.
fn command(order: OrderId, proposed: &OrderProposed) -> Body {
    if let (Some(replaced), Some(limit_price)) = (proposed.replaces, proposed.limit_price) {
        return ReplaceOrder {
            order: replaced,
            account: proposed.account,
            instrument: proposed.instrument,
            quantity: proposed.quantity,
            limit_price,
            valid_until: proposed.valid_until,
            proposal: order,
        }
        .into();
    }
    SubmitOrder {
        order,
        account: proposed.account,
        instrument: proposed.instrument,
        side: proposed.side,
        order_type: proposed.order_type,
        quantity: proposed.quantity,
        limit_price: proposed.limit_price,
        time_in_force: proposed.time_in_force,
        valid_until: proposed.valid_until,
    }
    .into()
}

impl Agent for Risk {
    fn name(&self) -> Label {
        label("risk")
    }

    fn version(&self) -> Label {
        label("1")
    }

    fn subscriptions(&self) -> &'static [Kind] {
        &[
            Kind::MarketQuote,
            Kind::BookSnapshot,
            Kind::InstrumentDefined,
            Kind::TradingStatusChanged,
            Kind::FeedStatusChanged,
            Kind::MarketAnomalyDetected,
            Kind::OrderProposed,
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
            Kind::FeeCharged,
            Kind::FundingPaid,
            Kind::AdjustmentBooked,
            Kind::AdjustmentReversed,
            Kind::LimitsLoaded,
            Kind::BreakConfirmed,
            Kind::BreakResolved,
            Kind::SessionPhaseChanged,
            Kind::TradingHalted,
            Kind::TradingResumed,
        ]
    }

    fn scope(&self) -> Scope {
        Scope::Account(self.config.account)
    }

    fn on_event(&mut self, now: Timestamp, event: &Event, out: &mut Outbox) {
        match &event.body {
            Body::MarketQuote(quote) => {
                self.markets.quote(event, quote);
                self.take_base();
                if self.exposure.holds_anything() {
                    self.watch_drawdown(now, out);
                }
            }
            Body::OrderProposed(proposed) => self.on_proposal(now, event, proposed, out),
            Body::LimitsLoaded(loaded) => self.load_limits(event, loaded),
            Body::AccountOpened(opened) => {
                self.on_opened(opened);
                self.take_base();
            }
            Body::SessionPhaseChanged(changed) => self.on_phase(changed),
            Body::OrderExecuted(_) | Body::ExecutionBusted(_) | Body::ExecutionCorrected(_) => {
                self.facts_seen = Some(Seen::of(event));
                self.on_execution(&event.body);
                self.take_base();
                self.watch_drawdown(now, out);
            }
            body => {
                self.markets.fold(&self.config, body);
                if body.order().is_some() {
                    self.facts_seen = Some(Seen::of(event));
                    self.exposure.fold(body);
                }
                self.on_booking(body);
                self.on_control(body);
                self.take_base();
            }
        }
    }

    fn snapshot(&self) -> Option<Vec<u8>> {
        Some(self.save())
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), RestoreError> {
        self.load(snapshot)
    }
}

#[cfg(test)]
mod tests;
