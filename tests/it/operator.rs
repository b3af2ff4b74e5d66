//! What an operator asks for is answered, and what cannot be recorded stops trading all the same.

use std::fs;

use serde_json::Value;
use tests::{Desk, Running, tape::Tape};

const START_NS: u64 = 1_723_161_904_000_000_000;
const RUN: [&str; 8] = ["run", "--live", "--speed", "20", "--data", "data", "--input", "tape.ws"];

fn desk(quotes: u64) -> Desk {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(quotes).bytes());
    desk
}

/// A live run that goes on for longer than any test.
fn running(desk: &Desk) -> Running {
    let mut running = desk.start_listening("data", &RUN);
    assert!(desk.reaches(&mut running, "data", 60));
    running
}

fn resume(desk: &Desk, code: i32) -> Value {
    let resume = ["resume", "--actor", "ada", "--reason", "checked", "--json", "--data", "data"];
    desk.run(&resume).exits(code).summary()
}

/// Waits until the books are found clean at or above an index.
fn wait_for_clean_books(desk: &Desk, running: &mut Running, from: &Value) {
    let mut index = from.as_u64().unwrap();
    loop {
        let at = index.to_string();
        let tail = ["tail", "--from", &at, "--json", "--data", "data"];
        let events = desk.run(&tail).exits(0).json_lines();
        if events.iter().any(|event| event["body"]["alert"] == "BooksCompared") {
            return;
        }
        index = events.last().map_or(index, |last| last["index"].as_u64().unwrap() + 1);
        assert!(desk.reaches(running, "data", index), "the run ended before");
    }
}

fn latch(desk: &Desk) -> Value {
    desk.run(&["state", "--json", "--data", "data"]).exits(0).summary()["latch"].clone()
}

#[test]
fn a_resume_is_answered_with_a_refusal_and_its_reason_and_then_with_a_release() {
    let desk = desk(12_000);
    let mut running = running(&desk);
    let _ = desk.run(&["halt", "--reason", "drill", "--data", "data"]).exits(0);
    let refused = resume(&desk, 1);
    assert_eq!((&refused["answer"], &refused["running"]), (&"refused".into(), &true.into()));
    assert!(refused["reason"].as_str().unwrap().contains("no broker snapshot"), "{refused}");
    assert_eq!(latch(&desk)["halted"], true);
    // The refusal asks the broker; once its answer is compared, the next resume finds the books clean.
    let refusal = desk.events("data").into_iter().rfind(|e| e["kind"] == "ResumeRefused").unwrap();
    wait_for_clean_books(&desk, &mut running, &refusal["index"]);
    let accepted = resume(&desk, 0);
    assert_eq!(accepted["answer"], "accepted", "{accepted}");
    assert_eq!(latch(&desk)["halted"], false);
    assert_eq!(running.terminate(), Some(130));
}

#[test]
fn a_resume_that_a_damaged_latch_holds_says_so() {
    let desk = desk(12_000);
    let mut running = running(&desk);
    assert_eq!(resume(&desk, 1)["answer"], "refused");
    wait_for_clean_books(&desk, &mut running, &0.into());
    let mut bytes = fs::read(desk.path("data/control/latch")).unwrap();
    bytes[1_030] ^= 1;
    fs::write(desk.path("data/control/latch"), bytes).unwrap();
    let held = resume(&desk, 1);
    assert_eq!(held["answer"], "held", "{held}");
    assert!(held["reason"].as_str().unwrap().contains("E7002"), "{held}");
    assert_eq!(running.terminate(), Some(130));
}

#[test]
fn a_resume_without_a_run_is_recorded_and_says_what_takes_it_in() {
    let desk = desk(40);
    let _ = desk.run_tapes("data", &["tape.ws"]);
    let recorded = resume(&desk, 0);
    assert_eq!((&recorded["running"], recorded.get("answer")), (&false.into(), None));
    let resume = ["resume", "--actor", "ada", "--reason", "checked", "--data", "data"];
    assert!(desk.run(&resume).exits(0).stdout.contains("the next one begins with it"));
}

#[test]
fn a_live_run_tells_halts_and_refusals_as_they_happen() {
    let desk = desk(400);
    let run = ["run", "--live", "--speed", "0", "--data", "data", "--input", "tape.ws"];
    let _ = desk.run(&run).exits(0);
    let _ = desk
        .run(&["halt", "--reason", "drill\u{1b}[2J", "--actor", "ada", "--data", "data"])
        .exits(0);
    let resume = ["resume", "--actor", "ada", "--reason", "again", "--data", "data"];
    let _ = desk.run(&resume).exits(0);
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(400).bytes());
    let said = desk.run(&run).exits(0);
    let said = said
        .says("the latch is HALTED: ada: drill\u{fffd}[2J")
        .says("OperatorCommanded HALT by ada");
    let said = said.says("TradingHalted by ada: ").says("OperatorCommanded RESUME by ada: again");
    assert!(said.says("ResumeRefused asked by ada").stdout.contains("records: "));
}

#[test]
fn a_live_run_tells_a_damaged_latch() {
    let desk = desk(400);
    let run = ["run", "--live", "--speed", "0", "--data", "data", "--input", "tape.ws"];
    let _ = desk.run(&run).exits(0);
    fs::write(desk.path("data/control/latch"), [7; 3_072]).unwrap();
    let _ = desk.run(&run).exits(0).says("the latch is HALTED: E7002");
}

