//! What becomes of a live run when a part of it fails.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use agent::{Agent, Outbox, Scope};
use broker::{Broker as _, Moment, PaperBroker};
use bus::{Entry, MemoryBus, Record, Topology, Unit};
use event::{
    AccountId, Body, Event, InstrumentId, Kind, Label, OrderId, Price, Quantity, Source, Timestamp,
    books::AlertRaised,
    choices::{OrderType, Severity, Side, TimeInForce},
    id::foreign_id,
    trading::SubmitOrder,
};
use feed::{Instruments, TapeReader};
use tempfile::TempDir;
use worker::{Delivery, root_event};

use super::{
    LiveRun, clock::SessionClock, desk::Desk, distributor, drive, halt_on_failure, run_live,
    seat::worker_of, shared::Shared,
};
use crate::{
    app::{App, Factory},
    config::{Layers, SHIPPED, Settings},
    control::{CommandJournal, HaltLatch, LatchState, Socket},
    data_dir::DataDir,
    engine::Engine,
    history,
    journal::Until,
    pipeline::{PipelineError, TapeRun, run_tape},
    rerun, setup,
};

const START: Timestamp = Timestamp(1_723_161_904_000_000_000);
const LATE: Moment = Moment { time: Timestamp(i64::MAX), position: u64::MAX };
const QUOTES: i64 = 20;

const fn wall_clock() -> Timestamp {
    START
}

/// A data directory, and what a run in it is given.
struct Home {
    _root: TempDir,
    dir: DataDir,
    settings: Settings,
    instruments: Instruments,
    agents: Vec<Factory>,
}

impl Home {
    fn with(app: &App) -> Self {
        let root = tempfile::tempdir().unwrap();
        let dir = DataDir::new(&root.path().join("data"));
        dir.make().unwrap();
        let layers = Layers::stack(SHIPPED, None, std::iter::empty()).unwrap();
        let settings = Settings::of(&layers).unwrap();
        let instruments = Instruments::shipped().unwrap();
        let agents = setup::agents(app, &settings);
        Self { _root: root, dir, settings, instruments, agents }
    }

    fn tape(&self) -> TapeReader {
        let mut lines = String::new();
        for quote in 1..=QUOTES {
            let at = START.0 + quote * 1_000_000;
            writeln!(
                lines,
                r#"{at} {{"stream":"btcusdt@bookTicker","data":{{"u":{quote},"s":"BTCUSDT","b":"61773.50","B":"1","a":"61773.60","A":"1"}}}}"#
            )
            .unwrap();
        }
        let path = self.dir.root().join("tape.ws");
        std::fs::write(&path, lines).unwrap();
        TapeReader::open(&[path], &self.instruments).unwrap()
    }

    fn run(&self) -> LiveRun<'_> {
        LiveRun {
            engine: &Engine::Embedded,
            dir: &self.dir,
            settings: &self.settings,
            instruments: &self.instruments,
            agents: &self.agents,
            tape: self.tape(),
            wall_clock,
            speed: 0,
            stop: Arc::new(AtomicBool::new(false)),
            tell: |_| {},
        }
    }

    fn account(&self) -> AccountId {
        self.settings.account.name
    }

    /// Orders that the broker took and still works.
    fn working(&self) -> usize {
        let dir = self.dir.broker(self.account().as_str());
        PaperBroker::open_read_only(&dir).unwrap().open_orders(LATE).unwrap().len()
    }

    /// Orders that work once everything asked of the broker has taken effect.
    fn left_working(&self) -> usize {
        let dir = self.dir.broker(self.account().as_str());
        let definitions: Vec<_> = self.instruments.definitions().cloned().collect();
        let mut broker =
            PaperBroker::open(&dir, self.settings.paper.clone(), &definitions).unwrap();
        let soon = Moment { time: START.plus_ns(event::SECOND_NS / 2), position: 0 };
        broker.advance(soon).unwrap();
        broker.open_orders(soon).unwrap().len()
    }

    fn is_halted(&self) -> bool {
        HaltLatch::peek(&self.dir.control()).unwrap() != LatchState::Open
    }

    /// Runs the tape up to a quote, on one thread.
    fn run_up_to(&self, quotes: u64) {
        let stop = AtomicBool::new(false);
        let run = TapeRun {
            engine: &Engine::Embedded,
            dir: &self.dir,
            settings: &self.settings,
            instruments: &self.instruments,
            agents: &self.agents,
            tape: self.tape(),
            wall_clock,
            stop: &stop,
        };
        let _ = run_tape(run, |read, _| stop.store(read >= quotes, Ordering::Release)).unwrap();
    }

    /// What the alerts of this task are about, in the order of the log.
    fn subjects(&self, task: &str) -> Vec<String> {
        let mut opened = Engine::Embedded.open(&self.dir, wall_clock).unwrap();
        let entries = opened.bus.read(0, usize::MAX).unwrap();
        opened.bus.close().unwrap();
        let about = |entry: &Entry| match entry {
            Entry::Event(delivered) => match &delivered.record.event().unwrap().body {
                Body::AlertRaised(raised) if delivered.record.header().source.as_str() == task => {
                    Some(raised.subject.clone())
                }
                _ => None,
            },
            Entry::Progress { .. } => None,
        };
        entries.iter().filter_map(about).collect()
    }

    /// How many events of a kind the log holds.
    fn count(&self, kind: Kind) -> u64 {
        history::fold(&self.dir, Until::End).unwrap().fold.tally.kind(kind)
    }
}

