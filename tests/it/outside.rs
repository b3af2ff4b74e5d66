//! Programs of others beside a run: the examples in Python, and strangers.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use servers::Python;
use tempfile::TempDir;
use tests::{Desk, tape::Tape};

const START_NS: u64 = 1_723_161_904_000_000_000;
/// What strangers write once, as `strangers.py` says.
const OFFERED: usize = 6;
const ASTRAY: usize = 21;

/// A bus on a server, and the clients of others.
pub(crate) struct Outside {
    engine: &'static str,
    url: String,
    prefix: String,
    python: Python,
    classes: TempDir,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().into()
}

impl Outside {
    pub(crate) fn new(engine: &'static str, url: &str, prefix: &str) -> Self {
        let python = Python::with(&root().join("examples/python/requirements.txt")).unwrap();
        let classes = TempDir::new().unwrap();
        let schemas = root().join("schemas/proto");
        python.compile(&schemas, "blotter/v1/event.proto", classes.path()).unwrap();
        Self { engine, url: url.into(), prefix: prefix.into(), python, classes }
    }

    fn command(&self, script: &Path) -> Command {
        let examples = root().join("examples/python");
        let mut command = self.python.command(&[self.classes.path(), &examples]).unwrap();
        command.arg(script);
        command
    }

    /// An example's lines.
    fn example(&self, name: &str, arguments: &[&str]) -> Vec<String> {
        let script = root().join(format!("examples/python/{name}_{}.py", self.engine));
        let mut command = self.command(&script);
        let output = command.arg(&self.url).args(arguments).arg(&self.prefix).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {said}");
        String::from_utf8(output.stdout).unwrap().lines().map(String::from).collect()
    }

    /// Whether an offer is stored, on Kafka, by a producer with these settings.
    pub(crate) fn offers_with(&self, settings: &str) -> bool {
        let mut command = self.command(&root().join("examples/python/produce_kafka.py"));
        command.args([&self.url, "python-alpha", "1", "3", &self.prefix, settings]);
        command.output().unwrap().status.success()
    }

    fn strangers(&self) -> Command {
        let mut command = self.command(&root().join("tests/it/strangers.py"));
        command.args([self.engine, &self.url, &self.prefix]);
        command
    }

    fn strangers_write(&self) {
        assert!(self.strangers().status().unwrap().success(), "strangers were kept out");
    }

    /// Strangers that write until they are told to stop.
    fn storm(&self) -> Storm {
        let mut command = self.strangers();
        Storm(command.arg("storm").stderr(Stdio::null()).spawn().unwrap())
    }
}

struct Storm(Child);

impl Drop for Storm {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["kind"] == kind).collect()
}

/// The quarantined records that came from the bus, by reason; each of another place.
fn quarantined(events: &[Value]) -> BTreeMap<String, usize> {
    let mut reasons = BTreeMap::new();
    let (mut places, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for event in of_kind(events, "EventQuarantined") {
        assert_eq!(event["source"], "ingress/foreign");
        let body = &event["body"];
        assert!(ids.insert(event["event_id"].to_string()), "twice: {event}");
        assert!(places.insert(body["record"].to_string()), "told of twice: {event}");
        assert!(body["bytes"].as_str().unwrap().len() <= 2 * (48 << 10), "{event}");
        *reasons.entry(body["reason"].as_str().unwrap().into()).or_default() += 1;
    }
    reasons
}

fn is_whole(desk: &Desk, data: &str) {
    let _ = desk.run(&["verify", "--data", data]).exits(0);
    let replay = ["replay", "--agents", "--json", "--data", data];
    assert_eq!(desk.run(&replay).exits(0).summary()["agents"]["equal"], true);
}

/// A live run takes what producers offer, tells of what strangers write, and trades on.
pub(crate) fn a_live_run_takes_what_is_offered_and_tells_of_strangers_once(
    outside: &Outside,
    bus: &[&str],
) {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(400).bytes());
    let run = ["run", "--live", "--speed", "20", "--json", "--data", "data", "--input", "tape.ws"];
    let run = [&run[..], bus].concat();
    let running = desk.start_listening("data", &run);
    let mut produced = outside.example("produce", &["python-alpha", "1", "3"]);
    outside.strangers_write();
    // What was offered before and is offered again is one event.
    assert_eq!(outside.example("produce", &["python-alpha", "1", "3"]), produced);
    produced.extend(outside.example("produce", &["python-alpha", "4", "4"]));
    let order = outside.example("consume", &[]);
    let _ = running.summary(0);
    // What came too late for one run is taken by the next.
    let _ = desk.run(&run).exits(0);
    let events = desk.events("data");
    let of_producer: Vec<_> = events.iter().filter(|e| e["source"] == "python-alpha").collect();
    let ids: Vec<_> = of_producer.iter().map(|e| e["event_id"].as_str().unwrap()).collect();
    assert_eq!(ids, produced);
    assert!(of_producer.iter().all(|event| event["kind"] == "MarketTrade"));
    assert!(of_producer.iter().all(|event| event["time"].as_str().unwrap().starts_with("2024")));
    let expected = [("CLOCK", 1), ("CONFLICT", 1), ("FOREIGN", OFFERED + ASTRAY - 2)];
    assert_eq!(quarantined(&events), expected.map(|(why, count)| (why.into(), count)).into());
    // One alert for the burst, and one for each producer that has a name.
    let alerts = of_kind(&events, "AlertRaised").into_iter().map(|event| &event["body"]);
    let alerts: Vec<_> = alerts.filter(|body| body["alert"] == "RecordQuarantined").collect();
    let mut subjects: Vec<_> =
        alerts.iter().map(|body| body["subject"].as_str().unwrap()).collect();
    subjects.sort_unstable();
    let named = ["bus", "python-alpha", "python-beta", "python-skewed", "risk/PAPER"];
    assert_eq!(subjects, named);
    assert!(of_kind(&events, "TradingHalted").is_empty(), "strangers stopped trading");
    let id = order.first().and_then(|line| line.split(' ').next()).unwrap();
    let submitted = of_kind(&events, "SubmitOrder");
    assert!(submitted.iter().any(|event| event["event_id"] == id), "{order:?}");
    is_whole(&desk, "data");
}

/// A tape run counts on its places. Whoever writes in between delays it, and changes nothing of what
/// comes of the tape.
pub(crate) fn a_tape_run_beside_strangers_does_what_it_does_alone(outside: &Outside, bus: &[&str]) {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(400).bytes());
    let alone = desk.run_tapes("alone", &["tape.ws"]);
    let run = [&["run", "--json", "--data", "data", "--input", "tape.ws"][..], bus].concat();
    // They are there before anybody of ours.
    let _ = desk.run(&["streams", "apply", "--bus", bus[1]]).exits(0);
    outside.strangers_write();
    let storm = outside.storm();
    let beside = desk.run(&run).exits(0).summary();
    drop(storm);
    for what in ["records", "proposals", "orders", "executions", "open_breaks"] {
        assert_eq!(beside[what], alone[what], "{what}");
    }
    let again = desk.run(&run).exits(0).summary();
    let settled = desk.run(&run).exits(0).summary();
    assert_eq!(again["orders"], alone["orders"]);
    assert_eq!(settled["log_digest"], again["log_digest"], "what was told is told again");
    let events = desk.events("data");
    let reasons = quarantined(&events);
    assert_eq!((reasons["CLOCK"], reasons.get("CONFLICT")), (1, None));
    assert!(reasons["FOREIGN"] >= OFFERED + ASTRAY - 2, "{reasons:?}");
    is_whole(&desk, "data");
}
