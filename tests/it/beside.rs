//! A changed agent beside the recorded one: what it would have made of the same roots.

use std::fs;

use serde_json::{Value, json};
use tests::{Desk, large_trades, tape::Tape};

const START_NS: u64 = 1_723_161_904_000_000_000;

fn traded() -> Desk {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(1_200).bytes());
    let _ = desk.run_tapes("data", &["tape.ws"]);
    desk
}

fn with(desk: &Desk, change: &str, more: &[&str]) -> Value {
    let replay = ["replay", "--json", "--data", "data", "--with", change];
    desk.run(&[&replay[..], more].concat()).exits(0).summary()
}

/// Every authoritative file of a directory, with a digest of its bytes, and every event. The journal
/// is opened for writing by whoever reads, to bring it up to the log, so it is held to its events.
fn evidence(desk: &Desk, data: &str) -> (Vec<(String, event::Digest)>, Vec<Value>) {
    let mut files = Vec::new();
    for folder in ["log", "broker/PAPER", "control"] {
        for entry in fs::read_dir(desk.path(data).join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let digest = event::id::digest_of("file", &[&fs::read(&path).unwrap()]);
            files.push((path.display().to_string(), digest));
        }
    }
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    (files, desk.events(data))
}

#[test]
fn a_change_that_changes_nothing_changes_nothing() {
    let desk = traded();
    desk.write("same.toml", "[strategy]\nenter_ppm = 500000\n");
    let report = with(&desk, "strategy=same.toml", &[]);
    assert_eq!((&report["control_equal"], &report["equal"]), (&json!(true), &json!(true)));
    assert_eq!(report["lines"], json!([]));
    assert!(report["signals"]["same"].as_u64() > Some(3), "{report}");
    assert_eq!(report["signals"]["new"], 0);
}

#[test]
fn what_it_says_would_have_happened_is_what_a_run_with_the_change_does() {
    let desk = traded();
    let before = evidence(&desk, "data");
    for (change, settings) in [
        ("imbalance=change.toml", "[strategy]\nenter_ppm = 700000\n"),
        ("trader=change.toml", "[trader]\nunit_notional = \"250\"\n"),
        ("risk=change.toml", "[limits]\norder_notional = \"900\"\n"),
    ] {
        desk.write("change.toml", settings);
        let (kept, really) = (format!("kept-{change}"), format!("really-{change}"));
        let report = with(&desk, change, &["--keep", &kept]);
        assert_eq!(report["control_equal"], true, "{change}");
        assert_eq!(report["equal"], false, "{change}");
        let run = ["run", "--data", &really, "--config", "change.toml", "--input", "tape.ws"];
        let _ = desk.run(&run).exits(0);
        // The settings a root is loaded under name it; what follows from it is the same.
        let bodies = |data: &str| -> Vec<(Value, Value)> {
            let events = desk.events(data).into_iter();
            let told = events.filter(|event| event["kind"] != "AgentStarted");
            told.map(|event| (event["time"].clone(), event["body"].clone())).collect()
        };
        assert_eq!(bodies(&kept), bodies(&really), "{change}");
        let state = |data: &str| {
            desk.run(&["state", "--json", "--data", data]).exits(0).summary()["accounts"].clone()
        };
        assert_eq!(state(&kept), state(&really), "{change}");
        assert_ne!(state(&kept), state("data"), "{change}");
    }
    assert!(evidence(&desk, "data") == before, "the recorded run was touched");
    let left = fs::read_dir(desk.path("data/cache")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "fold" || name == "run"), "{left:?}");
}

#[test]
fn the_report_says_that_it_is_simulated_and_what_is_new_and_gone() {
    let desk = traded();
    desk.write("late.toml", "[strategy]\nenter_ppm = 700000\n");
    let report =
        desk.run(&["replay", "--data", "data", "--with", "strategy=late.toml"]).exits(0).stdout;
    for words in [
        "SIMULATED: ",
        "Without the change the simulation gives the record again, all ",
        "\nSignals: ",
        "\nOrders proposed: ",
        "OrderExecuted ",
        "profit PAPER ",
    ] {
        assert!(report.contains(words), "{words:?} is not in\n{report}");
    }
}

