//! Processes killed at random moments under load, again and again, and what is left each time.
//!
//! `BLOTTER_KILLS` says how many in all (20 here, 1000 in a soak), `BLOTTER_SEED` which moments.

use std::{collections::BTreeMap, thread, time::Duration};

use serde_json::{Value, json};
use tests::{Desk, Running, tape::Tape};

const START_NS: u64 = 1_723_161_904_000_000_000;

/// Kills this process is to make: its share of all of them.
fn kills(share: u64, of: u64) -> u64 {
    let asked = std::env::var("BLOTTER_KILLS").ok().and_then(|text| text.parse().ok());
    (asked.unwrap_or(20_u64) * share).div_ceil(of)
}

fn told(of: &str, count: u64) {
    println!("{}", json!({"proof": "kills", "of": of, "count": count}));
}

/// Moments, drawn from a seed.
struct Moments(u64);

impl Moments {
    fn new() -> Self {
        let seed = std::env::var("BLOTTER_SEED").ok().and_then(|text| text.parse().ok());
        Self(seed.unwrap_or(1))
    }

    /// Waits up to `ms`. The moment is the input of these tests, and nothing is waited for.
    fn pass(&mut self, ms: u64) {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        thread::sleep(Duration::from_micros((self.0 >> 33) % (ms * 1000)));
    }
}

fn desk(quotes: u64) -> Desk {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(quotes).bytes());
    desk
}

/// Whole and told by itself: checksums, order, journal, every agent again.
fn check(desk: &Desk, data: &str) {
    let verified = desk.run(&["verify", "--json", "--data", data]).exits(0).summary();
    assert_eq!(verified["sound"], true);
    let replay = ["replay", "--agents", "--json", "--data", data];
    assert_eq!(desk.run(&replay).exits(0).summary()["agents"]["equal"], true);
}

/// What two runs of one tape must agree on.
fn numbers(mut summary: Value) -> Value {
    let _ = summary.as_object_mut().unwrap().remove("events_per_second").unwrap();
    let _ = summary["events"].as_object_mut().unwrap().remove("ops").unwrap();
    summary
}

#[test]
fn a_tape_run_killed_at_random_moments_ends_as_one_that_was_not() {
    let desk = desk(1_200);
    let whole = numbers(desk.run_tapes("whole", &["tape.ws"]));
    let (mut killed, mut moments, wanted) = (0, Moments::new(), kills(8, 20));
    while killed < wanted {
        let data = format!("cut-{killed}");
        // A few kills to a directory, so that recovery is killed as well, then it may end.
        for _ in 0..5 {
            let run = ["run", "--json", "--data", &data, "--input", "tape.ws"];
            let running = desk.start(&run);
            moments.pass(400);
            killed += u64::from(running.kill().is_none());
        }
        assert_eq!(numbers(desk.run_tapes(&data, &["tape.ws"])), whole);
        check(&desk, &data);
        let _ = desk.run(&["reconcile", "--data", &data]).exits(0);
        std::fs::remove_dir_all(desk.path(&data)).unwrap();
    }
    told("tape run", killed);
}

/// Every event there is: its place, its id.
fn places(desk: &Desk, data: &str) -> Vec<(Value, Value)> {
    let events = desk.events(data).into_iter();
    events.map(|mut event| (event["index"].take(), event["event_id"].take())).collect()
}

/// The books agree, but for an order whose outcome a kill left unknown and that no reconciliation has
/// confirmed before the tape ended: it holds its exposure, and that is said.
fn check_books(desk: &Desk, data: &str) {
    let said = desk.run(&["reconcile", "--data", data]);
    if said.code != Some(0) {
        let differences = said.clone().exits(7).stdout;
        for line in differences.lines().skip(1) {
            assert!(line.starts_with("ORD_STATUS") && line.contains("UNKNOWN"), "{differences}");
        }
    }
}

#[test]
fn a_live_run_killed_at_random_moments_loses_nothing_it_had_and_ends_with_agreeing_books() {
    let desk = desk(1_200);
    let (mut killed, mut moments, wanted) = (0, Moments::new(), kills(6, 20));
    while killed < wanted {
        let data = format!("live-{killed}");
        let run =
            ["run", "--live", "--speed", "0", "--json", "--data", &data, "--input", "tape.ws"];
        let mut had = Vec::new();
        for _ in 0..3 {
            let running = desk.start(&run);
            moments.pass(600);
            killed += u64::from(running.kill().is_none());
            if desk.path(&data).join("log/00000000000000000000.seg").exists() {
                let now = places(&desk, &data);
                assert_eq!(now.get(..had.len()), Some(&had[..]), "an event is gone or moved");
                had = now;
            }
        }
        let whole = desk.run(&run).exits(0).summary();
        assert_eq!(whole["stored"], whole["records"]);
        assert_eq!(places(&desk, &data).get(..had.len()), Some(&had[..]));
        check(&desk, &data);
        check_books(&desk, &data);
        std::fs::remove_dir_all(desk.path(&data)).unwrap();
    }
    told("live run", killed);
}

