//! One writes a source at a time.

use super::{Rig, durability::all, market, order_unit, source};
use crate::{Bus, BusError, ErrorClass, Unit};

/// A unit of a task under a claim of it.
fn under(epoch: u64, unit: Unit) -> Unit {
    Unit { epoch, ..unit }
}

fn assert_fenced(bus: &mut dyn Bus, unit: &Unit, newest: u64) {
    let before = all(bus);
    let refused = bus.commit(std::slice::from_ref(unit)).expect_err("fenced");
    assert_eq!(refused.class(), ErrorClass::Fatal);
    match refused {
        BusError::Fenced { source_name, held, newest: holds } => {
            assert_eq!((source_name, held, holds), (unit.source, unit.epoch, newest));
        }
        other => panic!("{other}"),
    }
    assert_eq!(all(bus), before, "nothing of it is stored");
}

/// Clause 8: also where the older offers what is stored already, byte for byte; and the later goes on
/// where the older was.
pub fn who_claims_a_source_fences_who_wrote_it_before(rig: &mut dyn Rig) {
    let task = source("risk/A");
    let older = rig.bus().claim(task).expect("claims");
    let first = under(older, order_unit("risk/A", 1..=2, 1));
    let answers = rig.bus().commit(std::slice::from_ref(&first)).expect("writes");
    rig.crash();
    let later = rig.bus().claim(task).expect("claims");
    assert!(later > older);
    assert_fenced(rig.bus(), &first, later);
    assert_fenced(rig.bus(), &under(older, order_unit("risk/A", 3..=3, 4)), later);
    assert_fenced(rig.bus(), &Unit::claiming(task, later, 7), later);
    // What the older had decided is the later's too.
    let again = rig.bus().commit(&[under(later, first)]).expect("is known");
    assert_eq!(again, answers);
    let next = under(later, order_unit("risk/A", 3..=3, 4));
    let _ = rig.bus().commit(&[next]).expect("goes on");
    assert_eq!(rig.bus().high_water(task), 3);
}

/// Clause 8: whoever forgot that the source is claimed is fenced too.
pub fn a_claim_survives_a_restart_and_the_next_is_later(rig: &mut dyn Rig) {
    let task = source("risk/A");
    let _ = rig.bus().commit(&[order_unit("risk/A", 1..=1, 1)]).expect("unclaimed");
    let mut last = 0;
    for crash in [false, true] {
        let epoch = rig.bus().claim(task).expect("claims");
        assert!(epoch > last);
        last = epoch;
        if crash {
            rig.crash();
        } else {
            rig.restart();
        }
        assert_fenced(rig.bus(), &order_unit("risk/A", 2..=2, 2), epoch);
        assert_fenced(rig.bus(), &order_unit("risk/A", 1..=1, 1), epoch);
    }
    let unit = under(last, order_unit("risk/A", 2..=2, 2));
    let _ = rig.bus().commit(&[unit]).expect("its holder writes");
    assert_eq!(rig.bus().progress(task).and_then(|progress| progress.through()), Some(2));
}

/// Clause 8: nobody else is fenced, and a call that is refused for one unit stores no other.
pub fn a_claim_is_of_one_source(rig: &mut dyn Rig) {
    let epoch = rig.bus().claim(source("risk/A")).expect("claims");
    let _ = rig.bus().commit(&[market(1..=3), order_unit("risk/B", 1..=1, 1)]).expect("writes");
    let both = [order_unit("risk/B", 2..=2, 2), order_unit("risk/A", 1..=1, 1)];
    let refused = rig.bus().commit(&both).expect_err("fenced");
    assert!(matches!(refused, BusError::Fenced { .. }), "{refused}");
    assert_eq!(rig.bus().high_water(source("risk/B")), 1);
    let unit = under(epoch, order_unit("risk/A", 1..=1, 1));
    let _ = rig.bus().commit(&[market(4..=4), unit]).expect("writes");
}
