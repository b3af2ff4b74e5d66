//! `publish`: JSON lines on stdin become events, also while a run holds the log.

use std::io::BufRead as _;

use bus::{Bus, Entry, Record, Unit};
use event::{Timestamp, id::foreign_id};
use serde_json::{Value, json};
use std::sync::Arc;

use super::{
    args::{BoundArgs, Common},
    output, setting,
};
use crate::{
    clock::wall_clock,
    control::{Publisher, readable},
    data_dir::{Binding, DataDir},
    engine::Role,
    exit::{Exit, Failure, OrExit as _, OrItsExit as _},
    pipeline::{Numbering, Submission, is_same, read_published},
    query::printable,
};

/// Reads lines to their end; each is answered by one line, in order.
pub(super) fn publish(common: &Common, bus: &BoundArgs) -> Result<Exit, Failure> {
    let dir = DataDir::new(&common.data);
    let mut target = match Publisher::connect(dir.root()).or_exit(Exit::Environment)? {
        Some(publisher) => Target::Run(publisher),
        None => Target::Log(Box::new(direct(common, &dir, bus)?)),
    };
    let (mut accepted, mut repeats, mut refused) = (0_u64, 0_u64, 0_u64);
    for (number, line) in (1_u64..).zip(std::io::stdin().lock().split(b'\n')) {
        let line = line.or_exit(Exit::Environment)?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let mut answer = match readable(&line) {
            Ok(line) => target.publish(line)?,
            Err(reason) => json!({ "error": reason }),
        };
        match answer.get("error").and_then(Value::as_str) {
            Some(reason) => {
                refused += 1;
                eprintln!("line {number}: {}", printable(reason));
                answer["line"] = json!(number);
            }
            None => {
                accepted += 1;
                repeats += u64::from(answer["repeat"] == true);
            }
        }
        if common.json {
            output::json(&answer);
        }
    }
    if let Target::Log(mut log) = target {
        log.bus.close().or_exit(Exit::Environment)?;
    }
    let total = json!({ "accepted": accepted, "repeats": repeats, "refused": refused });
    if common.json {
        output::json(&total);
    } else {
        let known = if repeats > 0 { format!(" ({repeats} known before)") } else { String::new() };
        output::line(&format!("{accepted} accepted{known}, {refused} refused"));
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
    bus: Box<dyn Bus>,
    numbering: Numbering,
    /// Where the directory belongs to a tape, time stands still while no run goes on.
    stands_at: Option<Timestamp>,
}

/// Entries at the end of a log among which there is an event: every commit of a run ends with few
/// records of progress.
const LAST_ENTRIES: u64 = 256;

fn direct(common: &Common, dir: &DataDir, bus: &BoundArgs) -> Result<Direct, Failure> {
    let _ = setting::read(common)?;
    let is_new = dir.must_hold_data().is_err();
    dir.make().or_exit(Exit::Environment)?;
    if is_new {
        eprintln!("{} held no data; it is a new directory", dir.root().display());
    }
    let failed = |error: bus::BusError| super::run::failure(error.into());
    let binding = dir.binding().or_its_exit()?;
    let engine = bus.engine(dir).or_its_exit()?;
    let role = binding.as_ref().map_or(Role::Alone, Binding::role);
    let mut bus = engine.open(dir, role, wall_clock).map_err(failed)?.bus;
    let stands_at = match binding {
        Some(_) => last_time(&mut *bus).map_err(failed)?,
        None => None,
    };
    Ok(Direct { bus, numbering: Numbering::default(), stands_at })
}

/// The time of the last event of a log.
fn last_time(bus: &mut dyn Bus) -> Result<Option<Timestamp>, bus::BusError> {
    let from = bus.next_index().saturating_sub(LAST_ENTRIES);
    let times =
        bus.read(from, LAST_ENTRIES as usize)?.into_iter().filter_map(|entry| match entry {
            Entry::Event(delivered) => Some(delivered.record.header().time),
            Entry::Progress { .. } | Entry::Foreign(_) => None,
        });
    Ok(times.max())
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
        let time = self.stands_at.unwrap_or_else(wall_clock);
        match read_published(line, &self.numbering, time) {
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
