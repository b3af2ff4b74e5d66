//! Order, cursors, and finding things.

use std::collections::BTreeMap;

use bytes::Bytes;
use event::{Key, Timestamp};

use super::{Rig, durability::all, market, order_unit, record, source, tick};
use crate::{Bus, BusError, Cut, Delivered, Entry, ErrorClass, Record, Topology, Unit};

fn drain(bus: &mut dyn Bus, cut: &mut Cut) -> Vec<Delivered> {
    let mut delivered = Vec::new();
    loop {
        let more = bus.next(cut, 3).expect("reads");
        if more.is_empty() {
            return delivered;
        }
        assert!(more.len() <= 3);
        delivered.extend(more);
    }
}

/// Clause 2: per key, order of acceptance is order of delivery.
pub fn a_key_is_delivered_in_the_order_it_was_accepted(rig: &mut dyn Rig) {
    let mut accepted: BTreeMap<Key, Vec<u64>> = BTreeMap::new();
    let mut note = |unit: &Unit| {
        for record in &unit.outputs {
            accepted.entry(record.header().key).or_default().push(record.header().source_seq);
        }
    };
    let mut cut = Cut::default();
    let mut delivered = Vec::new();
    for round in 0..6 {
        let units = [
            market(round * 5 + 1..=round * 5 + 5),
            order_unit("risk/A", round * 2 + 1..=round * 2 + 2, round),
        ];
        units.iter().for_each(&mut note);
        let _ = rig.bus().commit(&units).expect("commits");
        match round {
            1 => rig.restart(),
            3 => rig.crash(),
            _ => delivered.extend(drain(rig.bus(), &mut cut)),
        }
    }
    let mut seen: BTreeMap<Key, Vec<u64>> = BTreeMap::new();
    for Delivered { record, .. } in &delivered {
        seen.entry(record.header().key).or_default().push(record.header().source_seq);
    }
    assert_eq!(seen, accepted);
}

/// A cut is a place, kept by the reader.
pub fn a_cursor_goes_on_where_it_was(rig: &mut dyn Rig) {
    let _ = rig.bus().commit(&[market(1..=5), order_unit("risk/A", 1..=2, 1)]).expect("commits");
    let mut cut = Cut::default();
    let first = rig.bus().next(&mut cut, 4).expect("reads");
    rig.restart();
    let rest = drain(rig.bus(), &mut cut);
    assert_eq!((first.len(), rest.len()), (4, 3));
    assert!(rig.bus().next(&mut cut, 4).expect("reads").is_empty());
    let _ = rig.bus().commit(&[market(6..=6)]).expect("commits");
    let more = drain(rig.bus(), &mut cut);
    assert_eq!(more.len(), 1);
    let position = more[0].position;
    assert_eq!(cut.sequence(position.stream, position.partition), position.sequence);
}

/// Any number of readers.
pub fn cursors_do_not_disturb_each_other(rig: &mut dyn Rig) {
    let _ = rig.bus().commit(&[market(1..=9)]).expect("commits");
    let (mut fast, mut slow) = (Cut::default(), Cut::default());
    let whole = drain(rig.bus(), &mut fast);
    let mut one_by_one = Vec::new();
    while let Some(delivered) = rig.bus().next(&mut slow, 1).expect("reads").pop() {
        let _ = rig.bus().read(0, 5).expect("reads");
        one_by_one.push(delivered);
    }
    assert_eq!(one_by_one, whole);
    assert_eq!(fast.last, slow.last);
}

/// Clause 6: a stream made anew is not the one that was read.
pub fn a_recreated_log_is_noticed(rig: &mut dyn Rig) {
    let _ = rig.bus().commit(&[market(1..=5)]).expect("commits");
    let mut cut = Cut::default();
    let _ = rig.bus().next(&mut cut, 3).expect("reads");
    rig.recreate();
    let _ = rig.bus().commit(&[market(1..=5)]).expect("the same events again");
    let refused = rig.bus().next(&mut cut, 3).expect_err("another log");
    assert!(matches!(refused, BusError::StreamRewound { .. }), "{refused}");
    assert_eq!(refused.class(), ErrorClass::Fatal);
}

/// Clause 6: a stream cut short is never skipped over, not even once it is as long again.
pub fn a_rewound_log_is_noticed(rig: &mut dyn Rig) {
    let _ = rig.bus().commit(&[market(1..=2)]).expect("commits");
    let _ = rig.bus().commit(&[market(3..=5)]).expect("commits");
    let mut cut = Cut::default();
    let _ = rig.bus().next(&mut cut, 10).expect("reads");
    rig.rewind_to(3);
    let refused = rig.bus().next(&mut cut.clone(), 3).expect_err("cut short");
    assert!(matches!(refused, BusError::StreamRewound { .. }), "{refused}");
    let _ = rig.bus().commit(&[order_unit("risk/A", 1..=9, 1)]).expect("as long again");
    let refused = rig.bus().next(&mut cut, 3).expect_err("other events");
    assert!(matches!(refused, BusError::StreamRewound { .. }), "{refused}");
}

