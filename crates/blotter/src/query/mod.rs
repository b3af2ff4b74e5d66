//! Questions about the journal: what descends from what, and why an order was sent.

mod causes;
mod chains;
mod compare;
mod statement;
mod story;
mod why;

pub(crate) use causes::{Node, trace_tree};
pub(crate) use chains::{Chain, Chains, FirstDifference, Side};
pub(crate) use compare::{FieldDifference, field_differences};
pub(crate) use statement::{LineDifference, line_differences, statement};
pub(crate) use story::Story;
pub(crate) use why::why_order;

use event::Event;

/// An event and its journal index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Indexed {
    /// Its journal index.
    pub index: u64,
    /// The event.
    pub event: Event,
}

/// One line that says what an event is about, for people.
#[must_use]
pub(crate) fn summary(event: &Event) -> String {
    use event::Body as B;
    let what = match &event.body {
        B::MarketTrade(b) => format!("{} {} @ {}", b.instrument, b.quantity, b.price),
        B::MarketQuote(b) => {
            let side = |price: Option<event::Price>| price.map_or("-".into(), |p| p.to_string());
            format!("{} {} / {}", b.instrument, side(b.bid_price), side(b.ask_price))
        }
        B::BookDelta(b) => {
            format!(
                "{} {}..{} ({} levels)",
                b.instrument,
                b.first_sequence,
                b.last_sequence,
                b.bids.len() + b.asks.len()
            )
        }
        B::BookSnapshot(b) => {
            format!(
                "{} at {} ({} levels)",
                b.instrument,
                b.last_sequence,
                b.bids.len() + b.asks.len()
            )
        }
        B::InstrumentDefined(b) => format!("{} {} {}/{}", b.instrument, b.payoff, b.base, b.quote),
        B::TradingStatusChanged(b) => format!("{} {} {}", b.instrument, b.status, b.reason),
        B::FeedStatusChanged(b) => format!("{} {} {}", b.feed, b.state, b.detail),
        B::MarketAnomalyDetected(b) => format!("{} {} {}", b.instrument, b.anomaly, b.detail),
        B::SignalEmitted(b) => {
            format!(
                "{} {} {} ppm at {}",
                b.instrument, b.direction, b.strength_ppm, b.reference_price
            )
        }
        B::OrderProposed(b) => format!(
            "{} {} {} {}",
            b.side,
            b.quantity,
            b.instrument,
            b.limit_price.map_or("at market".into(), |price| format!("limit {price}"))
        ),
        B::OrderApproved(b) => format!(
            "{} reserved {} {} ({}), position {} -> {}, limits {}",
            short(b.order),
            b.reserved_quantity,
            b.instrument,
            b.reserved_notional,
            b.position_before,
            b.position_after,
            b.limit_set
        ),
        B::OrderDenied(b) => {
            format!("{} {}: limit {}, observed {}", short(b.order), b.rule, b.limit, b.observed)
        }
        B::SubmitOrder(b) => {
            format!("{} {} {} {}", short(b.order), b.side, b.quantity, b.instrument)
        }
        B::CancelOrder(b) => format!("{} {}", short(b.order), b.reason),
        B::ReplaceOrder(b) => format!("{} to {} @ {}", short(b.order), b.quantity, b.limit_price),
        B::SubmitAttempted(b) => format!("{} {} attempt {}", short(b.order), b.action, b.attempt),
        B::OrderAccepted(b) => {
            format!("{} as {}{}", short(b.order), b.venue_order, outside(b.external))
        }
        B::OrderRejected(b) => format!("{} {} {}", short(b.order), b.code, b.reason),
        B::OrderReplaced(b) => format!("{} {} @ {}", short(b.order), b.quantity, b.limit_price),
        B::CancelRejected(b) => format!("{} {} {}", short(b.order), b.action, b.reason),
        B::OrderCancelled(b) => format!("{} after {} {}", short(b.order), b.cumulative, b.reason),
        B::OrderExpired(b) => format!("{} after {} {}", short(b.order), b.cumulative, b.reason),
        B::OrderLapsed(b) => format!("{} {} not sent: {}", short(b.order), b.action, b.reason),
        B::OrderUnknown(b) => {
            format!("{} {} attempt {}: {}", short(b.order), b.action, b.attempt, b.reason)
        }
        B::OrderExecuted(b) => format!(
            "{} {} {} {} @ {} fee {} {}{}{}",
            short(b.order),
            b.side,
            b.last_quantity,
            b.instrument,
            b.last_price,
            b.fee,
            b.fee_currency,
            outside(b.external),
            if b.recovered { ", from a snapshot" } else { "" }
        ),
        B::ExecutionBusted(b) => format!("{} {} {}", short(b.order), b.exec_id, b.reason),
        B::ExecutionCorrected(b) => {
            format!("{} {} now {} @ {}", short(b.order), b.exec_id, b.quantity, b.price)
        }
        B::AccountOpened(b) => format!("{} {}", b.account, balances(&b.balances)),
        B::BalancesReported(b) => format!("{} {}", b.account, balances(&b.balances)),
        B::FeeCharged(b) => format!("{} {} {}", b.amount, b.currency, b.reason),
        B::FundingPaid(b) => format!("{} {} {}", b.instrument, b.amount, b.currency),
        B::TransferBooked(b) => format!("{} {} {}", b.amount, b.currency, b.reason),
        B::LimitsLoaded(b) => format!("{} {} ({} limits)", b.account, b.limit_set, b.limits.len()),
        B::LimitBreached(b) => format!("{} limit {} observed {}", b.rule, b.limit, b.observed),
        B::AlertRaised(b) => format!("{} {} {}: {}", b.severity, b.alert, b.subject, b.detail),
        B::SnapshotRequested(b) => format!("{} cycle {} ({})", b.account, b.cycle, b.reason),
        B::BrokerSnapshotTaken(b) if b.failure.is_empty() => format!(
            "{} cycle {}: {} orders, {} executions, {} positions",
            b.account,
            b.cycle,
            b.orders_after.len(),
            b.executions.len(),
            b.positions.len()
        ),
        B::BrokerSnapshotTaken(b) => {
            format!("{} cycle {} failed: {}", b.account, b.cycle, b.failure)
        }
        B::BreakOpened(b) => {
            format!("{} {}: ours {}, broker {}", b.code, b.subject, b.ours, b.broker)
        }
        B::BreakConfirmed(b) => format!("{} {} ({} cycles)", b.code, b.subject, b.cycles),
        B::BreakExplained(b) => format!("{} {}: {}", b.code, b.subject, b.explanation),
        B::BreakResolved(b) => format!("{} {} {}: {}", b.code, b.subject, b.resolution, b.detail),
        B::AdjustmentBooked(b) => format!("{} {}", b.amount, b.reason),
        B::AdjustmentReversed(b) => format!("{} because {}", b.amount, b.because),
        B::TimerFired(b) => format!("{} {}", b.task, b.name),
        B::SessionPhaseChanged(b) => format!("{} {} {}", b.calendar, b.session_date, b.phase),
        B::OperatorCommanded(b) => format!("{} by {}: {}", b.verb, b.actor, b.reason),
        B::TradingHalted(b) => format!("by {}: {}", b.by, b.reason),
        B::TradingResumed(b) => format!("by {}: {}", b.actor, b.reason),
        B::ResumeRefused(b) => format!("asked by {}: {}", b.actor, b.reason),
        B::AgentStarted(b) => format!("{} epoch {} version {}", b.task, b.epoch, b.version),
        B::AgentStopped(b) => format!("{} {}", b.task, b.reason),
        B::Heartbeat(b) => format!("{} consumed {}", b.worker, b.consumed),
        B::EventQuarantined(b) => {
            format!("{} record {}: {} {}", b.origin, b.record, b.reason, b.detail)
        }
    };
    printable(&what)
}

/// The first eight digits of an id, enough to recognise it beside others.
fn short(id: event::OrderId) -> String {
    let mut text = id.to_string();
    text.truncate(8);
    text
}

const fn outside(external: bool) -> &'static str {
    if external { ", placed outside" } else { "" }
}

fn balances(balances: &[event::books::Balance]) -> String {
    balances
        .iter()
        .map(|balance| format!("{} {}", balance.amount, balance.currency))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Foreign text must not move the cursor, start a line of its own, or read from the right.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if is_unprintable(c) { '\u{fffd}' } else { c }).collect()
}

/// Whether a terminal does something else with it than show it.
pub(crate) fn is_unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
