//! Failures of peers that are public, each a case here.

use alloc::vec::Vec;

use event::{
    AccountId, Amount, Body, Event, Quantity, Source,
    books::{AccountOpened, Balance, BrokerPosition},
    choices::Side::{Buy, Sell},
};

use super::desk::{
    Arrives, Desk, Late, Now,
    Step::{self, *},
    account, amount, check, currency, instrument,
};
use crate::{Inconclusive, Tolerances, compare};

/// What a snapshot comes out as.
type Distortion = fn(&mut event::books::BrokerSnapshotTaken);

/// nautilus_trader 4736: a restart made up a fill that closed a position the broker still held.
#[test]
fn a_warm_restart_invents_no_equal_and_opposite_fill() {
    let open = [Order(Buy, "2"), Fill(0, "2", "100", Now)];
    for around in [&[Restart][..], &[Wait(90), Restart], &[Restart, Wait(5), Restart, Restart]] {
        let steps: Vec<Step> = open.iter().chain(around).copied().chain([Wait(600)]).collect();
        let desk = check("restart with a position", &steps, &[]);
        assert!(desk.agrees());
    }
}

/// nautilus_trader 5000: working orders were dropped after a kill.
#[test]
fn a_restart_keeps_every_working_order() {
    let mut steps = [Order(Buy, "2"); 14].to_vec();
    steps.extend([Fill(3, "1", "100", Now), Wait(30), Restart, Wait(300)]);
    let desk = check("restart with orders", &steps, &[]);
    let books = desk.probe.agent().books().account(account()).unwrap();
    assert_eq!(books.open_orders().filter(|order| order.state.is_at_broker()).count(), 14);
}

/// nautilus_trader 3622: the same warning every minute, for ever.
#[test]
fn a_break_nobody_repairs_is_told_of_at_growing_ages_only() {
    let mut desk = Desk::opened();
    desk.take(&Distort(|snapshot| snapshot.balances[0].amount = amount("5")));
    desk.take(&Wait(24 * 3600));
    let said = desk.transcript();
    let told = said.iter().filter(|line| line.starts_with("confirmed")).count();
    assert_eq!(said.len(), told + 1);
    assert!((2..=8).contains(&told), "{told} times in a day");
    assert!(desk.snapshots <= 24 * 60 + 10, "{} snapshots", desk.snapshots);
}

/// nautilus_trader 3878: each restart minted new ids for the same repair.
#[test]
fn the_same_inputs_make_the_same_ids() {
    let steps = [
        Order(Buy, "5"),
        Fill(0, "2", "100", Late),
        Manual(Sell, "1", "90"),
        Fee("F1", "2", Late),
        Wait(60),
        Tell,
        Lose(Buy, "1", Arrives::No),
        Wait(200),
    ];
    let run = |restart_every: usize| {
        let mut desk = Desk::opened();
        for (at, step) in steps.iter().enumerate() {
            if let Wait(seconds) = step {
                for second in 0..*seconds {
                    desk.take(&Wait(1));
                    if restart_every != 0 && (second as usize).is_multiple_of(restart_every) {
                        desk.take(&Restart);
                    }
                }
            } else {
                desk.take(step);
            }
            if restart_every != 0 && at % restart_every == 0 {
                desk.take(&Restart);
            }
        }
        desk.said.iter().map(Event::encode).collect::<Vec<_>>()
    };
    let straight = run(0);
    assert!(straight.len() > 15);
    assert_eq!(straight, run(0));
    assert_eq!(straight, run(1));
    assert_eq!(straight, run(3));
}

/// nautilus_trader 4013, 4029: positions were summed across accounts.
#[test]
fn another_accounts_holdings_are_never_part_of_this_ones() {
    let mut desk = Desk::opened();
    desk.take(&Order(Buy, "2"));
    desk.take(&Fill(0, "2", "100", Now));
    let other = AccountId::new("OTHER").unwrap();
    let mut books = desk.probe.agent().books().clone();
    let source = Source::new("x").unwrap();
    let time = desk.time();
    let opened = AccountOpened {
        account: other,
        reporting_currency: currency("USDT"),
        balances: [Balance { currency: currency("USDT"), amount: Amount::whole(77) }].into(),
        positions: Vec::new(),
    };
    let opened = desk.probe.root(source, time, opened);
    let _ = books.apply(&opened);
    let mut foreign = desk.said_of_fill();
    if let Body::OrderExecuted(body) = &mut foreign {
        body.account = other;
        body.last_quantity = Quantity::whole(40);
    }
    let foreign = desk.probe.root(source, time, foreign);
    let _ = books.apply(&foreign);
    let snapshot = desk.snapshot(event::EventId([0; 16]), 1);
    let later = time.plus_ns(3_600_000_000_000);
    let found = compare(&books, &snapshot, later, &Tolerances::default()).unwrap();
    assert_eq!(found.differences, []);
    // And a snapshot of another account does not reach this agent's breaks.
    let mut theirs = snapshot;
    theirs.account = other;
    let theirs = desk.probe.root(source, later, theirs);
    assert!(desk.probe.take(&theirs).iter().all(|e| matches!(e.body, Body::SnapshotRequested(_))));
}

