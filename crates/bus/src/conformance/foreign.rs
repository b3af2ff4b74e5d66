//! What others write into a bus.

use super::{Rig, market, order_unit};
use crate::{Bus, BusError, Cut, Entry, ErrorClass};

const GARBAGE: &[u8] = b"\xff\xfe none of ours";

/// Every entry from `index` on.
fn rest(bus: &mut dyn Bus, mut index: u64) -> Vec<Entry> {
    let mut entries = Vec::new();
    loop {
        let more = bus.read(index, 100).expect("reads");
        let Some(last) = more.last() else { return entries };
        index = last.index() + 1;
        entries.extend(more);
    }
}

fn strangers(entries: &[Entry]) -> Vec<u64> {
    let of = |entry: &Entry| match entry {
        Entry::Foreign(foreign) => {
            assert_eq!(foreign.bytes, GARBAGE);
            assert!(!foreign.is_offered() && !foreign.place.is_empty());
            Some(foreign.index)
        }
        _ => None,
    };
    entries.iter().filter_map(of).collect()
}

/// Whoever writes goes on writing and whoever reads goes on reading; the bytes stand where every
/// reader finds them, once.
pub fn what_a_stranger_writes_is_an_entry_and_stops_nobody(rig: &mut dyn Rig) {
    let _ = rig.bus().commit(&[market(1..=3)]).expect("accepts");
    if !rig.intrude(GARBAGE) {
        return;
    }
    let positions = rig.bus().commit(&[order_unit("risk/A", 1..=2, 1)]).expect("accepts");
    let mut reader = rig.bus().reader().expect("has readers");
    let entries = rest(rig.bus(), 0);
    let indexes: Vec<u64> = entries.iter().map(Entry::index).collect();
    assert_eq!(indexes, (0..rig.bus().next_index()).collect::<Vec<_>>());
    assert_eq!(strangers(&entries), [4], "market data, its mark, then the stranger");
    for position in positions.iter().flatten() {
        let there = entries.get(position.index as usize);
        assert!(matches!(there, Some(Entry::Event(there)) if there.position == *position));
    }
    let mut followed = Vec::new();
    while followed.len() < entries.len() {
        let more = reader.next_entries().expect("reads");
        assert!(!more.is_empty(), "stopped after {}", followed.len());
        followed.extend(more);
    }
    assert_eq!(followed, entries);
    assert_eq!(rig.bus().next(&mut Cut::default(), 100).expect("reads").len(), 5);
    assert_eq!(rig.bus().adopt().expect("looks"), 0, "nothing is given a place twice");
}

/// It is evidence like everything else.
pub fn what_a_stranger_wrote_survives_a_restart(rig: &mut dyn Rig) {
    let _ = rig.bus().commit(&[market(1..=1)]).expect("accepts");
    if !rig.intrude(GARBAGE) || !rig.intrude(GARBAGE) {
        return;
    }
    let before = rest(rig.bus(), 0);
    assert_eq!(strangers(&before), [2, 3]);
    rig.restart();
    assert_eq!(rest(rig.bus(), 0), before);
    let _ = rig.bus().commit(&[market(2..=2)]).expect("accepts");
    rig.crash();
    assert_eq!(rest(rig.bus(), 0).len(), 6);
}

/// Nothing is stored where its writer does not believe it to be.
pub fn a_writer_that_knows_its_places_is_told_when_they_moved(rig: &mut dyn Rig) {
    let _ = rig.bus().commit_at(0, &[market(1..=2)]).expect("accepts");
    let unit = [order_unit("risk/A", 1..=1, 1)];
    let elsewhere = rig.bus().commit_at(7, &unit).expect_err("is told");
    assert!(matches!(elsewhere, BusError::Moved { expected: 7, found: 3 }), "{elsewhere}");
    if rig.intrude(GARBAGE) {
        let moved = rig.bus().commit_at(3, &unit).expect_err("is told");
        assert!(matches!(moved, BusError::Moved { expected: 3, found: 4 }), "{moved}");
        assert_eq!(moved.class(), ErrorClass::Retry);
        assert_eq!(rest(rig.bus(), 0).len(), 4);
    }
    let next = rig.bus().next_index();
    let positions = rig.bus().commit_at(next, &unit).expect("accepts");
    assert_eq!(positions.first().and_then(|of| of.first()).map(|p| p.index), Some(next));
}
