//! A run: every part, the bus, the disk and the broker, and one scheduler that a seed drives.

use std::collections::BTreeSet;

use broker::{Action, Scripted};
use event::{
    Amount, Digest, EventId, Quantity, SECOND_NS, Timestamp, choices::Side, id::digest_of,
    operations::OperatorCommanded,
};
use feed::Instruments;
use segment::SimDisk;

use crate::{
    cast::Cast,
    chance::Chance,
    coverage::Coverage,
    fault::{Fault, Faults},
    invariant::{Invariant, Violation},
    medium::Medium,
    oracle::Oracle,
    part::{Part, Role},
    plan::Plan,
    shelf::Shelf,
    tape::Tape,
    trace::{Trace, Words},
    venue::Venue,
};

/// How long a part waits for an answer.
pub(crate) const TIMEOUT_NS: i64 = SECOND_NS / 5;
/// How long the system is given to come to rest once nothing goes wrong any more.
const REST_NS: i64 = 60 * SECOND_NS;
/// Steps of a run at most.
const STEPS_MAX: u64 = 60_000;

/// A run under way.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) cast: Cast,
    pub(crate) chance: Chance,
    pub(crate) faults: Faults,
    pub(crate) trace: Trace,
    pub(crate) coverage: Coverage,
    pub(crate) now: Timestamp,
    pub(crate) tape: Tape,
    pub(crate) printed: usize,
    pub(crate) medium: Medium,
    pub(crate) disk: SimDisk,
    pub(crate) venue: Venue,
    pub(crate) parts: Vec<Part>,
    pub(crate) zombies: Vec<(usize, Part)>,
    pub(crate) oracle: Oracle,
    pub(crate) instruments: Instruments,
    /// What holds the latch: an operator's command, or a halt in the log.
    pub(crate) latch: Option<Option<EventId>>,
    /// Operators' halts that the desk has seen in the log.
    pub(crate) halts_seen: BTreeSet<EventId>,
    /// Operators' commands, durable where they were given.
    pub(crate) commands: Vec<(Timestamp, OperatorCommanded)>,
    pub(crate) deliveries: u64,
    /// Attempts the broker was asked, and whether a submit of the order is among them.
    pub(crate) called: BTreeSet<(event::OrderId, u32)>,
    pub(crate) lives: u32,
    pub(crate) resumes_at: Option<Timestamp>,
    pub(crate) room_until: Option<Timestamp>,
    pub(crate) disk_until: Option<Timestamp>,
    /// When the process that was lost is started again.
    pub(crate) down_until: Option<Timestamp>,
    pub(crate) time_weight: u64,
    /// Parts whose place was taken while they lived.
    pub(crate) rivals: BTreeSet<usize>,
    /// A sync of the disk was made to fail, and the process goes on yet.
    pub(crate) sync_fails: bool,
    /// Which build of its agent every task has.
    pub(crate) builds: Vec<u32>,
    pub(crate) shelf: Shelf,
    /// Where the journal's reader would go on, were its checkpoint kept apart.
    pub(crate) checkpoint: u64,
}

pub(crate) const INGRESS: usize = 0;
pub(crate) const SCRIBE: usize = 1;
pub(crate) const DESK: usize = 2;
pub(crate) const SEATS: usize = 3;

/// An error that was not made to happen.
pub(crate) fn surprise(error: impl core::fmt::Display) -> Violation {
    Violation::of(Invariant::NoSurprise, error.to_string())
}

impl World {
    pub(crate) fn new(plan: Plan, words: Words) -> Result<Self, Violation> {
        let mut faults = Faults::new(plan.seed, plan.rates.clone());
        let tape = Tape::made_up(plan.seed, plan.records, &mut faults).map_err(surprise)?;
        let mut cast = Cast::new(plan.seed, &plan.rates).map_err(surprise)?;
        cast.paper.script = script(&tape, &mut faults).map_err(surprise)?;
        let instruments = Instruments::shipped().map_err(surprise)?;
        let definitions: Vec<_> = instruments.definitions().cloned().collect();
        let venue = Venue::new(cast.paper.clone(), definitions).map_err(surprise)?;
        let disk = SimDisk::new();
        let medium = Medium::new(plan.engine, &disk).map_err(surprise)?;
        let mut chance = Chance::of(plan.seed, 0x5c4e);
        let time_weight = 1 << chance.below(7);
        let mut world = Self {
            oracle: Oracle::new(plan.engine, BTreeSet::new()),
            coverage: Coverage::default(),
            trace: Trace::new(words),
            now: crate::tape::STARTS,
            printed: 0,
            parts: Vec::new(),
            zombies: Vec::new(),
            latch: None,
            halts_seen: BTreeSet::new(),
            commands: Vec::new(),
            deliveries: 0,
            called: BTreeSet::new(),
            lives: 0,
            resumes_at: None,
            room_until: None,
            disk_until: None,
            down_until: None,
            rivals: BTreeSet::new(),
            sync_fails: false,
            checkpoint: 0,
            builds: vec![0; Cast::agents().len()],
            shelf: Shelf::default(),
            time_weight,
            plan,
            cast,
            chance,
            faults,
            tape,
            medium,
            disk,
            venue,
            instruments,
        };
        world.start()?;
        let mut tasks = BTreeSet::new();
        for part in &world.parts {
            let _ = match &part.role {
                Role::Seat(seat) => tasks.insert(seat.source()),
                Role::Desk(desk) => tasks.insert(desk.gateway().source()),
                _ => false,
            };
        }
        world.oracle.tasks = tasks;
        Ok(world)
    }

