//! The life of breaks, by table: what happens, and what the agent says.

use alloc::vec::Vec;

use agent::{Agent, Outbox};
use event::{
    Body, EventId, Label, OrderId, Price, Quantity, SECOND_NS, Source,
    choices::{
        AttemptAction, Severity,
        Side::{Buy, Sell},
    },
    trading::{OrderCancelled, OrderReplaced, OrderUnknown, ReplaceOrder},
};

use super::{
    desk::{Arrives, Desk, Late, Now, Step::*, account, amount, check, currency, instrument},
    facts::{approved, attempted, proposed},
};
use crate::{Config, Recon};

#[test]
fn an_account_that_agrees_says_nothing() {
    let desk = check(
        "clean",
        &[Order(Buy, "2"), Fill(0, "1", "100", Now), Fee("F", "1", Now), Wait(600)],
        &[],
    );
    assert_eq!(desk.snapshots, 10);
}

#[test]
fn an_execution_nobody_told_of_is_recovered_on_the_second_look() {
    let desk = check(
        "withheld report",
        &[Order(Buy, "2"), Wait(50), Fill(0, "2", "100", Late), Wait(100)],
        &[
            "opened FILL_MISSING_INTERNAL E2",
            "confirmed FILL_MISSING_INTERNAL E2",
            "explained FILL_MISSING_INTERNAL E2",
            "executed E2 of #0",
            "resolved FILL_MISSING_INTERNAL E2 MISSING_FACT_ARRIVED",
        ],
    );
    assert!(desk.agrees());
    let recovered = desk.said.iter().find_map(|event| match &event.body {
        Body::OrderExecuted(body) => Some(body.recovered),
        _ => None,
    });
    assert_eq!(recovered, Some(true));
}

#[test]
fn a_report_after_the_recovery_changes_nothing() {
    let mut desk = Desk::opened();
    for step in [Order(Buy, "2"), Fill(0, "2", "100", Late), Wait(150)] {
        desk.take(&step);
    }
    assert!(desk.agrees());
    let said = desk.said.len();
    desk.take(&Tell);
    assert!(desk.agrees());
    assert_eq!(desk.said.len(), said);
}

#[test]
fn a_trade_by_hand_brings_its_order_and_then_its_execution() {
    let desk = check(
        "manual trade",
        &[Manual(Sell, "3", "100"), Wait(150)],
        &[
            "opened FILL_MISSING_INTERNAL E2",
            "confirmed FILL_MISSING_INTERNAL E2",
            "explained FILL_MISSING_INTERNAL E2",
            "OrderAccepted #0",
            "executed E2 of #0",
            "resolved FILL_MISSING_INTERNAL E2 MISSING_FACT_ARRIVED",
        ],
    );
    assert!(desk.agrees());
}

#[test]
fn an_order_by_hand_that_rests_is_adopted() {
    check(
        "manual order",
        &[ManualOrder(Buy, "3"), Wait(50)],
        &[
            "opened ORD_MISSING_INTERNAL #0",
            "confirmed ORD_MISSING_INTERNAL #0",
            "explained ORD_MISSING_INTERNAL #0",
            "OrderAccepted #0",
            "resolved ORD_MISSING_INTERNAL #0 MISSING_FACT_ARRIVED",
        ],
    );
}

#[test]
fn an_order_whose_answer_was_lost_is_found_open() {
    check(
        "lost response",
        &[Wait(5), Lose(Buy, "3", Arrives::Yes), Wait(50)],
        &[
            "opened ORD_STATUS #0",
            "confirmed ORD_STATUS #0",
            "explained ORD_STATUS #0",
            "OrderAccepted #0",
            "resolved ORD_STATUS #0 MISSING_FACT_ARRIVED",
        ],
    );
}

#[test]
fn an_order_whose_answer_was_lost_and_that_executed_is_found_by_its_execution() {
    let desk = check(
        "lost response, filled",
        &[Wait(5), Lose(Buy, "3", Arrives::Yes), Fill(0, "3", "100", Late), Wait(50)],
        &[
            "opened FILL_MISSING_INTERNAL E2",
            "confirmed FILL_MISSING_INTERNAL E2",
            "explained FILL_MISSING_INTERNAL E2",
            "executed E2 of #0",
            "resolved FILL_MISSING_INTERNAL E2 MISSING_FACT_ARRIVED",
        ],
    );
    assert!(desk.agrees());
}

