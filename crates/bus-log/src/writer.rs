//! The one writer: units in, one batch, one write, one fsync, answers out.

use std::{path::PathBuf, sync::Arc};

use bus::{Admission, Answer, BusError, Commits, Ledger, Position, Progress, Savepoint, Unit};
use event::{Envelope, EventId, Timestamp};
use segment::{Batch, BatchMark, Disk, Priority, SegmentLog};

use crate::{
    checkpoint::Checkpoint,
    map::{Closed, EVENT, PROGRESS, bus_error},
    reader::LogReader,
    stored::Finder,
};

/// Bytes after which a batch is written before more is taken in.
const BATCH_BYTES: usize = 8 << 20;
/// Entries before the end that are read at open even where a checkpoint covers them, so that recent
/// ids are known.
const RECENT_ENTRIES: u64 = 50_000;

#[derive(Debug)]
pub(crate) struct Writer {
    /// `None` once shut down.
    log: Option<SegmentLog>,
    pub(crate) ledger: Ledger,
    pub(crate) finder: Finder,
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    incarnation: u64,
    wall_clock: fn() -> Timestamp,
    batch: Batch,
    progress_bytes: Vec<u8>,
    /// The last durable event, to recognise the log by.
    known: Option<(u64, EventId)>,
    /// The segment the last checkpoint was written in.
    checkpointed: u64,
}

/// A group of calls on its way to one fsync.
struct Group {
    /// Where the ledger goes back to when the write fails.
    before: Savepoint,
    /// Calls complete in the batch: their number and what they will be answered.
    complete: Vec<(usize, Vec<Vec<Position>>)>,
    priority: Priority,
}

/// A call while it is taken in.
struct Call {
    before: Savepoint,
    mark: BatchMark,
    answer: Vec<Vec<Position>>,
}

impl Writer {
    pub(crate) fn new(
        log: SegmentLog,
        disk: Arc<dyn Disk>,
        wall_clock: fn() -> Timestamp,
    ) -> Result<Self, BusError> {
        let (dir, incarnation) = (log.dir().to_path_buf(), log.incarnation());
        let finder = Finder::new(LogReader::of(log.reader(), &dir), log.next_index());
        let mut writer = Self {
            ledger: Ledger::new(incarnation),
            finder,
            disk,
            incarnation,
            wall_clock,
            batch: Batch::default(),
            progress_bytes: Vec::new(),
            known: None,
            checkpointed: log.segment(),
            dir,
            log: Some(log),
        };
        writer.read_back()?;
        Ok(writer)
    }

    fn log(&self) -> Result<&SegmentLog, BusError> {
        self.log.as_ref().ok_or_else(|| Closed.into())
    }

    /// Learns where every source and partition stands: from the checkpoint, then from the log.
    fn read_back(&mut self) -> Result<(), BusError> {
        let next_index = self.log()?.next_index();
        let covered = self.restore_checkpoint(next_index)?;
        let mut reader = LogReader::of(self.log()?.reader(), &self.dir);
        reader.seek(covered.min(next_index.saturating_sub(RECENT_ENTRIES)))?;
        let (ledger, incarnation, known) = (&mut self.ledger, self.incarnation, &mut self.known);
        while reader.visit_batch(|raw| -> Result<(), BusError> {
            if !raw.is_event {
                if raw.index >= covered {
                    ledger.note_progress(raw.index, &Progress::from_bytes(raw.body)?);
                }
                return Ok(());
            }
            let envelope = Envelope::decode(raw.body)?;
            *known = Some((raw.index, envelope.event_id));
            if raw.index < covered {
                ledger.note_recent(envelope.event_id, raw.index);
            } else if let Some(stream) = raw.stream {
                let position = Position {
                    incarnation,
                    stream,
                    partition: raw.partition,
                    sequence: raw.sequence,
                    index: raw.index,
                    event_id: envelope.event_id,
                };
                ledger.note_event(&position, envelope.source, envelope.source_seq);
            }
            Ok(())
        })? {}
        self.ledger.skip_to(next_index);
        Ok(())
    }

