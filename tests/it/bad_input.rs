//! What is wrong with an input is said, or kept with its bytes; nothing is lost in silence.

use serde_json::Value;
use tests::{
    Desk, Outcome,
    tape::{Tape, gzip},
};

const START_NS: u64 = 1_723_161_904_000_000_000;
const TRADE: &str = r#"{"source":"desk","source_seq":1,"key":"BINANCE-SPOT:BTCUSDT","time":"2024-08-09T00:00:00Z","kind":"MarketTrade","body":{"instrument":"BINANCE-SPOT:BTCUSDT","price":"61837.63","quantity":"0.02","trade_id":"1","venue_sequence":1}}"#;

fn tape() -> Tape {
    Tape::spot("BTCUSDT", START_NS)
}

fn quote(sequence: u64, symbol: &str) -> String {
    format!(
        r#"{{"stream":"x","data":{{"u":{sequence},"s":"{symbol}","b":"61773.50","B":"1","a":"61773.51","A":"1"}}}}"#
    )
}

/// Runs one file and checks that every record read is stored or quarantined, and what is said of it.
struct Ran {
    summary: Value,
    events: Vec<Value>,
    outcome: Outcome,
}

fn run(content: impl AsRef<[u8]>) -> Ran {
    let desk = Desk::new();
    desk.write("input", content);
    let outcome = desk.run(&["run", "--json", "--data", "data", "--input", "input"]).exits(0);
    let summary = outcome.summary();
    let count = |name: &str| summary[name].as_u64().unwrap();
    assert_eq!(count("stored") + count("quarantined"), count("records"), "{summary}");
    let events = desk.events("data");
    let quarantined = events.iter().filter(|event| event["kind"] == "EventQuarantined").count();
    assert_eq!(count("quarantined"), quarantined as u64);
    Ran { summary, events, outcome }
}

impl Ran {
    fn bodies(&self, kind: &str) -> Vec<&Value> {
        let of_kind = self.events.iter().filter(|event| event["kind"] == kind);
        of_kind.map(|event| &event["body"]).collect()
    }

    /// The one record that was quarantined, which was raised as an alert.
    fn quarantined(&self) -> &Value {
        let [one] = self.bodies("EventQuarantined")[..] else { panic!("{:?}", self.events) };
        let alerts = self.bodies("AlertRaised");
        assert!(
            alerts.iter().any(|alert| alert["alert"] == "RecordQuarantined"
                || alert["alert"] == "UnknownInstrument"),
            "{alerts:?}"
        );
        one
    }

    fn anomalies(&self) -> Vec<&str> {
        let anomalies = self.bodies("MarketAnomalyDetected");
        anomalies.iter().map(|anomaly| anomaly["anomaly"].as_str().unwrap()).collect()
    }
}

/// Bytes as the JSON form shows them.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn refused(content: Option<&[u8]>) -> Outcome {
    let desk = Desk::new();
    if let Some(content) = content {
        desk.write("input", content);
    }
    let outcome = desk.run(&["run", "--data", "data", "--input", "input"]);
    assert!(!desk.path("data").exists(), "a refused input leaves no directory behind");
    outcome
}

#[test]
fn a_truncated_gzip_gives_its_whole_lines_and_quarantines_the_cut_one() {
    let whole = tape().leaning(400);
    let packed = whole.gzip();
    let ran = run(&packed[..packed.len() * 9 / 10]);
    assert_eq!(ran.quarantined()["reason"], "TRUNCATED");
    let stored = ran.summary["stored"].as_u64().unwrap();
    assert!(stored > 200 && stored < whole.lines(), "{stored}");
}

#[test]
fn a_concatenated_gzip_is_one_tape() {
    let whole = tape().leaning(400);
    let (head, tail) = whole.bytes().split_at(whole.bytes().len() / 2);
    let ran = run([gzip(head), gzip(tail)].concat());
    let plain = run(whole.bytes());
    assert_eq!(ran.summary["records"], whole.lines());
    assert_eq!(ran.summary["log_digest"], plain.summary["log_digest"]);
}

#[test]
fn a_frame_that_does_not_parse_is_quarantined_with_its_bytes() {
    let ran = run(tape().leaning(8).raw("{broken").leaning(8).bytes());
    let line = format!("{} {{broken", START_NS + 8 * 250_000_000 + 2 * 1_000_000);
    let quarantined = ran.quarantined();
    assert_eq!((&quarantined["reason"], &quarantined["record"]), (&"MALFORMED".into(), &10.into()));
    assert_eq!(quarantined["bytes"], hex(line.as_bytes()));
    assert_eq!(quarantined["bytes_total"], line.len());
}

#[test]
fn what_is_wrong_with_a_frame_has_its_reason() {
    let sound = quote(99, "BTCUSDT");
    let cases = [
        ("61773.50", "61773.5000000001", "NUMBER"),
        ("61773.50", "9223372037.00", "NUMBER"),
        ("\"61773.50\"", "61773.50", "MALFORMED"),
        ("61773.50", "NaN", "MALFORMED"),
        ("\"u\":99", "\"e\":\"aggTrade\",\"u\":99", "UNKNOWN_KIND"),
        ("\"s\":\"BTCUSDT\",", "", "UNKNOWN_KIND"),
    ];
    for (from, to, reason) in cases {
        let frame = sound.replacen(from, to, 1);
        assert_ne!(frame, sound);
        let ran = run(tape().leaning(4).raw(&frame).leaning(4).bytes());
        assert_eq!(ran.quarantined()["reason"], reason, "{frame}");
    }
}

