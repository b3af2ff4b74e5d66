//! What a resume waits for: a snapshot that was compared, and nothing critical in it.

use event::{
    Label, Quantity, Source,
    books::{BrokerSnapshotTaken, SnapshotRequested},
    choices::Side::Buy,
    operations::TradingHalted,
};

use super::desk::{Desk, Late, Now, Step::*, account};

fn halted(desk: &mut Desk) {
    let (reason, by) = ("drill".into(), "ada".into());
    desk.fact(TradingHalted { account: None, reason, by }, Now);
}

/// A resume asks for a snapshot, by the monitor's own number, and the gateway answers it.
fn asked(desk: &mut Desk, distort: fn(&mut BrokerSnapshotTaken)) {
    let source = Source::new("monitor/-").unwrap();
    let (reason, cycle) = (Label::new("resume").unwrap(), 1);
    let request = SnapshotRequested { account: account(), reason, cycle };
    let request = desk.probe.root(source, desk.time(), request);
    let _ = desk.probe.take(&request);
    let mut snapshot = desk.snapshot(request.event_id, cycle);
    distort(&mut snapshot);
    desk.fact(snapshot, Now);
}

/// Words given in all.
fn words(desk: &Desk) -> usize {
    desk.transcript().iter().filter(|line| *line == "alert BooksCompared").count()
}

fn traded() -> Desk {
    let mut desk = Desk::opened();
    for step in [Order(Buy, "2"), Fill(0, "1", "100", Now), Wait(100)] {
        desk.take(&step);
    }
    desk
}

#[test]
fn the_first_clean_comparison_after_a_halt_is_told_of_once() {
    let mut desk = traded();
    assert_eq!(words(&desk), 0);
    halted(&mut desk);
    desk.take(&Wait(200));
    assert_eq!(words(&desk), 1);
}

#[test]
fn a_snapshot_a_resume_asks_for_is_compared_whatever_its_number() {
    let mut desk = traded();
    halted(&mut desk);
    asked(&mut desk, |_| {});
    assert_eq!(words(&desk), 1);
    asked(&mut desk, |_| {});
    assert_eq!(words(&desk), 2);
}

#[test]
fn a_late_fee_between_two_cycles_is_seen_before_a_resume() {
    let mut desk = traded();
    halted(&mut desk);
    desk.take(&Fee("F", "50", Late));
    asked(&mut desk, |snapshot| snapshot.bookings.clear());
    assert_eq!(words(&desk), 0);
    desk.take(&Restart);
    desk.take(&Tell);
    asked(&mut desk, |_| {});
    assert_eq!(words(&desk), 1);
}

#[test]
fn a_snapshot_that_proves_nothing_is_no_word() {
    let mut desk = traded();
    halted(&mut desk);
    asked(&mut desk, |snapshot| snapshot.balances.clear());
    asked(&mut desk, |snapshot| snapshot.orders_before[0].cumulative = Quantity::whole(2));
    asked(&mut desk, |snapshot| snapshot.failure = "timeout".into());
    assert_eq!(words(&desk), 0);
    desk.take(&Wait(11));
    assert_eq!(words(&desk), 1);
}