    /// Every part is made, and learns from the log where it stands.
    pub(crate) fn start(&mut self) -> Result<(), Violation> {
        self.parts.clear();
        self.zombies.clear();
        for place in 0..SEATS + Cast::agents().len() {
            let part = self.make(place)?;
            self.parts.push(part);
        }
        Ok(())
    }

    /// Runs to the end.
    pub(crate) fn run(&mut self) -> Result<(), Violation> {
        let mut steps = 0;
        let mut rests_at = None;
        loop {
            steps += 1;
            if steps > STEPS_MAX {
                let detail = format!("no rest after {steps} steps: {}", self.state());
                return Err(Violation::of(Invariant::ComesToRest, detail));
            }
            if rests_at.is_none() && self.is_read() {
                self.heal()?;
                rests_at = Some(self.now.plus_ns(REST_NS));
            }
            if !self.step()? && !self.pass_time(rests_at)? {
                break;
            }
        }
        self.look_at_end()
    }

    /// How often a fault happened, here or at the broker, where its rate is not nothing.
    pub(crate) fn happened(&self, fault: Fault) -> u64 {
        let at_broker = self.venue.happened.get(&fault).copied().unwrap_or(0);
        let can = self.plan.rates.of(fault) > 0;
        self.faults.happened(fault) + if can { at_broker } else { 0 }
    }

    /// Who waits for what.
    pub(crate) fn state(&self) -> String {
        let mut words = format!("time {:?}, down until {:?};", self.now, self.down_until);
        for (place, part) in self.parts.iter().enumerate() {
            let post = part.post.as_ref().map(|post| (post.ticket, post.not_before));
            words +=
                &format!(" {place}: {:?}, inbox {}, post {post:?};", part.last, part.inbox.len());
        }
        words
            + &format!(
                " {} letters, {} replies",
                self.medium.letters.len(),
                self.medium.replies.len()
            )
    }

    /// Whether the whole tape was taken in.
    pub(crate) fn is_read(&self) -> bool {
        let read = match self.parts.get(INGRESS).map(|part| (&part.role, &part.post)) {
            Some((Role::Ingress(ingress), None)) => ingress.records as usize,
            _ => 0,
        };
        self.down_until.is_none() && read >= self.tape.records.len()
    }

    /// One thing happens; false when nothing can before time passes.
    pub(crate) fn step(&mut self) -> Result<bool, Violation> {
        if self.down_until.is_some() {
            return Ok(false);
        }
        let now = self.now;
        let letters = self.medium.letters.iter().filter(|l| l.not_before <= now).count();
        let replies = self.medium.replies.iter().filter(|r| r.not_before <= now).count();
        let mut ready = [0_usize; 32];
        let mut count = 0;
        for place in 0..self.parts.len() + self.zombies.len() {
            if self.can_act(place)?
                && let Some(slot) = ready.get_mut(count)
            {
                *slot = place;
                count += 1;
            }
        }
        let weight = 8 * (count + 2 * letters + 2 * replies) as u64;
        if weight == 0 {
            return Ok(false);
        }
        let time = if self.faults.is_on() { self.time_weight } else { 1 };
        let draw = self.chance.below(weight + time);
        if draw >= weight {
            return self.pass_time(None);
        }
        let at = (draw / 8) as usize;
        if let Some(place) = ready.get(at).filter(|_| at < count) {
            return self.act(*place).map(|()| true);
        }
        let at = (at - count) / 2;
        if at < letters {
            let due = self.medium.letters.iter().enumerate().filter(|(_, l)| l.not_before <= now);
            let place = due.map(|(place, _)| place).nth(at);
            return place.map_or(Ok(true), |place| self.arrive(place).map(|()| true));
        }
        let due = self.medium.replies.iter().enumerate().filter(|(_, r)| r.not_before <= now);
        let place = due.map(|(place, _)| place).nth(at - letters);
        place.map_or(Ok(true), |place| self.answer(place).map(|()| true))
    }

