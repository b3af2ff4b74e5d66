//! What becomes of a live run when a part of it fails.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use agent::{Agent, Outbox, Scope};
use bus::{MemoryBus, Record, Topology, Unit};
use event::{
    Body, Event, InstrumentId, Kind, Label, OrderId, Price, Quantity, Source, Timestamp,
    choices::{OrderType, Side, TimeInForce},
    id::foreign_id,
    trading::SubmitOrder,
};
use worker::{Delivery, root_event};

use super::{
    clock::SessionClock,
    desk::Desk,
    distributor::{self, Handed},
    drive, halt_on_failure,
    home::{Home, QUOTES, START, Talker, wall_clock},
    run_live,
    seat::worker_of,
    shared::Shared,
};
use crate::{
    app::App,
    control::{CommandJournal, HaltLatch, Socket},
    journal::Until,
    pipeline::PipelineError,
    rerun, setup,
};

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
        let handed = delivered.into_iter().map(Handed::Event);
        handed.for_each(|handed| queue.send(handed).unwrap());
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
