//! The bus in memory against the contract, and what needs no engine.

mod laws;
mod model;

use std::sync::Arc;

use event::Key;

use crate::{
    Bus, Cut, MemoryBus, Personality, Progress, Record, Run, Topology,
    conformance::{Rig, decision, market, record, source, tick},
    partition_of,
};

struct Memory {
    bus: Option<MemoryBus>,
    personality: Personality,
    incarnation: u64,
}

impl Memory {
    fn new(personality: Personality) -> Self {
        let bus = MemoryBus::with(personality, Topology::shipped(), 1);
        Self { bus: Some(bus), personality, incarnation: 1 }
    }

    fn memory(&mut self) -> &mut MemoryBus {
        self.bus.as_mut().unwrap()
    }
}

impl Rig for Memory {
    fn bus(&mut self) -> &mut dyn Bus {
        self.memory()
    }
    fn topology(&self) -> Topology {
        Topology::shipped()
    }
    fn restart(&mut self) {
        self.bus = self.bus.take().map(MemoryBus::reopen);
    }
    fn crash(&mut self) {
        self.restart();
    }
    fn recreate(&mut self) {
        self.incarnation += 1;
        self.bus = Some(MemoryBus::with(self.personality, self.topology(), self.incarnation));
    }
    fn rewind_to(&mut self, index: u64) {
        self.bus = self.bus.take().map(|bus| bus.rewound_to(index));
    }
    fn fill(&mut self) {
        self.memory().set_room(Some(20));
    }
    fn intrude(&mut self, bytes: &[u8]) -> bool {
        self.memory().intrude(bytes);
        true
    }
    fn is_predictable(&self) -> bool {
        self.personality != Personality::Transactional
    }
}

mod atomic {
    use super::{Memory, Personality};
    crate::conformance_tests!(|| Memory::new(Personality::Atomic));
}

mod transactional {
    use super::{Memory, Personality};
    crate::conformance_tests!(|| Memory::new(Personality::Transactional));
}

mod windowed {
    use super::{Memory, Personality};
    crate::conformance_tests!(|| Memory::new(Personality::WindowedDedupe { ids: 8 }));
}

#[test]
fn a_repeat_from_before_the_window_is_stored_again_and_delivered_once() {
    let mut bus = MemoryBus::with(Personality::WindowedDedupe { ids: 4 }, Topology::shipped(), 1);
    let _ = bus.commit(&[market(1..=9)]).unwrap();
    let before = bus.read(0, 100).unwrap().len();
    let _ = bus.commit(&[market(1..=2)]).unwrap();
    assert_eq!(bus.read(0, 100).unwrap().len(), before + 2);
    assert_eq!(bus.next(&mut Cut::default(), 100).unwrap().len(), 9);
}

#[test]
fn transactions_leave_gaps_in_their_partitions() {
    let mut bus = MemoryBus::with(Personality::Transactional, Topology::shipped(), 1);
    let first = bus.commit(&[market(5..=5)]);
    assert!(first.is_err());
    let one = bus.commit(&[market(1..=1)]).unwrap()[0][0];
    let _ = bus.commit(&[market(2..=5)]).unwrap();
    let two = bus.commit(&[market(6..=6)]).unwrap()[0][0];
    assert_eq!((one.partition, one.sequence), (two.partition, 1));
    assert_eq!(two.sequence, 3);
}

/// Pinned: the partition of a key is the same on every engine, for ever.
#[test]
fn partitions_of_known_keys_never_change() {
    let partition = |key: &str, n| partition_of(Key::new(key).unwrap(), n);
    assert_eq!(partition("BINANCE-SPOT:BTCUSDT", 16), 3);
    assert_eq!(partition("PAPER", 4), 0);
    assert_eq!(partition("-", 4), 0);
}

#[test]
fn a_header_is_the_same_from_the_event_and_from_its_bytes() {
    for event in [tick(3), decision("risk/A", 1, &tick(3))] {
        let made = record(event.clone());
        let read = Record::of_bytes(made.bytes().clone(), &Topology::shipped()).unwrap();
        assert_eq!(read.header(), made.header());
        assert_eq!(*read.event().unwrap(), event);
    }
}

#[test]
fn an_event_is_decoded_once_and_shared() {
    let read = Record::of_bytes(tick(1).encode(), &Topology::shipped()).unwrap();
    let copy = read.clone();
    assert!(Arc::ptr_eq(&read.event().unwrap(), &copy.event().unwrap()));
}

#[test]
fn progress_sums_up_to_the_furthest_place_of_every_lane() {
    let run = |stream, first, last| Run { stream, partition: 0, first, last };
    let progress = |consumed, mark, last_source_seq| Progress {
        consumed,
        mark,
        last_source_seq,
        ..Progress::none(source("risk/A"))
    };
    let mut sum = Progress::none(source("risk/A"));
    sum.add(&progress(vec![run(0, 3, 4), run(2, 1, 1)], Some(7), 1));
    sum.add(&progress(vec![run(0, 5, 9)], None, 1));
    assert_eq!(sum, progress(vec![run(0, 3, 9), run(2, 1, 1)], Some(7), 1));
    assert_eq!(sum.through(), Some(9));
    assert_eq!(Progress::from_bytes(&sum.to_bytes()).unwrap(), sum);
}
