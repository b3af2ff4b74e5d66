//! A task that comes back as another build of its agent, with inputs that the build before only partly
//! took.

use bus::Unit;
use event::{Digest, Source};
use worker::Numbering;

use crate::{
    cast::STRATEGY,
    defence::Defence,
    fault::Fault,
    invariant::Violation,
    medium::PartLife,
    part::{Effect, Role, Waiting, unit_of_step},
    world::{SEATS, World, surprise},
};

/// The settings of every run are one.
pub(crate) const CONFIG: Digest = Digest([7; 32]);

impl World {
    /// A task is stopped, or dies, and comes back as its next build. Two builds of one task are never
    /// alive at once: what the first sent arrives, or is lost, before the second is started.
    pub(crate) fn upgrade(&mut self) -> Result<(), Violation> {
        let tasks = self.builds.len() as u64;
        // Every other time it is the strategy, whose builds decide most differently.
        let any = self.faults.between(Fault::Upgrade, 0, 2 * tasks) as usize;
        let at = if any < self.builds.len() { any } else { STRATEGY };
        let stopped = self.faults.between(Fault::Upgrade, 0, 2) == 0;
        let place = SEATS + at;
        let Some(Role::Seat(seat)) = self.parts.get(place).map(|part| &part.role) else {
            return Ok(());
        };
        let task = seat.source();
        if !self.oracle.builds.contains_key(&task) {
            return Ok(());
        }
        self.zombies.retain(|(home, _)| *home != place);
        while let Some(letter) = self.medium.letters.iter().position(|l| l.from.part == place) {
            if self.faults.between(Fault::Upgrade, 0, 2) == 0 {
                self.arrive(letter)?;
            } else {
                let _ = self.medium.letters.swap_remove(letter);
            }
            if self.parts.is_empty() {
                return Ok(());
            }
        }
        self.faults.count(Fault::Upgrade);
        self.trace.tell(self.now, || format!("part {place} is upgraded, stopped first: {stopped}"));
        if stopped {
            self.stop(place)?;
            if self.parts.is_empty() {
                return Ok(());
            }
        }
        if let Some(build) = self.builds.get_mut(at) {
            *build += 1;
        }
        self.replace(place)
    }

    /// A task is stopped where nothing of its is under way, and says how far it is.
    fn stop(&mut self, place: usize) -> Result<(), Violation> {
        let silent = self.plan.without == Some(Defence::SilenceSaid);
        let Some(part) = self.parts.get_mut(place) else { return Ok(()) };
        let (None, Role::Seat(seat)) = (&part.post, &mut part.role) else { return Ok(()) };
        let (task, life) = (seat.source(), part.life);
        let Some(step) = seat.rest() else { return Ok(()) };
        let taken = step.consumed;
        let unit = unit_of_step(&step, self.medium.topology());
        part.hold(vec![unit], Waiting::Step(step));
        part.last = Effect::Send;
        if !silent {
            let _ = self.post(PartLife { part: place, life }, false);
            while let Some(at) = self.medium.letters.iter().position(|l| l.from.part == place) {
                self.arrive(at)?;
            }
        }
        let said = self.medium.progress(task).and_then(|progress| progress.through());
        if silent || said >= taken {
            self.oracle.stopped(task, taken);
        }
        Ok(())
    }

    /// A task whose build is another than at its last start says so before it takes anything.
    pub(crate) fn begin_seat(&mut self, place: usize) -> Result<(), Violation> {
        let now = self.now;
        let without = self.plan.without == Some(Defence::Fence);
        let Some(part) = self.part_mut(place) else { return Ok(()) };
        let clock = part.clock(now);
        let Role::Seat(seat) = &mut part.role else { return Ok(()) };
        let is_upgrade = seat.is_upgrade(CONFIG) && !without;
        part.begins = is_upgrade;
        if !is_upgrade {
            return Ok(());
        }
        let name = format!("worker/start/{}", seat.source().as_str().replace('/', "-"));
        let worker = Source::new(&name).map_err(surprise)?;
        let last = self.medium.high_water(worker);
        let Some(Role::Seat(seat)) = self.part_mut(place).map(|part| &mut part.role) else {
            return Ok(());
        };
        let start = seat.start(last + 1, CONFIG);
        let mut numbering = Numbering::default();
        numbering.observe(worker, last);
        let event = numbering.worker_root(worker, clock, start.into());
        let unit = Unit::of_events(worker, [event], self.medium.topology());
        if let Some(part) = self.part_mut(place) {
            part.hold(vec![unit], Waiting::Start);
        }
        Ok(())
    }
}
