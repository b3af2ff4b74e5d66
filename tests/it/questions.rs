//! What can be asked of a log: state then and now, events, causes.

use serde_json::Value;
use tests::{Desk, tape::Tape};

const START_NS: u64 = 1_723_161_904_000_000_000;

fn traded() -> Desk {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(1_200).bytes());
    let _ = desk.run_tapes("data", &["tape.ws"]);
    desk
}

/// The state, without which moment was asked for.
fn state(desk: &Desk, more: &[&str]) -> Value {
    let state = desk.run(&[&["state", "--json", "--data", "data"], more].concat()).exits(0);
    let mut state = state.summary();
    let _ = state.as_object_mut().unwrap().remove("as_of").unwrap();
    state
}

fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["kind"] == kind).collect()
}

#[test]
fn state_as_of_the_end_is_the_state() {
    let desk = traded();
    let last = desk.events("data").last().unwrap().clone();
    let now = state(&desk, &[]);
    assert_eq!(state(&desk, &["--as-of", &last["index"].to_string()]), now);
    assert_eq!(state(&desk, &["--as-of", "2030-01-01T00:00:00Z"]), now);
    assert_eq!(state(&desk, &["--as-of", last["time"].as_str().unwrap()]), now);
}

#[test]
fn state_as_of_an_index_counts_the_executions_up_to_there() {
    let desk = traded();
    let events = desk.events("data");
    let fills = of_kind(&events, "OrderExecuted");
    assert!(fills.len() > 3);
    for (count, fill) in (1..).zip(&fills) {
        let index = fill["index"].as_u64().unwrap();
        let executions = |index: u64| {
            let state = state(&desk, &["--as-of", &index.to_string()]);
            state["accounts"][0]["executions"].as_u64().unwrap()
        };
        assert_eq!((executions(index - 1), executions(index)), (count - 1, count));
    }
}

#[test]
fn state_as_of_an_instant_is_the_state_as_of_its_last_event() {
    let desk = traded();
    let events = desk.events("data");
    let fill = of_kind(&events, "OrderExecuted")[1];
    let time = fill["time"].as_str().unwrap();
    let last = events.iter().rfind(|event| event["time"] == time).unwrap();
    let by_index = state(&desk, &["--as-of", &last["index"].to_string()]);
    assert_eq!(state(&desk, &["--as-of", time]), by_index);
    assert_ne!(by_index, state(&desk, &[]));
}

#[test]
fn replay_as_of_an_index_has_the_digest_of_the_state_as_of_it() {
    let desk = traded();
    let as_of = ["--as-of", "700"];
    let replay = [&["replay", "--agents", "--json", "--data", "data"], &as_of[..]].concat();
    let replayed = desk.run(&replay).exits(0).summary();
    assert_eq!(replayed["state_digest"], state(&desk, &as_of)["state_digest"]);
    assert_eq!(replayed["agents"]["equal"], true);
}

#[test]
fn an_as_of_that_is_neither_index_nor_instant_exits_2() {
    let desk = traded();
    let _ = desk.run(&["state", "--data", "data", "--as-of", "yesterday"]).exits(2).says("E7501");
}

#[test]
fn tail_shows_the_last_twenty_and_from_0_all_in_order() {
    let desk = traded();
    let all = desk.events("data");
    let last = desk.run(&["tail", "--json", "--data", "data"]).exits(0).json_lines();
    assert_eq!(last, all[all.len() - 20..]);
    assert!(all.len() > 1_500);
    assert!(all.is_sorted_by_key(|event| event["index"].as_u64().unwrap()));
    let words = desk.run(&["tail", "--data", "data"]).exits(0);
    assert_eq!(words.stdout.lines().count(), 20);
    let from = all[40]["index"].to_string();
    let rest = desk.run(&["tail", "--json", "--data", "data", "--from", &from]).exits(0);
    assert_eq!(rest.json_lines(), all[40..]);
}

