//! What the gateway promises, in sentences.
//!
//! A [`Desk`] is the smallest driver there is: it delivers events in log order, puts what is made
//! of them behind, and keeps the log, so that a gateway can be folded again from any part of it.

mod answers;
mod attempts;
mod broker;
mod changes;
mod day;
mod desk;
mod halts;
mod late;
mod law;
mod reports;
mod restarts;
mod snapshots;
mod venue;

use event::{
    AccountId, Amount, Body, Event, EventId, InstrumentId, Label, OrderId, Price, Quantity, Source,
    Timestamp,
    books::SnapshotRequested,
    choices::{OperatorVerb, OrderType, Side, TimeInForce},
    id::{foreign_id, root_trace},
    operations::{OperatorCommanded, TradingHalted, TradingResumed},
    trading::{CancelOrder, OrderExecuted, ReplaceOrder, SubmitOrder},
};

use self::{broker::FakeBroker, desk::Desk};

/// When every command of these tests lapses, unless it says otherwise.
const VALID_UNTIL: Timestamp = Timestamp(1_000);

fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}

fn account() -> AccountId {
    AccountId::new("ACC1").unwrap()
}

fn other_account() -> AccountId {
    AccountId::new("ACC2").unwrap()
}

fn instrument() -> InstrumentId {
    InstrumentId::new("X-SPOT:BTCUSDT").unwrap()
}

fn order(number: u8) -> OrderId {
    OrderId([number; 16])
}

fn price(units: i64) -> Price {
    Price(units * 1_000_000_000)
}

/// An event of a source outside the gateway.
fn event(source: &str, seq: u64, time: Timestamp, body: impl Into<Body>) -> Event {
    let source = Source::new(source).unwrap();
    let (body, event_id): (Body, EventId) = (body.into(), foreign_id(source, seq));
    Event {
        event_id,
        trace_id: root_trace(event_id),
        cause_id: None,
        source,
        source_seq: seq,
        key: body.key(),
        time,
        event_time: None,
        basis: None,
        body,
    }
}

fn submit(number: u8) -> SubmitOrder {
    SubmitOrder {
        order: order(number),
        account: account(),
        instrument: instrument(),
        side: Side::Buy,
        order_type: OrderType::Limit,
        quantity: Quantity::whole(i64::from(number)),
        limit_price: Some(price(100)),
        time_in_force: TimeInForce::GoodTillCancelled,
        valid_until: VALID_UNTIL,
    }
}

fn cancel(number: u8) -> CancelOrder {
    CancelOrder {
        order: order(number),
        account: account(),
        instrument: instrument(),
        reason: "done".into(),
        valid_until: VALID_UNTIL,
    }
}

/// A change of an order, asked for by a proposal, to a quantity that tells the changes apart.
fn replace(number: u8, proposal: u8) -> ReplaceOrder {
    ReplaceOrder {
        order: order(number),
        account: account(),
        instrument: instrument(),
        quantity: Quantity::whole(i64::from(proposal)),
        limit_price: price(101),
        valid_until: VALID_UNTIL,
        proposal: order(proposal),
    }
}

fn halt(account: Option<AccountId>) -> TradingHalted {
    TradingHalted { account, reason: "test".into(), by: "risk".into() }
}

fn resume() -> TradingResumed {
    TradingResumed { account: None, actor: "operator".into(), reason: "test".into() }
}

fn cancel_all() -> OperatorCommanded {
    OperatorCommanded {
        verb: OperatorVerb::CancelAll,
        account: Some(account()),
        actor: "operator".into(),
        reason: "test".into(),
        acted_at: None,
    }
}

fn snapshot_request(cycle: u64) -> SnapshotRequested {
    SnapshotRequested { account: account(), reason: label("timer"), cycle }
}

/// An execution as reconciliation books it when it found it in a snapshot.
fn recovered(number: u8, exec_id: &str, leaves: i64) -> OrderExecuted {
    OrderExecuted {
        order: order(number),
        account: account(),
        instrument: instrument(),
        exec_id: label(exec_id),
        side: Side::Buy,
        last_price: price(100),
        last_quantity: Quantity::whole(1),
        cumulative: Quantity::whole(1),
        leaves: Quantity::whole(leaves),
        fee: Amount::ZERO,
        fee_currency: event::Currency::new("USDT").unwrap(),
        liquidity: event::choices::Liquidity::Maker,
        trade_date: 19_700_101,
        external: false,
        recovered: true,
    }
}

/// An order by its number; `x` when it began at the broker.
fn name(order: OrderId) -> String {
    match order.0 {
        [first, rest @ ..] if rest.iter().all(|&byte| byte == first) => first.to_string(),
        _ => "x".into(),
    }
}

/// An event in a few words.
fn said(event: &Event) -> String {
    let of = |proposal: Option<OrderId>| match proposal {
        Some(proposal) => format!(" of {}", name(proposal)),
        None => String::new(),
    };
    match &event.body {
        Body::SubmitAttempted(b) => {
            format!("attempt {} {} #{}", b.action, name(b.order), b.attempt)
        }
        Body::OrderLapsed(b) => {
            format!("lapse {} {}{}: {}", b.action, name(b.order), of(b.proposal), b.reason)
        }
        Body::CancelRejected(b) => {
            format!("refuse {} {}{}: {}", b.action, name(b.order), of(b.proposal), b.reason)
        }
        Body::OrderUnknown(b) => format!("unknown {} {} #{}", b.action, name(b.order), b.attempt),
        Body::OrderAccepted(b) => format!("accepted {}", name(b.order)),
        Body::OrderRejected(b) => format!("rejected {}", name(b.order)),
        Body::OrderCancelled(b) => format!("cancelled {}", name(b.order)),
        Body::OrderExpired(b) => format!("expired {}", name(b.order)),
        Body::OrderReplaced(b) => format!("replaced {}{}", name(b.order), of(Some(b.proposal))),
        Body::OrderExecuted(b) => format!("executed {} {}", name(b.order), b.exec_id),
        body => body.kind().as_str().into(),
    }
}

fn all_said(events: &[Event]) -> Vec<String> {
    events.iter().map(said).collect()
}
