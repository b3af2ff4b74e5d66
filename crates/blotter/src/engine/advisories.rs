//! What a NATS server tells of the stream becomes an event, on the way that producers' events take.

use std::path::PathBuf;

use bus::{Bus as _, BusError};
use bus_nats::{Advisory, Happened, NatsBus};
use event::Source;
use serde_json::{Value, json};

use crate::control::Publisher;

/// Who says so in the log.
const SOURCE: &str = "nats-advisory";

/// Listens for as long as the bus is open: what touches the evidence itself is said on stderr, and becomes an
/// event of the run that listens in `dir`. Where the stream is gone there is none to become: the bus stops.
pub(super) fn watch(bus: &NatsBus, stream: &str, dir: PathBuf) -> Result<(), BusError> {
    let told = bus.advisories()?;
    let source: Result<Source, _> = SOURCE.parse();
    let mut seq = source.map_or(0, |source| bus.high_water(source));
    let stream = stream.to_owned();
    let listen = move || {
        while let Some(advisory) = told.wait() {
            if !advisory.is_alarm() {
                continue;
            }
            let (alert, words) = of(&advisory);
            eprintln!("ALARM: stream {stream} {words}, says the server: {}", advisory.account);
            seq += 1;
            let detail = format!("it {words}, says the server: {}", advisory.account);
            let line = line(seq, alert, &stream, &detail).to_string();
            if let Ok(Some(mut run)) = Publisher::connect(&dir) {
                // A run that ends meanwhile has said why itself.
                let _ = run.publish(&line);
            }
        }
    };
    let _ = std::thread::Builder::new().name("advisories".into()).spawn(listen);
    Ok(())
}

fn line(seq: u64, alert: &str, stream: &str, detail: &str) -> Value {
    json!({
        "source": SOURCE,
        "source_seq": seq,
        "key": "-",
        "kind": "AlertRaised",
        "body": {
            "alert": alert,
            "severity": "CRITICAL",
            "subject": format!("stream {stream}"),
            "detail": detail,
        },
    })
}

const fn of(advisory: &Advisory) -> (&'static str, &'static str) {
    match advisory.happened {
        Happened::Deleted => ("StreamDeleted", "was deleted"),
        Happened::Updated => ("StreamChanged", "was made another"),
        Happened::Restored => ("StreamRestored", "was put back from a copy"),
        Happened::QuorumLost => ("QuorumLost", "has too few servers left to accept anything"),
        _ => ("StreamTouched", "was touched"),
    }
}
