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

use bus::{Bus, Delivered, Entry, Reader};
use bus_log::LogReader;
use event::Timestamp;
use forensics::{Journal, JournalError, Stamp, Taken, What};
use segment::SegmentError;

use super::PipelineError;
use crate::data_dir::DataDir;

/// The thread that takes the log into the journal.
pub(crate) struct Follower {
    /// None once it was told to end.
    thread: Option<JoinHandle<Result<(), PipelineError>>>,
    stop: Arc<AtomicBool>,
}

/// How long the follower waits before it looks whether it shall stop.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long a run waits for readers that hold the journal.
const READER_PATIENCE: Duration = Duration::from_secs(60);

impl Follower {
    /// Opens the journal of a run, and follows `bus` from where it ends.
    pub(crate) fn begin(
        dir: &DataDir,
        bus: &dyn Bus,
        wall_clock: fn() -> Timestamp,
    ) -> Result<Self, PipelineError> {
        let journal = open_journal(&dir.journal(), wall_clock)?;
        let mut reader = bus.reader()?;
        start_at(&journal, &mut *reader)?;
        Ok(Self::start(journal, reader))
    }

    fn start(mut journal: Journal, mut reader: Box<dyn Reader>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            loop {
                // Asked before reading: what was durable when the end was asked for is taken.
                let last = stopping.load(Ordering::Acquire);
                let due = journal.next_log_index();
                if reader.wait(due, PATIENCE)? > due {
                    take_all(&mut journal, &mut *reader, u64::MAX)?;
                }
                if last {
                    return Ok(journal.close()?);
                }
            }
        });
        Self { thread: Some(thread), stop }
    }

    /// Whether the thread still runs; one that stopped early has an error to tell.
    pub(crate) fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Takes everything that is durable now, then stops.
    pub(crate) fn finish(mut self) -> Result<(), PipelineError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), PipelineError> {
        self.stop.store(true, Ordering::Release);
        let Some(thread) = self.thread.take() else { return Ok(()) };
        thread.join().unwrap_or(Err(PipelineError::FollowerLost))
    }
}

/// A run that fails leaves the journal to whoever runs next, in this process too.
impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// Opens the journal for a run. A reader that came before brings the journal up to the log and holds
/// it until it has; the run, which would have to do the same, waits for it.
fn open_journal(dir: &Path, wall_clock: fn() -> Timestamp) -> Result<Journal, JournalError> {
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
    // What a killed writer left in the page cache may not be on the disk, and a writer at work has
    // not made its last batch durable: the journal must never know more than the log.
    let end = reader.settle()?;
    start_at(&journal, &mut reader)?;
    take_all(&mut journal, &mut reader, end)?;
    Ok(journal.close()?)
}

/// Goes to where the journal goes on, once the entry before is what the journal took.
fn start_at(journal: &Journal, reader: &mut dyn Reader) -> Result<(), PipelineError> {
    let Some(last) = journal.next_log_index().checked_sub(1) else {
        return Ok(reader.seek(0)?);
    };
    reader.seek(last)?;
    let entries = reader.next_entries()?;
    match entries.iter().find(|entry| entry.index() == last) {
        Some(entry) => journal.check_last(last, entry.bytes())?,
        None => return Err(JournalError::Rewound { index: last }.into()),
    }
    Ok(reader.seek(last + 1)?)
}

/// Takes what lies before `end`, which is durable in the log.
fn take_all(journal: &mut Journal, reader: &mut dyn Reader, end: u64) -> Result<(), PipelineError> {
    let incarnation = reader.incarnation();
    loop {
        let entries = reader.next_entries()?;
        if entries.is_empty() || journal.next_log_index() >= end {
            return Ok(journal.sync()?);
        }
        let due = journal.next_log_index()..end;
        for entry in entries.iter().filter(|entry| due.contains(&entry.index())) {
            journal.take(&taken(entry, incarnation))?;
        }
    }
}

fn taken(entry: &Entry, incarnation: u64) -> Taken<'_> {
    let stamp = |stored_at| Stamp { incarnation, log_index: entry.index(), stored_at };
    match entry {
        Entry::Event(Delivered { position, stored_at, record }) => Taken {
            stamp: stamp(*stored_at),
            what: What::Event,
            stream: Some(position.stream),
            partition: position.partition,
            sequence: position.sequence,
            kind: record.header().kind,
            time: record.header().time,
            bytes: record.bytes(),
        },
        Entry::Progress { stored_at, bytes, .. } => {
            beside_events(stamp(*stored_at), What::Progress, bytes)
        }
        Entry::Foreign(foreign) => {
            beside_events(stamp(foreign.stored_at), What::Foreign, &foreign.bytes)
        }
    }
}

/// What is of no stream and has no time.
const fn beside_events(stamp: Stamp, what: What, bytes: &[u8]) -> Taken<'_> {
    let time = Timestamp(i64::MIN);
    Taken { stamp, what, stream: None, partition: 0, sequence: 0, kind: 0, time, bytes }
}
