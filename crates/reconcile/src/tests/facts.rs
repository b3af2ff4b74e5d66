//! Bodies of facts, in the terms the desk speaks.

use alloc::vec::Vec;

use event::{
    Amount, InstrumentId, Label, OrderId, Price, Quantity, Timestamp, choices::*,
    market::InstrumentDefined, trading::*,
};

use super::desk::{account, currency, instrument, label, quantity};

pub(super) fn defined(instrument: InstrumentId, payoff: Payoff) -> InstrumentDefined {
    InstrumentDefined {
        instrument,
        venue: label("X"),
        venue_symbol: label("B"),
        payoff,
        base: currency("BTC"),
        quote: currency("USDT"),
        settle: currency("USDT"),
        multiplier: Quantity::whole(1),
        ticks: Vec::new(),
        lot: quantity("0.001"),
        minimum_notional: Amount::ZERO,
        calendar: label("247"),
        effective_from: Timestamp(0),
        defined_by: label("test"),
    }
}

pub(super) fn proposed(side: Side, size: &str) -> OrderProposed {
    OrderProposed {
        account: account(),
        instrument: instrument(),
        side,
        order_type: OrderType::Limit,
        quantity: quantity(size),
        limit_price: Some(Price(100)),
        time_in_force: TimeInForce::GoodTillCancelled,
        valid_until: Timestamp(i64::MAX),
        expected_price: Price(100),
        strategy: label("test"),
        replaces: None,
    }
}

pub(super) fn approved(order: OrderId, side: Side, size: &str) -> OrderApproved {
    OrderApproved {
        order,
        account: account(),
        instrument: instrument(),
        side,
        reserved_quantity: quantity(size),
        reserved_notional: Amount::ZERO,
        currency: currency("USDT"),
        position_before: Amount::ZERO,
        position_after: Amount::ZERO,
        limit_set: event::LimitSetId::new("L1").unwrap(),
        reducing: false,
    }
}

pub(super) fn submit(order: OrderId, side: Side, size: &str) -> SubmitOrder {
    SubmitOrder {
        order,
        account: account(),
        instrument: instrument(),
        side,
        order_type: OrderType::Limit,
        quantity: quantity(size),
        limit_price: Some(Price(100)),
        time_in_force: TimeInForce::GoodTillCancelled,
        valid_until: Timestamp(i64::MAX),
    }
}

pub(super) fn attempted(order: OrderId, expires: Timestamp) -> SubmitAttempted {
    SubmitAttempted {
        order,
        account: account(),
        instrument: instrument(),
        action: AttemptAction::Submit,
        attempt: 1,
        expires,
        client_order_id: label("c"),
    }
}

pub(super) fn accepted(
    order: OrderId,
    side: Side,
    size: &str,
    venue_order: Label,
    by_hand: Option<()>,
) -> OrderAccepted {
    OrderAccepted {
        order,
        account: account(),
        instrument: instrument(),
        venue_order,
        side,
        quantity: quantity(size),
        limit_price: Some(Price(100)),
        external: by_hand.is_some(),
    }
}
