//! One scheduler over all tasks, gateways and brokers: deterministic, whatever the batching.
//!
//! A root is staged, delivered to every task in order, and so is everything it causes, until all is
//! quiet; then the venue sees the market event and its reports come in as further roots. What is
//! staged becomes durable in batches; before any call to a broker it becomes durable at once.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use broker::{Moment, PaperBroker};
use bus::Foreign;
use event::{Event, Family, Source, Timestamp};
use gateway::{Call, Gateway, Plan, Turn};
use worker::{Delivery, Fences, Schedule, Task, Timers};

use super::{PipelineError, fold::Fold, stage::Stage};
use crate::control::HaltLatch;

/// A task and how far it has decided.
pub(crate) struct Seat {
    pub(crate) task: Task,
    /// Inputs at or below this index were decided, as far as the log shows or will show.
    pub(crate) through: Option<u64>,
    /// Where its code changed.
    pub(crate) fences: Fences,
    /// Whether the task's numbers go on behind the fence by now.
    pub(crate) is_behind_fence: bool,
    /// Whether the log was told of this start.
    pub(crate) is_told: bool,
}

impl Seat {
    pub(crate) const fn new(task: Task) -> Self {
        let fences = Fences::of(task.source());
        Self { task, through: None, fences, is_behind_fence: false, is_told: false }
    }
}

/// An account's gateway, and the broker it talks to.
pub(crate) struct Desk {
    pub(crate) gateway: Gateway,
    pub(crate) broker: PaperBroker,
}

/// Everything that decides, and everything it decides about.
pub(crate) struct Machine {
    pub(crate) seats: Vec<Seat>,
    pub(crate) desks: Vec<Desk>,
    pub(crate) timers: Timers,
    pub(crate) schedule: Schedule,
    pub(crate) fold: Fold,
    pub(crate) stage: Stage,
    pub(crate) latch: HaltLatch,
    /// The session clock: the time of the last root.
    pub(crate) clock: Timestamp,
    /// Market records the venue has printed.
    pub(crate) position: u64,
    /// What the venue was shown last.
    pub(crate) shown: Shown,
    /// What others wrote, as far as it was met and not looked at yet.
    pub(crate) foreign: Vec<Foreign>,
}

/// The events of one tape record, shown to the venue once all that follows from it is done.
#[derive(Default)]
pub(crate) struct Shown {
    pub(crate) moment: Option<Moment>,
    pub(crate) events: Vec<Arc<Event>>,
}

impl Shown {
    /// Shows them; shown again they change nothing.
    pub(crate) fn show(self, machine: &mut Machine) -> Result<(), PipelineError> {
        if let Some(moment) = self.moment {
            self.events.iter().try_for_each(|event| machine.show_venue(moment, event))?;
        }
        machine.shown = self;
        Ok(())
    }
}

impl Machine {
    /// The session clock and tape position, as the broker sees them.
    pub(crate) const fn moment(&self) -> Moment {
        Moment { time: self.clock, position: self.position }
    }

    /// Takes a root in and runs what follows from it to its end.
    pub(crate) fn root(&mut self, event: Event) -> Result<(), PipelineError> {
        let _ = self.accept(event.source, vec![event], None)?;
        self.settle()?;
        self.take_reports()
    }

    /// Takes in the events of one tape record, runs what follows to its end, then shows the record
    /// to the venue. `mark` says that the tape has been read up to `ordinal` and past it.
    pub(crate) fn record(
        &mut self,
        events: Vec<Event>,
        mark: (Source, u64),
    ) -> Result<(), PipelineError> {
        let shown = match events.first().map(|event| event.source) {
            Some(source) => self.accept(source, events, None)?,
            None => Vec::new(),
        };
        let (ingress, ordinal) = mark;
        self.stage.mark(ingress, ordinal);
        self.settle()?;
        if !shown.is_empty() {
            Shown { moment: Some(self.moment()), events: shown }.show(self)?;
        }
        self.take_reports()
    }

    /// Fires every timer due at or before `now`, each to its end; less when it is told to stop. Between
    /// two records of a tape there may be years, and as many timers.
    pub(crate) fn fire_timers(
        &mut self,
        now: Timestamp,
        stop: &AtomicBool,
    ) -> Result<(), PipelineError> {
        while !stop.load(Ordering::Acquire)
            && let Some(event) = self.timers.fire(now, self.clock)?
        {
            self.root(event)?;
            self.stage.flush_if_full()?;
        }
        Ok(())
    }

    /// Stages events of a source outside the tasks and queues them for delivery.
    pub(crate) fn accept(
        &mut self,
        source: Source,
        events: Vec<Event>,
        mark: Option<u64>,
    ) -> Result<Vec<Arc<Event>>, PipelineError> {
        let deliveries = self.stage.put(source, events, None, &[], mark)?;
        let accepted = deliveries.iter().map(|delivery| Arc::clone(&delivery.event)).collect();
        deliveries.into_iter().for_each(|delivery| self.schedule.push(delivery));
        Ok(accepted)
    }

    /// Delivers until all is quiet.
    pub(crate) fn settle(&mut self) -> Result<(), PipelineError> {
        while let Some(delivery) = self.schedule.pop() {
            self.deliver(&delivery)?;
        }
        Ok(())
    }

