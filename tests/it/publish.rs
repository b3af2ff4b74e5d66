//! Producers of other languages: JSON lines in, events out, nothing lost and nothing doubled.

use serde_json::{Value, json};
use tests::{Desk, tape::Tape};

const START_NS: u64 = 1_723_161_904_000_000_000;

fn desk(quotes: u64) -> Desk {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(quotes).bytes());
    desk
}

fn signal(seq: u64, strength_ppm: u64) -> String {
    json!({
        "source": "python-alpha", "source_seq": seq, "key": "BINANCE-SPOT:BTCUSDT",
        "kind": "SignalEmitted",
        "body": {
            "instrument": "BINANCE-SPOT:BTCUSDT", "strategy": "alpha", "direction": "BUY",
            "strength_ppm": strength_ppm, "horizon_ns": 5_000_000_000_u64,
            "reference_price": "61773.55",
        },
    })
    .to_string()
}

/// Publishes lines; returns the answer to each, and the count of accepted and refused.
fn publish(desk: &Desk, lines: &[String], code: i32) -> (Vec<Value>, Value) {
    let input = lines.join("\n") + "\n";
    let outcome = desk.run_with_input(&["publish", "--json", "--data", "data"], &input);
    let mut answers = outcome.exits(code).json_lines();
    let total = answers.pop().unwrap();
    assert_eq!(answers.len(), lines.len());
    (answers, total)
}

fn accepts(desk: &Desk, line: &str) -> Value {
    let (answers, total) = publish(desk, &[line.into()], 0);
    assert_eq!((&total["accepted"], &total["refused"]), (&1.into(), &0.into()));
    assert_eq!(total["repeats"], u64::from(answers[0]["repeat"] == true));
    answers[0].clone()
}

fn refuses(desk: &Desk, line: &str) -> String {
    let (answers, total) = publish(desk, &[line.into()], 1);
    assert_eq!(total, json!({"accepted": 0, "repeats": 0, "refused": 1}));
    assert_eq!(answers[0]["line"], 1);
    answers[0]["error"].as_str().unwrap().into()
}

fn published(desk: &Desk) -> Vec<Value> {
    let mine = |event: &Value| event["source"] == "python-alpha";
    desk.events("data").into_iter().filter(mine).collect()
}

#[test]
fn an_accepted_line_is_an_event_with_the_id_that_was_answered() {
    let desk = desk(40);
    let _ = desk.run_tapes("data", &["tape.ws"]);
    let (answers, _) = publish(&desk, &[signal(1, 5), signal(2, 6)], 0);
    let events = published(&desk);
    assert_eq!(events.len(), 2);
    for ((answer, event), strength) in answers.iter().zip(&events).zip([5, 6]) {
        assert_eq!(answer["event_id"], event["event_id"]);
        assert_eq!(answer["index"], event["index"]);
        assert_eq!(answer["repeat"], false);
        assert_eq!(event["body"]["strength_ppm"], strength);
    }
    let _ = desk.run(&["verify", "--data", "data"]).exits(0);
}

#[test]
fn a_line_published_again_is_answered_as_a_repeat_and_stored_once() {
    let desk = desk(40);
    let _ = desk.run_tapes("data", &["tape.ws"]);
    let first = accepts(&desk, &signal(1, 5));
    let again = accepts(&desk, &signal(1, 5));
    assert_eq!((&again["event_id"], &again["index"]), (&first["event_id"], &first["index"]));
    assert_eq!((&first["repeat"], &again["repeat"]), (&false.into(), &true.into()));
    assert_eq!(published(&desk).len(), 1);
}

#[test]
fn what_a_producer_may_not_say_is_refused_with_its_code_and_leaves_nothing() {
    let desk = desk(40);
    let _ = desk.run_tapes("data", &["tape.ws"]);
    let _ = accepts(&desk, &signal(1, 5));
    let halt = json!({
        "source": "python-alpha", "source_seq": 2, "key": "-", "kind": "TradingHalted",
        "body": {"reason": "mine", "by": "me"},
    });
    let cases = [
        (signal(1, 6), "E7106"),
        (signal(3, 6), "E7105"),
        (signal(0, 6), "E7104"),
        (signal(2, 6).replace("python-alpha", "operator"), "E7102"),
        (signal(2, 6).replace("python-alpha", "broker/PAPER"), "E7102"),
        (halt.to_string(), "E7103"),
        ("{not json".into(), "E7101"),
        (signal(2, 6).replace("SignalEmitted", "SignalEmited"), "kind is unknown"),
        (signal(2, 6).replace("horizon_ns", "horizon"), "no field `horizon`"),
        (signal(2, 6).replace("\"61773.55\"", "61773.55"), "not a string"),
    ];
    let before = desk.events("data").len();
    for (line, words) in cases {
        let said = refuses(&desk, &line);
        assert!(said.contains(words), "{line}: {said}");
    }
    assert_eq!(desk.events("data").len(), before);
    let _ = accepts(&desk, &signal(2, 6));
}