/// nautilus_trader 4937: funding rows were parsed as fills and inflated positions.
#[test]
fn funding_is_not_a_fill() {
    for told in [Now, Late] {
        let mut desk = Desk::opened();
        for step in [
            Order(Buy, "2"),
            Fill(0, "2", "100", Now),
            // Named as the execution is.
            Funding("E2", "-3.5", told),
            Wait(90),
        ] {
            desk.take(&step);
        }
        assert!(desk.agrees());
        let ours = desk.probe.agent().books().account(account()).unwrap();
        assert_eq!(ours.executions().len(), 1);
        assert_eq!(ours.position(instrument()).unwrap().quantity, Amount::whole(2));
        assert!(!desk.transcript().iter().any(|line| line.contains("executed")));
    }
}

/// nautilus_trader 3476, 3478, 3493: partial fills counted twice, an inferred fill raced the real.
#[test]
fn partial_fills_count_once_however_they_are_learnt() {
    let cases: [&[Step]; 3] = [
        &[Fill(0, "1", "100", Late), Fill(0, "2", "101", Now), Wait(100), Tell, Wait(100)],
        &[Fill(0, "1", "100", Late), Wait(65), Tell, Wait(100)],
        &[Fill(0, "1", "100", Now), Fill(0, "2", "101", Late), Wait(4), Tell, Wait(100)],
    ];
    for steps in cases {
        let mut desk = Desk::opened();
        desk.take(&Order(Buy, "5"));
        steps.iter().for_each(|step| desk.take(step));
        assert!(desk.agrees(), "{steps:?}");
        assert_eq!(desk.probe.agent().open_breaks(), 0, "{steps:?}");
        let order = desk.probe.agent().books().order(desk.orders[0]).unwrap().1;
        let truth = desk.truth.order(desk.orders[0]).unwrap().1;
        assert_eq!((order.cumulative, order.executions), (truth.cumulative, truth.executions));
    }
}

/// A query that fails, half fails or answers with nothing was taken for an empty account.
#[test]
fn a_failed_query_is_not_flat() {
    let cases: [(Distortion, Inconclusive); 3] = [
        (
            |s| {
                s.failure = "timeout".into();
                s.orders_before.clear();
                s.orders_after.clear();
                s.executions.clear();
                s.positions.clear();
                s.balances.clear();
            },
            Inconclusive::Failed { reason: "timeout".into() },
        ),
        (|s| s.orders_after.clear(), Inconclusive::Moved),
        (
            |s| {
                s.balances.clear();
                s.positions.clear();
            },
            Inconclusive::NoBalances,
        ),
    ];
    for (distort, why) in cases {
        let desk = check(
            "failed query",
            &[
                Order(Buy, "2"),
                Order(Buy, "2"),
                Fill(0, "1", "100", Now),
                Distort(distort),
                Wait(600),
            ],
            &["alert ReconInconclusive"],
        );
        let mut snapshot = desk.snapshot(event::EventId([0; 16]), 1);
        distort(&mut snapshot);
        let books = desk.probe.agent().books();
        let found = compare(books, &snapshot, desk.time(), &Tolerances::default());
        assert_eq!(found, Err(why));
        // Asked again a few times, then only at the interval.
        assert!(desk.snapshots < 16, "{}", desk.snapshots);
    }
}

/// A failed look changes no break that is open.
#[test]
fn a_failed_query_resolves_nothing() {
    check(
        "failure over an open break",
        &[
            Distort(|snapshot| snapshot.balances[0].amount = amount("5")),
            Wait(80),
            Distort(|snapshot| snapshot.failure = "down".into()),
            Wait(50),
        ],
        &["opened CASH USDT", "confirmed CASH USDT"],
    );
}

