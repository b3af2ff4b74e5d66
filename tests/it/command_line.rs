//! What holds for every command: flags, exit codes, and output that can be relied on.

use std::{fs, os::unix::fs::symlink};

use tests::{Desk, tape::Tape};

const START_NS: u64 = 1_723_161_904_000_000_000;

fn traded() -> Desk {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(400).bytes());
    let _ = desk.run_tapes("data", &["tape.ws"]);
    desk
}

#[test]
fn flags_are_taken_in_front_of_the_command_and_behind_it() {
    let desk = traded();
    let behind = desk.run(&["state", "--json", "--data", "data"]).exits(0);
    let before = desk.run(&["--data", "data", "--json", "state"]).exits(0);
    assert_eq!(before.summary(), behind.summary());
    let shown = desk.run(&["--json", "config", "show"]).exits(0).summary();
    assert_eq!(shown["limits.position"]["origin"], "shipped");
}

#[test]
fn a_file_of_settings_or_instruments_that_is_not_there_exits_3_and_one_that_is_wrong_2() {
    let desk = traded();
    desk.write("wrong.toml", "[limits]\nposition = \"-1\"\n");
    desk.write("slip.toml", "[limits]\nposiion = \"1\"\n");
    let cases: [(&[&str], i32, &str); 6] = [
        (&["--config", "none.toml"], 3, "E8001 none.toml"),
        (&["--instruments", "none.toml"], 3, "E4001 none.toml"),
        (&["--config", "wrong.toml"], 2, "`limits.position` is \"-1\": it must be zero or more"),
        (&["--config", "wrong.toml"], 2, "E8003 file wrong.toml"),
        (&["--config", "slip.toml"], 2, "there is no setting `limits.posiion`"),
        (&["--instruments", "wrong.toml"], 2, "E4007 wrong.toml"),
    ];
    for (flags, code, words) in cases {
        let run = ["run", "--data", "other", "--input", "tape.ws"];
        let _ = desk.run(&[&run[..], flags].concat()).exits(code).says(words);
        assert!(!desk.path("other").exists());
    }
}

#[test]
fn a_directory_that_cannot_be_looked_at_exits_3_and_not_4() {
    let desk = traded();
    symlink("around", desk.path("around")).unwrap();
    for command in ["state", "tail", "verify", "replay", "halt"] {
        let _ = desk.run(&[command, "--data", "around"]).exits(3).says("E7201 around");
        let _ = desk.run(&[command, "--data", "tape.ws"]).exits(3).says("E7201 tape.ws");
        let _ = desk.run(&[command, "--data", "none"]).exits(4).says("E7202");
    }
}

#[test]
fn a_tail_that_follows_ends_with_130_when_it_is_interrupted() {
    let desk = traded();
    let mut following = desk.start(&["tail", "--follow", "--data", "data"]);
    // It listens for the signal before it prints what is there already.
    let last = desk.events("data").last().unwrap()["index"].to_string();
    let _ = following.line_with(&last);
    assert_eq!(following.terminate(), Some(130));
}

#[test]
fn output_that_finds_no_room_is_a_failure_and_a_reader_that_went_away_is_none() {
    let desk = traded();
    for command in ["state", "tail --from 0", "tail --from 0 --json", "why 0000 --help"] {
        let line = format!("\"$0\" {command} --data data > /dev/full");
        let outcome = desk.shell(&line);
        if !command.ends_with("--help") {
            let _ = outcome.exits(3).says("E7803");
        }
    }
    let _ =
        desk.shell("\"$0\" tail --from 0 --data data | head -n 1; exit ${PIPESTATUS:-0}").exits(0);
}

#[test]
fn what_producers_say_moves_no_cursor_on_a_terminal() {
    let desk = traded();
    let alert = r#"{"source":"desk","source_seq":1,"key":"-","kind":"AlertRaised","body":{"alert":"X","severity":"INFO","subject":"a\u001b[2Jb\u009b1mc\u202ed","detail":"one\ntwo"}}"#;
    let published = desk.run_with_input(&["publish", "--data", "data"], alert);
    assert_eq!(published.exits(0).stdout, "1 accepted, 0 refused\n");
    let halt = ["halt", "--reason", "a\u{1b}[2Jb\u{9b}1m", "--data", "data"];
    let _ = desk.run(&halt).exits(0);
    let moves = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    for command in [&["tail"][..], &["state"], &["tail", "--json"], &["state", "--json"]] {
        let shown = desk.run(&[command, &["--data", "data"]].concat()).exits(0).stdout;
        assert!(!shown.contains(moves), "{command:?}: {shown:?}");
    }
    let told = desk.run(&["tail", "--json", "--data", "data"]).exits(0).json_lines();
    let alert = told.iter().find(|event| event["kind"] == "AlertRaised").unwrap();
    assert_eq!(alert["body"]["subject"], "a\u{1b}[2Jb\u{9b}1mc\u{202e}d", "machines get all of it");
}

#[test]
fn a_second_demo_is_refused_while_one_runs_and_takes_nothing_from_it() {
    let desk = Desk::new();
    let mut first = desk.start(&["demo", "--json"]);
    assert!(desk.reaches_once_there(&mut first, "blotter-data/demo", 300));
    first.pause();
    let _ = desk.run(&["demo"]).exits(5).says("E7702 ./blotter-data/demo is in use");
    first.go_on();
    assert_eq!(first.summary(0)["orders"], 242);
    // A run that goes on in its directory is left alone just so.
    let lock = "flock blotter-data/demo/log/lock \"$0\" demo";
    let _ = desk.shell(lock).exits(5).says("E7702");
    assert!(fs::exists(desk.path("blotter-data/demo/log")).unwrap());
}

#[test]
fn damage_of_the_journal_behind_what_a_run_reads_of_it_ends_the_run() {
    let desk = Desk::new();
    // More than a segment: a run reads the last one when it opens the journal.
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(12_000).bytes());
    let run = ["run", "--json", "--data", "data", "--input", "tape.ws"];
    let whole = desk.run(&run).exits(0).summary();
    assert_eq!(desk.run(&run).exits(0).summary()["log_digest"], whole["log_digest"]);
    let mut segments: Vec<_> =
        fs::read_dir(desk.path("data/journal")).unwrap().map(|e| e.unwrap().path()).collect();
    segments.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    segments.sort();
    assert!(segments.len() > 1, "one segment is no journal that a run does not read");
    let mut bytes = fs::read(&segments[0]).unwrap();
    bytes[20_000] ^= 0x10;
    fs::write(&segments[0], bytes).unwrap();
    let _ = desk.run(&run).exits(6).says("E2004 data/journal");
}
