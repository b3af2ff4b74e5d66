//! What goes wrong as time passes, and when it ends.

use event::choices::OperatorVerb;
use event::operations::OperatorCommanded;
use event::{Body, Event, EventId, Timestamp};
use segment::Disk as _;

use crate::{
    fault::{Fault, Faults},
    invariant::Violation,
    world::{World, command_id, surprise},
};

impl World {
    /// What goes wrong as time passes.
    pub(crate) fn strike(&mut self) -> Result<(), Violation> {
        let places = self.parts.len() as u64;
        if self.down_until.is_some() {
            return Ok(());
        }
        let soon = |faults: &mut Faults, fault, now: Timestamp, most_ms| {
            now.plus_ns(faults.between(fault, 1, most_ms) as i64 * 1_000_000)
        };
        let now = self.now;
        if self.faults.strikes(Fault::Pause) {
            let place = self.faults.between(Fault::Pause, 0, places) as usize;
            let until = soon(&mut self.faults, Fault::Pause, now, 2_500);
            if let Some(part) = self.parts.get_mut(place) {
                part.paused_until = until;
            }
        }
        if self.faults.strikes(Fault::Partition) {
            let place = self.faults.between(Fault::Partition, 0, places) as usize;
            let until = soon(&mut self.faults, Fault::Partition, now, 3_000);
            if let Some(part) = self.parts.get_mut(place) {
                part.cut_off_until = until;
            }
        }
        if self.faults.strikes(Fault::Clock) {
            let place = self.faults.between(Fault::Clock, 0, places) as usize;
            let skew = self.faults.between(Fault::Clock, 0, 400_000_000) as i64 - 200_000_000;
            if let Some(part) = self.parts.get_mut(place) {
                part.skew_ns = skew;
            }
        }
        if self.faults.strikes(Fault::FullBus) && !self.medium.is_embedded() {
            self.room_until = Some(soon(&mut self.faults, Fault::FullBus, now, 2_000));
            let entries = self.medium.next_index() as usize;
            let half = self.faults.between(Fault::FullBus, 0, 2) == 0;
            // At the bound market data is refused, at twice the bound the rest.
            self.medium.set_room(Some(if half { entries / 2 } else { entries }.max(1)));
        }
        if self.faults.strikes(Fault::FullDisk) {
            self.disk_until = Some(soon(&mut self.faults, Fault::FullDisk, now, 2_000));
            self.disk.set_capacity(Some(1 << 40));
            let free = self.disk.free_bytes("".as_ref()).map_err(surprise)?;
            self.disk.set_capacity(Some((1 << 40) - free));
        }
        if self.faults.strikes(Fault::BrokerRestart) {
            self.trace.tell(now, || "the broker restarts".into());
            self.venue.restart().map_err(surprise)?;
        }
        if self.faults.strikes(Fault::Halt) && self.resumes_at.is_none() {
            self.trace.tell(now, || "an operator halts trading".into());
            self.latch = Some(Some(command_id(self.commands.len() as u64 + 1)));
            self.command(OperatorVerb::Halt);
            self.resumes_at = Some(soon(&mut self.faults, Fault::Halt, now, 8_000));
        }
        if self.faults.strikes(Fault::SnapshotLoss) {
            let changed = self.shelf.suffer(&mut self.faults);
            // The part goes on without it, unless it has to begin again before it keeps another.
            if let Some(place) = changed
                && self.faults.between(Fault::SnapshotLoss, 0, 2) == 0
            {
                self.replace(place)?;
            }
        }
        if self.faults.draws(Fault::Upgrade) {
            self.upgrade()?;
        }
        if self.faults.strikes(Fault::ProcessCrash) {
            self.lose_process(None)?;
        }
        Ok(())
    }

    pub(crate) fn end_of_waits(&mut self) -> Result<(), Violation> {
        let now = self.now;
        if self.room_until.is_some_and(|until| until <= now) {
            self.room_until = None;
            self.medium.set_room(None);
        }
        if self.disk_until.is_some_and(|until| until <= now) {
            self.disk_until = None;
            self.disk.set_capacity(None);
        }
        if self.resumes_at.is_some_and(|at| at <= now) {
            self.resumes_at = None;
            self.command(OperatorVerb::Resume);
        }
        if self.down_until.is_some_and(|until| until <= now) {
            self.restart()?;
        }
        Ok(())
    }

    /// Nothing goes wrong from here on.
    pub(crate) fn heal(&mut self) -> Result<(), Violation> {
        self.faults.heal();
        self.trace.tell(self.now, || "nothing goes wrong from here on".into());
        self.medium.set_room(None);
        self.disk.set_capacity(None);
        (self.room_until, self.disk_until) = (None, None);
        if self.resumes_at.take().is_some() {
            self.command(OperatorVerb::Resume);
        }
        for part in &mut self.parts {
            part.paused_until = self.now;
            part.cut_off_until = self.now;
            part.skew_ns = part.skew_ns.max(0);
        }
        Ok(())
    }

    pub(crate) fn command(&mut self, verb: OperatorVerb) {
        let command = OperatorCommanded {
            verb,
            account: None,
            actor: "operator".into(),
            reason: "as the seed says".into(),
            acted_at: Some(self.now),
        };
        self.commands.push((self.now, command));
    }

    /// The latch follows what the log says; a halt that is not in the log yet is not released.
    pub(crate) fn follow(&mut self, event: &Event) {
        match &event.body {
            Body::OperatorCommanded(command) if command.verb == OperatorVerb::Halt => {
                let _ = self.halts_seen.insert(event.event_id);
            }
            Body::TradingHalted(_) if self.latch.is_none() => self.latch = Some(None),
            Body::TradingResumed(_) => {
                let logged = |id: &EventId| self.halts_seen.contains(id);
                if self.latch.is_some_and(|held| held.as_ref().is_none_or(logged)) {
                    self.latch = None;
                }
            }
            _ => {}
        }
    }

    /// Whether a write may fail because the disk was filled.
    pub(crate) const fn disk_is_full(&self) -> bool {
        self.disk_until.is_some()
    }
}
