//! Units on their way to the bus, answers on their way back, and the log as it grows.

use bus::Entry;
use segment::PowerLoss;

use crate::{
    fault::Fault,
    invariant::{Invariant, Violation, require},
    medium::{Letter, Outcome, PartLife, Reply},
    part::{Effect, Part, Role, Waiting},
    world::{TIMEOUT_NS, World, surprise},
};

impl World {
    /// Units leave a part for the bus; on the way they may be lost, doubled or held up.
    pub(crate) fn post(&mut self, of: PartLife, cut_off: bool) -> Option<()> {
        let ticket = self.medium.ticket();
        let now = self.now;
        let part = self.find(of)?;
        let post = part.post.as_mut()?;
        post.ticket = Some(ticket);
        let units = std::sync::Arc::clone(&post.units);
        let timeout = Reply {
            to: of,
            ticket,
            outcome: Outcome::TimedOut,
            not_before: now.plus_ns(TIMEOUT_NS),
        };
        if cut_off || self.faults.strikes(Fault::LostPublish) {
            self.medium.replies.push(timeout);
            return Some(());
        }
        let mut letter = Letter { from: of, ticket, units, not_before: now, unanswered: false };
        if self.faults.strikes(Fault::LostAnswer) {
            letter.unanswered = true;
            self.medium.replies.push(timeout);
        } else if self.faults.strikes(Fault::Delay) {
            let ms = self.faults.between(Fault::Delay, 1, 1_000) as i64;
            letter.not_before = now.plus_ns(ms * 1_000_000);
            self.medium.replies.push(timeout);
        }
        if self.faults.strikes(Fault::Duplicate) {
            let mut again = letter.clone();
            let ms = self.faults.between(Fault::Duplicate, 0, 300) as i64;
            again.not_before = now.plus_ns(ms * 1_000_000);
            again.unanswered = true;
            self.medium.letters.push(again);
        }
        self.medium.letters.push(letter);
        Some(())
    }

    /// A letter arrives at the bus.
    pub(crate) fn arrive(&mut self, at: usize) -> Result<(), Violation> {
        let letter = self.medium.letters.swap_remove(at);
        let of = letter.from;
        if let Some(part) = self.find(of) {
            let (kind, last, zombie) = (part.kind, part.last, part.is_zombie);
            let is_meant = part.post.as_ref().is_some_and(|p| p.ticket == Some(letter.ticket));
            if is_meant {
                self.coverage.passed(kind, last, Effect::Store);
                if self.faults.kills(kind, last, Effect::Store) {
                    self.coverage.died(kind, last, Effect::Store);
                    self.medium.letters.push(letter);
                    return self.dies(of, zombie);
                }
                if let Some(part) = self.find(of) {
                    part.last = Effect::Store;
                }
            }
        }
        if self.medium.is_embedded() && self.faults.strikes(Fault::PowerLoss) {
            return self.lose_power_in(|world| {
                let _ = world.medium.commit(&letter.units);
            });
        }
        if self.medium.is_embedded() && self.faults.strikes(Fault::FailedSync) {
            self.disk.fail_sync_at(self.disk.syncs());
            self.sync_fails = true;
        }
        self.trace.note(self.now, b'b', of.part, letter.ticket, &[]);
        let stored = self.medium.commit_without(&letter.units, self.plan.without);
        let outcome = match stored {
            Ok(_) => Outcome::Stored,
            Err(error) => Outcome::Refused(error),
        };
        self.look_at_log()?;
        let fatal = matches!(&outcome, Outcome::Refused(error) if self.medium.is_embedded()
            && error.class() == bus::ErrorClass::Fatal
            && !matches!(error, bus::BusError::Conflict { .. }));
        if fatal {
            // The engine is in this process: on unknown ground the process stops.
            return self.lose_process(None);
        }
        if !letter.unanswered {
            let (to, ticket, not_before) = (of, letter.ticket, self.now);
            self.medium.replies.push(crate::medium::Reply { to, ticket, outcome, not_before });
        }
        Ok(())
    }