#[test]
fn a_kept_simulation_answers_like_a_run_and_is_not_gone_on_with() {
    let desk = traded();
    desk.write("late.toml", "[strategy]\nenter_ppm = 700000\n");
    let _ = with(&desk, "strategy=late.toml", &["--keep", "kept"]);
    let events = desk.events("kept");
    let fill = events.iter().find(|event| event["kind"] == "OrderExecuted").unwrap();
    let order = fill["body"]["order"].as_str().unwrap();
    let _ = desk.run(&["why", order, "--data", "kept"]).exits(0);
    let _ = desk.run(&["verify", "--data", "kept"]).exits(0);
    let run = ["run", "--data", "kept", "--input", "tape.ws"];
    let _ = desk.run(&run).exits(5).says("E7203");
    let again = ["replay", "--data", "data", "--with", "strategy=late.toml", "--keep", "kept"];
    let _ = desk.run(&again).exits(5).says("E7513");
}

#[test]
fn a_change_that_makes_no_sense_exits_2_and_says_why() {
    let desk = traded();
    desk.write("seed.toml", "[paper]\nseed = 9\n");
    for (change, code) in [
        ("strategy", "E7507"),
        ("nobody=seed.toml", "E7509"),
        ("strategy=seed.toml", "E7510"),
        ("strategy=nowhere.toml", "E8001"),
    ] {
        let replay = ["replay", "--data", "data", "--with", change];
        let _ = desk.run(&replay).exits(2).says(code);
    }
}

#[test]
fn settings_the_directory_was_not_run_with_are_refused_and_its_own_need_no_flag() {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(800).bytes());
    desk.write("late.toml", "[strategy]\nenter_ppm = 700000\n");
    let run = ["run", "--data", "data", "--config", "late.toml", "--input", "tape.ws"];
    let _ = desk.run(&run).exits(0);
    let replay = ["replay", "--agents", "--json", "--data", "data"];
    assert_eq!(desk.run(&replay).exits(0).summary()["agents"]["equal"], true);
    desk.write("other.toml", "[strategy]\nenter_ppm = 600000\n");
    let other = [&replay[..], &["--config", "other.toml"]].concat();
    let _ = desk.run(&other).exits(5).says("E7505");
}

#[test]
fn an_agent_of_ones_own_runs_beside_itself_in_a_variant_and_its_divergence_is_named() {
    let desk = Desk::new();
    let tape = (0..40).fold(Tape::spot("BTCUSDT", START_NS).leaning(40), |tape, number| {
        let size = if number % 4 == 0 { "5" } else { "1.5" };
        tape.after_ms(250).trade("61773.60", size, tests::tape::SellerTook::No)
    });
    desk.write("tape.ws", tape.bytes());
    let own = |arguments: &[&str]| desk.run_program(large_trades(), arguments);
    let _ = own(&["run", "--data", "data", "--input", "tape.ws"]).exits(0);
    let alerts = |data: &str| {
        let own = |event: &&Value| event["source"] == "large-trades/0";
        desk.events(data).iter().filter(own).count()
    };
    let with = |variant: &str, keep: &str| {
        let change = format!("large-trades={variant}");
        let replay = ["replay", "--json", "--data", "data", "--with", &change, "--keep", keep];
        own(&replay).exits(0).summary()
    };
    for (variant, expected) in [("above-1", 40), ("above-10", 0)] {
        let report = with(variant, variant);
        assert_eq!((&report["control_equal"], &report["equal"]), (&json!(true), &json!(false)));
        assert_eq!(alerts(variant), expected, "{variant}");
    }
    assert_eq!(alerts("data"), 10);
    let unknown = ["replay", "--data", "data", "--with", "large-trades=above-7"];
    let _ = own(&unknown).exits(2).says("E7508").says("above-1, above-10");

    // Another variant in place of the agent that ran: the first event it would not have said.
    let agents = ["replay", "--agents", "--json", "--data", "above-1"];
    let outcome = own(&agents)
        .exits(1)
        .says("E9001")
        .says("recorded:  AlertRaised")
        .says("run again: nothing");
    let found = outcome.summary()["agents"].clone();
    assert_eq!((&found["equal"], &found["task"]), (&json!(false), &json!("large-trades/0")));
    assert_eq!(found["recorded"]["body"]["detail"], "1.5 traded at 61773.6");
    assert_eq!(found["run_again"], Value::Null);
}
