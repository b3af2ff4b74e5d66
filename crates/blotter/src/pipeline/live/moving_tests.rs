//! Tasks that move between processes, on a bus in memory that several of them have.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use bus::{
    Bus, BusError, Cut, Delivered, Entry, Head, MemoryBus, Position, Progress, Reader, Record,
    Topology, Unit,
};
use event::{Body, EventId, Source, Timestamp, choices::OperatorVerb};
use replay::Rerun;

use super::{
    LiveRun, StandsBy, Told, Work, drive,
    home::{Home, QUOTES, Talker, wall_clock},
    shared::Shared,
    work,
};
use crate::{
    app::{App, Factory},
    control::{CommandJournal, Socket},
    pipeline::PipelineError,
    setup,
};

/// A process: of its units it commits so many, then it stands still until it is let go on.
#[derive(Debug)]
struct Pause {
    left: Mutex<usize>,
    gone_on: Condvar,
}

impl Pause {
    fn after(units: usize) -> Arc<Self> {
        Arc::new(Self { left: Mutex::new(units), gone_on: Condvar::new() })
    }

    fn never() -> Arc<Self> {
        Self::after(usize::MAX)
    }

    fn pass(&self) {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left = self.gone_on.wait_while(left, |left| *left == 0).unwrap();
        *left -= 1;
    }

    fn go_on(&self) {
        *self.left.lock().unwrap() = usize::MAX;
        self.gone_on.notify_all();
    }
}

/// The bus as one of several processes has it.
#[derive(Debug)]
struct Shelf {
    bus: Arc<Mutex<MemoryBus>>,
    topology: Topology,
    pause: Arc<Pause>,
}

/// The log that the processes of a test have in common.
#[derive(Clone)]
struct Log(Arc<Mutex<MemoryBus>>);

impl Log {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(MemoryBus::new(Topology::shipped()))))
    }

    fn open(&self, pause: &Arc<Pause>) -> Box<dyn Bus> {
        let (bus, pause) = (Arc::clone(&self.0), Arc::clone(pause));
        Box::new(Shelf { bus, topology: Topology::shipped(), pause })
    }

    fn entries(&self) -> Vec<Entry> {
        self.0.lock().unwrap().read(0, usize::MAX).unwrap()
    }

    /// What the talker said, in order.
    fn said(&self) -> Vec<String> {
        let mut said = Vec::new();
        self.each_event(|event| {
            if let Body::AlertRaised(alert) = &event.body
                && event.source.as_str() == "talker/0"
            {
                said.push(alert.subject.clone());
            }
        });
        said
    }

    fn each_event(&self, mut visit: impl FnMut(&event::Event)) {
        for entry in self.entries() {
            if let Entry::Event(delivered) = entry {
                visit(&delivered.record.event().unwrap());
            }
        }
    }

    /// Runs every agent again over the log and holds every byte against it.
    fn runs_again(&self, agents: &[Factory]) -> u64 {
        let mut rerun = Rerun::new(setup::tasks(agents).unwrap(), &BTreeMap::new());
        let mut consumed = BTreeMap::new();
        for entry in self.entries() {
            match entry {
                Entry::Event(delivered) => {
                    let event = delivered.record.event().unwrap();
                    rerun
                        .event(delivered.position.index, delivered.record.bytes(), &event)
                        .unwrap();
                }
                Entry::Progress { progress, .. } => {
                    if let Some(through) = progress.through() {
                        let _ = consumed.insert(progress.source, through);
                    }
                }
                Entry::Foreign(_) => {}
            }
        }
        rerun.finish(&consumed).unwrap().compared
    }
}

