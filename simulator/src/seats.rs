//! A task at its turn: it decides, fires a timer, or panics and is made again.

use bus::{Entry, Unit};
use event::{EventId, Source, Timestamp};
use std::sync::Arc;

use crate::{
    act::INBOX,
    defence::Defence,
    fault::Fault,
    invariant::Violation,
    part::{Role, Waiting, unit_of_step},
    world::{World, surprise},
};

/// Of so many silences a task speaks of one.
const RESTS: u64 = 24;

impl World {
    pub(crate) fn decide_seat(&mut self, place: usize) -> Result<(), Violation> {
        let max = self.chance.between(1, INBOX);
        for _ in 0..max {
            let panics = self.faults.strikes(Fault::Panic);
            let now = self.now;
            let Some(part) = self.part_mut(place) else { return Ok(()) };
            let clock = part.clock(now);
            let Role::Seat(seat) = &mut part.role else { return Ok(()) };
            let Some(delivered) = part.inbox.pop_front() else { return Ok(()) };
            let event = delivered.record.event().map_err(surprise)?;
            if panics && seat.task().wants(&event) {
                return self.panic(place, delivered, clock);
            }
            let step = seat.take(delivered.position.index, &event);
            self.deliveries += 1;
            if let Some(step) = step {
                return self.hold_step(place, step);
            }
        }
        let rests = self.chance.below(RESTS) == 0;
        let Some(part) = self.part_mut(place) else { return Ok(()) };
        match &mut part.role {
            Role::Seat(seat) if rests => match seat.rest() {
                Some(step) => self.hold_step(place, step),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    pub(crate) fn hold_step(
        &mut self,
        place: usize,
        mut step: worker::Step,
    ) -> Result<(), Violation> {
        if self.plan.without == Some(Defence::DerivedIds) && step.consumed.is_some() {
            for event in &mut step.events {
                let mut id = [0; 16];
                id.iter_mut().for_each(|byte| *byte = self.chance.draw() as u8);
                Arc::make_mut(event).event_id = EventId(id);
            }
        }
        let unit = unit_of_step(&step, self.medium.topology());
        if let Some(part) = self.part_mut(place) {
            part.hold(vec![unit], Waiting::Step(step));
        }
        Ok(())
    }

    /// An agent panics on a delivery: it is told, and the agent made again.
    pub(crate) fn panic(
        &mut self,
        place: usize,
        delivered: bus::Delivered,
        clock: Timestamp,
    ) -> Result<(), Violation> {
        let Some(part) = self.part_mut(place) else { return Ok(()) };
        let Role::Seat(seat) = &mut part.role else { return Ok(()) };
        let failed = seat.failed(clock);
        let source = seat.source();
        if failed.escalates {
            // The run ends, halted; the operator has it resumed once it is mended.
            return self.lose_process(None);
        }
        let name = format!("worker/{}", source.as_str().replace('/', "-"));
        let worker = Source::new(&name).map_err(surprise)?;
        let mut numbering = worker::Numbering::default();
        numbering.observe(worker, self.medium.high_water(worker));
        let event = numbering.worker_root(worker, clock, failed.told.into());
        let unit = Unit::of_events(worker, [event], self.medium.topology());
        if let Some(part) = self.part_mut(place) {
            part.hold(vec![unit], Waiting::Failure(delivered));
        }
        Ok(())
    }

    /// The agent is made again, and told its past.
    pub(crate) fn made_again(
        &mut self,
        place: usize,
        failed_on: bus::Delivered,
    ) -> Result<(), Violation> {
        let task = self.task(self.home(place))?;
        let entries = self.medium.history().map_err(surprise)?;
        let Some(part) = self.part_mut(place) else { return Ok(()) };
        let Role::Seat(seat) = &mut part.role else { return Ok(()) };
        seat.begin_again(task);
        for entry in &entries {
            if entry.index() >= failed_on.position.index {
                break;
            }
            if let Entry::Event(delivered) = entry {
                let index = delivered.position.index;
                seat.tell_again(index, &*delivered.record.event().map_err(surprise)?);
            }
        }
        part.inbox.push_front(failed_on);
        Ok(())
    }

    pub(crate) fn fire(&mut self, place: usize) -> Result<(), Violation> {
        let now = self.now;
        let Some(part) = self.part_mut(place) else { return Ok(()) };
        let clock = part.clock(now);
        let Role::Seat(seat) = &mut part.role else { return Ok(()) };
        match seat.fire(clock).map_err(surprise)? {
            Some(step) => self.hold_step(place, step),
            None => Ok(()),
        }
    }
}