#[test]
fn what_is_wrong_with_a_json_line_has_its_reason() {
    let cases = [
        ("\"trade_id\"", "\"colour\":1,\"trade_id\"", "UNKNOWN_FIELD"),
        ("\"kind\"", "\"colour\":1,\"kind\"", "UNKNOWN_FIELD"),
        ("MarketTrade", "MarketTrad", "UNKNOWN_KIND"),
        ("61837.63", "61837.6300000001", "NUMBER"),
        ("61837.63", "9223372037", "NUMBER"),
        ("\"61837.63\"", "61837.63", "MALFORMED"),
        ("\"price\":\"61837.63\",", "", "MALFORMED"),
    ];
    for (from, to, reason) in cases {
        let line = TRADE.replacen(from, to, 1);
        assert_ne!(line, TRADE);
        let ran = run(format!("{TRADE}\n{line}\n"));
        let quarantined = ran.quarantined();
        assert_eq!(quarantined["reason"], reason, "{line}");
        assert_eq!(quarantined["bytes"], hex(line.as_bytes()));
        assert_eq!(ran.summary["stored"], 1);
    }
}

#[test]
fn a_clock_that_goes_backwards_is_an_anomaly_and_its_record_is_stored() {
    let sound = tape().leaning(8);
    let back = format!("{} {}\n", START_NS - 1_000_000_000, quote(1_000, "BTCUSDT"));
    let ran = run([sound.bytes(), back.as_bytes()].concat());
    assert_eq!(ran.anomalies(), ["CLOCK_BACKWARDS"]);
    assert_eq!(ran.summary["stored"], sound.lines() + 1);
}

#[test]
fn duplicate_and_out_of_order_sequences_are_anomalies_and_their_records_are_stored() {
    let tape = tape().raw(&quote(7, "BTCUSDT")).after_ms(1);
    let tape = tape.raw(&quote(7, "BTCUSDT")).after_ms(1).raw(&quote(5, "BTCUSDT"));
    let ran = run(tape.bytes());
    assert_eq!(ran.anomalies(), ["DUPLICATE_SEQUENCE", "OUT_OF_ORDER_SEQUENCE"]);
    assert_eq!(ran.summary["stored"], 3);
}

#[test]
fn a_sound_tape_has_no_anomalies() {
    let ran = run(tape().leaning(400).bytes());
    assert_eq!(ran.anomalies(), [""; 0]);
    assert_eq!(ran.summary["quarantined"], 0);
}

#[test]
fn an_unknown_instrument_is_quarantined_and_named_with_the_command_that_helps() {
    let ran = run(tape().leaning(8).raw(&quote(1, "DOGEUSDT")).bytes());
    assert_eq!(ran.quarantined()["reason"], "UNKNOWN_INSTRUMENT");
    let outcome = ran.outcome.says("`BINANCE-SPOT:DOGEUSDT`").says("--instruments FILE");
    assert!(outcome.stderr.contains("blotter config instruments"));
}

#[test]
fn an_instrument_of_ones_own_is_known_once_it_is_defined() {
    let desk = Desk::new();
    let text = desk.run(&["config", "instruments"]).exits(0).stdout;
    desk.write("mine.toml", text.replace("BINANCE-SPOT:ETHUSDT", "BINANCE-SPOT:DOGEUSDT"));
    desk.write("tape", tape().raw(&quote(1, "DOGEUSDT")).bytes());
    let run = ["run", "--json", "--data", "data", "--instruments", "mine.toml", "--input", "tape"];
    assert_eq!(desk.run(&run).exits(0).summary()["quarantined"], 0);
}

#[test]
fn an_input_that_is_no_tape_is_refused_with_what_was_found() {
    let cases: [(&[u8], &str, &str); 5] = [
        (b"", "E4003", "the file is empty"),
        (b"PAR1rest", "E4004", "a Parquet file"),
        (b"time,price\n1,2\n", "E4004", "text that begins with `time,price`"),
        (b"\x1f\x8b\x08", "E4003", "cut off or corrupt before its first byte"),
        (b"\x00\x01\x02\xff", "E4004", "binary data"),
    ];
    for (content, code, found) in cases {
        let _ = refused(Some(content)).exits(2).says(code).says(found);
    }
}

#[test]
fn an_input_that_is_not_there_stands_in_the_way() {
    let _ = refused(None).exits(3).says("E4001 input cannot be read").says("No such file");
}

#[test]
fn a_directory_is_no_input() {
    let desk = Desk::new();
    let _ = desk.run(&["run", "--data", "data", "--input", "."]).exits(2).says("E4002");
}

#[test]
fn the_same_tape_given_twice_is_refused() {
    let desk = Desk::new();
    desk.write("plain", tape().leaning(8).bytes());
    desk.write("packed", tape().leaning(8).gzip());
    let run = ["run", "--data", "data", "--input", "plain", "packed"];
    let _ = desk.run(&run).exits(2).says("E4005");
}

#[test]
fn what_was_quarantined_is_told_with_its_first_record_whatever_the_mode() {
    for live in [&[][..], &["--live", "--speed", "0"]] {
        let desk = Desk::new();
        let packed = tape().leaning(8).raw("{broken").raw("{again").leaning(400).gzip();
        desk.write("input", &packed[..packed.len() * 9 / 10]);
        let run = [&["run", "--data", "data", "--input", "input"], live].concat();
        let said = desk.run(&run).exits(0);
        let said =
            said.says("2 records of input are quarantined as MALFORMED, the first is record 11: ");
        let said = said.says("1 records of input are quarantined as TRUNCATED, ");
        let said = said.says("the file ends inside gzip member 1");
        let figures = said.stdout.lines().find(|line| line.contains(" records: ")).unwrap();
        assert!(
            figures.contains("3 quarantined; ") && figures.contains(" open breaks"),
            "{figures}"
        );
    }
}