impl Shelf {
    fn with<T>(&self, ask: impl FnOnce(&mut MemoryBus) -> T) -> T {
        ask(&mut self.bus.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Bus for Shelf {
    fn topology(&self) -> &Topology {
        &self.topology
    }

    fn commit(&mut self, units: &[Unit]) -> Result<Vec<Vec<Position>>, BusError> {
        self.pause.pass();
        self.with(|bus| bus.commit(units))
    }

    fn publish(&mut self, records: &[Record]) -> Result<Vec<Position>, BusError> {
        self.with(|bus| bus.publish(records))
    }

    fn next(&mut self, cut: &mut Cut, max: usize) -> Result<Vec<Delivered>, BusError> {
        self.with(|bus| bus.next(cut, max))
    }

    fn read(&mut self, index: u64, max: usize) -> Result<Vec<Entry>, BusError> {
        self.with(|bus| bus.read(index, max))
    }

    fn heads(&self) -> Vec<Head> {
        self.with(|bus| bus.heads())
    }

    fn next_index(&self) -> u64 {
        self.with(|bus| bus.next_index())
    }

    fn seek(&mut self, time: Timestamp) -> Result<u64, BusError> {
        self.with(|bus| bus.seek(time))
    }

    fn high_water(&self, source: Source) -> u64 {
        self.with(|bus| bus.high_water(source))
    }

    fn progress(&self, source: Source) -> Option<Progress> {
        self.with(|bus| bus.progress(source))
    }

    fn lookup(&mut self, id: EventId) -> Result<Option<Delivered>, BusError> {
        self.with(|bus| bus.lookup(id))
    }

    fn reader(&self) -> Result<Box<dyn Reader>, BusError> {
        self.with(|bus| bus.reader())
    }

    /// The end of one process is not the end of the bus.
    fn close(&mut self) -> Result<(), BusError> {
        Ok(())
    }
}

/// A run without its talker, and processes that have it.
struct Company {
    home: Home,
    talker: Vec<Factory>,
    log: Log,
    stop: Arc<AtomicBool>,
}

/// How a worker of a test ends.
type Ended = JoinHandle<Result<(), PipelineError>>;

impl Company {
    fn new() -> Self {
        let mut home = Home::with(&App::new().agent(|| Talker { every: 1, seen: 0 }));
        let is_talker = |make: &Factory| make().name().as_str() == "talker";
        let (talker, agents) = std::mem::take(&mut home.agents).into_iter().partition(is_talker);
        home.agents = agents;
        Self { home, talker, log: Log::new(), stop: Arc::default() }
    }

    /// From now on the run has the talker too.
    fn all_in_the_run(&mut self) -> Vec<Factory> {
        let talker = std::mem::take(&mut self.talker);
        self.home.agents.extend(talker.iter().cloned());
        talker
    }

    /// Starts a process that has the talker, or follows it.
    fn work(&self, pause: &Arc<Pause>, standby: Option<Duration>) -> Ended {
        self.work_with(pause, standby.map(|patience| StandsBy { patience, fence: Arc::new(|| {}) }))
    }

    fn work_with(&self, pause: &Arc<Pause>, standby: Option<StandsBy>) -> Ended {
        let (bus, agents) = (self.log.open(pause), self.talker.clone());
        let (stop, config) = (Arc::clone(&self.stop), self.home.settings.digest);
        std::thread::spawn(move || {
            work(Work { bus, agents: &agents, config, standby, stop, tell: |_| {} })
        })
    }

    /// Runs the tape to its end in the process of the run; `tell` is told.
    fn run(&self, patience: Duration, tell: fn(Told<'_>)) {
        let elsewhere = &self.talker;
        let run = LiveRun { elsewhere, patience, tell, ..self.home.run() };
        let socket = Socket::listen(self.home.dir.root()).unwrap();
        let commands = CommandJournal::open(&self.home.dir.control()).unwrap();
        let halt = super::halt_on_failure(&self.home.dir, wall_clock).unwrap();
        let bus = self.log.open(&Pause::never());
        let shared = Arc::new(Shared::new(bus, Arc::default(), halt));
        let _ = drive(run, &shared, &socket, &commands, &|| true).unwrap();
        if let Some(fatal) = shared.take_fatal() {
            panic!("{fatal}");
        }
        Shared::close(shared).unwrap();
    }

    fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Everything was said once and in order, and every agent says it again.
    fn check(&self) {
        let all: Vec<_> = (1..=QUOTES).map(|quote| quote.to_string()).collect();
        assert_eq!(self.log.said(), all);
        let mut agents = self.home.agents.clone();
        let is_talker = |make: &Factory| make().name().as_str() == "talker";
        if !agents.iter().any(is_talker) {
            agents.extend(self.talker.iter().cloned());
        }
        assert!(self.log.runs_again(&agents) >= all.len() as u64);
    }

    /// What the log says of halts that the run itself asked for.
    fn halts(&self) -> Vec<String> {
        let mut halts = Vec::new();
        self.log.each_event(|event| {
            if let Body::OperatorCommanded(command) = &event.body
                && (command.verb, command.actor.as_str()) == (OperatorVerb::Halt, "blotter")
            {
                halts.push(command.reason.clone());
            }
        });
        halts
    }
}

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_secs(1);

#[test]
fn a_task_of_another_process_is_decided_as_if_it_were_the_runs_own() {
    let company = Company::new();
    let worker = company.work(&Pause::never(), None);
    company.run(LONG, |_| {});
    company.stop();
    worker.join().unwrap().unwrap();
    company.check();
    assert!(!company.home.is_halted());
}

/// Wherever the first of two replicas stands still, the other takes over; once it goes on it is told, and
/// nothing of it is there twice.
#[test]
fn a_replica_that_stands_still_is_taken_over_from_and_writes_nothing_once_it_wakes() {
    // Three claims and its start, then its answers: it stands still with the next in its hand.
    for units in [4, 5, 11, 4 + QUOTES as usize - 1] {
        let company = Company::new();
        let paused = Pause::after(units);
        let first = company.work(&paused, None);
        let second = company.work(&Pause::never(), Some(SHORT));
        company.run(LONG, |_| {});
        assert_eq!(company.log.said().len() as i64, QUOTES, "after {units} units");
        paused.go_on();
        company.stop();
        let fenced = first.join().unwrap().unwrap_err();
        assert!(matches!(fenced, PipelineError::Bus(BusError::Fenced { .. })), "{fenced}");
        second.join().unwrap().unwrap();
        company.check();
        assert!(!company.home.is_halted());
    }
}

/// Where whoever died left something undecided, a claim waits for it, and its name is taken away.
#[test]
fn a_claim_that_waits_takes_the_name_away_from_whom_it_is_claimed_from() {
    let company = Company::new();
    let first = company.work(&Pause::after(5), None);
    let held_up = Pause::after(0);
    let fenced = Arc::clone(&held_up);
    let fence = Arc::new(move || fenced.go_on());
    let second = company.work_with(&held_up, Some(StandsBy { patience: SHORT, fence }));
    company.run(LONG, |_| {});
    company.stop();
    second.join().unwrap().unwrap();
    company.check();
    drop(first);
}

#[test]
fn a_task_that_nobody_decides_halts_trading_and_says_what_it_owes() {
    let company = Company::new();
    company.run(SHORT, |_| {});
    assert!(company.home.is_halted());
    let halts = company.halts();
    assert!(
        matches!(&halts[..], [one] if one.contains("talker/0 stands still")
            && one.contains("it has not taken entry")),
        "{halts:?}"
    );
    // Whoever has it later finds everything that it was owed.
    let worker = company.work(&Pause::never(), None);
    company.run(LONG, |_| {});
    company.stop();
    worker.join().unwrap().unwrap();
    company.check();
}

#[test]
fn a_task_of_the_run_is_given_to_no_worker_and_other_settings_join_no_run() {
    let mut company = Company::new();
    let talker = company.all_in_the_run();
    company.run(LONG, |_| {});
    company.talker = talker;
    let refused = company.work(&Pause::never(), None).join().unwrap().unwrap_err();
    assert!(matches!(refused, PipelineError::NotShared { .. }), "{refused}");
    company.home.settings.digest.0[0] ^= 1;
    let refused = company.work(&Pause::never(), None).join().unwrap().unwrap_err();
    assert!(matches!(refused, PipelineError::OtherSettings { .. }), "{refused}");
}

/// The run takes back what was another's, under a claim of its own.
#[test]
fn a_task_that_the_run_takes_back_is_claimed_and_no_other_is() {
    let mut company = Company::new();
    let worker = company.work(&Pause::never(), None);
    company.run(LONG, |_| {});
    company.stop();
    worker.join().unwrap().unwrap();
    let talker = company.all_in_the_run();
    company.run(LONG, |_| {});
    let claim = |task: &str| {
        let source = Source::new(task).unwrap();
        company.log.0.lock().unwrap().progress(source).map_or(0, |progress| progress.epoch)
    };
    assert_eq!((claim("talker/0"), claim("timer/talker/0"), claim("worker/talker-0")), (3, 3, 3));
    assert_eq!(claim("risk/PAPER"), 0);
    company.talker = talker;
    company.check();
}