#[test]
fn an_order_that_never_arrived_expires_only_after_expiry_and_read_lag_and_twice() {
    let mut desk = Desk::opened();
    for step in [Wait(5), Lose(Buy, "3", Arrives::No), Wait(24)] {
        desk.take(&step);
    }
    // Sent at 5 s, it expires at 25 s and proves nothing before 30 s.
    assert_eq!(desk.transcript(), [""; 0]);
    desk.take(&Wait(1));
    assert_eq!(desk.transcript(), ["opened ORD_MISSING_AT_BROKER #0"]);
    desk.take(&Wait(40));
    assert_eq!(
        desk.transcript()[1..],
        [
            "confirmed ORD_MISSING_AT_BROKER #0",
            "explained ORD_MISSING_AT_BROKER #0",
            "OrderExpired #0",
            "resolved ORD_MISSING_AT_BROKER #0 MISSING_FACT_ARRIVED",
        ]
    );
}

#[test]
fn an_order_closed_at_the_broker_gets_the_fact_that_is_missing() {
    check(
        "lost cancel",
        &[Order(Buy, "3"), Fill(0, "1", "100", Now), Wait(30), Cancel(0, Late), Wait(120)],
        &[
            "opened ORD_MISSING_AT_BROKER #0",
            "confirmed ORD_MISSING_AT_BROKER #0",
            "explained ORD_MISSING_AT_BROKER #0",
            "OrderCancelled #0",
            "resolved ORD_MISSING_AT_BROKER #0 MISSING_FACT_ARRIVED",
        ],
    );
}

#[test]
fn a_listed_fee_is_adjusted_and_the_late_fact_takes_the_adjustment_back() {
    let mut desk = check(
        "late fee",
        &[Fee("F1", "2.5", Late), Wait(50)],
        &[
            "opened CASH USDT FEE F1",
            "confirmed CASH USDT FEE F1",
            "explained CASH USDT FEE F1",
            "adjusted -2.5",
            "resolved CASH USDT FEE F1 ADJUSTED",
        ],
    );
    assert!(desk.agrees());
    desk.take(&Tell);
    assert_eq!(desk.transcript().last().unwrap(), "reversed 2.5");
    assert!(desk.agrees());
    let reversal = desk.said.last().unwrap().clone();
    let Body::AdjustmentReversed(body) = &reversal.body else { panic!("{reversal:?}") };
    let adjusted = desk.said.iter().find(|event| event.event_id == body.adjustment).unwrap();
    assert!(matches!(adjusted.body, Body::AdjustmentBooked(_)));
    assert_eq!(Some(body.because), reversal.cause_id);
    desk.take(&Wait(200));
    assert_eq!(desk.transcript().len(), 6);
}

#[test]
fn cash_that_nothing_explains_stays_open_and_is_never_adjusted() {
    let desk = check(
        "unexplained cash",
        &[Wait(30), Distort(|snapshot| snapshot.balances[0].amount = amount("999990")), Wait(60)],
        &["opened CASH USDT", "confirmed CASH USDT"],
    );
    assert_eq!(desk.probe.agent().open_breaks(), 1);
    let ours = desk.probe.agent().books().account(account()).unwrap();
    assert_eq!(ours.cash_of(currency("USDT")).unwrap().total(), amount("1000000"));
}

#[test]
fn a_break_in_flight_that_goes_away_was_timing() {
    check(
        "timing",
        &[
            Wait(59),
            Distort(|snapshot| snapshot.balances[0].amount = amount("1")),
            Wait(5),
            Distort(|_| {}),
            Wait(60),
        ],
        &["opened CASH USDT", "resolved CASH USDT TIMING"],
    );
}

#[test]
fn a_difference_that_stands_while_the_account_trades_opens_after_a_few_looks() {
    let mut desk = Desk::opened();
    desk.take(&Order(Buy, "100000"));
    desk.take(&Distort(|snapshot| {
        let ours = snapshot.balances.iter_mut().find(|one| one.currency == currency("USDT"));
        let ours = ours.unwrap();
        ours.amount = ours.amount.minus(amount("7")).unwrap();
    }));
    for _ in 0..200 {
        desk.take(&Fill(0, "1", "1", Now));
        desk.take(&Wait(1));
    }
    assert_eq!(desk.transcript()[..2], ["opened CASH USDT", "confirmed CASH USDT"]);
}

