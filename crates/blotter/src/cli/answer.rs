//! What a run answers to an operator's command, read from the journal that it writes.

use std::time::Duration;

use event::{Body, EventId};
use forensics::JournalReader;
use serde_json::{Value, json};

use crate::{
    clock::wall_clock,
    control::{HaltLatch, LatchState, Publisher},
    data_dir::DataDir,
    exit::{Failure, OrItsExit as _},
    journal::{self, Item, Until},
};

/// Between two looks at the journal, or at the latch.
const WAIT: Duration = Duration::from_millis(50);
/// How long an answer is waited for.
const PATIENCE_S: u32 = 10;
/// How long the latch may be behind the log.
const LATCH_PATIENCE_S: u32 = 2;
/// Looks in a second.
const LOOKS: u32 = 20;

/// What became of a resume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Trading is released.
    Accepted,
    /// The books allow it, and the latch holds all the same.
    Held(String),
    /// Refused, and why.
    Refused(String),
    /// The run ended before it took the command in.
    RunEnded,
    /// A run is there and has not answered.
    None,
}

impl Answer {
    pub(super) fn words(&self) -> String {
        match self {
            Self::Accepted => "accepted, orders may leave again".into(),
            Self::Held(reason) => {
                format!(
                    "accepted, and NOTHING IS SENT: the latch still holds ({reason}); `blotter halt` \
                     writes it anew, then resume again while the run is active"
                )
            }
            Self::Refused(reason) => format!("REFUSED, trading stays halted: {reason}"),
            Self::RunEnded => "the run ended before it; the next one begins with it".into(),
            Self::None => format!(
                "no answer within {} s; the command is recorded and not lost, \
                 `blotter tail` shows when the run takes it in",
                PATIENCE_S
            ),
        }
    }

    pub(super) fn to_json(&self, mut recorded: Value) -> Value {
        let (answer, reason) = match self {
            Self::Accepted => ("accepted", None),
            Self::Held(reason) => ("held", Some(reason)),
            Self::Refused(reason) => ("refused", Some(reason)),
            Self::RunEnded => ("run ended", None),
            Self::None => ("none", None),
        };
        recorded["answer"] = json!(answer);
        recorded["reason"] = json!(reason);
        recorded
    }
}

/// The place after the journal's last entry; answers to what is asked now come behind it.
pub(super) fn end_of(dir: &DataDir) -> u64 {
    let end = JournalReader::open(&dir.journal()).and_then(|mut reader| reader.end());
    end.unwrap_or(0)
}

/// Waits for the answer to a resume that was asked for when the journal ended at `from`.
pub(super) fn wait_for(dir: &DataDir, command: EventId, mut from: u64) -> Result<Answer, Failure> {
    for _ in 0..PATIENCE_S * LOOKS {
        let listening = Publisher::is_listening(dir.root());
        // A run that is gone may have answered with its last step: looked for once more.
        let mut reader = if listening {
            JournalReader::open(&dir.journal()).or_its_exit()?
        } else {
            journal::open(dir, wall_clock)?
        };
        let found = look(&mut reader, command, &mut from)?;
        match found {
            Some(Answer::Accepted) => return released(dir),
            Some(answer) => return Ok(answer),
            None if !listening => return Ok(Answer::RunEnded),
            None => std::thread::park_timeout(WAIT),
        }
    }
    Ok(Answer::None)
}

/// The answer among the entries from `from` on, which moves behind them.
fn look(
    reader: &mut JournalReader,
    command: EventId,
    from: &mut u64,
) -> Result<Option<Answer>, Failure> {
    let (mut found, mut next) = (None, *from);
    journal::walk(reader, *from, Until::End, |item| {
        next = item.index() + 1;
        let Item::Event { event, .. } = item else { return Ok(()) };
        if event.cause_id == Some(command) {
            match event.body {
                Body::TradingResumed(_) => found = Some(Answer::Accepted),
                Body::ResumeRefused(refused) => found = Some(Answer::Refused(refused.reason)),
                _ => {}
            }
        }
        Ok(())
    })?;
    *from = next;
    Ok(found)
}

/// The log says that trading goes on; the latch, which the run opens behind it, has the last word.
fn released(dir: &DataDir) -> Result<Answer, Failure> {
    let mut held = String::new();
    for _ in 0..LATCH_PATIENCE_S * LOOKS {
        match HaltLatch::peek(&dir.control()).or_its_exit()? {
            LatchState::Open => return Ok(Answer::Accepted),
            LatchState::Halted { reason } => held = reason,
        }
        std::thread::park_timeout(WAIT);
    }
    Ok(Answer::Held(held))
}
