//! What each part does when it is its turn: one effect at a time, or its death.

use crate::{
    defence::Defence,
    fault::Fault,
    invariant::{Invariant, Violation, require},
    medium::PartLife,
    part::{Effect, Part, Role},
    world::{World, surprise},
};

/// Deliveries a part takes into its inbox at once.
pub(crate) const INBOX: u64 = 24;

impl World {
    pub(crate) fn part(&self, place: usize) -> Option<&Part> {
        match place.checked_sub(self.parts.len()) {
            None => self.parts.get(place),
            Some(zombie) => self.zombies.get(zombie).map(|(_, part)| part),
        }
    }

    pub(crate) fn part_mut(&mut self, place: usize) -> Option<&mut Part> {
        match place.checked_sub(self.parts.len()) {
            None => self.parts.get_mut(place),
            Some(zombie) => self.zombies.get_mut(zombie).map(|(_, part)| part),
        }
    }

    /// The place among the parts that a part has, or had before it was taken for dead.
    pub(crate) fn home(&self, place: usize) -> usize {
        match place.checked_sub(self.parts.len()) {
            None => place,
            Some(zombie) => self.zombies.get(zombie).map_or(0, |(place, _)| *place),
        }
    }

    /// What a part would do next; nothing when it waits.
    pub(crate) fn next_effect(&mut self, place: usize) -> Result<Option<Effect>, Violation> {
        let now = self.now;
        let end = self.medium.next_index();
        let tape_due = |at: u64| self.tape.records.get(at as usize).is_some_and(|r| r.time <= now);
        let Some(part) = self.part(place) else { return Ok(None) };
        if part.paused_until > now {
            return Ok(None);
        }
        if let Some(post) = &part.post {
            let can = post.ticket.is_none() && post.not_before <= now;
            return Ok(can.then_some(Effect::Send));
        }
        if part.begins {
            return Ok(Some(Effect::Begin));
        }
        let reads = || (part.cut.next_index < end).then_some(Effect::Read);
        let clock = part.clock(now);
        Ok(match &part.role {
            Role::Seat(seat) if seat.next_due().is_some_and(|due| due <= clock) => {
                Some(Effect::Fire)
            }
            Role::Seat(_) if !part.inbox.is_empty() => Some(Effect::Decide),
            Role::Seat(_) => reads(),
            Role::Desk(desk) if desk.owes().is_some() => Some(Effect::Call),
            Role::Desk(desk) => {
                let mark = desk.gateway().report_mark();
                let inbox = !part.inbox.is_empty();
                if self.venue.has_reports(mark).map_err(surprise)? {
                    Some(Effect::Report)
                } else if inbox {
                    Some(Effect::Decide)
                } else {
                    self.part(place).and_then(|p| (p.cut.next_index < end).then_some(Effect::Read))
                }
            }
            Role::Ingress(ingress) => {
                let given = self.commands.get(ingress.commands());
                let can =
                    !ingress.begins.is_empty() || given.is_some() || tape_due(ingress.records);
                can.then_some(Effect::Decide)
            }
            Role::Scribe(None) => Some(Effect::Begin),
            Role::Scribe(Some(journal)) => {
                if part.last == Effect::Take {
                    Some(Effect::Sync)
                } else {
                    (journal.next_log_index() < end).then_some(Effect::Take)
                }
            }
        })
    }

    pub(crate) fn can_act(&mut self, place: usize) -> Result<bool, Violation> {
        Ok(self.next_effect(place)?.is_some())
    }