#[test]
fn executions_the_listing_moves_past_before_they_are_confirmed_are_recovered() {
    let mut desk = Desk::opened();
    for step in [Order(Buy, "3"), Fill(0, "3", "100", Late), Wait(61)] {
        desk.take(&step);
    }
    desk.take(&Distort(|snapshot| {
        snapshot.executions.clear();
        snapshot.executions_from = 1;
    }));
    desk.take(&Wait(100));
    assert!(desk.transcript().contains(&"executed E2 of #0".into()), "{:?}", desk.transcript());
    assert!(desk.agrees());
    assert_eq!(desk.probe.agent().open_breaks(), 0);
}

#[test]
fn the_agent_is_quiet_between_snapshots_and_takes_no_market_data() {
    let kinds = Desk::opened();
    let kinds = kinds.probe.agent().subscriptions();
    let market = |kind: &event::Kind| kind.family() == event::Family::Market;
    assert!(kinds.iter().filter(|kind| market(kind)).eq([&event::Kind::InstrumentDefined]));
    let repairs = [
        event::Kind::OrderAccepted,
        event::Kind::OrderExecuted,
        event::Kind::OrderCancelled,
        event::Kind::OrderExpired,
        event::Kind::OrderRejected,
        event::Kind::OrderReplaced,
        event::Kind::CancelRejected,
        event::Kind::AdjustmentBooked,
        event::Kind::AdjustmentReversed,
    ];
    assert!(repairs.iter().all(|kind| kinds.contains(kind)));
}

/// An open order of 2 whose change to 3 at 90 was sent, and no answer came.
pub(super) fn change_lost(desk: &mut Desk) -> (OrderId, OrderId) {
    desk.take(&Order(Buy, "2"));
    let order = desk.orders[0];
    let source = Source::new("trader/PAPER").unwrap();
    let mut wanted = proposed(Buy, "3");
    wanted.replaces = Some(order);
    let wanted = desk.probe.root(source, desk.time(), wanted);
    let proposal = OrderId::from(wanted.event_id);
    let _ = desk.truth.apply(&wanted);
    let _ = desk.probe.take(&wanted);
    desk.fact(approved(proposal, Buy, "3"), Now);
    let (account, instrument) = (account(), instrument());
    let (quantity, limit_price) = (Quantity::whole(3), Price(90));
    let valid_until = desk.time().plus_ns(20 * SECOND_NS);
    let replace =
        ReplaceOrder { order, account, instrument, quantity, limit_price, valid_until, proposal };
    desk.fact(replace, Now);
    let mut attempt = attempted(order, valid_until);
    attempt.action = AttemptAction::Replace;
    desk.fact(attempt, Now);
    let (action, reason) = (AttemptAction::Replace, "no answer".into());
    desk.fact(OrderUnknown { order, account, instrument, action, attempt: 2, reason }, Now);
    (order, proposal)
}

#[test]
fn a_change_whose_answer_was_lost_is_found_done() {
    let mut desk = Desk::opened();
    let (order, proposal) = change_lost(&mut desk);
    let body = OrderReplaced {
        order,
        account: account(),
        instrument: instrument(),
        venue_order: Label::new("V1").unwrap(),
        quantity: Quantity::whole(3),
        limit_price: Price(90),
        proposal,
    };
    desk.fact(body, Late);
    desk.take(&Wait(50));
    assert_eq!(
        desk.transcript(),
        [
            "opened ORD_QTY_PRICE #0",
            "confirmed ORD_QTY_PRICE #0",
            "explained ORD_QTY_PRICE #0",
            "OrderReplaced #0",
            "resolved ORD_QTY_PRICE #0 MISSING_FACT_ARRIVED",
        ]
    );
    let known = desk.probe.agent().books().order(order).unwrap().1;
    assert_eq!((known.quantity, known.limit_price), (Quantity::whole(3), Some(Price(90))));
}

#[test]
fn a_change_that_never_arrived_releases_its_reservation_after_it_expired() {
    let mut desk = Desk::opened();
    let (order, proposal) = change_lost(&mut desk);
    desk.take(&Wait(24));
    assert_eq!(desk.transcript(), [""; 0]);
    desk.take(&Wait(40));
    assert_eq!(
        desk.transcript(),
        [
            "opened ORD_QTY_PRICE #0",
            "confirmed ORD_QTY_PRICE #0",
            "explained ORD_QTY_PRICE #0",
            "CancelRejected #0",
            "resolved ORD_QTY_PRICE #0 MISSING_FACT_ARRIVED",
        ]
    );
    let books = desk.probe.agent().books();
    assert!(books.order(proposal).unwrap().1.state.is_terminal());
    assert_eq!(books.order(order).unwrap().1.quantity, Quantity::whole(2));
}

