//! One task on a thread of its own, supervised.
//!
//! What is decided, waited for and remembered is [`worker::Seat`]; here are the thread, the clock and
//! the panic that ends an agent.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    thread::JoinHandle,
};

use bus::{Entry, Progress, Run, TimerRequested, Topology, Unit};
use event::{Body, Digest, Kind, Source, operations::AgentStarted};
use worker::{Delivery, Failed, Numbering, PendingTimer, Step, Task};

use super::{
    super::PipelineError,
    clock::SessionClock,
    shared::{PATIENCE, Shared},
};
use crate::app::Factory;

/// A task on its thread, and how to make it again.
pub(super) struct Seat {
    seat: worker::Seat,
    make: Factory,
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
        let seat = worker::Seat::new(Task::new(make())?);
        let mut seat = Self { seat, make, shared, clock, topology: Topology::shipped() };
        seat.recover()?;
        Ok(seat)
    }

    /// What this start tells the log.
    pub(super) fn start_of(&mut self, epoch: u64, config: Digest) -> AgentStarted {
        self.seat.start(epoch, config)
    }

    /// Deals with deliveries until the run ends.
    pub(super) fn start(mut self, received: Receiver<Delivery>) -> JoinHandle<()> {
        let shared = Arc::clone(&self.shared);
        std::thread::spawn(move || shared.answer_for(|| self.work(&received)))
    }

    fn work(&mut self, received: &Receiver<Delivery>) -> Result<(), PipelineError> {
        while !self.shared.has_failed() {
            while let Some(step) = self.seat.fire(self.clock.now())? {
                self.commit(step)?;
            }
            let due = self.seat.next_due();
            let wait = due.map_or(PATIENCE, |due| self.clock.until(due).min(PATIENCE));
            match received.recv_timeout(wait) {
                Ok(delivery) => {
                    let dealt = self.take(&delivery);
                    self.shared.dealt_with();
                    dealt?;
                }
                Err(RecvTimeoutError::Timeout) if !self.shared.has_ended() => {}
                Err(_) if self.shared.has_failed() => return Ok(()),
                Err(_) => return self.seat.rest().map_or(Ok(()), |step| self.commit(step)),
            }
        }
        Ok(())
    }

    /// Takes a delivery; an agent that panics is made again and its past told to it once more.
    fn take(&mut self, delivery: &Delivery) -> Result<(), PipelineError> {
        let Delivery { index, event, .. } = delivery;
        loop {
            match catch_unwind(AssertUnwindSafe(|| self.seat.take(*index, event))) {
                Ok(step) => return step.map_or(Ok(()), |step| self.commit(step)),
                Err(_) => self.restart(*index)?,
            }
        }
    }

    fn commit(&mut self, step: Step) -> Result<(), PipelineError> {
        let _ = self.shared.commit(unit_of(&step, &self.topology))?;
        self.seat.durable(step);
        Ok(())
    }

    /// Makes the agent again, up to its restart intensity; beyond it the failure is recorded and the
    /// run ends. To fail while it is made, or while its past is told to it, is one failure more.
    fn restart(&mut self, index: u64) -> Result<(), PipelineError> {
        loop {
            let Failed { told, escalates } = self.seat.failed(self.clock.now());
            let (task, restarts) = (told.task, told.restarts);
            self.tell(told.into())?;
            if escalates {
                return Err(PipelineError::AgentFailed { task, restarts });
            }
            if let Ok(begun) = catch_unwind(AssertUnwindSafe(|| self.begin_again(index))) {
                return begun;
            }
        }
    }

    /// Makes the agent again, and tells it what it took before `index`.
    fn begin_again(&mut self, index: u64) -> Result<(), PipelineError> {
        self.seat.begin_again(Task::new((self.make)())?);
        let seat = &mut self.seat;
        self.shared.each_entry(|entry| {
            if entry.index() >= index {
                return Ok(false);
            }
            if let Entry::Event(delivered) = entry {
                seat.tell_again(delivered.position.index, &*delivered.record.event()?);
            }
            Ok(true)
        })
    }

    /// Tells the log of the task's own life.
    fn tell(&self, body: Body) -> Result<(), PipelineError> {
        let worker = worker_of(self.seat.source())?;
        let mut numbering = Numbering::default();
        numbering.observe(worker, self.shared.high_water(worker));
        let event = numbering.worker_root(worker, self.clock.now(), body);
        let _ = self.shared.commit(Unit::of_events(worker, [event], &self.topology))?;
        Ok(())
    }

    /// Learns from the log which timers wait, and how far the task had decided.
    fn recover(&mut self) -> Result<(), PipelineError> {
        let task = self.seat.source();
        let progress = self.shared.with_bus(|bus| bus.progress(task));
        self.seat.resume(progress.and_then(|progress| Progress::through(&progress)));
        let seat = &mut self.seat;
        self.shared.each_entry(|entry| {
            match entry {
                Entry::Progress { progress, .. } if progress.source == task => {
                    progress.timers().for_each(|timer| seat.asked(timer_of(task, timer)));
                }
                Entry::Event(delivered) => {
                    let header = delivered.record.header();
                    if header.source == task {
                        seat.emitted(header.source_seq);
                    } else if [Kind::TimerFired as u16, Kind::AgentStarted as u16]
                        .contains(&header.kind)
                    {
                        seat.remember(&*delivered.record.event()?);
                    }
                }
                Entry::Progress { .. } => {}
            }
            Ok(true)
        })
    }
}

/// The source that tells of a task's life: `worker/risk-0` for `risk/0`.
///
/// No two tasks share one. Where a dash could stand for more than the one slash, the name is kept as
/// it is, and its second slash tells it from all others.
pub(super) fn worker_of(task: Source) -> Result<Source, PipelineError> {
    let name = task.as_str();
    let joined = match name.split_once('/') {
        Some((agent, scope)) if !scope.contains(['-', '/']) => format!("{agent}-{scope}"),
        _ => name.into(),
    };
    Ok(Source::new(&format!("worker/{joined}"))?)
}

/// A step as the bus takes it.
fn unit_of(step: &Step, topology: &Topology) -> Unit {
    let mut unit = Unit::of_events(step.source, step.events.iter().map(Arc::clone), topology);
    unit.consumed = step.consumed.map(Run::through).into_iter().collect();
    unit.timers = step
        .timers
        .iter()
        .map(|timer| TimerRequested { request: timer.request, name: timer.name, due: timer.due })
        .collect();
    unit
}

const fn timer_of(task: Source, timer: TimerRequested) -> PendingTimer {
    let TimerRequested { request, name, due } = timer;
    PendingTimer { due, task, request, name }
}
