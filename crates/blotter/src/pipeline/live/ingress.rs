//! What enters a live run: the tape at its own pace, operators, producers.

use std::time::Duration;

use bus::{Entry, Record, Topology, Unit};
use event::{Body, Event, Source, Timestamp, operations::Heartbeat};
use feed::{TapeReader, TapeRecord};
use std::sync::Arc;

use super::{
    super::{
        PipelineError,
        ingress::{
            Numbering, OPERATOR, Submission, conflict, is_same, operator_root, read_published,
        },
        tape::{INGRESS, roots},
    },
    LiveRun, WORKER,
    clock::SessionClock,
    seat::Seat,
    shared::Shared,
    source,
    strangers::Strangers,
};
use crate::control::{CommandJournal, Published, Socket};

/// Records taken in with one fsync at most.
const RECORDS_MAX: usize = 512;
/// Between two heartbeats of the session clock.
const HEARTBEAT_NS: i64 = 10 * event::SECOND_NS;
/// The same where tasks of other processes go by the time that the log shows.
const HEARTBEAT_ELSEWHERE_NS: i64 = event::SECOND_NS;
/// How long the tape may be waited for before operators and producers are looked after.
const PATIENCE: Duration = Duration::from_millis(20);

/// The one thread that mints roots of tape, configuration, operators and producers.
pub(super) struct Ingress {
    numbering: Numbering,
    topology: Topology,
    shared: Arc<Shared>,
    last_time: Timestamp,
    records: u64,
    resumed_at: u64,
    beats_at: Timestamp,
    beats_every_ns: i64,
}

impl Ingress {
    /// Learns from the log how every source is numbered, and steps over what was read.
    pub(super) fn recover(
        shared: &Arc<Shared>,
        tape: &mut TapeReader,
    ) -> Result<Self, PipelineError> {
        let ingress = source(INGRESS)?;
        let mark = shared.with_bus(|bus| bus.progress(ingress).and_then(|progress| progress.mark));
        let mut numbering = Numbering::default();
        let mut last_time = Timestamp(i64::MIN);
        shared.each_entry(|entry| {
            if let Entry::Event(delivered) = entry {
                let header = delivered.record.header();
                numbering.observe(header.source, header.source_seq);
                last_time = last_time.max(header.time);
            }
            Ok(true)
        })?;
        let resumed_at = mark.unwrap_or(0);
        tape.skip_to(resumed_at)?;
        Ok(Self {
            numbering,
            topology: Topology::shipped(),
            shared: Arc::clone(shared),
            last_time,
            records: resumed_at,
            resumed_at,
            beats_at: Timestamp(i64::MIN),
            beats_every_ns: HEARTBEAT_NS,
        })
    }

    pub(super) const fn last_time(&self) -> Timestamp {
        self.last_time
    }

    pub(super) const fn records(&self) -> u64 {
        self.records
    }

    pub(super) const fn resumed_at(&self) -> u64 {
        self.resumed_at
    }

    /// Life-cycle events of this start, durable before any task takes anything; and, on the first one, what configuration supplies.
    pub(super) fn begin(
        &mut self,
        run: &LiveRun<'_>,
        clock: &SessionClock,
        seats: &mut [Seat],
    ) -> Result<(), PipelineError> {
        if !run.elsewhere.is_empty() {
            self.beats_every_ns = HEARTBEAT_ELSEWHERE_NS;
        }
        let (now, worker) = (clock.now(), source(WORKER)?);
        let epoch = self.numbering.last(worker) + 1;
        let config = run.settings.digest;
        for seat in seats {
            let event =
                self.numbering.worker_root(worker, now, seat.start_of(epoch, config).into());
            self.accept(vec![event], None)?;
        }
        let instruments = source("config/instruments")?;
        for (number, defined) in (1..).zip(run.instruments.definitions()) {
            if number > self.numbering.last(instruments) {
                let body = Body::from(defined.clone());
                let digest = run.instruments.digest();
                let event = self.numbering.config_root(instruments, digest, number, now, body);
                self.accept(vec![event], None)?;
            }
        }
        let limits = source("config/limits")?;
        if self.numbering.last(limits) == 0 {
            let body = Body::from(run.settings.limits_loaded());
            let event = self.numbering.config_root(limits, config, 1, now, body);
            self.accept(vec![event], None)?;
        }
        Ok(())
    }