#[test]
fn an_order_we_hold_for_ended_that_works_at_the_broker_is_critical_and_not_revived() {
    let mut desk = Desk::opened();
    desk.take(&Order(Buy, "2"));
    let order = desk.orders[0];
    let ended = OrderCancelled {
        order,
        account: account(),
        instrument: instrument(),
        cumulative: Quantity::ZERO,
        reason: "mistaken".into(),
    };
    let source = Source::new("broker/PAPER").unwrap();
    let ended = desk.probe.root(source, desk.time(), ended);
    let _ = desk.probe.take(&ended);
    desk.take(&Wait(80));
    assert_eq!(desk.transcript(), ["opened ORD_STATUS #0", "confirmed ORD_STATUS #0"]);
    let critical = desk.said.iter().any(|event| match &event.body {
        Body::BreakConfirmed(body) => body.severity == Severity::Critical,
        _ => false,
    });
    assert!(critical);
}

#[test]
fn looks_within_the_grace_confirm_nothing() {
    let mut config = Config::of(account());
    config.confirm_after_ns = SECOND_NS;
    let grace_s = config.tolerances.grace_ns / SECOND_NS;
    let mut desk = Desk::with(config);
    desk.take(&Wait(60));
    desk.take(&Distort(|snapshot| snapshot.balances[0].amount = amount("1")));
    desk.take(&Wait(grace_s));
    assert_eq!(desk.transcript(), ["opened CASH USDT"]);
    desk.take(&Wait(1));
    assert_eq!(desk.transcript(), ["opened CASH USDT", "confirmed CASH USDT"]);
}

/// Hands the agent a snapshot the broker takes now, and does not hand it back what it says.
fn shown(desk: &mut Desk, agent: &mut Recon, cycle: u64, after_s: i64) -> Vec<Body> {
    let snapshot = desk.snapshot(EventId([cycle as u8; 16]), cycle);
    let time = desk.time().plus_ns(after_s * SECOND_NS);
    let source = Source::new("gateway/PAPER").unwrap();
    let event = desk.probe.root(source, time, snapshot);
    let mut out = Outbox::new(event.event_id, Source::new("recon/PAPER").unwrap());
    agent.on_event(time, &event, &mut out);
    out.events.into_iter().map(|emission| emission.body).collect()
}

#[test]
fn a_snapshot_taken_before_a_repair_came_back_is_not_compared() {
    let mut desk = Desk::opened();
    desk.take(&Order(Buy, "2"));
    desk.take(&Fill(0, "2", "100", Late));
    let mut agent = desk.probe.agent().clone();
    assert_eq!(shown(&mut desk, &mut agent, 1, 10).len(), 1);
    let repaired = shown(&mut desk, &mut agent, 2, 20);
    assert!(repaired.iter().any(|body| matches!(body, Body::OrderExecuted(_))));
    assert_eq!(shown(&mut desk, &mut agent, 3, 30), []);
    assert_eq!(shown(&mut desk, &mut agent, 4, 130), []);
}

#[test]
fn an_answer_overtaken_by_a_later_one_is_not_compared() {
    let mut desk = Desk::opened();
    let mut agent = desk.probe.agent().clone();
    assert_eq!(shown(&mut desk, &mut agent, 5, 10), []);
    desk.take(&Fee("F1", "2", Late));
    assert_eq!(shown(&mut desk, &mut agent, 4, 20), []);
    assert_eq!(shown(&mut desk, &mut agent, 5, 30), []);
    assert_eq!(shown(&mut desk, &mut agent, 6, 40).len(), 1);
}

#[test]
fn settings_are_times_in_nanoseconds() {
    let config = Config::of(account());
    assert_eq!(config.interval_ns, 60 * SECOND_NS);
    assert!(config.confirm_after_ns >= config.tolerances.grace_ns);
}

#[test]
fn a_booking_told_late_explains_the_cash_it_had_moved() {
    let mut desk = check(
        "late booking",
        &[
            Wait(30),
            Distort(|snapshot| {
                snapshot.balances[0].amount = amount("999997.5");
                snapshot.bookings.clear();
            }),
            Wait(60),
        ],
        &["opened CASH USDT", "confirmed CASH USDT"],
    );
    desk.take(&Distort(|_| {}));
    desk.take(&Fee("F9", "2.5", Now));
    assert_eq!(desk.transcript().last().unwrap(), "explained CASH USDT");
    desk.take(&Wait(120));
    assert_eq!(desk.transcript().last().unwrap(), "resolved CASH USDT MISSING_FACT_ARRIVED");
}