    /// Puts the ledger where a checkpoint stands that belongs to this log; returns the index it
    /// covers the log to.
    fn restore_checkpoint(&mut self, next_index: u64) -> Result<u64, BusError> {
        let Some(checkpoint) = Checkpoint::load(&*self.disk, &self.dir) else { return Ok(0) };
        if checkpoint.incarnation != self.incarnation || checkpoint.next_index > next_index {
            return Ok(0);
        }
        let known = bus::Stored::at(&self.finder, checkpoint.known_index)?;
        if known.is_none_or(|known| known.position.event_id != checkpoint.known_id)
            || !checkpoint.restore(&mut self.ledger)
        {
            self.ledger = Ledger::new(self.incarnation);
            return Ok(0);
        }
        self.known = Some((checkpoint.known_index, checkpoint.known_id));
        Ok(checkpoint.next_index)
    }

    fn begin(&mut self) -> Result<Group, BusError> {
        let Some(log) = &self.log else { return Err(Closed.into()) };
        if log.is_poisoned() {
            return Err(BusError::Poisoned);
        }
        log.begin(&mut self.batch);
        Ok(Group {
            before: self.ledger.savepoint(),
            complete: Vec::new(),
            priority: Priority::Normal,
        })
    }

    /// Takes a call's units into the batch; on an error nothing of it stays there.
    fn take(
        &mut self,
        units: &[Unit],
        group: &mut Group,
        answers: &mut [Option<Answer>],
    ) -> Answer {
        let mut call = Call {
            before: self.ledger.savepoint(),
            mark: self.batch.mark(),
            answer: Vec::with_capacity(units.len()),
        };
        match self.take_units(units, &mut call, group, answers) {
            Ok(()) => Ok(call.answer),
            Err(error) => {
                self.ledger.roll_back(call.before);
                self.batch.reset_to(call.mark);
                Err(error)
            }
        }
    }

    fn take_units(
        &mut self,
        units: &[Unit],
        call: &mut Call,
        group: &mut Group,
        answers: &mut [Option<Answer>],
    ) -> Result<(), BusError> {
        if units.iter().any(Unit::holds_market_data) {
            // Market data is refused first, before it takes room from the calls beside it.
            let bytes = self.batch.len_bytes() + bytes_of(units);
            if self.log()?.is_full_for(bytes, Priority::Normal) {
                return Err(BusError::Full { what: "market data" });
            }
        } else {
            group.priority = Priority::Reserved;
        }
        while let Some(unit) = units.get(call.answer.len()) {
            let mut positions = Vec::with_capacity(unit.outputs.len());
            match self.ledger.admit(unit, &self.finder, &mut positions)? {
                Admission::Stores { repeats, progress } => {
                    self.push(unit, repeats, &positions, progress.as_ref());
                    call.answer.push(positions);
                }
                Admission::Repeat => call.answer.push(positions),
                Admission::AfterFlush => {
                    let flushed = self.flush(group, answers);
                    // Whatever came of it, there is nothing before this unit left to take back.
                    (call.before, call.mark) = (self.ledger.savepoint(), self.batch.mark());
                    flushed?;
                }
            }
        }
        Ok(())
    }

    fn push(
        &mut self,
        unit: &Unit,
        repeats: usize,
        positions: &[Position],
        progress: Option<&Progress>,
    ) {
        for (record, position) in unit.outputs.iter().zip(positions).skip(repeats) {
            let header = record.header();
            let index = self.batch.push(&segment::Entry {
                tag: EVENT,
                stream: header.stream as u8,
                kind: header.kind,
                partition: header.partition,
                sequence: position.sequence,
                time: header.time.0,
                body: record.bytes(),
            });
            debug_assert_eq!(index, position.index);
        }
        if let Some(progress) = progress {
            self.progress_bytes.clear();
            progress.append_to(&mut self.progress_bytes);
            let _ = self.batch.push(&segment::Entry {
                tag: PROGRESS,
                stream: 0,
                kind: 0,
                partition: 0,
                sequence: progress.last_source_seq,
                // Progress has no time of its own: a seek by time steps over it.
                time: i64::MIN,
                body: &self.progress_bytes,
            });
        }
    }

