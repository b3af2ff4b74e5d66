//! `publish`: JSON lines on stdin become events, also while a run holds the log.

use std::io::BufRead as _;

use bus::{Bus as _, Record, Unit};
use bus_log::LogBus;
use event::id::foreign_id;
use serde_json::{Value, json};
use std::sync::Arc;

use super::{args::Common, output, setting};
use crate::{
    clock::wall_clock,
    control::Publisher,
    data_dir::DataDir,
    exit::{Exit, Failure, OrExit as _},
    pipeline::{Numbering, Submission, is_same, read_published},
};

/// Reads lines to their end; each is answered by one line, in order.
pub(super) fn publish(common: &Common) -> Result<Exit, Failure> {
    let dir = DataDir::new(&common.data);
    let mut target = match Publisher::connect(dir.root()).or_exit(Exit::Environment)? {
        Some(publisher) => Target::Run(publisher),
        None => Target::Log(Box::new(direct(common, &dir)?)),
    };
    let (mut accepted, mut refused) = (0_u64, 0_u64);
    for (number, line) in (1..).zip(std::io::stdin().lock().lines()) {
        let line = line.or_exit(Exit::Environment)?;
        if line.trim().is_empty() {
            continue;
        }
        let answer = target.publish(&line)?;
        match answer.get("error").and_then(Value::as_str) {
            Some(reason) => {
                refused += 1;
                eprintln!("line {number}: {reason}");
            }
            None => accepted += 1,
        }
        if common.json {
            output::json(&answer);
        }
    }
    if let Target::Log(log) = target {
        log.bus.close().or_exit(Exit::Environment)?;
    }
    let total = json!({ "accepted": accepted, "refused": refused });
    if common.json {
        output::json(&total);
    } else {
        output::line(&format!("{accepted} accepted, {refused} refused"));
    }
    Ok(if refused == 0 { Exit::Ok } else { Exit::CheckFailed })
}

enum Target {
    /// A run holds the log: its socket takes lines.
    Run(Publisher),
    /// Nobody does: this process writes.
    Log(Box<Direct>),
}

struct Direct {
    bus: LogBus,
    numbering: Numbering,
}

fn direct(common: &Common, dir: &DataDir) -> Result<Direct, Failure> {
    let _ = setting::read(common)?;
    dir.make().or_exit(Exit::Environment)?;
    let opened =
        LogBus::open(&dir.log(), wall_clock).map_err(|error| super::run::failure(error.into()))?;
    Ok(Direct { bus: opened.bus, numbering: Numbering::default() })
}

impl Target {
    fn publish(&mut self, line: &str) -> Result<Value, Failure> {
        match self {
            Self::Log(log) => log.publish(line),
            Self::Run(publisher) => {
                let answer = publisher.publish(line).or_exit(Exit::Environment)?;
                let answer = answer.ok_or_else(|| {
                    Failure::new(
                        Exit::Environment,
                        "E7302 the run went away before it answered; publish the same lines again: \
                         what was accepted is recognised",
                    )
                })?;
                serde_json::from_str(&answer).or_exit(Exit::Environment)
            }
        }
    }
}

impl Direct {
    fn publish(&mut self, line: &str) -> Result<Value, Failure> {
        let failed = |error: bus::BusError| super::run::failure(error.into());
        if let Some(source) = crate::pipeline::source_of(line) {
            self.numbering.observe(source, self.bus.high_water(source));
        }
        match read_published(line, &self.numbering, wall_clock()) {
            Submission::Refused(reason) => Ok(json!({ "error": reason })),
            Submission::Repeat(root) => {
                let id = foreign_id(root.source, root.source_seq);
                let stored = self.bus.lookup(id).map_err(failed)?;
                let same = match &stored {
                    Some(stored) => {
                        is_same(&*stored.record.event().or_exit(Exit::Integrity)?, &root)
                    }
                    None => false,
                };
                Ok(match stored {
                    Some(stored) if same => json!({
                        "event_id": id.to_string(),
                        "index": stored.position.index,
                        "repeat": true,
                    }),
                    _ => json!({ "error": crate::pipeline::conflict(&root) }),
                })
            }
            Submission::New(event) => {
                let (id, source, seq) = (event.event_id, event.source, event.source_seq);
                let record = Record::of_event(Arc::new(*event), self.bus.topology());
                let unit = Unit::of_roots(source, vec![record]);
                let positions = self.bus.commit(&[unit]).map_err(failed)?;
                self.numbering.observe(source, seq);
                let index = positions.first().and_then(|p| p.first()).map(|p| p.index);
                Ok(json!({ "event_id": id.to_string(), "index": index, "repeat": false }))
            }
        }
    }
}
