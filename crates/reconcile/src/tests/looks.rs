//! One look after another: what is kept between them, what confirms, and when to look again.

use alloc::{string::String, vec::Vec};

use event::{
    Body, EventId, Price, Quantity, SECOND_NS, Source, Timestamp,
    books::{BrokerExecution, BrokerSnapshotTaken},
    choices::{AttemptAction, Side::Buy},
    operations::TradingHalted,
    trading::OrderUnknown,
};

use super::{
    desk::{
        Arrives, Desk, Late, Now, Step::*, account, amount, check, currency, instrument, label,
    },
    facts::{approved, attempted, proposed, submit},
};
use crate::Config;

/// An execution of the first open order.
fn never_true(snapshot: &BrokerSnapshotTaken) -> BrokerExecution {
    let of = &snapshot.orders_after[0];
    BrokerExecution {
        exec_id: label("FALSE"),
        order: of.order,
        venue_order: of.venue_order,
        instrument: of.instrument,
        side: of.side,
        price: Price(100),
        quantity: Quantity::whole(1),
        fee: amount("0"),
        fee_currency: currency("USDT"),
        executed_at: Timestamp(0),
        cumulative: Quantity::whole(1),
        leaves: Quantity::ZERO,
        taker: true,
    }
}

#[test]
fn an_unknown_execution_that_the_broker_takes_back_is_not_kept() {
    for known_before in [false, true] {
        let mut desk = Desk::opened();
        desk.take(&Order(Buy, "5"));
        if known_before {
            desk.take(&Fill(0, "1", "100", Now));
        }
        desk.take(&Wait(30));
        // A line the broker shows once, last, and which was never true.
        desk.take(&Distort(|snapshot| {
            snapshot.executions.push(never_true(snapshot));
        }));
        desk.take(&Wait(31));
        assert!(desk.transcript().contains(&"opened FILL_MISSING_INTERNAL FALSE".into()));
        // From here on the listing begins where that line stood, without it.
        desk.take(&Distort(if known_before {
            |snapshot| {
                snapshot.executions.clear();
                snapshot.executions_from = 1;
            }
        } else {
            |_| {}
        }));
        desk.take(&Wait(60));
        assert!(!desk.transcript().iter().any(|line| line.starts_with("executed")));
        assert_eq!(desk.probe.agent().open_breaks(), 0, "{:?}", desk.transcript());
        assert!(desk.agrees());
    }
}

#[test]
fn an_unknown_execution_in_front_of_a_known_one_is_kept_when_the_listing_moves_past_it() {
    let mut desk = Desk::opened();
    for step in [
        Order(Buy, "5"),
        Fill(0, "1", "100", Late),
        Wait(1),
        Fill(0, "1", "100", Now),
        Wait(62),
        Distort(|snapshot| {
            let _ = snapshot.executions.remove(0);
            snapshot.executions_from = 1;
        }),
        Wait(100),
    ] {
        desk.take(&step);
    }
    assert!(desk.transcript().contains(&"executed E2 of #0".into()), "{:?}", desk.transcript());
    assert!(desk.agrees());
    assert_eq!(desk.probe.agent().open_breaks(), 0);
}

#[test]
fn a_break_is_told_of_again_after_a_minute_and_then_at_four_times_each_age() {
    let interval_ns = 5 * SECOND_NS;
    let mut desk = Desk::with(Config { interval_ns, ..Config::of(account()) });
    desk.take(&Distort(|snapshot| snapshot.balances[0].amount = amount("5")));
    desk.take(&Wait(3600));
    let ages: Vec<i64> = desk
        .said
        .iter()
        .filter_map(|event| match &event.body {
            Body::BreakConfirmed(body) => Some(body.age_ns),
            _ => None,
        })
        .collect();
    assert!(ages.len() > 3, "{ages:?}");
    for pair in ages.windows(2) {
        let due_ns = (pair[0] * 4).max(60 * SECOND_NS);
        assert!((due_ns..due_ns + interval_ns).contains(&pair[1]), "{ages:?}");
    }
}

/// An agent that looks every second at cash which a snapshot shows as set.
fn looking() -> Desk {
    let mut desk = Desk::opened();
    desk.take(&Order(Buy, "1000"));
    desk.take(&Wait(30));
    desk
}

fn shows(desk: &mut Desk, cycle: u64, cash: &str) {
    let mut snapshot = desk.snapshot(EventId([cycle as u8; 16]), cycle);
    let usdt = currency("USDT");
    let line = snapshot.balances.iter_mut().find(|one| one.currency == usdt).unwrap();
    line.amount = line.amount.plus(amount(cash)).unwrap();
    let event = desk.probe.root(Source::new("gateway/PAPER").unwrap(), desk.time(), snapshot);
    let said = desk.probe.take(&event);
    desk.said.extend(said);
}

fn confirmed(desk: &Desk) -> usize {
    desk.transcript().iter().filter(|line| line.starts_with("confirmed")).count()
}

#[test]
fn a_settled_break_is_confirmed_though_its_difference_changes() {
    let mut desk = looking();
    shows(&mut desk, 101, "-3");
    desk.take(&Wait(6));
    shows(&mut desk, 102, "-4");
    assert_eq!(desk.transcript(), ["opened CASH USDT", "confirmed CASH USDT"]);
}