/// A desk without the threads around it, on a log that can be made to fail.
struct AtDesk {
    home: Home,
    shared: Arc<Shared>,
    desk: Desk,
    halted: Arc<AtomicBool>,
    submitted: u64,
}

impl AtDesk {
    fn new() -> Self {
        let home = Home::with(&App::new());
        let halted = Arc::new(AtomicBool::new(false));
        let halting = Arc::clone(&halted);
        let shared = Arc::new(Shared::new(
            Box::new(MemoryBus::new(Topology::shipped())),
            Arc::default(),
            Box::new(move || assert!(!halting.swap(true, Ordering::AcqRel), "halted twice")),
        ));
        let clock = Arc::new(SessionClock::start(START, 0));
        let latch = HaltLatch::open(&home.dir.control()).unwrap();
        let desk = Desk::open(&home.run(), Arc::clone(&shared), clock, latch).unwrap();
        Self { home, shared, desk, halted, submitted: 0 }
    }

    /// An order far below the market, as it is delivered once it is in the log.
    fn submit(&mut self) -> Delivery {
        self.submitted += 1;
        let source = Source::new("test/0").unwrap();
        let body = Body::from(SubmitOrder {
            order: OrderId([self.submitted as u8; 16]),
            account: self.home.account(),
            instrument: InstrumentId::new("BINANCE-SPOT:BTCUSDT").unwrap(),
            side: Side::Buy,
            order_type: OrderType::Limit,
            quantity: Quantity::parse("0.01").unwrap(),
            limit_price: Some(Price::parse("50000").unwrap()),
            time_in_force: TimeInForce::GoodTillCancelled,
            valid_until: START.plus_ns(event::SECOND_NS),
        });
        let id = foreign_id(source, self.submitted);
        let event = root_event(id, source, self.submitted, START, None, body.key(), body);
        let event = Arc::new(event);
        let record = Record::of_event(Arc::clone(&event), &Topology::shipped());
        let bytes = record.bytes().clone();
        let placed = self.shared.commit(Unit::of_roots(source, vec![record])).unwrap();
        Delivery { index: placed[0].index, event, bytes }
    }

    /// Lets the desk deal with what was delivered to it, until there is no more or the run failed.
    fn work(&mut self, delivered: Vec<Delivery>) {
        let (queue, received) = distributor::queue();
        delivered.into_iter().for_each(|delivery| queue.send(delivery).unwrap());
        drop(queue);
        self.desk.run(&received);
    }

    fn log_fails(&self) {
        self.shared.with_bus(|bus| bus.close()).unwrap();
    }
}

