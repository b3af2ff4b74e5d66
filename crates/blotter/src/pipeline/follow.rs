//! The journal, behind the log: on a thread of its own, as far as the log is durable.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use bus::BusError;
use bus_log::{LogReader, RawEntry};
use event::Timestamp;
use forensics::{Journal, JournalError, Stamp, Taken};
use segment::{SegmentError, Tail};

use super::PipelineError;

/// The thread that takes the log into the journal.
pub(crate) struct Follower {
    thread: JoinHandle<Result<(), PipelineError>>,
    stop: Arc<AtomicBool>,
}

/// How long the follower waits before it looks whether it shall stop.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long a run waits for readers that hold the journal.
const READER_PATIENCE: Duration = Duration::from_secs(60);

impl Follower {
    /// Starts following `reader`, whose log is durable up to `tail`.
    pub(crate) fn start(mut journal: Journal, mut reader: LogReader, tail: Arc<Tail>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            loop {
                // Asked before reading: what was durable when the end was asked for is taken.
                let last = stopping.load(Ordering::Acquire);
                let due = journal.next_log_index();
                if tail.wait(due, PATIENCE) > due {
                    take_all(&mut journal, &mut reader)?;
                }
                if last {
                    return Ok(journal.close()?);
                }
            }
        });
        Self { thread, stop }
    }

    /// Whether the thread still runs; one that stopped early has an error to tell.
    pub(crate) fn is_running(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Takes everything that is durable now, then stops.
    pub(crate) fn finish(self) -> Result<(), PipelineError> {
        self.stop.store(true, Ordering::Release);
        self.thread.join().unwrap_or(Err(PipelineError::FollowerLost))
    }
}

/// Opens the journal for a run. A reader that came before brings the journal up to the log and holds
/// it until it has; the run, which would have to do the same, waits for it.
pub(crate) fn open_journal(
    dir: &Path,
    wall_clock: fn() -> Timestamp,
) -> Result<Journal, JournalError> {
    for _ in 0..READER_PATIENCE.as_millis() / PATIENCE.as_millis() {
        match Journal::open(dir, wall_clock) {
            Err(JournalError::Segment(SegmentError::SecondWriter { .. })) => {
                std::thread::park_timeout(PATIENCE);
            }
            opened => return opened,
        }
    }
    Journal::open(dir, wall_clock)
}

/// Takes into the journal what the log in `log` has beyond it, when no other process does.
pub(crate) fn catch_up(
    log: &Path,
    journal: &Path,
    wall_clock: fn() -> Timestamp,
) -> Result<(), PipelineError> {
    let mut journal = Journal::open(journal, wall_clock)?;
    let mut reader = LogReader::open(log)?;
    start_at(&journal, &mut reader)?;
    take_all(&mut journal, &mut reader)?;
    Ok(journal.close()?)
}

/// Goes to where the journal goes on, once the entry before is what the journal took.
pub(crate) fn start_at(journal: &Journal, reader: &mut LogReader) -> Result<(), PipelineError> {
    let Some(last) = journal.next_log_index().checked_sub(1) else {
        return Ok(reader.seek(0)?);
    };
    reader.seek(last)?;
    let mut same = Err(JournalError::Rewound { index: last });
    while same.is_err() {
        let more = reader.visit_batch(|raw| -> Result<(), BusError> {
            if raw.index == last {
                same = journal.check_last(last, raw.body);
            }
            Ok(())
        })?;
        if !more {
            break;
        }
    }
    same?;
    Ok(reader.seek(last + 1)?)
}

fn take_all(journal: &mut Journal, reader: &mut LogReader) -> Result<(), PipelineError> {
    let incarnation = reader.incarnation();
    let from = journal.next_log_index();
    while reader.visit_batch(|raw| -> Result<(), PipelineError> {
        if raw.index < from {
            return Ok(());
        }
        Ok(journal.take(&taken(&raw, incarnation))?)
    })? {}
    Ok(journal.sync()?)
}

const fn taken<'a>(raw: &RawEntry<'a>, incarnation: u64) -> Taken<'a> {
    Taken {
        stamp: Stamp { incarnation, log_index: raw.index, stored_at: raw.stored_at },
        is_event: raw.is_event,
        stream: raw.stream,
        partition: raw.partition,
        sequence: raw.sequence,
        kind: raw.kind,
        time: raw.time,
        bytes: raw.body,
    }
}