#[test]
fn a_halt_that_cannot_be_recorded_halts_and_says_why_it_was_not() {
    let desk = desk(40);
    let _ = desk.run_tapes("data", &["tape.ws"]);
    fs::remove_file(desk.path("data/control/commands")).unwrap();
    fs::create_dir(desk.path("data/control/commands")).unwrap();
    let halt = ["halt", "--reason", "drill", "--data", "data"];
    let _ = desk.run(&halt).exits(3).says("TRADING IS HALTED").says("E7001");
    assert_eq!(latch(&desk)["halted"], true);
}

#[test]
fn a_halt_is_not_refused_for_its_words() {
    let desk = desk(40);
    let _ = desk.run_tapes("data", &["tape.ws"]);
    for reason in ["\"".repeat(600), "é".repeat(400), "\u{1}".repeat(300)] {
        let _ = desk.run(&["halt", "--reason", &reason, "--data", "data"]).exits(0);
    }
    let _ = desk.run_tapes("data", &["tape.ws"]);
    let halts = |event: &Value| event["kind"] == "OperatorCommanded";
    assert_eq!(desk.events("data").into_iter().filter(halts).count(), 3);
}

#[test]
fn an_account_that_nobody_knows_is_told_and_a_halt_stops_all_the_same() {
    let desk = desk(40);
    let _ = desk.run_tapes("data", &["tape.ws"]);
    let account = ["--account", "NOBODY", "--data", "data"];
    let resume = ["resume", "--actor", "ada", "--reason", "checked"];
    let _ = desk.run(&[&resume[..], &account].concat()).exits(4).says("E7303");
    let _ = desk.run(&[&["cancel-all"][..], &account].concat()).exits(4).says("E7303");
    assert_eq!(latch(&desk)["halted"], false);
    let _ = desk.run(&[&["halt"][..], &account].concat()).exits(0).says("no account NOBODY");
    assert_eq!(latch(&desk)["halted"], true);
    // The log is told of a halt of all, so a resume of all can end it, and no account is made up.
    let _ = desk.run_tapes("data", &["tape.ws"]);
    assert!(desk.events("data").iter().all(|event| !event.to_string().contains("NOBODY")));
    let _ = desk.run(&["reconcile", "--data", "data"]).exits(0);
}

/// What a latch said that is gone nobody knows, so trading counts as halted until it is resumed.
#[test]
fn a_latch_that_is_gone_counts_as_halted() {
    let desk = desk(40);
    let _ = desk.run_tapes("data", &["tape.ws"]);
    assert_eq!(latch(&desk)["halted"], false);
    fs::remove_file(desk.path("data/control/latch")).unwrap();
    assert_eq!(latch(&desk)["halted"], true);
    let run = desk.run(&["run", "--data", "data", "--input", "tape.ws"]).exits(0);
    assert!(run.stdout.contains("TRADING IS HALTED by the latch"), "{}", run.stdout);
    assert_eq!(latch(&desk)["halted"], true, "a run makes it anew, and does not release it");
    let resume = ["resume", "--actor", "ada", "--reason", "checked", "--data", "data"];
    // The first is refused, and has the books compared.
    for halted in [true, false] {
        let _ = desk.run(&resume).exits(0);
        let _ = desk.run_tapes("data", &["tape.ws"]);
        assert_eq!(latch(&desk)["halted"], halted);
    }
}

#[test]
fn a_halt_writes_a_damaged_ring_of_commands_anew_and_loses_none_that_can_be_read() {
    let desk = desk(400);
    let _ = desk.run_tapes("data", &["tape.ws"]);
    let command = |verb: &str, reason: &str, code| {
        desk.run(&[verb, "--reason", reason, "--data", "data"]).exits(code)
    };
    // One that the log has, then two that wait, of which the first is lost.
    let _ = command("halt", "first", 0);
    let _ = desk.run_tapes("data", &["tape.ws"]);
    let _ = command("cancel-all", "second", 0);
    let _ = command("cancel-all", "third", 0);
    let ring = desk.path("data/control/commands");
    let mut bytes = fs::read(&ring).unwrap();
    bytes[2 * 512 + 40] ^= 1;
    fs::write(&ring, bytes).unwrap();
    let _ = command("cancel-all", "fourth", 6).says("E7002").says("`blotter halt` writes it anew");
    let run = ["run", "--data", "data", "--input", "tape.ws"];
    let _ = desk.run(&run).exits(6).says("E7002");
    let _ = command("halt", "mend", 0).says("written anew").says("the 1 of them");
    assert!(desk.path("data/control/commands.damaged-1").exists());
    let _ = desk.run_tapes("data", &["tape.ws"]);
    let events = desk.events("data");
    let commanded = events.iter().filter(|event| event["kind"] == "OperatorCommanded");
    let told: Vec<_> = commanded.map(|event| event["body"]["reason"].as_str().unwrap()).collect();
    assert_eq!(told, ["first", "third", "mend"]);
    let _ = desk.run(&["verify", "--data", "data"]).exits(0);
}

#[test]
fn commands_go_on_behind_those_of_the_log_when_their_file_is_gone() {
    let desk = desk(400);
    let _ = desk.run_tapes("data", &["tape.ws"]);
    let _ = desk.run(&["halt", "--reason", "first", "--data", "data"]).exits(0);
    let _ = desk.run_tapes("data", &["tape.ws"]);
    fs::remove_file(desk.path("data/control/commands")).unwrap();
    let _ = desk.run(&["cancel-all", "--reason", "second", "--data", "data"]).exits(0);
    let _ = desk.run_tapes("data", &["tape.ws"]);
    let events = desk.events("data");
    let commanded = events.iter().filter(|event| event["kind"] == "OperatorCommanded");
    let told: Vec<_> = commanded.map(|event| event["body"]["reason"].as_str().unwrap()).collect();
    assert_eq!(told, ["first", "second"]);
}
