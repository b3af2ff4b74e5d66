//! Readers that follow a bus from a thread of their own.

use std::time::Duration;

use super::{Rig, market, order_unit};
use crate::{Bus, Entry, Reader, Unit};

/// Longer than any wait of these clauses takes; only a broken engine waits so long.
const PATIENCE: Duration = Duration::from_secs(30);

fn commit_orders(bus: &mut dyn Bus, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let _ = bus.commit(&[order(number)]).expect("accepts");
    }
}

fn order(number: u64) -> Unit {
    order_unit("risk/A", number..=number, number)
}

fn rest(reader: &mut dyn Reader) -> Vec<Entry> {
    let mut entries = Vec::new();
    loop {
        let more = reader.next_entries().expect("reads");
        if more.is_empty() {
            return entries;
        }
        entries.extend(more);
    }
}

/// A reader shows what [`Bus::read`] shows, and what comes later once it is there.
pub fn a_reader_sees_every_entry_in_order_and_goes_on(rig: &mut dyn Rig) {
    commit_orders(rig.bus(), 1..4);
    let mut reader = rig.bus().reader().expect("has readers");
    reader.seek(0).expect("seeks");
    assert_eq!(rest(&mut *reader), rig.bus().read(0, 1_000).expect("reads"));
    let seen = rig.bus().next_index();
    commit_orders(rig.bus(), 4..6);
    assert!(reader.wait(seen, PATIENCE).expect("waits") > seen);
    let later = rest(&mut *reader);
    assert_eq!(later, rig.bus().read(seen, 1_000).expect("reads"));
    assert_eq!(later.first().map(Entry::index), Some(seen));
}

/// A place is a place, also one that nothing stands at yet.
pub fn a_reader_begins_wherever_it_is_told_to(rig: &mut dyn Rig) {
    commit_orders(rig.bus(), 1..5);
    let all = rig.bus().read(0, 1_000).expect("reads");
    let mut reader = rig.bus().reader().expect("has readers");
    for entry in &all {
        reader.seek(entry.index()).expect("seeks");
        let first = reader.next_entries().expect("reads");
        let from = first.iter().find(|found| found.index() >= entry.index());
        assert_eq!(from, Some(entry));
    }
    let end = rig.bus().next_index();
    reader.seek(end).expect("seeks");
    assert!(reader.next_entries().expect("reads").is_empty());
    commit_orders(rig.bus(), 5..6);
    assert_eq!(rest(&mut *reader).first().map(Entry::index), Some(end));
}

/// Who waits is woken, and finds what woke it.
pub fn a_reader_is_woken_by_what_another_thread_commits(rig: &mut dyn Rig) {
    commit_orders(rig.bus(), 1..2);
    let end = rig.bus().next_index();
    let mut reader = rig.bus().reader().expect("has readers");
    reader.seek(end).expect("seeks");
    let waiting = std::thread::spawn(move || {
        let next = reader.wait(end, PATIENCE).expect("waits");
        (next, rest(&mut *reader))
    });
    commit_orders(rig.bus(), 2..3);
    let (next, found) = waiting.join().expect("ends");
    assert!(next > end);
    assert_eq!(found, rig.bus().read(end, 1_000).expect("reads"));
}

/// A reader sees nothing of a call that was refused.
pub fn what_is_refused_is_shown_to_no_reader(rig: &mut dyn Rig) {
    commit_orders(rig.bus(), 1..2);
    let end = rig.bus().next_index();
    let mut reader = rig.bus().reader().expect("has readers");
    reader.seek(end).expect("seeks");
    // The second unit skips a number of its source.
    let units = [order(2), order(9)];
    assert!(rig.bus().commit(&units).is_err());
    assert!(rest(&mut *reader).is_empty());
    assert_eq!(reader.wait(end, Duration::ZERO).expect("waits"), end);
}

/// After a shutdown nothing is accepted, and nobody waits for what cannot come.
pub fn a_closed_bus_accepts_nothing_and_wakes_its_readers(rig: &mut dyn Rig) {
    commit_orders(rig.bus(), 1..3);
    let end = rig.bus().next_index();
    let mut reader = rig.bus().reader().expect("has readers");
    rig.bus().close().expect("shuts down");
    assert_eq!(reader.wait(end, PATIENCE).expect("waits"), end);
    assert!(rig.bus().commit(&[order(3)]).is_err());
    assert!(rig.bus().commit(&[market(1..=1)]).is_err());
    rig.restart();
    commit_orders(rig.bus(), 3..4);
}