    /// An answer comes back.
    pub(crate) fn answer(&mut self, at: usize) -> Result<(), Violation> {
        let reply = self.medium.replies.swap_remove(at);
        let now = self.now;
        let of = reply.to;
        let Some(part) = self.find(of) else { return Ok(()) };
        let (kind, last, zombie) = (part.kind, part.last, part.is_zombie);
        let Some(post) = part.post.as_mut().filter(|post| post.ticket == Some(reply.ticket)) else {
            return Ok(());
        };
        match reply.outcome {
            Outcome::TimedOut => {
                post.ticket = None;
                return Ok(());
            }
            Outcome::Refused(error) if error.class() == bus::ErrorClass::Retry => {
                post.ticket = None;
                post.not_before = now.plus_ns(50_000_000);
                return Ok(());
            }
            Outcome::Refused(bus::BusError::Conflict { source_name, source_seq, .. }) => {
                // Two lives of one part said different things; the later one stops, and begins
                // again from the log.
                let rival = zombie || self.had_rival(of);
                require(rival, Invariant::OneBytesPerId, || {
                    format!("part {} says {source_name} {source_seq} with other bytes", of.part)
                })?;
                return self.dies(of, zombie);
            }
            Outcome::Refused(error) if zombie => {
                let _ = error;
                self.bury(of);
                return Ok(());
            }
            Outcome::Refused(error) => {
                if self.had_rival(of) {
                    return self.replace(of.part);
                }
                return Err(surprise(format!("part {}: {error}", of.part)));
            }
            Outcome::Stored => {}
        }
        self.coverage.passed(kind, last, Effect::Learn);
        if self.faults.kills(kind, last, Effect::Learn) {
            self.coverage.died(kind, last, Effect::Learn);
            return self.dies(of, zombie);
        }
        let Some(part) = self.find(of) else { return Ok(()) };
        part.last = Effect::Learn;
        let Some(post) = part.post.take() else { return Ok(()) };
        match (post.what, &mut part.role) {
            (Waiting::Step(step), Role::Seat(seat)) => {
                let consumed = step.consumed;
                seat.durable(step);
                return self.onto_shelf(of, consumed);
            }
            (Waiting::Start, Role::Seat(_)) => part.begins = false,
            (Waiting::Batch(batch), Role::Desk(desk)) => desk.durable(&batch),
            (Waiting::Roots(read), Role::Ingress(ingress)) => {
                ingress.records = read.unwrap_or(ingress.records);
            }
            (Waiting::Failure(delivered), Role::Seat(_)) => {
                let place = self.place_of(of);
                return place.map_or(Ok(()), |place| self.made_again(place, delivered));
            }
            _ => {}
        }
        Ok(())
    }

    /// Power is lost while something is written, or right after it.
    pub(crate) fn lose_power_in(&mut self, write: impl FnOnce(&mut Self)) -> Result<(), Violation> {
        let effect = self.faults.between(Fault::PowerLoss, 0, 4);
        self.disk.crash_at(self.disk.effects() + effect);
        write(self);
        let loss = match self.faults.between(Fault::PowerLoss, 0, 4) {
            0 => PowerLoss::KeepsNone,
            1 => PowerLoss::KeepsAll,
            2 => PowerLoss::TearsLast(self.faults.between(Fault::PowerLoss, 0, 256) as u8),
            _ => PowerLoss::Mixes(self.faults.between(Fault::PowerLoss, 0, u64::MAX)),
        };
        self.lose_process(Some(loss))
    }

    pub(crate) fn place_of(&self, of: PartLife) -> Option<usize> {
        if self.parts.get(of.part).is_some_and(|part| part.life == of.life) {
            return Some(of.part);
        }
        let zombie = self.zombies.iter().position(|(_, part)| part.life == of.life)?;
        Some(self.parts.len() + zombie)
    }

    /// The part that a letter or a reply is of, if it is still that life.
    pub(crate) fn find(&mut self, of: PartLife) -> Option<&mut Part> {
        let life = |part: &&mut Part| part.life == of.life;
        if let Some(part) = self.parts.get_mut(of.part).filter(|part| part.life == of.life) {
            return Some(part);
        }
        let zombies = self.zombies.iter_mut().filter(|(place, _)| *place == of.part);
        zombies.map(|(_, part)| part).find(life)
    }

    pub(crate) fn had_rival(&self, of: PartLife) -> bool {
        self.rivals.contains(&of.part)
    }

    /// Reads what is new in the log into the oracle.
    pub(crate) fn look_at_log(&mut self) -> Result<(), Violation> {
        let entries = self.medium.entries(self.oracle.next_index()).map_err(surprise)?;
        for entry in &entries {
            if let Entry::Event(delivered) = entry {
                let bytes = delivered.record.bytes();
                self.trace.note(self.now, b'e', 0, entry.index(), bytes);
                let index = entry.index();
                self.trace.tell(self.now, || {
                    let event = delivered.record.event();
                    event.map_or_else(|e| e.to_string(), |e| crate::told::line(index, &e))
                });
            }
            self.oracle.take(entry)?;
        }
        Ok(())
    }
}
