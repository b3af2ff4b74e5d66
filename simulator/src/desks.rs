//! The desk at its turn, and what was asked of the broker held against the log.

use broker::Moment;
use event::Timestamp;
use gateway::Latch;

use crate::{
    act::INBOX,
    defence::Defence,
    fault::Fault,
    invariant::{Invariant, Violation},
    part::{Role, Waiting, unit_of_batch},
    venue::{Asked, Race},
    world::{World, surprise},
};

impl World {
    pub(crate) fn decide_desk(&mut self, place: usize) -> Result<(), Violation> {
        let now = self.now;
        let max = self.chance.between(1, INBOX);
        for _ in 0..max {
            let position = self.venue.moment.position;
            let without = self.plan.without;
            let Some(part) = self.part_mut(place) else { return Ok(()) };
            let mut clock = part.clock(now);
            let Some(delivered) = part.inbox.pop_front() else { return Ok(()) };
            let index = delivered.position.index;
            let event = delivered.record.event().map_err(surprise)?;
            if without == Some(Defence::ExpiryCheck) {
                clock = clock.min(event.time);
            }
            self.follow(&event);
            let latch = self.latch_now();
            let Some(part) = self.part_mut(place) else { return Ok(()) };
            let Role::Desk(desk) = &mut part.role else { return Ok(()) };
            let batch = desk.take(index, &event, Moment { time: clock, position }, latch);
            let owes = desk.owes().is_some();
            self.deliveries += 1;
            if let Some(batch) = batch {
                return self.hold_batch(place, batch);
            }
            if owes {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The latch as the desk reads it.
    pub(crate) fn latch_now(&self) -> Latch {
        match self.latch {
            Some(_) if self.plan.without != Some(Defence::Latch) => Latch::Halted,
            _ => Latch::Open,
        }
    }

    pub(crate) fn hold_batch(
        &mut self,
        place: usize,
        batch: gateway::Batch,
    ) -> Result<(), Violation> {
        let unit = unit_of_batch(&batch, self.medium.topology());
        let unbarred = self.plan.without == Some(Defence::DurabilityBarrier);
        if let Some(part) = self.part_mut(place) {
            if let Role::Desk(desk) = &mut part.role
                && unbarred
            {
                desk.durable(&batch);
            }
            part.hold(vec![unit], Waiting::Batch(batch));
        }
        while unbarred
            && matches!(self.part(place).map(|p| &p.role), Some(Role::Desk(d)) if d.owes().is_some())
        {
            self.call_now(place)?;
        }
        Ok(())
    }

    pub(crate) fn call(&mut self, place: usize) -> Result<(), Violation> {
        match self.call_now(place)? {
            Some(batch) => self.hold_batch(place, batch),
            None => Ok(()),
        }
    }

    pub(crate) fn call_now(&mut self, place: usize) -> Result<Option<gateway::Batch>, Violation> {
        if self.faults.strikes(Fault::StaleRead) {
            self.venue.stale_ns =
                self.faults.between(Fault::StaleRead, 1, 1_500) as i64 * 1_000_000;
        }
        let (now, position) = (self.now, self.venue.moment.position);
        let mut clock = self.part(place).map_or(now, |part| part.clock(now));
        self.venue.caller = clock;
        if self.plan.without == Some(Defence::ExpiryCheck) {
            clock = crate::tape::STARTS;
        }
        let latch = self.latch_now();
        let moment = Moment { time: clock, position };
        self.race(place);
        let part = match place.checked_sub(self.parts.len()) {
            None => self.parts.get_mut(place),
            Some(zombie) => self.zombies.get_mut(zombie).map(|(_, part)| part),
        };
        let Some(Role::Desk(desk)) = part.map(|part| &mut part.role) else { return Ok(None) };
        let batch = desk.call(&mut self.venue, moment, latch).map_err(surprise)?;
        self.venue.stale_ns = 0;
        self.end_of_race();
        self.look_at_calls()?;
        Ok(batch)
    }

    /// The order whose cancel is about to be asked for may be executed right before it, or while it is
    /// on its way.
    fn race(&mut self, place: usize) {
        let is_cancel = match self.part(place).map(|part| &part.role) {
            Some(Role::Desk(desk)) => matches!(desk.owes(), Some(gateway::Call::Cancel(_))),
            _ => false,
        };
        if is_cancel && self.faults.draws(Fault::CancelRace) {
            let first = self.faults.between(Fault::CancelRace, 0, 2) == 0;
            self.venue.race = Some(if first { Race::Before } else { Race::After });
        }
    }

    fn end_of_race(&mut self) {
        self.venue.race = None;
        if std::mem::take(&mut self.venue.raced) {
            self.faults.count(Fault::CancelRace);
            self.trace.tell(self.now, || "the order is executed as its cancel arrives".into());
        }
    }

    pub(crate) fn report(&mut self, place: usize) -> Result<(), Violation> {
        let (now, position) = (self.now, self.venue.moment.position);
        let part = match place.checked_sub(self.parts.len()) {
            None => self.parts.get_mut(place),
            Some(zombie) => self.zombies.get_mut(zombie).map(|(_, part)| part),
        };
        let Some(part) = part else { return Ok(()) };
        let moment = Moment { time: part.clock(now), position };
        let Role::Desk(desk) = &mut part.role else { return Ok(()) };
        match desk.reports(&mut self.venue, moment).map_err(surprise)? {
            Some(batch) => self.hold_batch(place, batch),
            None => Ok(()),
        }
    }

    /// What a start has to say.
    pub(crate) fn begin(&mut self, place: usize) -> Result<(), Violation> {
        let (now, position) = (self.now, self.venue.moment.position);
        let currency = self.cast.currency;
        let part = match place.checked_sub(self.parts.len()) {
            None => self.parts.get_mut(place),
            Some(zombie) => self.zombies.get_mut(zombie).map(|(_, part)| part),
        };
        let Some(part) = part else { return Ok(()) };
        let moment = Moment { time: part.clock(now), position };
        match &mut part.role {
            Role::Desk(desk) => {
                let said = desk.begin(&mut self.venue, currency, moment).map_err(surprise)?;
                match said {
                    Some(batch) => self.hold_batch(place, batch),
                    None => {
                        part.begins = false;
                        Ok(())
                    }
                }
            }
            Role::Scribe(_) => self.open_journal(place),
            Role::Seat(_) => self.begin_seat(place),
            Role::Ingress(_) => {
                part.begins = false;
                Ok(())
            }
        }
    }

    /// What was asked of the broker since the last look is held against the log.
    pub(crate) fn look_at_calls(&mut self) -> Result<(), Violation> {
        for (asked, clock) in std::mem::take(&mut self.venue.asked) {
            self.look_at_call(&asked, clock)?;
        }
        Ok(())
    }

    pub(crate) fn look_at_call(
        &mut self,
        asked: &Asked,
        clock: Timestamp,
    ) -> Result<(), Violation> {
        let (order, attempt) = asked.name();
        let broke = |invariant, detail: String| Err(Violation::of(invariant, detail));
        if !self.called.insert((order, attempt)) {
            return broke(Invariant::NeverSentAgain, format!("{order} attempt {attempt} again"));
        }
        let Some(facts) = self.oracle.orders.get(&order) else {
            return broke(Invariant::AttemptDurable, format!("{order} is not in the log"));
        };
        let Some(attempted) = facts.attempts.get(&attempt) else {
            return broke(Invariant::AttemptDurable, format!("{order} attempt {attempt}"));
        };
        let adds = match asked {
            Asked::Submit(request) => {
                let covers = facts.approved.as_ref().is_some_and(|approved| {
                    approved.instrument == request.instrument
                        && approved.side == request.side
                        && approved.reserved_quantity.amount() >= request.quantity.amount()
                });
                if !covers {
                    return broke(Invariant::Approved, format!("{order} of {request:?}"));
                }
                if facts.unknown {
                    return broke(Invariant::NeverSentAgain, format!("{order} is unknown"));
                }
                true
            }
            Asked::Replace(_) => true,
            Asked::Cancel(_) => false,
        };
        if adds && clock > attempted.expires {
            let late = format!("{order} at {clock:?}, valid until {:?}", attempted.expires);
            return broke(Invariant::NotSentLate, late);
        }
        if adds && self.latch.is_some() {
            return broke(Invariant::NotSentHalted, format!("{order} while halted"));
        }
        Ok(())
    }
}
