//! State as of any moment through snapshots that nobody trusts, and moments held against each other.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tests::{Desk, tape::Tape};

const START_NS: u64 = 1_723_161_904_000_000_000;

/// Long enough for several snapshots.
fn traded(desk: &Desk, data: &str) {
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(45_000).bytes());
    let _ = desk.run_tapes(data, &["tape.ws"]);
}

fn state(desk: &Desk, data: &str, as_of: u64) -> (Value, String) {
    let as_of = as_of.to_string();
    let outcome = desk.run(&["state", "--json", "--data", data, "--as-of", &as_of]).exits(0);
    (outcome.summary(), outcome.stderr)
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, target).unwrap();
    }
}

#[test]
fn a_snapshot_that_is_damaged_or_foreign_or_gone_changes_no_answer() {
    let desk = Desk::new();
    traded(&desk, "data");
    let fold = desk.path("data/cache/fold");
    let last = desk.events("data").last().unwrap()["index"].as_u64().unwrap();
    let moments = [0, last / 3, last / 2, last - 1];
    let _ = fs::remove_dir_all(&fold);
    let truth: Vec<Value> = moments.iter().map(|at| state(&desk, "data", *at).0).collect();
    let check = |what: &str| {
        for (at, truth) in moments.iter().zip(&truth) {
            assert_eq!(&state(&desk, "data", *at).0, truth, "{what}, as of {at}");
        }
    };
    check("with snapshots");
    assert!(fs::metadata(fold.join("db")).unwrap().len() > 0);

    // Another log's snapshots, sound in themselves.
    desk.write("other.ws", Tape::spot("ETHUSDT", START_NS).leaning(45_000).bytes());
    let _ = desk.run_tapes("other", &["other.ws"]);
    let _ = state(&desk, "other", last - 1);
    fs::remove_dir_all(&fold).unwrap();
    copy(&desk.path("other/cache/fold"), &fold);
    let (found, words) = state(&desk, "data", last - 1);
    assert_eq!(found, truth[3]);
    assert!(words.contains("E5004") && words.contains("is of another log"), "{words}");
    check("with another log's snapshots");

    for byte_step in [5, 211] {
        for file in files(&fold) {
            let mut bytes = fs::read(&file).unwrap();
            bytes.iter_mut().step_by(byte_step).for_each(|byte| *byte ^= 0x55);
            fs::write(&file, bytes).unwrap();
        }
        check("with damaged snapshots");
    }
}

#[test]
fn a_question_through_snapshots_folds_no_more_of_a_longer_log() {
    let desk = Desk::new();
    traded(&desk, "data");
    let last = desk.events("data").last().unwrap()["index"].as_u64().unwrap();
    let folded_at = |as_of: &str| {
        let replay = ["replay", "--json", "--data", "data", "--as-of", as_of];
        desk.run(&replay).exits(0).summary()["folded"].as_u64().unwrap()
    };
    let folded = |as_of: u64| folded_at(&as_of.to_string());
    assert_eq!(folded_at("2030-01-01T00:00:00Z"), 0, "a run leaves a snapshot of its end");
    let _ = fs::remove_dir_all(desk.path("data/cache"));
    assert_eq!(folded(last), last + 1, "without any, everything is folded");
    let most = [last, last * 3 / 4, last / 2, last / 4].map(folded).into_iter().max().unwrap();
    assert!(most < last / 2, "{most} of {last} entries folded again");
}

#[test]
fn a_moment_that_has_not_come_exits_4() {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(100).bytes());
    let _ = desk.run_tapes("data", &["tape.ws"]);
    let _ = desk.run(&["state", "--data", "data", "--as-of", "99999"]).exits(4).says("E7504");
    let _ = desk.run(&["diff", "data", "data@99999"]).exits(4).says("E7504");
    let _ = desk.run(&["diff", "data", "nowhere"]).exits(4).says("E7202");
    let _ = desk.run(&["diff", "data", "data@yesterday"]).exits(2).says("E7501");
}

