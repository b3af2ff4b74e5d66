//! The trader at the edges: what it holds, what it may not send, and what became of a change.

use alloc::{string::String, vec::Vec};

use event::{
    OrderId,
    books::{AccountOpened, AdjustmentBooked, AdjustmentReversed, OpeningPosition},
    choices::{AttemptAction, Side},
    market::InstrumentDefined,
    operations::{TradingHalted, TradingResumed},
    trading::{OrderLapsed, OrderReplaced},
};

use super::{tests::*, *};
use crate::testing::*;

fn opened(held: &str) -> AccountOpened {
    AccountOpened {
        account: account(),
        reporting_currency: currency("USDT"),
        balances: Vec::new(),
        positions: [OpeningPosition {
            instrument: perpetual(),
            quantity: quantity(held),
            total_cost: Amount::ZERO,
        }]
        .into(),
    }
}

fn adjusted(size: &str) -> AdjustmentBooked {
    AdjustmentBooked {
        break_id: event::BreakId([1; 16]),
        account: account(),
        instrument: Some(perpetual()),
        quantity: quantity(size),
        cost: Amount::ZERO,
        currency: None,
        amount: Amount::ZERO,
        reason: String::new(),
    }
}

fn reversed(size: &str) -> AdjustmentReversed {
    AdjustmentReversed {
        break_id: event::BreakId([1; 16]),
        account: account(),
        adjustment: id(1),
        because: id(2),
        instrument: Some(perpetual()),
        quantity: quantity(size),
        cost: Amount::ZERO,
        currency: None,
        amount: Amount::ZERO,
    }
}

#[test]
fn what_an_account_opens_with_and_is_adjusted_by_is_held() {
    let sells = |facts: &[Body]| {
        let mut bench = Bench::new(Config::default());
        facts.iter().for_each(|fact| bench.tell(0, fact.clone()));
        bench.tell(0, signal(perpetual(), Side::Sell));
        match bench.said.pop().map(|event| event.body) {
            Some(Body::OrderProposed(proposed)) => proposed.quantity,
            other => panic!("{other:?}"),
        }
    };
    // A unit short is 0.019 at the offer.
    assert_eq!(sells(&[]), quantity("0.019"));
    assert_eq!(sells(&[opened("0.02").into()]), quantity("0.039"));
    assert_eq!(sells(&[opened("0.02").into(), opened("0.02").into()]), quantity("0.039"));
    assert_eq!(sells(&[adjusted("0.03").into()]), quantity("0.049"));
    assert_eq!(sells(&[adjusted("0.03").into(), reversed("-0.03").into()]), quantity("0.019"));
}

#[test]
fn a_proposal_is_to_be_sent_within_two_seconds() {
    let mut bench = Bench::new(Config::default());
    bench.tell(1_000, signal(perpetual(), Side::Buy));
    let Body::OrderProposed(proposed) = &bench.said[0].body else { panic!() };
    assert_eq!(proposed.valid_until, at(3));
}

#[test]
fn a_halted_accounts_signals_are_ignored_and_its_targets_given_up() {
    for account in [Some(account()), None] {
        let (mut bench, order) = Bench::with_working_order();
        // The target that waits for the cancel is given up with the halt.
        bench.tell(10, signal(perpetual(), Side::Sell));
        bench.check(&["cancel: signal reversed"]);
        bench.tell(11, TradingHalted { account, reason: String::new(), by: String::new() });
        bench.tell(12, signal(spot(), Side::Buy));
        bench.tell(13, cancelled(order));
        bench.check(&[]);
        bench.tell(14, TradingResumed { account, actor: "a".into(), reason: "b".into() });
        bench.tell(15, cancelled(order));
        bench.check(&[]);
        bench.tell(16, signal(spot(), Side::Buy));
        bench.check(&["propose BUY 0.02 at 50000"]);
    }
}

#[test]
fn an_account_is_not_resumed_out_of_a_halt_of_everything() {
    let mut bench = Bench::new(Config::default());
    let halt = |account| TradingHalted { account, reason: String::new(), by: String::new() };
    let resume = |account| TradingResumed { account, actor: "a".into(), reason: "b".into() };
    bench.tell(1, halt(None));
    bench.tell(2, halt(Some(account())));
    bench.tell(3, resume(Some(account())));
    bench.tell(4, signal(spot(), Side::Buy));
    bench.check(&[]);
    bench.tell(5, resume(None));
    bench.tell(6, signal(spot(), Side::Buy));
    bench.check(&["propose BUY 0.02 at 50000"]);
}