/// nautilus_trader 3161: balances one trade behind what was told.
#[test]
fn a_balance_one_trade_behind_opens_no_break() {
    let mut desk = Desk::opened();
    desk.take(&Order(Buy, "1000"));
    for _ in 0..40 {
        desk.take(&Fill(0, "1", "100", Now));
        desk.take(&Distort(|snapshot| {
            let held = snapshot.balances.iter_mut().find(|one| one.currency == currency("USDT"));
            let held = held.unwrap();
            held.amount = held.amount.plus(amount("100.5")).unwrap();
        }));
        desk.take(&Wait(1));
        desk.take(&Distort(|_| {}));
        desk.take(&Wait(14));
    }
    assert_eq!(desk.transcript(), [""; 0]);
}

/// nautilus_trader 4619: a repair that did not work was reported as one that did.
#[test]
fn a_failed_repair_is_not_success() {
    // The broker takes the fee twice but lists it once: the adjustment repairs half.
    let desk = check(
        "half repaired",
        &[
            Fee("F1", "2", Late),
            Distort(|snapshot| {
                let held = &mut snapshot.balances[0];
                held.amount = held.amount.minus(amount("2")).unwrap();
            }),
            Wait(40),
        ],
        &[
            "opened CASH USDT FEE F1",
            "confirmed CASH USDT FEE F1",
            "explained CASH USDT FEE F1",
            "adjusted -2",
            "opened CASH USDT",
            "confirmed CASH USDT",
            "resolved CASH USDT FEE F1 ADJUSTED",
        ],
    );
    assert_eq!(desk.probe.agent().open_breaks(), 1);
}

/// A position the broker does not show is not explained away, and nothing is made up for it.
#[test]
fn a_position_difference_is_critical_and_never_repaired_by_itself() {
    let cases: [(Distortion, &str); 2] = [
        (|s| s.positions.clear(), "-2"),
        (
            |s| {
                s.positions = [BrokerPosition {
                    instrument: instrument(),
                    quantity: Quantity::whole(-3),
                    total_cost: Amount::ZERO,
                }]
                .into();
            },
            "-5",
        ),
    ];
    for (distort, difference) in cases {
        let desk = check(
            "position",
            &[Order(Buy, "2"), Fill(0, "2", "100", Now), Wait(30), Distort(distort), Wait(60)],
            &["opened POS_QTY X:BTCUSDT", "confirmed POS_QTY X:BTCUSDT"],
        );
        let opened = desk.said.iter().find_map(|event| match &event.body {
            Body::BreakOpened(body) => Some((body.difference, body.severity)),
            _ => None,
        });
        let critical = event::choices::Severity::Critical;
        assert_eq!(opened, Some((amount(difference), critical)));
    }
}

/// nautilus_trader 4970: a fill that lost our order id became a second, external order.
#[test]
fn an_execution_without_our_name_finds_its_order_by_the_brokers() {
    let desk = check(
        "lost mapping",
        &[
            Order(Buy, "2"),
            Fill(0, "2", "100", Late),
            Distort(|snapshot| snapshot.executions.iter_mut().for_each(|one| one.order = None)),
            Wait(100),
        ],
        &[
            "opened FILL_MISSING_INTERNAL E2",
            "confirmed FILL_MISSING_INTERNAL E2",
            "explained FILL_MISSING_INTERNAL E2",
            "executed E2 of #0",
            "resolved FILL_MISSING_INTERNAL E2 MISSING_FACT_ARRIVED",
        ],
    );
    assert_eq!(desk.probe.agent().books().account(account()).unwrap().orders_len(), 1);
}

impl Desk {
    /// The body of the last execution that is true.
    fn said_of_fill(&mut self) -> Body {
        let truth = self.truth.account(account()).unwrap();
        let last = truth.executions().last().unwrap().clone();
        event::trading::OrderExecuted {
            order: last.order,
            account: account(),
            instrument: last.instrument,
            exec_id: last.exec_id,
            side: Buy,
            last_price: last.price,
            last_quantity: Quantity::whole(2),
            cumulative: Quantity::whole(2),
            leaves: Quantity::ZERO,
            fee: last.fee,
            fee_currency: last.fee_currency,
            liquidity: event::choices::Liquidity::Taker,
            trade_date: 20_240_809,
            external: true,
            recovered: false,
        }
        .into()
    }
}