    /// One part does its next thing, or dies before it can.
    pub(crate) fn act(&mut self, place: usize) -> Result<(), Violation> {
        let Some(next) = self.next_effect(place)? else { return Ok(()) };
        let Some(part) = self.part(place) else { return Ok(()) };
        let (kind, last, life, zombie) = (part.kind, part.last, part.life, part.is_zombie);
        let of = PartLife { part: self.home(place), life };
        self.coverage.passed(kind, last, next);
        if self.faults.kills(kind, last, next) {
            self.coverage.died(kind, last, next);
            self.trace.tell(self.now, || {
                format!("{kind:?} {} dies between {last:?} and {next:?}", of.part)
            });
            return self.dies(of, zombie);
        }
        if !zombie && self.zombies.len() < 2 && self.faults.strikes(Fault::Zombie) {
            return self.take_for_dead(of.part);
        }
        if let Some(part) = self.part_mut(place) {
            part.last = next;
        }
        self.trace.note(self.now, b'a', of.part, next as u64, &[]);
        match next {
            Effect::Begin => self.begin(place),
            Effect::Read => self.read(place),
            Effect::Decide => self.decide(place),
            Effect::Fire => self.fire(place),
            Effect::Send => self.send(place, of),
            Effect::Call => self.call(place),
            Effect::Report => self.report(place),
            Effect::Take => self.take_into_journal(place),
            Effect::Sync => self.sync_journal(place),
            Effect::Store | Effect::Learn => Ok(()),
        }
    }

    /// A part dies; unless another has taken its place already, one is made.
    pub(crate) fn dies(&mut self, of: PartLife, is_zombie: bool) -> Result<(), Violation> {
        if is_zombie {
            self.bury(of);
            return Ok(());
        }
        self.replace(of.part)
    }

    pub(crate) fn bury(&mut self, of: PartLife) {
        self.zombies.retain(|(_, part)| part.life != of.life);
    }

    /// A part stops for long, another takes its place, and some day the first wakes.
    pub(crate) fn take_for_dead(&mut self, place: usize) -> Result<(), Violation> {
        // Journal and gateway are held under a lock: nobody takes their place while they live.
        if place == crate::world::SCRIBE || place == crate::world::DESK {
            return Ok(());
        }
        let made = self.make(place)?;
        let _ = self.rivals.insert(place);
        self.trace.tell(self.now, || format!("part {place} is taken for dead"));
        let ms = self.faults.between(Fault::Zombie, 1, 3_000) as i64;
        let wakes = self.now.plus_ns(ms * 1_000_000);
        if let Some(slot) = self.parts.get_mut(place) {
            let mut old = std::mem::replace(slot, made);
            old.is_zombie = true;
            old.paused_until = wakes;
            self.zombies.push((place, old));
        }
        Ok(())
    }

    pub(crate) fn send(&mut self, place: usize, of: PartLife) -> Result<(), Violation> {
        let now = self.now;
        let cut_off = self.part(place).is_some_and(|part| part.cut_off_until > now);
        let _ = self.post(of, cut_off);
        Ok(())
    }

    /// Reads what the log has for a part.
    pub(crate) fn read(&mut self, place: usize) -> Result<(), Violation> {
        let max = self.chance.between(1, INBOX) as usize;
        let without = self.plan.without;
        let Some(part) = self.part(place) else { return Ok(()) };
        let (mut cut, read) = (part.cut.clone(), part.read);
        if without == Some(Defence::RewindCheck) {
            cut.last = None;
        }
        let found = if without == Some(Defence::Dedupe) {
            self.medium.next_with_repeats(&mut cut, max)
        } else {
            self.medium.next(&mut cut, max)
        };
        let found = found.map_err(surprise)?;
        for (at, delivered) in (read..).zip(&found) {
            let expected = self.oracle.order.get(at).map(|(index, _)| *index);
            require(expected == Some(delivered.position.index), Invariant::KeyOrder, || {
                format!("part {place} is delivered {}, not {expected:?}", delivered.position.index)
            })?;
        }
        if let Some(part) = self.part_mut(place) {
            part.read += found.len();
            part.cut = cut;
            part.inbox.extend(found);
        }
        Ok(())
    }

    pub(crate) fn decide(&mut self, place: usize) -> Result<(), Violation> {
        match self.part(place).map(|part| &part.role) {
            Some(Role::Seat(_)) => self.decide_seat(place),
            Some(Role::Desk(_)) => self.decide_desk(place),
            Some(Role::Ingress(_)) => self.mint(place),
            _ => Ok(()),
        }
    }
}