fn signal(seq: u64) -> String {
    json!({
        "source": "python-alpha", "source_seq": seq, "key": "BINANCE-SPOT:BTCUSDT",
        "kind": "SignalEmitted",
        "body": {
            "instrument": "BINANCE-SPOT:BTCUSDT", "strategy": "alpha", "direction": "BUY",
            "strength_ppm": seq, "horizon_ns": 5_000_000_000_u64,
            "reference_price": "61773.55",
        },
    })
    .to_string()
}

/// Publishes from a sequence on, in the background.
fn publish(desk: &Desk, from: u64) -> Running {
    let lines: Vec<_> = (from..from + 3_000).map(signal).collect();
    desk.start_with_input(&["publish", "--json", "--data", "data"], &(lines.join("\n") + "\n"))
}

/// What was answered as accepted, by its sequence: the id and the place it was given.
type Answered = BTreeMap<u64, (Value, Value)>;

/// A run answers a line it took just now without the place, which it gets with its repeat.
fn same(one: &(Value, Value), two: &(Value, Value)) -> bool {
    one.0 == two.0 && (one.1.is_null() || two.1.is_null() || one.1 == two.1)
}

/// Takes in the answers that had been printed; an answer given twice is the same.
fn take(answered: &mut Answered, from: u64, lines: &[String]) {
    for (seq, line) in (from..).zip(lines) {
        let Ok(answer) = serde_json::from_str::<Value>(line) else { break };
        if answer["event_id"].is_string() {
            let given = (answer["event_id"].clone(), answer["index"].clone());
            let before = answered.insert(seq, given.clone());
            assert!(before.is_none_or(|before| same(&before, &given)), "{seq} answered otherwise");
        }
    }
}

/// Everything answered is in the log once, where it was said to be, and nothing is there twice.
fn check_published(desk: &Desk, answered: &Answered) {
    let mine = |event: &Value| event["source"] == "python-alpha";
    let events: Vec<_> = desk.events("data").into_iter().filter(mine).collect();
    for (seq, event) in (1..).zip(&events) {
        assert_eq!(event["source_seq"].as_u64(), Some(seq), "lost, doubled or reordered");
        assert_eq!(event["body"]["strength_ppm"].as_u64(), Some(seq));
        if let Some(answered) = answered.get(&seq) {
            let there = (event["event_id"].clone(), event["index"].clone());
            assert!(same(answered, &there), "{answered:?} was answered, {there:?} is there");
        }
    }
    let last = answered.keys().last().copied().unwrap_or(0);
    assert!(events.len() as u64 >= last, "{last} were answered, {} are there", events.len());
}

/// Where to publish from: a little before the end, so that repeats are answered too.
fn overlap(answered: &Answered) -> u64 {
    answered.keys().last().map_or(1, |last| last.saturating_sub(3).max(1))
}

#[test]
fn a_producer_killed_at_random_moments_finds_what_was_answered_in_the_log_once() {
    let desk = desk(40);
    let _ = desk.run_tapes("data", &["tape.ws"]);
    let (mut killed, mut moments, wanted) = (0, Moments::new(), kills(3, 20));
    let mut answered = Answered::new();
    // On a slow machine more of them have to die before enough was answered.
    while killed < wanted || answered.len() <= 20 {
        let from = overlap(&answered);
        let running = publish(&desk, from);
        moments.pass(300);
        take(&mut answered, from, &running.kill_and_read());
        killed += 1;
        check_published(&desk, &answered);
    }
    let _ = desk.run(&["verify", "--data", "data"]).exits(0);
    told("publish", killed);
}

#[test]
fn a_run_killed_while_it_takes_lines_has_what_it_answered_in_its_log_once() {
    let desk = desk(8_000);
    let (mut killed, mut moments, wanted) = (0, Moments::new(), kills(3, 20));
    let mut answered = Answered::new();
    while killed < wanted {
        let run = ["run", "--live", "--json", "--data", "data", "--input", "tape.ws"];
        let run = desk.start_listening("data", &run);
        let from = overlap(&answered);
        let running = publish(&desk, from);
        moments.pass(400);
        assert_eq!(run.kill(), None, "the run ended by itself");
        killed += 1;
        // With its run gone the producer goes on by itself or ends; what it was told stands.
        take(&mut answered, from, &running.kill_and_read());
        check_published(&desk, &answered);
    }
    assert!(answered.len() > 20, "only {} lines were answered", answered.len());
    let _ = desk.run(&["verify", "--data", "data"]).exits(0);
    told("run with a producer", killed);
}