#[test]
fn why_leads_from_an_execution_back_to_the_quote_and_shows_what_was_seen() {
    let desk = traded();
    let events = desk.events("data");
    let fills = of_kind(&events, "OrderExecuted");
    for fill in &fills {
        let order = fill["body"]["order"].as_str().unwrap();
        let why = desk.run(&["why", order, "--json", "--data", "data"]).exits(0).summary();
        assert_eq!(why["missing"], Value::Array(vec![]));
        let chain = why["chain"].as_array().unwrap();
        assert_eq!(chain[0]["kind"], "MarketQuote", "{chain:?}");
        assert_eq!(chain[0].get("cause_id"), None);
        for (cause, event) in chain.iter().zip(&chain[1..]) {
            assert_eq!(event["cause_id"], cause["event_id"]);
        }
        let life = why["life"].as_array().unwrap();
        assert_eq!(life[0]["cause_id"], chain.last().unwrap()["event_id"]);
        let kinds: Vec<_> = life.iter().map(|event| event["kind"].as_str().unwrap()).collect();
        let first: Vec<_> = kinds.iter().take(4).collect();
        assert_eq!(first, [&"OrderProposed", &"OrderApproved", &"SubmitOrder", &"SubmitAttempted"]);
        assert!(kinds.contains(&"OrderExecuted"), "{kinds:?}");
        let approved = life.iter().find(|event| event["kind"] == "OrderApproved").unwrap();
        assert!(approved["basis"]["limit_set"].is_string(), "{approved}");
        assert!(!approved["basis"]["observed"].as_array().unwrap().is_empty(), "{approved}");
        let words = desk.run(&["why", order, "--data", "data"]).exits(0).stdout;
        assert!(words.contains("under limits shipped-1") && words.contains("saw "), "{words}");
    }
}

#[test]
fn trace_is_the_same_asked_by_trace_by_event_and_by_order() {
    let desk = traded();
    let events = desk.events("data");
    let fill = of_kind(&events, "SubmitAttempted")[0];
    let ask = |id: &Value| {
        let id = id.as_str().unwrap();
        desk.run(&["trace", id, "--json", "--data", "data"]).exits(0).summary()
    };
    let by_trace = ask(&fill["trace_id"]);
    let of_trace = events.iter().filter(|event| event["trace_id"] == fill["trace_id"]);
    assert_eq!(by_trace["events"], of_trace.count());
    assert_eq!(by_trace["tree"][0]["kind"], "MarketQuote");
    assert_eq!(ask(&fill["event_id"]), by_trace);
    assert_eq!(ask(&fill["body"]["order"]), by_trace);
}

#[test]
fn an_unknown_id_exits_4_and_a_malformed_one_2() {
    let desk = traded();
    let unknown = "00000000000000000000000000000001";
    let cases = [
        (["why", unknown], 4, "E7602"),
        (["trace", unknown], 4, "E7601"),
        (["why", "x"], 4, "E7602"),
        (["trace", "x"], 4, "E7601"),
        (["why", "no id"], 2, "E7603"),
        (["trace", "no id"], 2, "E7603"),
    ];
    for (arguments, code, words) in cases {
        let said = desk.run(&[&arguments[..], &["--data", "data"]].concat()).exits(code);
        assert!(said.says(words).stdout.is_empty());
    }
}

#[test]
fn every_question_about_a_directory_without_data_exits_4_and_leaves_it_alone() {
    let desk = Desk::new();
    let id = "00000000000000000000000000000001";
    let questions: [&[&str]; 8] = [
        &["state"],
        &["tail"],
        &["replay"],
        &["verify"],
        &["why", id],
        &["trace", id],
        &["reconcile"],
        &["halt"],
    ];
    for question in questions {
        let _ = desk.run(&[question, &["--data", "none"]].concat()).exits(4).says("E7202");
        assert!(!desk.path("none").exists(), "{question:?} made the directory");
    }
}

#[test]
fn the_first_digits_of_an_id_or_an_execution_name_what_they_are_of() {
    let desk = traded();
    let events = desk.events("data");
    let fill = of_kind(&events, "OrderExecuted")[0];
    let order = fill["body"]["order"].as_str().unwrap();
    let ask = |command: &str, id: &str| {
        desk.run(&[command, id, "--json", "--data", "data"]).exits(0).summary()
    };
    for command in ["why", "trace"] {
        let whole = ask(command, order);
        assert_eq!(ask(command, &order[..12]), whole);
        assert_eq!(ask(command, &order[..12].to_uppercase()), whole);
        assert_eq!(ask(command, fill["body"]["exec_id"].as_str().unwrap()), whole);
    }
    let event = fill["event_id"].as_str().unwrap();
    assert_eq!(ask("trace", &event[..12])["trace"], fill["trace_id"]);
}