    /// Delivers one event to the fold, to every task, then to the gateways.
    pub(crate) fn deliver(&mut self, delivery: &Delivery) -> Result<(), PipelineError> {
        let Delivery { index, event, bytes } = delivery;
        self.note_time(event);
        self.timers.fired(event);
        self.fold.apply(event, bytes);
        for at in 0..self.seats.len() {
            self.step(at, *index, event)?;
        }
        // Gateways have nothing to do with market data, and the latch is a file: it is read only
        // where an order may leave.
        if !matches!(event.body.kind().family(), Family::Market | Family::Signal) {
            for at in 0..self.desks.len() {
                self.command(at, *index, event)?;
            }
        }
        Ok(self.latch.follow(event)?)
    }

    /// Moves clock and position on with a root.
    pub(crate) fn note_time(&mut self, event: &Event) {
        if event.cause_id.is_none() && !is_broker_fact(event) {
            self.clock = self.clock.max(event.time);
        }
        if is_venue_record(event) {
            self.position += 1;
        }
    }

    fn step(&mut self, at: usize, index: u64, event: &Event) -> Result<(), PipelineError> {
        let Some(seat) = self.seats.get_mut(at) else { return Ok(()) };
        if !seat.task.wants(event) {
            return Ok(());
        }
        let fence = seat.fences.fence();
        let decided = seat.through.is_some_and(|through| index <= through)
            || fence.is_some_and(|fence| index < fence.index);
        if let Some(fence) = fence.filter(|fence| index >= fence.index && !seat.is_behind_fence) {
            seat.is_behind_fence = true;
            seat.task.go_on_behind(&fence);
        }
        let Some(effects) = seat.task.step(event) else { return Ok(()) };
        if decided {
            return Ok(());
        }
        seat.through = Some(index);
        let source = seat.task.source();
        let staged = self.stage.put(source, effects.events, Some(index), &effects.timers, None)?;
        for timer in effects.timers {
            self.timers.set(timer);
        }
        for delivery in staged {
            self.schedule.push(delivery);
        }
        Ok(())
    }

    /// Says at a stop, where all is quiet, that every task has taken the whole log: whatever code comes
    /// next, what was taken in silence is not decided again.
    pub(crate) fn rest(&mut self) -> Result<(), PipelineError> {
        let Some(last) = self.stage.next_index().checked_sub(1) else { return Ok(()) };
        for seat in self.seats.iter_mut().filter(|seat| seat.through < Some(last)) {
            seat.through = Some(last);
            let _ = self.stage.put(seat.task.source(), Vec::new(), Some(last), &[], None)?;
        }
        Ok(())
    }

    fn command(&mut self, at: usize, index: u64, event: &Event) -> Result<(), PipelineError> {
        let (moment, latch) = (self.moment(), self.latch.for_orders());
        let Some(desk) = self.desks.get_mut(at) else { return Ok(()) };
        let plan = desk.gateway.plan(event, moment, latch);
        self.carry_out(at, index, plan)
    }

    fn carry_out(&mut self, at: usize, index: u64, plan: Plan) -> Result<(), PipelineError> {
        let moment = self.moment();
        let Some(desk) = self.desks.get_mut(at) else { return Ok(()) };
        let source = desk.gateway.source();
        // Attempts that the log has already come without events: they are asked again.
        let turn = if plan.events.is_empty() { Turn::Again } else { Turn::First };
        if !plan.events.is_empty() {
            for delivery in self.stage.put(source, plan.events, Some(index), &[], None)? {
                self.schedule.push(delivery);
            }
        }
        if plan.calls.is_empty() {
            return Ok(());
        }
        // An attempt is durable before the broker hears of it; a question changes nothing there.
        if plan.calls.iter().any(Call::is_attempt) {
            self.stage.flush()?;
        }
        for call in plan.calls {
            let Some(desk) = self.desks.get_mut(at) else { return Ok(()) };
            let latch = self.latch.for_orders();
            let facts = desk.gateway.perform_under(latch, turn, &call, &mut desk.broker, moment)?;
            let source = desk.gateway.broker_source();
            let _ = self.accept(source, facts, None)?;
        }
        Ok(())
    }

    /// The venue prints a record; its own matching happens behind the broker.
    pub(crate) fn show_venue(
        &mut self,
        moment: Moment,
        record: &Event,
    ) -> Result<(), PipelineError> {
        for desk in &mut self.desks {
            desk.broker.on_market(moment, record)?;
        }
        Ok(())
    }

    /// Takes in what brokers have reported, to its end.
    pub(crate) fn take_reports(&mut self) -> Result<(), PipelineError> {
        for at in 0..self.desks.len() {
            loop {
                let moment = self.moment();
                let Some(desk) = self.desks.get_mut(at) else { break };
                let Some(facts) = desk.gateway.read_reports(&mut desk.broker, moment)? else {
                    break;
                };
                let source = desk.gateway.broker_source();
                let _ = self.accept(source, facts.events, Some(facts.mark))?;
                self.settle()?;
            }
        }
        Ok(())
    }

    /// Tasks' sources and the versions of their code.
    pub(crate) fn sources(&self) -> BTreeMap<Source, event::Label> {
        self.seats.iter().map(|seat| (seat.task.source(), seat.task.version())).collect()
    }
}

/// Whether the event is a record of a tape: what the venue itself printed.
pub(crate) fn is_venue_record(event: &Event) -> bool {
    event.source.as_str().starts_with("file/")
}

pub(crate) fn is_broker_fact(event: &Event) -> bool {
    event.source.as_str().starts_with("broker/")
}