    /// Feeds the tape to its end, or until the run is stopped. Without its journal a run leaves no
    /// evidence, and does not go on.
    pub(super) fn feed(
        &mut self,
        run: &mut LiveRun<'_>,
        clock: &SessionClock,
        socket: &Socket,
        commands: &CommandJournal,
        mut strangers: Strangers,
        journal_runs: &dyn Fn() -> bool,
    ) -> Result<(), PipelineError> {
        while !self.shared.was_stopped() && !self.shared.has_failed() {
            self.log_commands(clock, commands, journal_runs)?;
            while let Some(published) = socket.next() {
                self.take_published(published, clock.now())?;
            }
            strangers.look()?;
            let _ = strangers.take_in(&mut self.numbering, clock.now())?;
            self.beat(clock.now())?;
            let Some(next) = run.tape.next_time() else { break };
            let wait = clock.until(next).min(PATIENCE);
            if !wait.is_zero() {
                std::thread::park_timeout(wait);
                continue;
            }
            self.take_due(&mut run.tape, clock)?;
        }
        // What was written while the last record was taken is judged in this run.
        strangers.look_at_once()?;
        self.shared.wait_until_quiet();
        while strangers.take_in(&mut self.numbering, clock.now())? {
            self.shared.wait_until_quiet();
        }
        Ok(())
    }

    /// Waits, at the end of the tape, for tasks of other processes. They go on by themselves when the run is
    /// asked to end.
    pub(super) fn see_out(
        &mut self,
        clock: &SessionClock,
        commands: &CommandJournal,
        journal_runs: &dyn Fn() -> bool,
    ) -> Result<(), PipelineError> {
        while !self.shared.is_quiet_everywhere()
            && !self.shared.was_stopped()
            && !self.shared.has_failed()
        {
            self.log_commands(clock, commands, journal_runs)?;
            std::thread::park_timeout(PATIENCE);
        }
        // Who was given up meanwhile has halted trading by one.
        self.log_commands(clock, commands, journal_runs)
    }

    /// Takes in what operators asked for. Without its journal a run does not go on.
    fn log_commands(
        &mut self,
        clock: &SessionClock,
        commands: &CommandJournal,
        journal_runs: &dyn Fn() -> bool,
    ) -> Result<(), PipelineError> {
        if !journal_runs() {
            return Err(PipelineError::FollowerLost);
        }
        let operator = source(OPERATOR)?;
        for command in commands.after(self.numbering.last(operator))? {
            let event = operator_root(&mut self.numbering, operator, command, clock.now());
            self.accept(vec![event], None)?;
        }
        Ok(commands.logged(self.numbering.last(operator))?)
    }

    /// Takes in the records that are due, with one fsync.
    fn take_due(
        &mut self,
        tape: &mut TapeReader,
        clock: &SessionClock,
    ) -> Result<(), PipelineError> {
        let ingress = source(INGRESS)?;
        let mut units = Vec::new();
        while units.len() < RECORDS_MAX
            && tape.next_time().is_some_and(|next| clock.until(next).is_zero())
        {
            let Some(record) = tape.next() else { break };
            let record: TapeRecord = record?;
            self.records = record.ordinal + 1;
            clock.show(record.time);
            let events = roots(record, &mut self.numbering);
            units.extend(self.unit_of(events));
        }
        let mut mark = Unit::of_roots(ingress, Vec::new());
        mark.mark = Some(self.records);
        units.push(mark);
        Ok(self.shared.commit_all(&units)?)
    }

    fn unit_of(&self, events: Vec<Event>) -> Option<Unit> {
        let source = events.first()?.source;
        let records = events
            .into_iter()
            .map(|event| Record::of_event(Arc::new(event), &self.topology))
            .collect();
        Some(Unit::of_roots(source, records))
    }

    fn accept(&self, events: Vec<Event>, mark: Option<u64>) -> Result<(), PipelineError> {
        if let Some(mut unit) = self.unit_of(events) {
            unit.mark = mark;
            let _ = self.shared.commit(unit)?;
        }
        Ok(())
    }

    fn beat(&mut self, now: Timestamp) -> Result<(), PipelineError> {
        if now < self.beats_at {
            return Ok(());
        }
        self.beats_at = now.plus_ns(self.beats_every_ns);
        let worker: Source = source(WORKER)?;
        let body = Body::from(Heartbeat { worker, consumed: self.records, lag_events: 0 });
        let event = self.numbering.worker_root(worker, now, body);
        self.accept(vec![event], None)
    }

    fn take_published(
        &mut self,
        published: Published,
        now: Timestamp,
    ) -> Result<(), PipelineError> {
        let answer = match read_published(&published.line, &self.numbering, now) {
            Submission::Refused(reason) => serde_json::json!({ "error": reason }),
            Submission::Repeat(root) => {
                let id = event::id::foreign_id(root.source, root.source_seq);
                let stored = self.shared.with_bus(|bus| bus.lookup(id))?;
                match stored {
                    Some(stored) if is_same(&*stored.record.event()?, &root) => serde_json::json!({
                        "event_id": id.to_string(),
                        "index": stored.position.index,
                        "repeat": true,
                    }),
                    _ => serde_json::json!({ "error": conflict(&root) }),
                }
            }
            Submission::New(event) => {
                let id = event.event_id;
                self.numbering.observe(event.source, event.source_seq);
                self.accept(vec![*event], None)?;
                serde_json::json!({ "event_id": id.to_string(), "repeat": false })
            }
        };
        published.answer(answer.to_string());
        Ok(())
    }
}