#[test]
fn lines_published_while_a_run_is_active_land_in_its_log() {
    let desk = desk(8_000);
    let mut running = desk.start_run("data", &["tape.ws"]);
    assert!(desk.reaches(&mut running, "data", 300));
    let lines: Vec<_> = (1..=20).map(|seq| signal(seq, seq)).collect();
    let (answers, total) = publish(&desk, &lines, 0);
    assert_eq!(total["accepted"], 20);
    let again = accepts(&desk, &signal(20, 20));
    assert_eq!((&again["event_id"], &again["repeat"]), (&answers[19]["event_id"], &true.into()));
    assert!(refuses(&desk, &signal(22, 1)).contains("E7105"));
    let numbers = running.summary(0);
    let events = published(&desk);
    assert_eq!(events.len(), 20);
    let last = desk.events("data").last().unwrap()["index"].clone();
    assert!(events[19]["index"].as_u64() < last.as_u64(), "the run went on after them");
    for (answer, event) in answers.iter().zip(&events) {
        assert_eq!(answer["event_id"], event["event_id"]);
    }
    let _ = desk.run(&["verify", "--data", "data"]).exits(0);
    let replay = ["replay", "--agents", "--json", "--data", "data"];
    let replayed = desk.run(&replay).exits(0).summary();
    assert_eq!(replayed["log_digest"], numbers["log_digest"]);
    assert_eq!(replayed["agents"]["equal"], true);
}

#[test]
fn a_signal_published_before_a_run_goes_on_is_acted_on_by_it() {
    let desk = desk(8_000);
    // Where a run is stopped is chance, and a trader whose order is being cancelled answers no
    // signal at once: of several moments one at least finds it ready.
    for stop in 0..4 {
        let mut running = desk.start_run("data", &["tape.ws"]);
        assert!(desk.reaches(&mut running, "data", desk.events("data").len() as u64 + 300));
        assert_eq!(running.terminate(), Some(130));
        let _ = accepts(&desk, &signal(2 * stop + 1, 900_000));
        let _ = accepts(&desk, &signal(2 * stop + 2, 900_000).replace("BUY", "SELL"));
    }
    let _ = desk.run_tapes("data", &["tape.ws"]);
    let _ = desk.run(&["verify", "--data", "data"]).exits(0);
    let replay = ["replay", "--agents", "--json", "--data", "data"];
    assert_eq!(desk.run(&replay).exits(0).summary()["agents"]["equal"], true);
    let signals = published(&desk);
    assert_eq!(signals.len(), 8);
    let ids: Vec<_> = signals.iter().map(|event| event["event_id"].clone()).collect();
    let caused = desk.events("data").into_iter().any(|event| ids.contains(&event["cause_id"]));
    assert!(caused, "nothing came of the signals");
    let times: Vec<_> = signals.iter().map(|event| event["time"].as_str().unwrap()).collect();
    assert!(times.iter().all(|time| time.starts_with("2024-08-0")), "a tape's time: {times:?}");
}

#[test]
fn a_line_that_is_no_text_is_refused_by_its_number_and_stops_no_other() {
    let desk = desk(8_000);
    let lines = format!("{}\nbad\n\n{}\n", signal(1, 5), signal(2, 6));
    desk.write(
        "lines",
        lines
            .replace("bad", "\u{1}")
            .bytes()
            .map(|b| if b == 1 { 0xff } else { b })
            .collect::<Vec<_>>(),
    );
    desk.write("long", format!("{}\n{}\n", "x".repeat(1 << 20), signal(3, 7)));
    let publish = |file: &str, json: &str| {
        desk.shell(&format!("\"$0\" publish {json} --data data < {file}")).exits(1)
    };
    // Without a run, and through the socket of one.
    let outcome = publish("lines", "");
    assert_eq!(outcome.stdout, "2 accepted, 1 refused\n");
    let _ = outcome.says("line 2: E7107");
    let mut running = desk.start_run("other", &["tape.ws"]);
    assert!(desk.reaches(&mut running, "other", 300));
    let socket = |file: &str| {
        desk.shell(&format!("\"$0\" publish --json --data other < {file}")).exits(1).json_lines()
    };
    let answers = socket("lines");
    assert_eq!((&answers[1]["line"], answers.len()), (&2.into(), 4));
    assert!(answers[1]["error"].as_str().unwrap().starts_with("E7107"), "{answers:?}");
    assert_eq!(answers[3], json!({"accepted": 2, "repeats": 0, "refused": 1}));
    let answers = socket("long");
    assert!(answers[0]["error"].as_str().unwrap().starts_with("E7108"), "{answers:?}");
    assert_eq!(answers[1]["repeat"], false);
    running.kill();
    let again = publish("lines", "");
    assert_eq!(again.stdout, "2 accepted (2 known before), 1 refused\n");
}
