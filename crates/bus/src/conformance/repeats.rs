//! A repeat is harmless, a difference is loud.

use event::{Event, Timestamp};

use super::{Rig, decision, durability::all, market, order_unit, record, source, tick};
use crate::{Bus, BusError, Cut, ErrorClass, Record, Unit};

fn delivered_ids(bus: &mut dyn Bus) -> Vec<event::EventId> {
    let delivered = bus.next(&mut Cut::default(), 10_000).expect("reads");
    delivered.iter().map(|d| d.position.event_id).collect()
}

/// Clause 4: a repeat may be stored; it is delivered once.
pub fn a_repeat_is_stored_by_whom_but_delivered_once(rig: &mut dyn Rig) {
    let units = [market(1..=4), order_unit("risk/A", 1..=2, 4)];
    let first = rig.bus().commit(&units).expect("commits");
    let once = delivered_ids(rig.bus());
    assert_eq!(once.len(), 6);
    assert_eq!(rig.bus().commit(&units).expect("commits again"), first);
    rig.crash();
    assert_eq!(rig.bus().commit(&units).expect("and after a crash"), first);
    assert_eq!(delivered_ids(rig.bus()), once);
    let _ = rig.bus().commit(&[market(5..=5)]).expect("goes on");
    assert_eq!(delivered_ids(rig.bus()).len(), 7);
}

/// Clause 4: however long ago.
pub fn a_repeat_is_found_long_after(rig: &mut dyn Rig) {
    let early = [market(1..=50), order_unit("risk/A", 1..=3, 9)];
    let first = rig.bus().commit(&early).expect("commits");
    for at in 1..60 {
        let _ = rig.bus().commit(&[market(at * 50 + 1..=at * 50 + 50)]).expect("commits");
    }
    rig.restart();
    assert_eq!(rig.bus().commit(&early).expect("commits again"), first);
    // Bit by bit, as a publisher does that regroups its tail.
    for seq in 1..=50 {
        let again = rig.bus().commit(&[market(seq..=seq)]).expect("commits again");
        assert_eq!(again[0][0], first[0][seq as usize - 1]);
    }
    assert_eq!(delivered_ids(rig.bus()).len(), 3003);
}

/// Clause 4: also when both come at once.
pub fn a_repeat_within_one_call_is_answered_once(rig: &mut dyn Rig) {
    let unit = order_unit("risk/A", 1..=3, 1);
    let answers = rig.bus().commit(&[unit.clone(), market(1..=1), unit]).expect("commits");
    assert_eq!(answers[0], answers[2]);
    assert_eq!(delivered_ids(rig.bus()).len(), 4);
}

/// Clause 4: what is known is answered, what is new is stored.
pub fn a_unit_half_known_stores_its_other_half(rig: &mut dyn Rig) {
    let first = rig.bus().commit(&[market(1..=3)]).expect("commits");
    let both = rig.bus().commit(&[market(2..=6)]).expect("commits");
    assert_eq!(both[0][..2], first[0][1..]);
    assert_eq!(delivered_ids(rig.bus()).len(), 6);
    assert_eq!(rig.bus().high_water(source("file/090909090909")), 6);
}

/// Clause 4: a unit that consumed and asked for timers, and emitted nothing, is stored once too; and
/// what an ingress has read never goes back.
pub fn a_unit_without_outputs_is_stored_once(rig: &mut dyn Rig) {
    let _ = rig.bus().commit(&[market(1..=9)]).expect("commits");
    let mut timers = order_unit("risk/A", 1..=1, 4);
    timers.outputs.clear();
    let mut mark = market(1..=1);
    mark.outputs.clear();
    let _ = rig.bus().commit(&[timers.clone(), timers.clone()]).expect("commits");
    let once = all(rig.bus());
    for crash in [false, true] {
        if crash {
            rig.crash();
        }
        let _ = rig.bus().commit(std::slice::from_ref(&timers)).expect("commits again");
        assert_eq!(all(rig.bus()), once);
    }
    let later = order_unit("risk/A", 1..=1, 5);
    let _ = rig.bus().commit(&[later]).expect("what is new is stored");
    assert_eq!(rig.bus().progress(source("risk/A")).and_then(|p| p.through()), Some(5));
    let _ = rig.bus().commit(&[mark]).expect("commits");
    let read = rig.bus().progress(source("file/090909090909")).and_then(|p| p.mark);
    assert_eq!(read, Some(9));
}

/// A derived event with other bytes is never "already stored".
pub fn the_same_sequence_with_other_bytes_is_a_conflict(rig: &mut dyn Rig) {
    let _ = rig.bus().commit(&[order_unit("risk/A", 1..=3, 1)]).expect("commits");
    let other = Event { time: Timestamp(77), ..decision("risk/A", 2, &tick(1)) };
    let unit = Unit::of_roots(source("risk/A"), vec![record(other)]);
    let before = all(rig.bus());
    for _ in 0..2 {
        let refused = rig.bus().commit(std::slice::from_ref(&unit)).expect_err("differs");
        assert!(matches!(refused, BusError::Conflict { source_seq: 2, .. }), "{refused}");
        assert_eq!(refused.class(), ErrorClass::Fatal);
        assert_eq!(all(rig.bus()), before);
        rig.restart();
    }
}

