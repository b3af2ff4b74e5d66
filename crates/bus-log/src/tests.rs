//! The embedded engine against the contract, and what is its own.

mod crash;
mod damage;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bus::{
    Bus, BusError, Cut, Topology,
    conformance::{Rig, market, order_unit, source},
};
use event::Timestamp;
use segment::{Disk, Options, PowerLoss, RealDisk, SimDisk};

use crate::{LogBus, LogHandle, LogReader};

fn clock() -> Timestamp {
    Timestamp(1_732_000_000_000_000_000)
}

fn small(incarnation: u64) -> Options {
    Options {
        incarnation,
        first_segment_bytes: 8 << 10,
        segment_bytes: 32 << 10,
        reserve_bytes: 4 << 10,
        background: false,
    }
}

/// Whether the long forms are asked for, as `cargo xtask soak` does.
fn soak() -> bool {
    std::env::var_os("BLOTTER_SOAK").is_some()
}

/// Says how much was tried, for the table of what was proven.
fn told(proof: &str, of: &str, count: u64) {
    println!("{{\"proof\":\"{proof}\",\"of\":\"{of}\",\"count\":{count}}}");
}

fn dir() -> PathBuf {
    PathBuf::from("/log")
}

struct OnSim {
    disk: SimDisk,
    bus: Option<LogBus>,
    incarnation: u64,
    /// The disk after each restart, to go back to.
    copies: Vec<(u64, SimDisk)>,
}

impl OnSim {
    fn new() -> Self {
        let disk = SimDisk::new();
        let mut rig = Self { disk, bus: None, incarnation: 1, copies: Vec::new() };
        rig.start();
        rig
    }

    fn start(&mut self) {
        let disk = Arc::new(self.disk.clone());
        let opened = LogBus::open_on(disk, &dir(), small(self.incarnation), clock).unwrap();
        self.bus = Some(opened.bus);
    }

    fn log(&mut self) -> &mut LogBus {
        self.bus.as_mut().unwrap()
    }
}

impl Rig for OnSim {
    fn bus(&mut self) -> &mut dyn Bus {
        // A copy of the disk is taken whenever the bus is asked for: what a backup would hold.
        let index = self.log().next_index();
        let copy = self.disk.after(PowerLoss::KeepsNone);
        self.copies.push((index, copy));
        self.log()
    }
    fn topology(&self) -> Topology {
        Topology::shipped()
    }
    fn restart(&mut self) {
        self.bus.take().unwrap().close().unwrap();
        self.start();
    }
    fn crash(&mut self) {
        drop(self.bus.take());
        self.disk = self.disk.after(PowerLoss::KeepsNone);
        self.start();
    }
    fn recreate(&mut self) {
        drop(self.bus.take());
        self.disk = SimDisk::new();
        self.incarnation += 1;
        self.start();
    }
    fn rewind_to(&mut self, index: u64) {
        drop(self.bus.take());
        let older = self.copies.iter().rev().find(|(at, _)| *at <= index).unwrap();
        self.disk = older.1.after(PowerLoss::KeepsNone);
        self.start();
    }
    fn fill(&mut self) {
        self.disk.set_capacity(Some(30 << 10));
    }
}

mod contract {
    use super::OnSim;
    bus::conformance_tests!(OnSim::new);
}

fn open_real(dir: &Path) -> LogBus {
    LogBus::open_on(Arc::new(RealDisk), dir, small(5), clock).unwrap().bus
}

#[test]
fn commits_that_wait_share_one_fsync() {
    let mut rig = OnSim::new();
    let handle = rig.log().handle();
    let before = rig.disk.syncs();
    let writer = handle.shared.writer();
    let threads: Vec<_> = (0..8)
        .map(|n| {
            let handle: LogHandle = handle.clone();
            std::thread::spawn(move || {
                handle.commit(vec![order_unit(&format!("task{n}/A"), 1..=3, 1)])
            })
        })
        .collect();
    // Nobody gets past the writer before all eight wait for it.
    while handle.shared.calls.calls_waiting() < 8 {
        std::thread::yield_now();
    }
    drop(writer);
    for thread in threads {
        assert_eq!(thread.join().unwrap().unwrap()[0].len(), 3);
    }
    assert_eq!(rig.disk.syncs() - before, 1);
    rig.crash();
    assert_eq!(rig.log().next_index(), 8 * 4);
}

#[test]
fn a_refused_call_takes_nothing_from_those_beside_it() {
    let mut rig = OnSim::new();
    let handle = rig.log().handle();
    let writer = handle.shared.writer();
    let calls = [
        order_unit("good/A", 1..=2, 1),
        order_unit("gap/A", 2..=2, 1),
        order_unit("good/B", 1..=1, 1),
    ];
    let threads: Vec<_> = calls
        .into_iter()
        .enumerate()
        .map(|(at, unit)| {
            let waiting = handle.clone();
            let thread = std::thread::spawn(move || waiting.commit(vec![unit]));
            while handle.shared.calls.calls_waiting() <= at {
                std::thread::yield_now();
            }
            thread
        })
        .collect();
    drop(writer);
    let answers: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(answers[0].is_ok() && answers[2].is_ok());
    assert!(matches!(answers[1], Err(BusError::SourceGap { .. })));
    assert_eq!(rig.log().next_index(), 5);
    rig.crash();
    assert_eq!(rig.log().high_water(source("good/A")), 2);
    assert_eq!(rig.log().high_water(source("gap/A")), 0);
}