#[test]
fn digits_that_begin_several_ids_are_refused_with_a_list_of_them() {
    let desk = traded();
    let mut heads = std::collections::BTreeMap::<String, Vec<String>>::new();
    for event in desk.events("data") {
        let (id, trace) =
            (event["event_id"].as_str().unwrap(), event["trace_id"].as_str().unwrap());
        heads.entry(id[..4].into()).or_default().push(trace.into());
    }
    let several = |traces: &Vec<String>| traces.iter().any(|trace| *trace != traces[0]);
    let (head, traces) = heads.into_iter().find(|(_, traces)| several(traces)).unwrap();
    let said = desk.run(&["trace", &head, "--data", "data"]).exits(2).says("E7604");
    for trace in traces {
        assert!(said.stderr.contains(&trace), "{}", said.stderr);
    }
}

#[test]
fn state_says_which_moment_it_is_of_and_splits_profit() {
    let desk = traded();
    let ask = |more: &[&str]| desk.run(&[&["state", "--data", "data"], more].concat()).exits(0);
    let last = desk.events("data").last().unwrap()["time"].as_str().unwrap().to_owned();
    let words = ask(&["--as-of", "2030-01-01T00:00:00Z"]);
    assert!(words.stderr.contains("the journal ends at "), "{}", words.stderr);
    assert!(words.stdout.contains(&format!("As of {last}, journal index ")), "{}", words.stdout);
    assert!(words.stdout.contains("GROSS REALISED"), "{}", words.stdout);
    let early = ask(&["--as-of", "700"]);
    assert!(early.stdout.contains(", journal index 700\n") && early.stderr.is_empty());
    let json = ask(&["--as-of", "700", "--json"]).summary();
    assert_eq!(json["as_of"]["index"], 700);
    let profit = &json["accounts"][0]["profit"]["USDT"];
    assert!(profit["fees"].as_str().unwrap().starts_with('-'), "{profit}");
    let beyond = ["state", "--data", "data", "--as-of", "900000"];
    let _ = desk.run(&beyond).exits(4).says("E7504");
}

#[test]
fn an_order_is_the_same_word_everywhere_and_a_proposal_another() {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(1_200).bytes());
    desk.write("tight.toml", "[limits]\nposition = \"1500\"\n");
    let run = ["run", "--json", "--data", "data", "--config", "tight.toml", "--input", "tape.ws"];
    let ran = desk.run(&run).exits(0).summary();
    let events = desk.events("data");
    let counts = |kind| of_kind(&events, kind).len() as u64;
    let (orders, proposals) = (counts("SubmitOrder"), counts("OrderProposed"));
    assert!(orders < proposals, "a limit denied nothing");
    let replayed = desk.run(&["replay", "--json", "--data", "data"]).exits(0).summary();
    for told in [ran, replayed, state(&desk, &[])] {
        assert_eq!((&told["orders"], &told["proposals"]), (&orders.into(), &proposals.into()));
    }
    let words = desk.run(&["state", "--data", "data"]).exits(0).stdout;
    assert!(words.contains(&format!("{orders} orders of {proposals} proposals")), "{words}");
}

#[test]
fn an_open_order_is_shown_with_its_side_and_what_is_filled() {
    let desk = traded();
    let events = desk.events("data");
    let accepted = of_kind(&events, "OrderAccepted")[0];
    let state = state(&desk, &["--as-of", &accepted["index"].to_string()]);
    let open = &state["accounts"][0]["open_orders"][0];
    assert_eq!(open["order"], accepted["body"]["order"]);
    assert_eq!((&open["side"], &open["filled"]), (&accepted["body"]["side"], &"0".into()));
    let words = ["state", "--data", "data", "--as-of", &accepted["index"].to_string()];
    assert!(desk.run(&words).exits(0).stdout.contains("SIDE  QUANTITY"));
}