    /// Makes the batch durable and answers the calls complete in it; then begins the next.
    fn flush(&mut self, group: &mut Group, answers: &mut [Option<Answer>]) -> Result<(), BusError> {
        let complete = std::mem::take(&mut group.complete);
        match self.write(group.priority) {
            Ok(()) => {
                self.ledger.settle();
                self.note_durable(&complete);
                for (number, answer) in complete {
                    settle(answers, number, Ok(answer));
                }
                *group = self.begin()?;
                Ok(())
            }
            Err(error) => {
                self.ledger.roll_back(group.before.clone());
                self.batch = Batch::default();
                // One call is told the reason in full, the others what follows from it.
                let mut told = Some(error);
                for (number, _) in complete {
                    let error = told.take().unwrap_or_else(|| self.why_not());
                    settle(answers, number, Err(error));
                }
                *group = self.begin()?;
                Err(told.unwrap_or_else(|| self.why_not()))
            }
        }
    }

    fn write(&mut self, priority: Priority) -> Result<(), BusError> {
        let Some(log) = &mut self.log else { return Err(Closed.into()) };
        if self.batch.is_empty() {
            return Ok(());
        }
        let stored_at = (self.wall_clock)().0;
        let failed = |error| bus_error(&self.dir, error);
        let _ = log.append(&mut self.batch, stored_at, priority).map_err(failed)?;
        log.sync().map_err(failed)
    }

    /// What the calls of a failed write are told.
    fn why_not(&self) -> BusError {
        match &self.log {
            None => Closed.into(),
            Some(log) if log.is_poisoned() => BusError::Poisoned,
            Some(_) => BusError::Full { what: "new events" },
        }
    }

    fn note_durable(&mut self, complete: &[(usize, Vec<Vec<Position>>)]) {
        let Some(log) = &self.log else { return };
        self.finder.durable_next = log.next_index();
        let last = complete.iter().rev().flat_map(|(_, units)| units.iter().rev().flatten());
        if let Some(position) = last.max_by_key(|position| position.index) {
            self.known = Some((position.index, position.event_id));
        }
        if log.segment() != self.checkpointed {
            self.checkpointed = log.segment();
            self.save_checkpoint();
        }
    }

    fn save_checkpoint(&self) {
        if let Some(known) = self.known {
            Checkpoint::of(&self.ledger, self.incarnation, known).save(&*self.disk, &self.dir);
        }
    }

    /// Shuts down cleanly.
    pub(crate) fn close(&mut self) -> Result<(), BusError> {
        let Some(log) = self.log.take() else { return Ok(()) };
        if !log.is_poisoned() {
            self.save_checkpoint();
        }
        log.close().map_err(|error| bus_error(&self.dir, error))
    }
}

impl Commits for Writer {
    /// Commits calls: those that are sound share one fsync, the others are refused one by one.
    fn commit(&mut self, calls: &[&[Unit]]) -> Vec<Answer> {
        let mut answers: Vec<Option<Answer>> = calls.iter().map(|_| None).collect();
        match self.begin() {
            Err(error) => settle(&mut answers, 0, Err(error)),
            Ok(mut group) => {
                for (number, units) in calls.iter().enumerate() {
                    let taken = self.take(units, &mut group, &mut answers);
                    match taken {
                        Ok(answer) => group.complete.push((number, answer)),
                        Err(error) => settle(&mut answers, number, Err(error)),
                    }
                    if self.batch.len_bytes() > BATCH_BYTES {
                        let _ = self.flush(&mut group, &mut answers);
                    }
                    if self.log.as_ref().is_none_or(SegmentLog::is_poisoned) {
                        break;
                    }
                }
                let _ = self.flush(&mut group, &mut answers);
            }
        }
        answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(self.why_not()))).collect()
    }
}

fn bytes_of(units: &[Unit]) -> usize {
    let outputs = units.iter().flat_map(|unit| &unit.outputs);
    outputs.map(|record| record.bytes().len() + segment::RECORD_HEAD_BYTES).sum()
}

fn settle(answers: &mut [Option<Answer>], number: usize, answer: Answer) {
    if let Some(slot) = answers.get_mut(number) {
        *slot = Some(answer);
    }
}
