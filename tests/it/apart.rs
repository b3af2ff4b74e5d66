//! Agents in processes of their own, on a bus on a genuine server: killed, paused, taken over from. Each
//! engine's tests call these with a server of their own.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::{Desk, Running, tape::Tape};

const START_NS: u64 = 1_723_161_904_000_000_000;
/// What the workers host, as the command line takes it, and as tasks.
const APART: &str = "strategy,trader";
const TASKS: [&str; 2] = ["imbalance/0", "trader/PAPER"];

/// A strategy that sees a turn within five seconds, and orders that may be thirty on their way.
const QUICK: &str = "[strategy]\nsmoothing_ns = 500_000_000\ncooldown_ns = 1_000_000_000\n\
    [trader]\nvalidity_ns = 30_000_000_000\n";

/// A run without some of its agents, and processes that have them.
struct Company {
    desk: Desk,
    bus: Vec<String>,
    /// The bus as workers are let in.
    bus_of_workers: Vec<String>,
}

impl Company {
    /// Ten minutes of a market that turns every five seconds, of which as much is seen as a test needs.
    /// What is decided may be a while on its way here.
    fn new(bus: &[String]) -> Self {
        Self::with_roles(bus, bus)
    }

    fn with_roles(bus: &[String], bus_of_workers: &[String]) -> Self {
        let desk = Desk::new();
        desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).turning(2_400, 20).bytes());
        desk.write("quick.toml", QUICK);
        Self { desk, bus: bus.to_vec(), bus_of_workers: bus_of_workers.to_vec() }
    }

    fn start(&self, words: &str) -> Running {
        let mut arguments: Vec<&str> = words.split(' ').collect();
        arguments.extend(["--json", "--config", "quick.toml"]);
        let bus = if words.starts_with("work") { &self.bus_of_workers } else { &self.bus };
        arguments.extend(bus.iter().map(String::as_str));
        self.desk.start(&arguments)
    }

    fn run(&self) -> Running {
        self.run_at(2)
    }

    fn run_at(&self, speed: u32) -> Running {
        let shared = format!("--without {APART} --patience 60");
        self.start(&format!("run --live --speed {speed} --data data --input tape.ws {shared}"))
    }

    /// A worker that decides, once it does.
    fn worker(&self, name: &str) -> Running {
        let mut worker = self.start(&format!("work --name {name} --tasks {APART}"));
        decides(&mut worker);
        worker
    }

    /// A worker that follows another, once it does.
    fn standby(&self, name: &str, follows: &str) -> Running {
        let words = format!("work --name {name} --tasks {APART} --standby {follows} --patience 2");
        let mut standby = self.start(&words);
        for task in TASKS {
            let told = standby.line_with("stands_by");
            assert!(told.contains(task), "{told}");
        }
        standby
    }

    /// Returns once the run has journaled an order that it had not when this was asked.
    fn trades_on(&self, run: &mut Running) {
        let (mut reached, mut before) = (0, None);
        loop {
            if !self.desk.reaches_once_there(run, "data", reached) {
                panic!("the run ended early: {}", run.last_words());
            }
            let events = self.desk.events("data");
            let orders = count(&events, "SubmitOrder");
            if orders > *before.get_or_insert(orders) {
                return;
            }
            reached = events.last().and_then(|last| last["index"].as_u64()).unwrap_or(0) + 1;
        }
    }

    /// The run is stopped, and another sees the market to its end, as fast as it goes. Nothing was lost or
    /// doubled, all is explained, and every agent decides it again.
    fn check(&self, run: Running, worker: Running, claim: u64) {
        assert_eq!(run.terminate(), Some(130));
        let summary = self.run_at(0).summary(0);
        assert_eq!(worker.terminate(), Some(130));
        assert_eq!(summary["stored"], summary["records"], "{summary}");
        assert_eq!(summary["open_breaks"], 0, "{summary}");
        let elsewhere = summary["elsewhere"].as_array().unwrap();
        for (hosted, task) in elsewhere.iter().zip(TASKS) {
            let stands = json!({ "task": task, "claim": claim, "stands_still": false });
            assert_eq!(*hosted, stands);
        }
        let events = self.desk.events("data");
        let ids: BTreeSet<&str> =
            events.iter().map(|event| event["event_id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), events.len(), "an event stands twice");
        assert!(count(&events, "OrderExecuted") > 0);
        assert_eq!(count(&events, "TradingHalted"), 0);
        // A directory remembers its bus, and not who was let in there.
        let bus: Vec<&str> = self.bus.iter().map(String::as_str).collect();
        let verify = [&["verify", "--json", "--data", "data"][..], &bus].concat();
        // A worker that is stopped says how far it was, and the next run journals that.
        let verified = self.desk.run(&verify);
        let (exit, verified) = (verified.code, verified.summary());
        assert_eq!((&verified["sound"], &verified["findings"]), (&json!(true), &json!([])));
        let behind = verified["journal_behind"].as_u64().unwrap();
        assert!(behind <= TASKS.len() as u64, "{verified}");
        assert_eq!(exit, Some(if behind == 0 { 0 } else { 3 }));
        let _ = self.desk.run(&["reconcile", "--data", "data"]).exits(0);
        let replay = ["replay", "--agents", "--json", "--data", "data"];
        assert_eq!(self.desk.run(&replay).exits(0).summary()["agents"]["equal"], true);
    }
}

fn count(events: &[Value], kind: &str) -> usize {
    events.iter().filter(|event| event["kind"] == kind).count()
}

/// Returns once a worker decides every task it has.
fn decides(worker: &mut Running) {
    let told: BTreeSet<String> = TASKS.map(|_| worker.line_with("\"holds\"")).into();
    assert!(TASKS.iter().all(|task| told.iter().any(|line| line.contains(task))), "{told:?}");
}

/// The run and a worker trade together; the worker is killed and started again, then the server.
pub(crate) fn trade_through_a_killed_worker_and_a_restarted_server(
    bus: &[String],
    restart: impl FnOnce(),
) {
    let company = Company::new(bus);
    let mut run = company.run();
    let worker = company.worker("one");
    company.trades_on(&mut run);
    assert_eq!(worker.kill(), None);
    let worker = company.worker("one");
    company.trades_on(&mut run);
    restart();
    company.trades_on(&mut run);
    company.check(run, worker, 3);
}

/// Of two replicas the one that decides is killed, and the other takes over. Workers may be let in as
/// somebody else than the run.
pub(crate) fn a_replica_takes_over_from_one_that_was_killed(
    bus: &[String],
    bus_of_workers: &[String],
) {
    let company = Company::with_roles(bus, bus_of_workers);
    let mut run = company.run();
    let first = company.worker("one");
    let mut second = company.standby("two", "one");
    company.trades_on(&mut run);
    assert_eq!(first.kill(), None);
    decides(&mut second);
    company.trades_on(&mut run);
    company.check(run, second, 3);
}

/// Of two replicas the one that decides is paused, and wakes once the other has taken over.
pub(crate) fn a_replica_that_wakes_late_is_told_and_writes_nothing(bus: &[String]) {
    let company = Company::new(bus);
    let mut run = company.run();
    let mut first = company.worker("one");
    let mut second = company.standby("two", "one");
    company.trades_on(&mut run);
    first.pause();
    decides(&mut second);
    first.go_on();
    for _ in TASKS {
        let told = first.line_with("\"lost\"");
        assert!(told.contains("E2212"), "{told}");
    }
    assert_eq!(first.wait(), Some(5));
    company.trades_on(&mut run);
    company.check(run, second, 3);
}