#[test]
fn log_that_fails_leaves_no_order_working() {
    let mut at = AtDesk::new();
    let (resting, refused) = (at.submit(), at.submit());
    at.work(vec![resting]);
    assert_eq!((at.home.working(), at.shared.has_failed()), (1, false));
    at.log_fails();
    at.work(vec![refused]);
    assert!(matches!(at.shared.take_fatal(), Some(PipelineError::Bus(_))));
    assert!(at.halted.load(Ordering::Acquire));
    let AtDesk { home, desk, .. } = at;
    drop(desk);
    assert_eq!(home.left_working(), 0);
}

#[test]
fn nothing_that_waits_at_the_desk_is_sent_once_another_thread_has_failed() {
    let mut at = AtDesk::new();
    let waiting = vec![at.submit(), at.submit()];
    let before = at.shared.next_index();
    at.shared.answer_for(|| panic!("another thread"));
    assert!(at.halted.load(Ordering::Acquire), "the latch is set as part of failing");
    at.work(waiting);
    assert_eq!(at.shared.next_index(), before, "an attempt was made");
    assert_eq!(at.home.working(), 0);
    assert!(matches!(at.shared.take_fatal(), Some(PipelineError::ThreadLost)));
}

#[test]
fn run_that_loses_its_journal_ends_with_trading_halted() {
    let home = Home::with(&App::new());
    let (run, control) = (home.run(), home.dir.control());
    let halt = halt_on_failure(&home.dir, wall_clock).unwrap();
    let bus = Box::new(MemoryBus::new(Topology::shipped()));
    let shared = Arc::new(Shared::new(bus, Arc::default(), halt));
    let socket = Socket::listen(home.dir.root()).unwrap();
    let commands = CommandJournal::open(&control).unwrap();
    let asked = AtomicUsize::new(0);
    let journal_runs = || asked.fetch_add(1, Ordering::AcqRel) == 0;
    let _ = drive(run, &shared, &socket, &commands, &journal_runs);
    assert!(matches!(shared.take_fatal(), Some(PipelineError::FollowerLost)));
    assert!(home.is_halted());
    assert_eq!(commands.after(0).unwrap().len(), 1, "the next start cancels what may still work");
    assert!(Shared::close(shared).is_ok(), "every thread has ended");
}

/// What an agent that fails does at its calls, counted over all its lives.
struct Frail {
    calls: Arc<AtomicUsize>,
    fails: fn(usize) -> bool,
}

impl Agent for Frail {
    fn name(&self) -> Label {
        Label::new("frail").unwrap()
    }

    fn version(&self) -> Label {
        Label::new("1").unwrap()
    }

    fn subscriptions(&self) -> &'static [Kind] {
        &[Kind::MarketQuote]
    }

    fn scope(&self) -> Scope {
        Scope::All
    }

    fn on_event(&mut self, _now: Timestamp, _event: &Event, _out: &mut Outbox) {
        let call = self.calls.fetch_add(1, Ordering::AcqRel) + 1;
        assert!(!(self.fails)(call), "call {call} fails");
    }
}

fn frail(fails: fn(usize) -> bool) -> (Home, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let app = App::new().agent(move || Frail { calls: Arc::clone(&counted), fails });
    (Home::with(&app), calls)
}

#[test]
fn agent_that_fails_again_while_its_past_is_told_is_made_once_more() {
    let (home, calls) = frail(|call| call == 3 || call == 5);
    assert!(run_live(home.run()).is_ok());
    assert_eq!(home.count(Kind::AgentStopped), 2);
    // Two before it fails, two told and the second of them fails, two told, and then all the rest.
    assert_eq!(calls.load(Ordering::Acquire) as i64, QUOTES + 5);
    assert!(!home.is_halted());
}

#[test]
fn agent_that_cannot_be_told_its_past_ends_the_run_with_trading_halted() {
    let (home, calls) = frail(|call| call >= 3);
    let error = run_live(home.run()).err().unwrap();
    assert!(matches!(error, PipelineError::AgentFailed { restarts: 3, .. }), "{error}");
    assert_eq!((home.count(Kind::AgentStopped), calls.load(Ordering::Acquire)), (4, 6));
    assert!(home.is_halted());
}

