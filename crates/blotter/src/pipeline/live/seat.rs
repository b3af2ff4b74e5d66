//! One task on a thread of its own, supervised.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    thread::JoinHandle,
};

use bus::{Entry, Progress, Record, Run, TimerRequested, Topology, Unit};
use event::{Body, Source, operations::AgentStopped};
use guard::{RestartIntensity, Verdict};
use worker::{Delivery, Effects, PendingTimer, Task, Timers};

use super::{
    super::PipelineError,
    clock::SessionClock,
    shared::{PATIENCE, Shared},
};
use crate::app::Factory;

/// A task, where it stands, and how to make it again.
pub(super) struct Seat {
    make: Factory,
    task: Task,
    timers: Timers,
    through: Option<u64>,
    restarts: RestartIntensity,
    shared: Arc<Shared>,
    clock: Arc<SessionClock>,
    topology: Topology,
}

impl Seat {
    pub(super) fn new(
        make: Factory,
        shared: Arc<Shared>,
        clock: Arc<SessionClock>,
    ) -> Result<Self, PipelineError> {
        let task = Task::new(make())?;
        let mut seat = Self {
            through: None,
            timers: Timers::default(),
            restarts: RestartIntensity::default(),
            topology: Topology::shipped(),
            make,
            task,
            shared,
            clock,
        };
        seat.recover_timers()?;
        Ok(seat)
    }

    /// Deals with deliveries until the run ends.
    pub(super) fn start(mut self, received: Receiver<Delivery>) -> JoinHandle<()> {
        std::thread::spawn(move || {
            if let Err(error) = self.work(&received) {
                self.shared.fail(error);
            }
        })
    }

    fn work(&mut self, received: &Receiver<Delivery>) -> Result<(), PipelineError> {
        loop {
            self.fire_timers()?;
            let wait =
                self.timers.next_due().map_or(PATIENCE, |due| self.clock.until(due).min(PATIENCE));
            match received.recv_timeout(wait) {
                Ok(delivery) => {
                    let dealt = self.take(&delivery);
                    self.shared.dealt_with();
                    dealt?;
                }
                Err(RecvTimeoutError::Timeout) if !self.shared.has_ended() => {}
                Err(_) => return Ok(()),
            }
        }
    }

    /// Takes a delivery; an agent that panics is made again and its past told to it once more.
    fn take(&mut self, delivery: &Delivery) -> Result<(), PipelineError> {
        if !self.task.wants(&delivery.event) {
            return Ok(());
        }
        self.timers.fired(&delivery.event);
        loop {
            match catch_unwind(AssertUnwindSafe(|| self.task.step(&delivery.event))) {
                Ok(effects) => return self.commit(delivery.index, effects),
                Err(_) => self.restart(delivery)?,
            }
        }
    }

    fn commit(&mut self, index: u64, effects: Option<Effects>) -> Result<(), PipelineError> {
        let decided = self.through.is_some_and(|through| index <= through);
        let Some(effects) = effects.filter(|_| !decided) else { return Ok(()) };
        let outputs = effects
            .events
            .into_iter()
            .map(|event| Record::of_event(Arc::new(event), &self.topology))
            .collect();
        let timers = effects.timers.iter().map(|timer| TimerRequested {
            request: timer.request,
            name: timer.name,
            due: timer.due,
        });
        let unit = Unit {
            source: self.task.source(),
            outputs,
            consumed: vec![Run::through(index)],
            timers: timers.collect(),
            mark: None,
        };
        let _ = self.shared.commit(unit)?;
        effects.timers.into_iter().for_each(|timer| self.timers.set(timer));
        Ok(())
    }

    /// Fires what is due by the session clock.
    fn fire_timers(&mut self) -> Result<(), PipelineError> {
        let now = self.clock.now();
        while let Some(event) = self.timers.fire(now, now)? {
            let source = event.source;
            let record = Record::of_event(Arc::new(event), &self.topology);
            let _ = self.shared.commit(Unit::of_roots(source, vec![record]))?;
        }
        Ok(())
    }

    /// Makes the agent again, up to its restart intensity; beyond it the failure is recorded, the
    /// monitor halts trading, and the run ends.
    fn restart(&mut self, delivery: &Delivery) -> Result<(), PipelineError> {
        let source = self.task.source();
        let verdict = self.restarts.failed(self.clock.now());
        let (restarts, escalate) = match verdict {
            Verdict::Restart { restarts } => (restarts, false),
            Verdict::Escalate { restarts } => (restarts, true),
        };
        self.tell_failure(source, restarts)?;
        if escalate {
            return Err(PipelineError::AgentFailed { task: source, restarts });
        }
        self.task = Task::new((self.make)())?;
        let mut reader = self.shared.reader();
        reader.seek(0)?;
        loop {
            let entries = reader.next_entries()?;
            if entries.is_empty() {
                return Ok(());
            }
            for entry in entries {
                if entry.index() >= delivery.index {
                    return Ok(());
                }
                if let Entry::Event(delivered) = entry {
                    let event = delivered.record.event()?;
                    if self.task.wants(&event) {
                        let _ = self.task.step(&event);
                    }
                }
            }
        }
    }

    fn tell_failure(&self, task: Source, restarts: u32) -> Result<(), PipelineError> {
        let worker = Source::new(&format!("worker/{}", task.as_str().replace('/', "-")))?;
        let seq = self.shared.high_water(worker) + 1;
        let body = Body::from(AgentStopped {
            task,
            failed: true,
            reason: "the agent panicked".into(),
            restarts,
        });
        let id = event::id::lifecycle_id(worker, seq);
        let key = body.key();
        let event = worker::root_event(id, worker, seq, self.clock.now(), None, key, body);
        let record = Record::of_event(Arc::new(event), &self.topology);
        let _ = self.shared.commit(Unit::of_roots(worker, vec![record]))?;
        Ok(())
    }

    /// Learns from the log which timers wait, and how far the task had decided.
    fn recover_timers(&mut self) -> Result<(), PipelineError> {
        let task = self.task.source();
        self.through = self.shared.with_bus(|bus| {
            bus::Bus::progress(bus, task).and_then(|progress| Progress::through(&progress))
        });
        if self.shared.tail().next_index() == 0 {
            return Ok(());
        }
        let mut reader = self.shared.reader();
        reader.seek(0)?;
        loop {
            let entries = reader.next_entries()?;
            if entries.is_empty() {
                return Ok(());
            }
            for entry in entries {
                match entry {
                    Entry::Progress { progress, .. } if progress.source == task => {
                        for timer in progress.timers() {
                            self.timers.set(PendingTimer {
                                due: timer.due,
                                task,
                                request: timer.request,
                                name: timer.name,
                            });
                        }
                    }
                    Entry::Event(delivered)
                        if delivered.record.header().kind == event::Kind::TimerFired as u16 =>
                    {
                        let event = delivered.record.event()?;
                        if self.task.wants(&event) {
                            self.timers.fired(&event);
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}
