//! `tail`: events as they land.

use std::{collections::VecDeque, time::Duration};

use event::{Event, wire::event_to_json};
use serde_json::json;

use super::{args::Common, output};
use crate::{
    clock::wall_clock,
    data_dir::DataDir,
    exit::{Exit, Failure, OrExit as _},
    journal::{self, Item, Until},
    query::summary,
    signal,
};

/// Events shown when no start is named.
const LAST: usize = 20;
/// How long a following reader waits before it looks again.
const WAIT: Duration = Duration::from_millis(100);

/// Prints events from an index on; without one, the last twenty.
pub(super) fn tail(common: &Common, from: Option<u64>, follow: bool) -> Result<Exit, Failure> {
    let dir = DataDir::new(&common.data);
    let mut reader = journal::open(&dir, wall_clock)?;
    let end = reader.end().or_exit(Exit::Integrity)?;
    let mut next = match from {
        Some(from) => from,
        None => show_last(&mut reader, end, common.json)?,
    };
    let stop = signal::stop_flag().or_exit(Exit::Environment)?;
    loop {
        let mut shown = next;
        journal::walk(&mut reader, next, Until::End, |item| {
            if let Item::Event { index, event, .. } = item {
                show(index, &event, common.json);
                shown = index + 1;
            }
            Ok(())
        })?;
        next = shown;
        if !follow {
            return Ok(Exit::Ok);
        }
        if stop.load(std::sync::atomic::Ordering::Acquire) {
            return Ok(Exit::Interrupted);
        }
        std::thread::park_timeout(WAIT);
    }
}

/// Prints the last events before `end`, and returns `end`.
fn show_last(reader: &mut forensics::JournalReader, end: u64, json: bool) -> Result<u64, Failure> {
    // Progress records stand between events, so a window of entries may hold too few events: it
    // grows until it holds enough.
    let mut window = 4 * LAST as u64;
    loop {
        let mut last = VecDeque::with_capacity(LAST + 1);
        let from = end.saturating_sub(window);
        let until = Until::Index(end.saturating_sub(1));
        journal::walk(reader, from, until, |item| {
            if let Item::Event { index, event, .. } = item {
                last.push_back((index, event));
                if last.len() > LAST {
                    let _ = last.pop_front();
                }
            }
            Ok(())
        })?;
        if last.len() >= LAST || from == 0 {
            last.iter().for_each(|(index, event)| show(*index, event, json));
            return Ok(end);
        }
        window *= 4;
    }
}

fn show(index: u64, event: &Event, json: bool) {
    if json {
        let mut value = event_to_json(event);
        value["index"] = json!(index);
        output::json(&value);
        return;
    }
    let time = event.time.to_string();
    output::line(&format!(
        "{index:>8}  {}  {:<20} {}",
        time.get(11..26).unwrap_or_default(),
        event.body.kind().as_str(),
        summary(event)
    ));
}