#[test]
fn agent_that_cannot_be_made_again_ends_the_run_with_trading_halted() {
    let (calls, made) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
    let app = App::new().agent(move || {
        // The task is seated before an event comes.
        assert!(made.fetch_add(1, Ordering::AcqRel) < 1, "cannot be made");
        Frail { calls: Arc::clone(&calls), fails: |call| call == 3 }
    });
    let home = Home::with(&app);
    let error = run_live(home.run()).err().unwrap();
    assert!(matches!(error, PipelineError::AgentFailed { restarts: 3, .. }), "{error}");
    assert!(home.is_halted());
}

#[test]
fn no_two_tasks_tell_of_their_lives_under_one_name() {
    let name = |task: &str| worker_of(Source::new(task).unwrap()).unwrap().to_string();
    assert_eq!(name("large-trades/0"), "worker/large-trades-0");
    assert_eq!(name("risk/PAPER"), "worker/risk-PAPER");
    let tasks = ["a/b-0", "a-b/0", "a/b/0", "a-b-0/0", "a/b-0/0", "a-b/0-0", "a/b-0-0"];
    let names: std::collections::BTreeSet<_> = tasks.into_iter().map(name).collect();
    assert_eq!(names.len(), tasks.len(), "{names:?}");
}

/// Says something at every so many quotes; how many, its version says.
struct Talker {
    every: u64,
    seen: u64,
}

impl Agent for Talker {
    fn name(&self) -> Label {
        Label::new("talker").unwrap()
    }

    fn version(&self) -> Label {
        Label::new(&format!("every-{}", self.every)).unwrap()
    }

    fn subscriptions(&self) -> &'static [Kind] {
        &[Kind::MarketQuote]
    }

    fn scope(&self) -> Scope {
        Scope::All
    }

    fn on_event(&mut self, _now: Timestamp, _event: &Event, out: &mut Outbox) {
        self.seen += 1;
        if self.seen.is_multiple_of(self.every) {
            out.emit(AlertRaised {
                alert: Label::new("talk").unwrap(),
                severity: Severity::Info,
                subject: self.seen.to_string(),
                detail: String::new(),
                account: None,
            });
        }
    }
}

/// What talkers of these versions say in one directory, one after the other.
fn said(runs: &[(u64, u64)], go: impl Fn(&Home, u64)) -> Vec<String> {
    talked(runs, go).subjects("talker/0")
}

fn talked(runs: &[(u64, u64)], go: impl Fn(&Home, u64)) -> Home {
    let mut home = Home::with(&App::new());
    for (every, quotes) in runs.iter().copied() {
        let app = App::new().agent(move || Talker { every, seen: 0 });
        home.agents = setup::agents(&app, &home.settings);
        go(&home, quotes);
    }
    home
}

#[test]
fn what_one_version_took_in_silence_is_decided_by_none_that_comes_after() {
    // The first answers the quotes at 7 and 14 and takes six more in silence; the second would answer
    // each of these, and has nothing new to answer.
    let live = |home: &Home, _| {
        let _ = run_live(home.run()).unwrap();
    };
    assert_eq!(said(&[(7, 20), (1, 20)], live), ["7", "14"]);
    assert_eq!(said(&[(7, 20), (1, 20)], Home::run_up_to), ["7", "14"]);
}

#[test]
fn a_run_that_goes_on_with_other_code_numbers_on_behind_what_was_said() {
    let runs = [(2, 5), (1, 8), (1, 10), (3, 20)];
    let subjects = ["2", "4", "6", "7", "8", "9", "10", "12", "15", "18"];
    assert_eq!(said(&runs, Home::run_up_to), subjects);
}

#[test]
fn a_run_again_asks_of_the_last_version_what_it_said_and_no_more() {
    let mut home = talked(&[(2, 5), (1, 8), (1, 10), (3, 20)], Home::run_up_to);
    let again = |home: &Home| rerun::run_again(&home.dir, &home.agents, Until::End).unwrap();
    let tally = again(&home).unwrap();
    assert_eq!(tally.earlier, 7);
    assert!(tally.compared >= 3, "{tally:?}");
    let app = App::new().agent(move || Talker { every: 4, seen: 0 });
    home.agents = setup::agents(&app, &home.settings);
    assert_eq!(again(&home).unwrap_err().task.as_str(), "talker/0");
}