/// An id belongs to one place in its source's sequence.
pub fn the_same_id_under_another_sequence_is_a_conflict(rig: &mut dyn Rig) {
    let _ = rig.bus().commit(&[order_unit("risk/A", 1..=3, 1)]).expect("commits");
    let twice = Event { source_seq: 4, ..decision("risk/A", 2, &tick(1)) };
    let unit = Unit::of_roots(source("risk/A"), vec![record(twice)]);
    let refused = rig.bus().commit(&[unit]).expect_err("the id is taken");
    assert!(matches!(refused, BusError::Conflict { source_seq: 4, .. }), "{refused}");
}

/// A source that leaves something out is told what is missing.
pub fn a_gap_in_a_source_is_refused(rig: &mut dyn Rig) {
    let _ = rig.bus().commit(&[market(1..=3)]).expect("commits");
    for unit in [market(5..=5), order_unit("risk/A", 2..=2, 1), order_unit("risk/A", 0..=1, 1)] {
        let refused = rig.bus().commit(&[unit]).expect_err("a gap");
        assert!(matches!(refused, BusError::SourceGap { .. }), "{refused}");
        assert_eq!(refused.class(), ErrorClass::Reject);
    }
    let mut skipping = order_unit("risk/A", 1..=3, 1);
    let _ = skipping.outputs.remove(1);
    let refused = rig.bus().commit(&[skipping]).expect_err("a gap inside");
    assert!(matches!(refused, BusError::SourceGap { expected: 2, found: 3, .. }), "{refused}");
}

/// A unit is one source's.
pub fn an_output_of_another_source_is_refused(rig: &mut dyn Rig) {
    let unit = Unit { source: source("risk/B"), ..order_unit("risk/A", 1..=1, 1) };
    let refused = rig.bus().commit(&[unit]).expect_err("another's event");
    assert!(matches!(refused, BusError::ForeignOutput { .. }), "{refused}");
}

/// A root's producer may repeat itself.
pub fn a_known_root_is_answered_whatever_time_it_was_stamped(rig: &mut dyn Rig) {
    let roots: Vec<Record> = (1..=4).map(|seq| record(tick(seq))).collect();
    let first = rig.bus().publish(&roots).expect("publishes");
    for restart in [false, true] {
        if restart {
            rig.restart();
        }
        let again: Vec<Record> = (2..=5)
            .map(|seq| {
                let stamped = tick(seq);
                // Ingress stamps what it takes for new: later, and with its next sequence.
                let (time, source_seq) = match seq {
                    5 => (stamped.time, stamped.source_seq),
                    _ => (Timestamp(stamped.time.0 + 500), seq + 10),
                };
                record(Event { time, source_seq, ..stamped })
            })
            .collect();
        let answers = rig.bus().publish(&again).expect("publishes again");
        assert_eq!(answers[..3], first[1..]);
        assert_eq!(answers[3].index, 4, "and what is new is stored");
    }
    assert_eq!(delivered_ids(rig.bus()).len(), 5);
}

/// A root's producer may not change its mind.
pub fn a_root_that_says_something_else_is_rejected(rig: &mut dyn Rig) {
    let _ = rig.bus().publish(&[record(tick(1))]).expect("publishes");
    let changed = Event { body: tick(2).body, ..tick(1) };
    let refused = rig.bus().publish(&[record(changed)]).expect_err("changed");
    assert!(matches!(refused, BusError::RootDiffers { .. }), "{refused}");
    assert_eq!(refused.class(), ErrorClass::Reject);
    let _ = rig.bus().publish(&[record(tick(2))]).expect("the next one is fine");
}

/// A task goes on where it was, wherever it runs next.
pub fn what_a_source_has_done_survives_a_restart(rig: &mut dyn Rig) {
    assert_eq!(rig.bus().progress(source("risk/A")), None);
    assert_eq!(rig.bus().high_water(source("risk/A")), 0);
    let _ = rig.bus().commit(&[market(1..=9)]).expect("commits");
    for (seq, consumed) in [(1, 3), (2, 5), (3, 8)] {
        let _ = rig.bus().commit(&[order_unit("risk/A", seq..=seq, consumed)]).expect("commits");
    }
    let before = rig.bus().progress(source("risk/A")).expect("is known");
    for crash in [false, true] {
        if crash {
            rig.crash()
        } else {
            rig.restart()
        }
        let after = rig.bus().progress(source("risk/A")).expect("is known");
        assert_eq!(after, before);
        assert_eq!(after.through(), Some(8));
        assert_eq!(after.last_source_seq, 3);
        let ingress = rig.bus().progress(source("file/090909090909")).expect("is known");
        assert_eq!((ingress.mark, ingress.last_source_seq), (Some(9), 9));
    }
}