#[test]
fn a_failed_fsync_refuses_everything_and_forgets_nothing_durable() {
    let mut rig = OnSim::new();
    let _ = rig.log().commit(&[market(1..=3)]).unwrap();
    rig.disk.fail_sync_at(rig.disk.syncs());
    assert!(rig.log().commit(&[market(4..=5)]).is_err());
    assert!(matches!(rig.log().commit(&[market(4..=5)]), Err(BusError::Poisoned)));
    assert_eq!(rig.log().high_water(source("file/090909090909")), 3);
    rig.crash();
    let answered = rig.log().commit(&[market(4..=5)]).unwrap();
    assert_eq!(answered[0].len(), 2);
    let mut cut = Cut::default();
    assert_eq!(rig.log().next(&mut cut, 100).unwrap().len(), 5);
}

#[test]
fn a_failed_fsync_in_the_middle_of_a_call_takes_all_of_it_back() {
    let mut rig = OnSim::new();
    let unit = order_unit("risk/A", 1..=2, 1);
    rig.disk.fail_sync_at(rig.disk.syncs());
    let refused = rig.log().commit(&[unit.clone(), market(1..=2), unit]).unwrap_err();
    assert_eq!(refused.class(), bus::ErrorClass::Fatal);
    assert_eq!(rig.log().high_water(source("risk/A")), 0);
    assert!(rig.log().heads().is_empty());
}

#[test]
fn a_log_opens_the_same_with_and_without_its_checkpoint() {
    let mut rig = OnSim::new();
    for first in (1..400).step_by(20) {
        let _ = rig.log().commit(&[market(first..=first + 19)]).unwrap();
        let seq = first / 20 + 1;
        let _ = rig.log().commit(&[order_unit("risk/A", seq..=seq, first)]).unwrap();
    }
    rig.restart();
    let known = |rig: &mut OnSim| {
        let log = rig.log();
        let risk = log.progress(source("risk/A"));
        (log.heads(), log.next_index(), log.high_water(source("file/090909090909")), risk)
    };
    let with = known(&mut rig);
    let path = dir().join("checkpoint");
    rig.disk.corrupt(&path, |bytes| bytes[20] ^= 1).unwrap();
    drop(rig.bus.take());
    rig.start();
    assert_eq!(known(&mut rig), with);
    rig.disk.remove(&path).unwrap();
    drop(rig.bus.take());
    rig.start();
    assert_eq!(known(&mut rig), with);
}

#[test]
fn a_checkpoint_of_another_log_is_not_believed() {
    let mut rig = OnSim::new();
    let _ = rig.log().commit(&[market(1..=9)]).unwrap();
    rig.restart();
    let stale = rig.disk.content(&dir().join("checkpoint")).unwrap();
    rig.recreate();
    let _ = rig.log().commit(&[order_unit("risk/A", 1..=9, 1)]).unwrap();
    rig.restart();
    rig.disk.corrupt(&dir().join("checkpoint"), |bytes| *bytes = stale).unwrap();
    drop(rig.bus.take());
    rig.start();
    assert_eq!(rig.log().high_water(source("file/090909090909")), 0);
    assert_eq!(rig.log().high_water(source("risk/A")), 9);
}

#[test]
fn a_second_writer_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _first = open_real(dir.path());
    let second = LogBus::open_on(Arc::new(RealDisk), dir.path(), small(5), clock);
    assert!(matches!(second, Err(BusError::SecondWriter { .. })));
}

#[test]
fn a_reader_in_another_process_follows_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let mut bus = open_real(dir.path());
    let mut reader = LogReader::open(dir.path()).unwrap();
    let mut seen = 0;
    for first in (1..200).step_by(10) {
        let _ = bus.commit(&[market(first..=first + 9)]).unwrap();
        loop {
            let entries = reader.next_entries().unwrap();
            if entries.is_empty() {
                break;
            }
            assert_eq!(entries[0].index(), seen);
            seen += entries.len() as u64;
        }
        assert_eq!(seen, bus.next_index());
    }
}

#[test]
fn a_follower_is_woken_by_what_it_waits_for() {
    let mut rig = OnSim::new();
    let handle = rig.log().handle();
    let follower = std::thread::spawn(move || handle.wait(0, Duration::from_secs(60)));
    let _ = rig.log().commit(&[market(1..=2)]).unwrap();
    assert_eq!(follower.join().unwrap(), rig.log().next_index());
}

#[test]
fn a_handle_of_a_closed_log_is_refused() {
    let mut rig = OnSim::new();
    let handle = rig.log().handle();
    rig.bus.take().unwrap().close().unwrap();
    let refused = handle.commit(vec![market(1..=1)]).unwrap_err();
    assert!(refused.to_string().starts_with("E2220"), "{refused}");
}