#[test]
fn a_break_in_flight_is_confirmed_by_a_difference_that_stands_and_by_no_other() {
    let mut desk = looking();
    shows(&mut desk, 101, "-3");
    for (cycle, cash) in [(102, "-4"), (103, "-5"), (104, "-6")] {
        desk.take(&Wait(6));
        desk.take(&Fill(0, "1", "1", Now));
        shows(&mut desk, cycle, cash);
        assert_eq!(confirmed(&desk), 0, "{cash}");
    }
    desk.take(&Fill(0, "1", "1", Now));
    shows(&mut desk, 105, "-6");
    assert_eq!(confirmed(&desk), 1);
}

#[test]
fn a_break_that_the_brokers_lag_may_explain_is_not_confirmed_however_often_it_is_seen() {
    let mut desk = looking();
    shows(&mut desk, 101, "1.5");
    for cycle in 102..110 {
        desk.take(&Wait(6));
        // Bought for 1 and a fee of 0.5: the balance before it is higher by 1.5.
        desk.take(&Fill(0, "1", "1", Now));
        shows(&mut desk, cycle, "1.5");
        assert_eq!(confirmed(&desk), 0, "look {cycle}");
    }
}

#[test]
fn nothing_is_repaired_before_it_is_confirmed() {
    let config = Config { confirm_after_ns: SECOND_NS, ..Config::of(account()) };
    let mut desk = Desk::with(config);
    desk.take(&Fee("F1", "2", Late));
    desk.take(&Wait(5));
    assert_eq!(desk.transcript(), ["opened CASH USDT FEE F1"]);
    desk.take(&Wait(5));
    let said = ["confirmed CASH USDT FEE F1", "explained CASH USDT FEE F1", "adjusted -2"];
    assert_eq!(desk.transcript()[1..4], said);
}

#[test]
fn a_break_that_ends_says_how_long_it_stood() {
    let mut desk = Desk::opened();
    for step in [
        Wait(59),
        Distort(|snapshot| snapshot.balances[0].amount = amount("1")),
        Wait(5),
        Distort(|_| {}),
        Wait(60),
    ] {
        desk.take(&step);
    }
    let details: Vec<String> = desk
        .said
        .iter()
        .filter_map(|event| match &event.body {
            Body::BreakResolved(body) => Some(body.detail.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(details, ["gone after 1 cycles, 10 s"]);
}

#[test]
fn a_second_look_that_the_interval_forestalled_is_not_taken_as_well() {
    let mut desk = Desk::opened();
    desk.take(&Wait(55));
    desk.take(&Distort(|snapshot| snapshot.balances[0].amount = amount("1")));
    // Something unknown makes it look at 60 s, so that it wants a second look at 70 s.
    desk.take(&Lose(Buy, "1", Arrives::No));
    desk.take(&Wait(5));
    assert_eq!(desk.snapshots, 2);
    // The interval's look at 61 s forestalls it and wants one at 71 s.
    desk.take(&Wait(10));
    assert_eq!(desk.snapshots, 3);
    desk.take(&Wait(1));
    assert_eq!(desk.snapshots, 4);
}

#[test]
fn an_attempt_known_to_have_expired_is_looked_for_once() {
    let looks = |expires_s: i64| {
        let mut desk = Desk::opened();
        desk.take(&Wait(5));
        let source = Source::new("trader/PAPER").unwrap();
        let wanted = desk.probe.root(source, desk.time(), proposed(Buy, "1"));
        let order = wanted.event_id.into();
        let _ = desk.truth.apply(&wanted);
        let _ = desk.probe.take(&wanted);
        desk.fact(approved(order, Buy, "1"), Now);
        desk.fact(submit(order, Buy, "1"), Now);
        desk.fact(attempted(order, Timestamp(expires_s * SECOND_NS)), Now);
        let (account, instrument, action) = (account(), instrument(), AttemptAction::Submit);
        let reason = "no answer".into();
        desk.fact(OrderUnknown { order, account, instrument, action, attempt: 1, reason }, Now);
        let before = desk.snapshots;
        desk.take(&Wait(7));
        desk.snapshots - before
    };
    // At 5 s: one look after the read lag, and one more after an expiry that is yet to come.
    assert_eq!((looks(4), looks(5), looks(6)), (1, 1, 2));
}

#[test]
fn a_change_of_which_only_half_is_at_the_broker_is_no_proof_of_it() {
    let halves: [fn(&mut BrokerSnapshotTaken); 2] = [
        |snapshot| super::comparison::both(snapshot, |line| line.quantity = Quantity::whole(3)),
        |snapshot| super::comparison::both(snapshot, |line| line.limit_price = Some(Price(90))),
    ];
    for half in halves {
        let mut desk = Desk::opened();
        let _ = super::life::change_lost(&mut desk);
        desk.take(&Distort(half));
        desk.take(&Wait(60));
        assert_eq!(desk.transcript(), ["opened ORD_QTY_PRICE #0", "confirmed ORD_QTY_PRICE #0"]);
    }
}

#[test]
fn a_halt_is_no_part_of_the_books_compared() {
    let desk = &mut check("halted", &[Order(Buy, "1"), Wait(5)], &[]);
    let before = desk.probe.agent().books().clone();
    let (reason, by) = ("drill".into(), "ada".into());
    desk.fact(TradingHalted { account: None, reason, by }, Now);
    assert_eq!(*desk.probe.agent().books(), before);
}