/// A perpetual in lots of 0.001 with this least notional, a unit of so much, at 5000.
fn with_unit(minimum_notional: &str, unit: &str, bid: &str) -> Bench {
    let units = BTreeMap::from([(perpetual(), quantity(unit))]);
    let mut bench = Bench::new(Config { units, ..Config::default() });
    let minimum_notional = amount(minimum_notional);
    bench.tell(0, InstrumentDefined { minimum_notional, ..defined(perpetual()) });
    bench.tell(0, quote(perpetual(), (bid, "1"), ("6000", "1"), 2));
    bench
}

#[test]
fn an_order_below_the_least_notional_or_of_no_lot_is_not_proposed() {
    let mut bench = with_unit("5", "0.001", "4999");
    bench.tell(0, signal(perpetual(), Side::Buy));
    bench.check(&[]);
    let mut bench = with_unit("5", "0.001", "5000");
    bench.tell(0, signal(perpetual(), Side::Buy));
    bench.check(&["propose BUY 0.001 at 5000"]);
    let mut bench = with_unit("0", "0.001", "5000");
    bench.tell(0, opened("0.0005"));
    bench.tell(0, signal(perpetual(), Side::Buy));
    bench.check(&[]);
}

#[test]
fn an_order_the_broker_does_not_work_yet_is_not_repriced() {
    let mut bench = Bench::new(Config::default());
    bench.tell(0, signal(perpetual(), Side::Buy));
    let order = bench.order();
    bench.check(&["propose BUY 0.02 at 50000"]);
    bench.tell(5_000, accepted(order));
    bench.check(&[]);
}

#[test]
fn an_order_that_rests_at_the_better_price_already_stays_there() {
    let mut bench = Bench::new(Config { reprice: Placement::JoinTouch, ..Config::default() });
    bench.tell(0, signal(perpetual(), Side::Buy));
    let order = bench.order();
    bench.tell(1, accepted(order));
    bench.check(&["propose BUY 0.02 at 50000"]);
    bench.tell(5_000, accepted(order));
    bench.check(&[]);
}

#[test]
fn an_order_that_is_never_repriced_sets_the_timer_of_its_cancel_alone() {
    let timers = |reprice_after_ns| {
        let mut agent = Trader::new(Config { reprice_after_ns, ..Config::default() });
        let mut out = Outbox::new(id(1), source("trader/PAPER"));
        let mut bench = Bench::new(Config::default());
        for body in [
            Body::from(defined(perpetual())),
            quote(perpetual(), ("50000", "1"), ("50000.1", "1"), 1).into(),
            signal(perpetual(), Side::Buy),
        ] {
            let event = bench.probe.root(source("x"), at(1), body);
            agent.on_event(event.time, &event, &mut out);
        }
        out.timers.len()
    };
    assert_eq!((timers(0), timers(SECOND_NS)), (1, 2));
}

#[test]
fn an_order_replaced_by_a_smaller_one_is_filled_with_that() {
    let (mut bench, order) = Bench::with_working_order();
    bench.tell(
        2,
        OrderReplaced {
            order,
            account: account(),
            instrument: perpetual(),
            venue_order: name("v2"),
            quantity: quantity("0.01"),
            limit_price: price("50000"),
            proposal: OrderId([7; 16]),
        },
    );
    bench.tell(3, filled(order, "e1", Side::Buy, "0.01"));
    bench.tell(4, signal(perpetual(), Side::Sell));
    bench.check(&["propose SELL 0.029 at 50000.1"]);
}

#[test]
fn an_order_that_lapsed_is_over_and_a_cancel_that_lapsed_is_asked_for_again() {
    let lapsed = |order, action| OrderLapsed {
        order,
        account: account(),
        instrument: perpetual(),
        action,
        valid_until: at(0),
        session_time: at(0),
        reason: name("expired"),
        proposal: None,
    };
    let mut bench = Bench::new(Config::default());
    bench.tell(0, signal(perpetual(), Side::Buy));
    let order = bench.order();
    bench.tell(1, lapsed(order, AttemptAction::Submit));
    bench.tell(2, signal(perpetual(), Side::Buy));
    bench.check(&["propose BUY 0.02 at 50000", "propose BUY 0.02 at 50000"]);
    let (mut bench, order) = Bench::with_working_order();
    bench.tell(10, signal(perpetual(), Side::Sell));
    bench.tell(11, lapsed(order, AttemptAction::Cancel));
    bench.check(&["cancel: signal reversed"]);
    bench.tell(8_011, accepted(order));
    bench.check(&["replace BUY 0.02 at 50000.1", "cancel: not filled in time"]);
}
