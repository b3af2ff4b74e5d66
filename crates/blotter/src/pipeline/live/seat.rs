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
    time::Duration,
};

use bus::{BusError, Entry, Run, TimerRequested, Topology, Unit};
use event::{Body, Digest, Event, Kind, Source, Timestamp, operations::AgentStarted};
use worker::{Failed, Numbering, PendingTimer, Step, Task};

use super::{
    super::PipelineError,
    clock::SessionClock,
    distributor::Handed,
    elsewhere::{Elsewhere, Watching},
    shared::{PATIENCE, Shared},
    tenure::Tenure,
    watch::Told,
};
use crate::app::Factory;

/// Who holds a claim says at least so often how far it is.
const SAYS_EVERY: Duration = Duration::from_millis(500);

/// What a process does about a task that another has taken over.
#[derive(Clone)]
pub(super) enum Loss {
    /// It watches the task from then on.
    IsWatched(Watching),
    /// It has nothing more to do with it.
    IsTold(fn(Told<'_>)),
}

/// A task on its thread, and how to make it again.
pub(super) struct Seat {
    seat: worker::Seat,
    make: Factory,
    tenure: Tenure,
    loss: Loss,
    said_at: Timestamp,
    shared: Arc<Shared>,
    clock: Arc<SessionClock>,
    topology: Topology,
}

impl Seat {
    /// Sits tasks down where the log says that they are: it is read once for all of them. Their tenures
    /// are taken before, so nobody else writes them any more.
    pub(super) fn all(
        makes: &[Factory],
        tenure: fn(Source, &Shared) -> Result<Tenure, PipelineError>,
        loss: &Loss,
        shared: &Arc<Shared>,
        clock: &Arc<SessionClock>,
    ) -> Result<Vec<Self>, PipelineError> {
        let (mut tasks, mut tenures) = (Vec::new(), Vec::new());
        for make in makes {
            let task = Task::new(make())?;
            tenures.push(tenure(task.source(), shared)?);
            tasks.push(task);
        }
        let (seats, _) = recovered(tasks, shared)?;
        let seated = |((seat, make), tenure): ((_, &Factory), _)| {
            let (shared, clock) = (Arc::clone(shared), Arc::clone(clock));
            Self::seated(seat, Arc::clone(make), tenure, loss.clone(), shared, clock)
        };
        Ok(seats.into_iter().zip(makes).zip(tenures).map(seated).collect())
    }

    /// A seat that knows where the log says that it is.
    pub(super) fn seated(
        seat: worker::Seat,
        make: Factory,
        tenure: Tenure,
        loss: Loss,
        shared: Arc<Shared>,
        clock: Arc<SessionClock>,
    ) -> Self {
        let (said_at, topology) = (clock.elapsed(), Topology::shipped());
        Self { seat, make, tenure, loss, said_at, shared, clock, topology }
    }

    /// The task.
    pub(super) const fn task(&self) -> Source {
        self.seat.source()
    }

    /// The claim that it is decided under.
    pub(super) const fn claim(&self) -> u64 {
        self.tenure.epoch()
    }

    /// What this start tells the log. A task that was claimed counts its starts by its claims.
    pub(super) fn start_of(&mut self, start: u64, config: Digest) -> AgentStarted {
        let claim = self.tenure.epoch();
        self.seat.start(if claim == 0 { start } else { claim }, config)
    }

    /// Tells the log of this start, in the name of the task itself.
    pub(super) fn begin(&mut self, config: Digest) -> Result<(), PipelineError> {
        let start = self.start_of(0, config);
        self.tell(start.into())
    }

    /// Deals with what is handed out until the run ends.
    pub(super) fn start(self, received: Receiver<Handed>) -> JoinHandle<()> {
        let shared = Arc::clone(&self.shared);
        std::thread::spawn(move || shared.answer_for(|| self.work(&received)))
    }

    /// Decides until the run ends, or until another process has taken the task over.
    pub(super) fn work(mut self, received: &Receiver<Handed>) -> Result<(), PipelineError> {
        let decided = self.decide(received);
        self.end(decided, received)
    }

    /// Decides in the place of another process: what stood waiting comes first.
    pub(super) fn go_on(
        mut self,
        config: Digest,
        waiting: impl IntoIterator<Item = (u64, Arc<Event>)>,
        received: &Receiver<Handed>,
    ) -> Result<(), PipelineError> {
        let mut waiting = waiting.into_iter();
        let decided = self
            .begin(config)
            .and_then(|()| waiting.try_for_each(|(index, event)| self.take(index, &event)))
            .and_then(|()| self.decide(received));
        self.end(decided, received)
    }

    fn end(
        self,
        decided: Result<(), PipelineError>,
        received: &Receiver<Handed>,
    ) -> Result<(), PipelineError> {
        match decided {
            Err(PipelineError::Bus(why))
                if self.tenure.is_lost_by(&why) && !self.shared.has_failed() =>
            {
                self.lose(why, received)
            }
            decided => decided,
        }
    }

    fn decide(&mut self, received: &Receiver<Handed>) -> Result<(), PipelineError> {
        while !self.shared.has_failed() {
            while let Some(step) = self.seat.fire(self.clock.now())? {
                self.commit(step)?;
            }
            let due = self.seat.next_due();
            let wait = due.map_or(PATIENCE, |due| self.clock.until_due(due).min(PATIENCE));
            match received.recv_timeout(wait) {
                Ok(Handed::Event(delivery)) => {
                    let dealt = self.take(delivery.index, &delivery.event);
                    self.shared.dealt_with();
                    dealt?;
                }
                Ok(Handed::Progress { .. }) => self.shared.dealt_with(),
                Err(RecvTimeoutError::Timeout) if !self.shared.has_ended() => {}
                Err(_) if self.shared.has_failed() => return Ok(()),
                Err(_) => return self.seat.rest().map_or(Ok(()), |step| self.commit(step)),
            }
            self.say()?;
        }
        Ok(())
    }

    /// Says how far the task is, so that whoever watches it sees that it does not stand still. Nobody
    /// watches a task that was never claimed.
    fn say(&mut self) -> Result<(), PipelineError> {
        let now = self.clock.elapsed();
        if self.tenure.epoch() == 0 || now.since_ns(self.said_at) < SAYS_EVERY.as_nanos() as i64 {
            return Ok(());
        }
        self.said_at = now;
        self.seat.say().map_or(Ok(()), |step| self.commit(step))
    }

    /// Takes a delivery; an agent that panics is made again and its past told to it once more.
    fn take(&mut self, index: u64, event: &Event) -> Result<(), PipelineError> {
        loop {
            match catch_unwind(AssertUnwindSafe(|| self.seat.take(index, event))) {
                Ok(step) => return step.map_or(Ok(()), |step| self.commit(step)),
                Err(_) => self.restart(index)?,
            }
        }
    }

    fn commit(&mut self, step: Step) -> Result<(), PipelineError> {
        self.tenure.commit(unit_of(&step, &self.topology), &self.shared)?;
        self.seat.durable(step);
        Ok(())
    }

    /// Another process has taken the task over: nothing of it is written here any more.
    fn lose(self, why: BusError, received: &Receiver<Handed>) -> Result<(), PipelineError> {
        let Self { seat, make, loss, shared, clock, .. } = self;
        match loss {
            Loss::IsWatched(watching) => {
                (watching.tell)(Told::Lost(seat.source(), &why));
                Elsewhere::of_lost(&make, shared, clock, watching)?.work(received)
            }
            Loss::IsTold(tell) => {
                tell(Told::Lost(seat.source(), &why));
                shared.lose(why);
                while !shared.has_ended() {
                    if received.recv_timeout(PATIENCE).is_ok() {
                        shared.dealt_with();
                    }
                }
                Ok(())
            }
        }
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
        let unit = Unit::of_events(worker, [event], &self.topology);
        self.tenure.commit(unit, &self.shared)
    }
}

/// Fresh tasks where the log says that they are, and the index up to which the log was read: which timers
/// wait, how far each task had decided, where its code changed.
pub(super) fn recovered(
    tasks: Vec<Task>,
    shared: &Shared,
) -> Result<(Vec<worker::Seat>, u64), PipelineError> {
    let mut seats: Vec<_> = tasks.into_iter().map(worker::Seat::new).collect();
    let mut known = 0;
    for seat in &mut seats {
        let progress = shared.with_bus(|bus| bus.progress(seat.source()));
        seat.resume(progress.and_then(|progress| progress.through()));
    }
    shared.each_entry(|entry| {
        known = entry.index() + 1;
        match entry {
            Entry::Progress { progress, .. } => {
                let task = progress.source;
                if let Some(seat) = seats.iter_mut().find(|seat| seat.source() == task) {
                    progress.timers().for_each(|timer| seat.asked(timer_of(task, timer)));
                }
            }
            Entry::Event(delivered) => {
                let header = delivered.record.header();
                let (task, kind) = (header.source, header.kind);
                if let Some(seat) = seats.iter_mut().find(|seat| seat.source() == task) {
                    seat.emitted(header.source_seq);
                }
                if [Kind::TimerFired as u16, Kind::AgentStarted as u16].contains(&kind) {
                    let event = delivered.record.event()?;
                    let others = seats.iter_mut().filter(|seat| seat.source() != task);
                    others.for_each(|seat| seat.remember(&event));
                }
            }
            Entry::Foreign(_) => {}
        }
        Ok(true)
    })?;
    Ok((seats, known))
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

pub(super) const fn timer_of(task: Source, timer: TimerRequested) -> PendingTimer {
    let TimerRequested { request, name, due } = timer;
    PendingTimer { due, task, request, name }
}
