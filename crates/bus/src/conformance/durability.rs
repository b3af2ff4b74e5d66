//! What an answer means, and that a unit is one thing.

use event::Family;

use super::{Rig, market, order_unit, record, source, tick};
use crate::{Bus, BusError, Cut, Entry, ErrorClass, Head, Progress, Sequencer, Unit, partition_of};

/// Every entry from the beginning.
pub(super) fn all(bus: &mut dyn Bus) -> Vec<Entry> {
    let mut entries = Vec::new();
    loop {
        let from = entries.last().map_or(0, |last: &Entry| last.index() + 1);
        let more = bus.read(from, 7).expect("reads");
        if more.is_empty() {
            return entries;
        }
        entries.extend(more);
    }
}

fn extent(bus: &dyn Bus) -> (Vec<Head>, u64) {
    (bus.heads(), bus.next_index())
}

fn fill_some(rig: &mut dyn Rig) -> Vec<Entry> {
    let bus = rig.bus();
    let _ = bus.commit(&[market(1..=6), order_unit("risk/A", 1..=2, 6)]).expect("commits");
    let _ = bus.commit(&[order_unit("risk/A", 3..=3, 7)]).expect("commits");
    let _ = bus.publish(&[record(tick(7)), record(tick(8))]).expect("publishes");
    all(bus)
}

/// Clause 1, 5: a result means durable.
pub fn what_was_answered_survives_a_crash(rig: &mut dyn Rig) {
    let before = fill_some(rig);
    rig.crash();
    assert_eq!(all(rig.bus()), before);
    assert_eq!(rig.bus().next_index(), before.len() as u64);
    let more = rig.bus().commit(&[market(9..=9)]).expect("goes on");
    assert_eq!(more[0][0].index, before.len() as u64);
}

/// Clause 1, 5: a result means durable.
pub fn what_was_answered_survives_a_restart(rig: &mut dyn Rig) {
    let before = fill_some(rig);
    let heads = extent(rig.bus());
    rig.restart();
    assert_eq!(all(rig.bus()), before);
    assert_eq!(extent(rig.bus()), heads);
    rig.restart();
    assert_eq!(all(rig.bus()), before);
}

/// Clause 3: outputs, what was consumed and timers become visible together.
pub fn units_become_visible_whole(rig: &mut dyn Rig) {
    let unit = order_unit("risk/A", 1..=3, 4);
    let positions = rig.bus().commit(std::slice::from_ref(&unit)).expect("commits");
    assert_eq!(positions[0].len(), 3);
    rig.crash();
    let entries = all(rig.bus());
    assert_eq!(entries.len(), 4);
    for ((entry, position), record) in entries.iter().zip(&positions[0]).zip(&unit.outputs) {
        let Entry::Event(delivered) = entry else { panic!("an event stands here") };
        assert_eq!(delivered.position, *position);
        assert_eq!(delivered.record, *record);
        assert_eq!(delivered.record.header(), record.header());
    }
    let Some(Entry::Progress { progress, .. }) = entries.last() else { panic!("a progress") };
    assert_eq!(Some(progress), Progress::of(&unit, 3).as_ref());
    assert_eq!(progress.timers().collect::<Vec<_>>(), unit.timers);
}

/// Clause 3: or not at all.
pub fn a_refused_unit_leaves_nothing(rig: &mut dyn Rig) {
    let _ = fill_some(rig);
    let (before, heads) = (all(rig.bus()), extent(rig.bus()));
    let torn = order_unit("risk/A", 5..=6, 9);
    assert!(rig.bus().commit(&[torn]).is_err());
    assert_eq!(all(rig.bus()), before);
    assert_eq!(extent(rig.bus()), heads);
    assert_eq!(rig.bus().high_water(source("risk/A")), 3);
    let next = rig.bus().commit(&[order_unit("risk/A", 4..=4, 9)]).expect("the next one fits");
    assert_eq!(next[0][0].index, before.len() as u64);
}

/// Clause 3: a call is refused as a whole.
pub fn a_refused_call_leaves_none_of_its_units(rig: &mut dyn Rig) {
    let _ = fill_some(rig);
    let before = all(rig.bus());
    let units = [market(9..=12), order_unit("new/A", 1..=2, 3), order_unit("risk/A", 9..=9, 9)];
    assert!(rig.bus().commit(&units).is_err());
    assert_eq!(all(rig.bus()), before);
    assert_eq!(rig.bus().high_water(source("new/A")), 0);
    rig.crash();
    assert_eq!(all(rig.bus()), before);
    let _ = rig.bus().commit(&units[..2]).expect("the good ones fit");
}