#[test]
fn two_runs_of_one_tape_are_equal_and_a_moment_is_equal_to_itself() {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(1_200).bytes());
    let _ = (desk.run_tapes("one", &["tape.ws"]), desk.run_tapes("two", &["tape.ws"]));
    for (one, two) in [("one", "two"), ("one@700", "two@700"), ("one@2030-01-01T00:00:00Z", "one")]
    {
        let diff = desk.run(&["diff", one, two, "--json"]).exits(0).summary();
        assert_eq!(diff["equal"], true, "{one} {two}");
        assert_eq!(diff["first_differences"], Value::Array(vec![]));
        assert_eq!(diff["lines"], Value::Array(vec![]));
    }
    assert!(desk.run(&["diff", "one", "two"]).exits(0).stdout.contains("equal: the same events"));
}

#[test]
fn two_moments_of_one_run_differ_by_what_came_between() {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(1_200).bytes());
    let _ = desk.run_tapes("data", &["tape.ws"]);
    let events = desk.events("data");
    let fills: Vec<&Value> = events.iter().filter(|e| e["kind"] == "OrderExecuted").collect();
    let (early, late) = (fills[1]["index"].as_u64().unwrap(), fills[3]["index"].as_u64().unwrap());
    let (one, two) = (format!("data@{early}"), format!("data@{late}"));
    let diff = desk.run(&["diff", &one, &two, "--json"]).exits(1).summary();
    assert_eq!(diff["counts"]["OrderExecuted"], serde_json::json!([2, 4]));
    let first = diff["first_differences"].as_array().unwrap();
    let execution = first.iter().find(|first| first["family"] == "execution").unwrap();
    assert_eq!(execution["one"], Value::Null);
    assert_eq!(execution["other"]["event_id"], fills[2]["event_id"]);
    // Opening the account is of the family of accounts: these are fills alone.
    assert_eq!(execution["ordinal"], 3);
    let lines = diff["lines"].as_array().unwrap();
    let executions = lines.iter().find(|line| line["field"] == "executions").unwrap();
    assert_eq!((executions["one"].as_str(), executions["other"].as_str()), (Some("2"), Some("4")));
    let change = |section: &str, field: &str| {
        let of = |line: &&Value| line["section"] == section && line["field"] == field;
        lines.iter().filter(of).map(|line| line["change"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(change("profit", "fees").len(), 1, "{lines:?}");
}

#[test]
fn runs_with_other_settings_part_at_the_first_signal_that_differs() {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(1_200).bytes());
    desk.write("late.toml", "[strategy]\nenter_ppm = 700000\n");
    let _ = desk.run_tapes("one", &["tape.ws"]);
    let run = ["run", "--json", "--data", "two", "--config", "late.toml", "--input", "tape.ws"];
    let _ = desk.run(&run).exits(0);
    let diff = desk.run(&["diff", "one", "two", "--json"]).exits(1).summary();
    assert_eq!(diff["equal"], false);
    let of = |data: &str| -> Value {
        let signal = |event: &Value| event["kind"] == "SignalEmitted";
        desk.events(data).into_iter().find(signal).unwrap()
    };
    let first = diff["first_differences"].as_array().unwrap();
    let signal = first.iter().find(|first| first["family"] == "signal").unwrap();
    assert_eq!((&signal["one"], &signal["other"]), (&of("one"), &of("two")));
    let fields: Vec<_> = signal["fields"].as_array().unwrap().iter().collect();
    assert!(fields.iter().any(|field| field["field"] == "body.strength_ppm"), "{fields:?}");
    let words = desk.run(&["diff", "one", "two"]).exits(1).stdout;
    assert!(words.contains("they were run with different settings"), "{words}");
    assert!(words.contains("body.strength_ppm: "), "{words}");
}
