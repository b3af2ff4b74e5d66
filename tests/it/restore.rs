//! A part of the directory is gone or damaged: what can be made anew is, and what cannot is said.

use std::{fs, path::Path};

use tests::{Desk, tape::Tape};

const START_NS: u64 = 1_723_161_904_000_000_000;

fn traded(quotes: u64) -> Desk {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(quotes).bytes());
    let _ = desk.run_tapes("data", &["tape.ws"]);
    desk
}

/// Flips a byte of the first segment.
fn damage(folder: &Path) {
    let segment = folder.join("00000000000000000000.seg");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[20_000] ^= 0x10;
    fs::write(segment, bytes).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

#[test]
fn a_log_that_is_damaged_or_gone_is_made_anew_from_the_journal_and_runs_on() {
    for gone in [false, true] {
        let desk = Desk::new();
        desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(2_000).bytes());
        let whole = desk.run_tapes("whole", &["tape.ws"]);
        let mut running = desk.start_run("data", &["tape.ws"]);
        assert!(desk.reaches(&mut running, "data", 600));
        assert_eq!(running.terminate(), Some(130));
        let before = desk.events("data");
        let log = desk.path("data/log");
        if gone {
            fs::remove_dir_all(&log).unwrap();
        } else {
            damage(&log);
        }
        let run = ["run", "--json", "--data", "data", "--input", "tape.ws"];
        let _ = desk.run(&run).exits(6);
        let restored = desk.run(&["restore", "--json", "--data", "data"]).exits(0).summary();
        assert_eq!(restored["events"], before.len());
        // A run that found no log began an empty one before it saw what the journal has.
        assert!(desk.path("data/log.damaged-1").exists());
        let verified = desk.run(&["verify", "--json", "--data", "data"]).exits(0).summary();
        assert_eq!(verified["entries"], restored["entries"]);
        assert_eq!(desk.events("data"), before);
        assert_eq!(desk.run(&run).exits(0).summary()["log_digest"], whole["log_digest"]);
        let _ = desk.run(&["reconcile", "--data", "data"]).exits(0);
    }
}

#[test]
fn nothing_is_restored_where_the_log_is_whole_the_journal_is_not_or_a_run_is_at_work() {
    let desk = traded(2_000);
    let restore = ["restore", "--data", "data"];
    let _ = desk.run(&restore).exits(5).says("E7712");
    let locked = "flock data/journal/lock \"$0\" restore --data data";
    let _ = desk.shell(locked).exits(5).says("E2005");
    damage(&desk.path("data/log"));
    damage(&desk.path("data/journal"));
    let _ = desk.run(&restore).exits(6).says("E2004").says("journal");
    assert!(!desk.path("data/log.damaged-1").exists());
    let _ = desk.run(&["restore", "--data", "none"]).exits(4).says("E7202");
}

#[test]
fn a_journal_that_is_taken_away_is_made_anew_from_the_log() {
    let desk = traded(400);
    let before = desk.events("data");
    damage(&desk.path("data/journal"));
    fs::rename(desk.path("data/journal"), desk.path("data/journal.damaged")).unwrap();
    let _ = desk.run(&["verify", "--data", "data"]).exits(0);
    assert_eq!(desk.events("data"), before);
}

#[test]
fn a_broker_whose_record_is_gone_is_not_made_anew_beside_a_log_that_knows_it() {
    for live in [&[][..], &["--live", "--speed", "0"]] {
        let desk = Desk::new();
        desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(400).bytes());
        let run = [&["run", "--data", "data", "--input", "tape.ws"], live].concat();
        let _ = desk.run(&run).exits(0);
        fs::rename(desk.path("data/broker"), desk.path("away")).unwrap();
        let said = desk.run(&run).exits(6).says("E7407 data/broker/PAPER/record is gone");
        assert!(said.stderr.contains("another --data"), "{}", said.stderr);
        assert!(!desk.path("data/broker").exists());
        fs::create_dir_all(desk.path("data/broker/PAPER")).unwrap();
        desk.write("data/broker/PAPER/record", "BLPAPER1");
        let _ = desk.run(&run).exits(6).says("E7407");
        fs::remove_dir_all(desk.path("data/broker")).unwrap();
        fs::rename(desk.path("away"), desk.path("data/broker")).unwrap();
        let _ = desk.run(&run).exits(0);
    }
}

#[test]
fn a_broker_whose_record_lost_reports_that_the_log_holds_is_not_gone_on_with() {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(400).bytes());
    let run = ["run", "--data", "data", "--input", "tape.ws"];
    let _ = desk.run(&run).exits(0);
    let record = desk.path("data/broker/PAPER/record");
    let whole = fs::read(&record).unwrap();
    fs::write(&record, &whole[..whole.len() / 4]).unwrap();
    let _ = desk.run(&run).exits(6).says("E7407 data/broker/PAPER/record is gone, or a part of it");
    fs::write(&record, whole).unwrap();
    let _ = desk.run(&run).exits(0);
}

#[test]
fn verify_says_when_the_journal_is_behind_its_log_and_when_it_is_ahead() {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(2_000).bytes());
    let mut running = desk.start_run("data", &["tape.ws"]);
    assert!(desk.reaches(&mut running, "data", 600));
    assert_eq!(running.terminate(), Some(130));
    for part in ["log", "journal"] {
        copy(&desk.path("data").join(part), &desk.path("old").join(part));
    }
    let _ = desk.run_tapes("data", &["tape.ws"]);
    let put = |part: &str| {
        fs::rename(desk.path("data").join(part), desk.path("new").join(part)).unwrap();
        copy(&desk.path("old").join(part), &desk.path("data").join(part));
    };
    fs::create_dir(desk.path("new")).unwrap();
    put("journal");
    // Somebody holds the journal, so that it cannot be brought up to the log.
    let held = "flock data/journal/lock \"$0\" verify --json --data data";
    let behind = desk.shell(held).exits(3).summary();
    assert!(behind["journal_behind"].as_u64() > Some(100) && behind["sound"] == true, "{behind}");
    let _ = desk.run(&["verify", "--data", "data"]).exits(0);
    put("log");
    let ahead = desk.run(&["verify", "--json", "--data", "data"]).exits(6).summary();
    let found = ahead["findings"].to_string();
    assert!(found.contains("the log ends before index"), "{found}");
    let _ = desk.run(&["run", "--data", "data", "--input", "tape.ws"]).exits(6).says("E5203");
    let _ = desk.run(&["restore", "--data", "data"]).exits(0);
    let _ = desk.run(&["verify", "--data", "data"]).exits(0);
}
