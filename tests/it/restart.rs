//! A run that starts again goes on from a snapshot nobody trusts, and ends as one that never stopped.

use std::{fs, path::Path};

use serde_json::Value;
use tests::{Desk, Outcome, blotter, tape::Tape};

const START_NS: u64 = 1_723_161_904_000_000_000;

/// What an interrupted run and an uninterrupted one must agree on: all but starts, and speed.
fn numbers(mut summary: Value) -> Value {
    let _ = summary.as_object_mut().unwrap().remove("events_per_second").unwrap();
    let _ = summary["events"].as_object_mut().unwrap().remove("ops").unwrap();
    summary
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let from = entry.unwrap().path();
        let to = to.join(from.file_name().unwrap());
        if from.is_dir() {
            copy(&from, &to);
        } else if from.extension().is_none_or(|end| end != "sock") {
            fs::copy(&from, &to).unwrap();
        }
    }
}

fn damage(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            damage(&path);
            continue;
        }
        let mut bytes = fs::read(&path).unwrap();
        bytes.iter_mut().step_by(61).for_each(|byte| *byte ^= 0x55);
        fs::write(&path, bytes).unwrap();
    }
}

/// From which index the log was delivered again.
fn redelivered_from(outcome: &Outcome) -> u64 {
    let (_, after) = outcome.stderr.split_once("delivered again from index ").unwrap();
    after.lines().next().unwrap().parse().unwrap()
}

/// Where a run may go on from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MayGoOn {
    FromASnapshot,
    FromTheBeginning,
}

#[test]
fn a_killed_run_ends_the_same_whatever_became_of_its_snapshots() {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(32_000).bytes());
    let whole = desk.run_tapes("whole", &["tape.ws"]);
    let mut running = desk.start_run("cut", &["tape.ws"]);
    assert!(desk.reaches(&mut running, "cut", 30_000));
    assert_eq!(running.kill(), None);
    let foreign = desk.path("whole/cache/run");
    let other_program = desk.path("other-program");
    fs::copy(blotter(), &other_program).unwrap();
    for (what, words, may_go_on) in [
        // A kill may come before the store wrote what it was given: then there is nothing to go on from.
        ("kept", "", MayGoOn::FromASnapshot),
        ("deleted", "", MayGoOn::FromTheBeginning),
        ("damaged", "", MayGoOn::FromTheBeginning),
        ("foreign", "is of another log", MayGoOn::FromTheBeginning),
        ("another program's", "", MayGoOn::FromTheBeginning),
    ] {
        copy(&desk.path("cut"), &desk.path(what));
        let cache = desk.path(what).join("cache/run");
        match what {
            "deleted" => fs::remove_dir_all(&cache).unwrap(),
            "damaged" => damage(&cache),
            "foreign" => {
                fs::remove_dir_all(&cache).unwrap();
                copy(&foreign, &cache);
            }
            _ => {}
        }
        let run = ["run", "--json", "--data", what, "--input", "tape.ws"];
        let program = if what.starts_with("another") { &other_program } else { blotter() };
        let outcome = desk.run_program(program, &run).exits(0).says("went on").says(words);
        let from = redelivered_from(&outcome);
        let allowed = from == 0 || may_go_on == MayGoOn::FromASnapshot;
        assert!(allowed, "{what}: from {from}\n{}", outcome.stderr);
        assert_eq!(numbers(outcome.summary()), numbers(whole.clone()), "{what}");
        let _ = desk.run(&["diff", "whole", what]).exits(0);
        let replay = ["replay", "--agents", "--json", "--data", what];
        assert_eq!(desk.run(&replay).exits(0).summary()["agents"]["equal"], true, "{what}");
    }
}

/// Stops and kills a run in turn until it has come to its end.
fn interrupted(desk: &Desk, step: u64) -> (u64, Outcome) {
    let (mut at, mut stops) = (step, 0);
    loop {
        let mut running = desk.start_run("cut", &["tape.ws"]);
        if !desk.reaches(&mut running, "cut", at) {
            let _ = running.wait();
            let run = ["run", "--json", "--data", "cut", "--input", "tape.ws"];
            return (stops, desk.run(&run).exits(0));
        }
        // Stopped, it lays itself down; killed, the log is ahead of where it last did.
        if stops % 3 == 2 {
            let _ = running.kill();
        } else {
            let _ = running.terminate();
        }
        stops += 1;
        at += step;
    }
}

#[test]
fn a_run_stopped_and_killed_in_turn_goes_on_from_where_it_was_laid_down() {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(8_000).bytes());
    let whole = desk.run_tapes("whole", &["tape.ws"]);
    let (stops, last) = interrupted(&desk, 900);
    assert!(stops >= 5, "only {stops} stops hit a run that was under way");
    assert_eq!(numbers(last.summary()), numbers(whole));
    let _ = desk.run(&["diff", "whole", "cut"]).exits(0);
    assert!(redelivered_from(&last) > 8_000, "{}", last.stderr);
}

#[test]
fn timers_due_while_a_run_was_stopped_fire_at_their_own_times() {
    let desk = Desk::new();
    // Between any two quotes the instrument goes stale.
    let tape = (0..4_000).fold(Tape::spot("BTCUSDT", START_NS), |tape, _| {
        tape.quote(("61773.50", "1"), ("61773.60", "1")).after_ms(20_000)
    });
    desk.write("tape.ws", tape.bytes());
    let whole = desk.run_tapes("whole", &["tape.ws"]);
    let (stops, last) = interrupted(&desk, 2_000);
    assert!(stops >= 3, "only {stops} stops hit a run that was under way");
    assert_eq!(numbers(last.summary()), numbers(whole));
    let _ = desk.run(&["diff", "whole", "cut"]).exits(0);
}