/// Clause 3: one progress record stands behind the outputs of each unit.
pub fn a_progress_record_follows_its_outputs(rig: &mut dyn Rig) {
    let entries = fill_some(rig);
    let kinds: String = entries
        .iter()
        .map(|entry| match entry {
            Entry::Event(delivered) if delivered.record.event().unwrap().cause_id.is_none() => 'r',
            Entry::Event(_) => 'd',
            Entry::Progress { .. } => '.',
            Entry::Foreign(_) => 'x',
        })
        .collect();
    assert_eq!(kinds, "rrrrrr.dd.d.rr", "roots alone have nothing to add");
    assert!(entries.iter().zip(0..).all(|(entry, index)| entry.index() == index));
}

/// Clause 3: consuming without deciding anything is progress too.
pub fn a_unit_without_outputs_is_remembered(rig: &mut dyn Rig) {
    let unit = Unit { outputs: Vec::new(), ..order_unit("idle/A", 1..=1, 5) };
    let answer = rig.bus().commit(std::slice::from_ref(&unit)).expect("commits");
    assert_eq!(answer, [Vec::new()]);
    rig.crash();
    let progress = rig.bus().progress(source("idle/A")).expect("is known");
    assert_eq!(progress.through(), Some(5));
    assert_eq!(progress.last_source_seq, 0);
}

/// Clause 7: order, risk and control have priority over market data.
pub fn market_data_gives_way_when_room_is_short(rig: &mut dyn Rig) {
    rig.fill();
    let refused = (1..10_000).find_map(|seq| rig.bus().commit(&[market(seq..=seq)]).err());
    let refused = refused.expect("market data is refused at some time");
    assert!(matches!(refused, BusError::Full { .. }));
    assert_eq!(refused.class(), ErrorClass::Retry);
    for seq in 1..=3 {
        let _ = rig.bus().commit(&[order_unit("risk/A", seq..=seq, seq)]).expect("goes on");
    }
    let before = all(rig.bus());
    rig.crash();
    assert_eq!(all(rig.bus()), before);
}

/// The partition is a function of the key alone.
pub fn partitions_follow_from_the_key(rig: &mut dyn Rig) {
    let topology = rig.topology();
    let unit = market(1..=20);
    let positions = rig.bus().commit(std::slice::from_ref(&unit)).expect("commits");
    for (position, record) in positions[0].iter().zip(&unit.outputs) {
        let partitions = topology.partitions(Family::Market);
        assert_eq!(position.stream, Family::Market);
        assert_eq!(position.partition, partition_of(record.header().key, partitions));
    }
}

/// Sequences ascend within a partition, from 1.
pub fn sequences_ascend_within_a_partition(rig: &mut dyn Rig) {
    for first in [1, 21, 41] {
        let _ = rig.bus().commit(&[market(first..=first + 19)]).expect("commits");
        rig.restart();
    }
    let mut last = std::collections::BTreeMap::new();
    for delivered in rig.bus().next(&mut Cut::default(), 1000).expect("reads") {
        let position = delivered.position;
        let place = (position.stream, position.partition);
        let before = last.insert(place, position.sequence).unwrap_or(0);
        assert!(position.sequence > before, "{position:?} behind {before}");
    }
    assert_eq!(rig.bus().heads().len(), last.len());
}

/// A single writer knows positions before it commits.
pub fn positions_are_predictable(rig: &mut dyn Rig) {
    if !rig.is_predictable() {
        return;
    }
    let _ = fill_some(rig);
    rig.restart();
    let known = rig.bus().heads().into_iter().map(|h| ((h.stream, h.partition), h.sequence));
    let mut sequencer = Sequencer::after(rig.bus().next_index(), known.collect());
    for unit in [market(9..=13), order_unit("risk/A", 4..=6, 1)] {
        let expected: Vec<_> = unit.outputs.iter().map(|r| sequencer.place(r.header())).collect();
        if Progress::of(&unit, 0).is_some() {
            let _ = sequencer.advance();
        }
        let positions = rig.bus().commit(&[unit]).expect("commits");
        for (position, place) in positions[0].iter().zip(expected) {
            assert_eq!((position.index, position.sequence), (place.index, place.sequence));
        }
    }
    assert_eq!(sequencer.next_index(), rig.bus().next_index());
}