/// A checkpoint is a cut in bytes, and is checked like one.
pub fn a_checkpoint_is_read_back(rig: &mut dyn Rig) {
    let _ = rig.bus().commit(&[market(1..=5), order_unit("risk/A", 1..=2, 1)]).expect("commits");
    let mut cut = Cut::default();
    let _ = rig.bus().next(&mut cut, 4).expect("reads");
    let mut read = Cut::from_bytes(&cut.to_bytes()).expect("decodes");
    assert_eq!(read, cut);
    assert_eq!(drain(rig.bus(), &mut read), drain(rig.bus(), &mut cut));
    rig.recreate();
    let mut stale = Cut::from_bytes(&cut.to_bytes()).expect("decodes");
    assert!(rig.bus().next(&mut stale, 1).is_err());
}

/// Everything can be read from anywhere.
pub fn entries_are_read_from_any_index(rig: &mut dyn Rig) {
    for first in [1, 11, 21] {
        let units = [market(first..=first + 9), order_unit("risk/A", first..=first, first)];
        // Only the first round's task is contiguous; the others are refused and change nothing.
        let _ = rig.bus().commit(&units[..1]).expect("commits");
    }
    let entries = all(rig.bus());
    assert_eq!(entries.len(), 33);
    for from in 0..entries.len() {
        let read = rig.bus().read(from as u64, 4).expect("reads");
        assert_eq!(read, entries[from..(from + 4).min(entries.len())]);
    }
    assert!(rig.bus().read(33, 4).expect("reads").is_empty());
    assert!(rig.bus().read(1_000, 4).expect("reads").is_empty());
}

/// A time leads to the first record at or after it.
pub fn a_time_is_found(rig: &mut dyn Rig) {
    let _ = rig.bus().commit(&[market(1..=4)]).expect("commits");
    let _ = rig.bus().commit(&[market(5..=9)]).expect("commits");
    for (time, expected) in [(0, Some(1)), (4_000, Some(4)), (4_001, Some(5)), (9_001, None)] {
        let mut cut = Cut::at_index(rig.bus().seek(Timestamp(time)).expect("seeks"));
        let found = rig.bus().next(&mut cut, 1).expect("reads").pop();
        assert_eq!(found.map(|d| d.record.header().source_seq), expected, "time {time}");
    }
}

/// An id leads to its record, recent or not.
pub fn an_event_is_found_by_its_id(rig: &mut dyn Rig) {
    let _ = rig.bus().commit(&[market(1..=9), order_unit("risk/A", 1..=2, 1)]).expect("commits");
    for restart in [false, true] {
        if restart {
            rig.restart();
        }
        for seq in 1..=9 {
            let found = rig.bus().lookup(tick(seq).event_id).expect("looks").expect("finds");
            assert_eq!(found.record, record(tick(seq)));
            assert_eq!(found.position.index, seq - 1);
        }
        assert_eq!(rig.bus().lookup(tick(10).event_id).expect("looks"), None);
    }
}

/// Bytes are stored and delivered as they came: unknown fields and kinds of a newer version too.
pub fn bytes_are_delivered_as_received(rig: &mut dyn Rig) {
    let mut newer = tick(1).encode().to_vec();
    // Field 1000, a varint, is no field of ours.
    newer.extend_from_slice(&[0xc0, 0x3e, 7]);
    let mut unknown_kind = Vec::new();
    let bare = tick(2).encode();
    // The body is the last field; kind 39 is no market kind yet.
    let body_at = bare.windows(2).rposition(|pair| pair == [0xa2, 0x01]).expect("has a body");
    unknown_kind.extend_from_slice(&bare[..body_at]);
    unknown_kind.extend_from_slice(&[0xba, 0x02, 1, 0]);
    let records = [newer, unknown_kind]
        .map(|bytes| Record::of_bytes(Bytes::from(bytes), &Topology::shipped()).unwrap());
    let unit = Unit::of_roots(source("file/090909090909"), records.to_vec());
    let positions = rig.bus().commit(&[unit]).expect("commits");
    // What is unknown waits in the ops stream for a version that knows it.
    let streams: Vec<_> = positions[0].iter().map(|position| position.stream).collect();
    assert_eq!(streams, [event::Family::Market, event::Family::Ops]);
    rig.restart();
    let entries = rig.bus().read(0, 2).expect("reads");
    for (entry, record) in entries.iter().zip(&records) {
        let Entry::Event(delivered) = entry else { panic!("an event stands here") };
        assert_eq!(delivered.record.bytes(), record.bytes());
    }
    let Entry::Event(unknown) = &entries[1] else { panic!("an event stands here") };
    assert!(unknown.record.event().is_err());
}