    /// Moves the clock to where something is due next; false at the end of time.
    pub(crate) fn pass_time(&mut self, end: Option<Timestamp>) -> Result<bool, Violation> {
        let mut next: Option<Timestamp> = end;
        let now = self.now;
        let mut due = |at: Timestamp| {
            if at > now {
                next = Some(next.map_or(at, |known| known.min(at)));
            }
        };
        if let Some(record) = self.tape.records.get(self.printed) {
            due(record.time);
        }
        self.medium.letters.iter().for_each(|letter| due(letter.not_before));
        self.medium.replies.iter().for_each(|reply| due(reply.not_before));
        for part in self.parts.iter().chain(self.zombies.iter().map(|(_, part)| part)) {
            due(part.paused_until);
            due(part.cut_off_until);
            if let Some(post) = &part.post {
                due(post.not_before);
            }
            if let Role::Seat(seat) = &part.role
                && let Some(at) = seat.next_due()
            {
                due(at.plus_ns(-part.skew_ns));
            }
        }
        let waits = [self.resumes_at, self.room_until, self.disk_until, self.down_until];
        waits.into_iter().flatten().for_each(&mut due);
        // The broker's own clock goes on without us.
        due(now.plus_ns(SECOND_NS / 4));
        let Some(next) = next.filter(|next| end.is_none_or(|end| *next < end)) else {
            return Ok(false);
        };
        self.now = next;
        self.trace.note(next, b't', 0, 0, &[]);
        self.print()?;
        self.venue.advance(next).map_err(surprise)?;
        self.end_of_waits()?;
        self.strike()?;
        Ok(true)
    }

    /// The venue prints what is due.
    pub(crate) fn print(&mut self) -> Result<(), Violation> {
        while let Some(record) = self.tape.records.get(self.printed).filter(|r| r.time <= self.now)
        {
            let (time, body) = (record.time, record.body.clone());
            let number = self.printed as u64 + 1;
            let id = event::id::file_root_id(self.tape.digest, number - 1, 0);
            let key = body.key();
            let event = worker::root_event(id, self.tape.source, number, time, None, key, body);
            self.printed += 1;
            self.venue.print(&event).map_err(surprise)?;
        }
        Ok(())
    }
}

/// The id of the operators' command with this number.
pub(crate) fn command_id(number: u64) -> EventId {
    let Digest(full) = digest_of("command", &[&number.to_le_bytes()]);
    let mut id = [0; 16];
    id.iter_mut().zip(full).for_each(|(slot, byte)| *slot = byte);
    EventId(id)
}

/// What happens at the broker without us.
fn script(tape: &Tape, faults: &mut Faults) -> Result<Vec<Scripted>, event::LabelError> {
    let mut script = Vec::new();
    let usdt = event::Currency::new("USDT")?;
    for record in &tape.records {
        let at = record.time;
        let Some(instrument) = record.body.instrument() else { continue };
        let mut add = |action| script.push(Scripted { at, action });
        if faults.strikes(Fault::Manual) {
            let side =
                if faults.between(Fault::Manual, 0, 2) == 0 { Side::Buy } else { Side::Sell };
            let quantity = if instrument.as_str().contains("COINM") {
                Quantity::whole(2)
            } else {
                Quantity::new(2, 3).unwrap_or(Quantity::whole(1))
            };
            let limit_price = None;
            add(match faults.between(Fault::Manual, 0, 2) {
                0 => Action::ManualTrade { instrument, side, quantity },
                _ => Action::ManualOrder { instrument, side, quantity, limit_price },
            });
        }
        if faults.strikes(Fault::Withheld) {
            add(Action::WithholdReport);
        }
        if faults.strikes(Fault::Transfer) {
            let amount = Amount::whole(faults.between(Fault::Transfer, 1, 500) as i64 - 250);
            add(Action::Transfer { currency: usdt, amount });
        }
        if faults.strikes(Fault::LateFee) {
            let amount = Amount::whole(faults.between(Fault::LateFee, 1, 9) as i64);
            let delay_ns = faults.between(Fault::LateFee, 1, 6) as i64 * SECOND_NS;
            add(Action::LateFee { currency: usdt, amount, delay_ns });
        }
    }
    Ok(script)
}
