//! A day at a desk that may stop at any moment and go on from what was durable.

use std::collections::VecDeque;

use ::broker::Moment;
use event::{Body, Event, Timestamp};

use super::{account, event, venue::Venue};
use crate::{Call, Gateway, Latch, Plan};

/// What a restart does with attempts that have no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Asks them again: the venue keeps a record.
    Tape,
    /// Gives them up as unknown.
    Live,
}

/// The process ends once so many units were put, and loses units that were not durable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crash {
    pub(super) after_units: usize,
    pub(super) lost_units: usize,
}

/// The process ended.
#[derive(Debug)]
struct Ended;

/// Events that become durable together.
#[derive(Debug)]
struct Unit {
    events: Vec<Event>,
    sort: Sort,
}

#[derive(Clone, Copy, Debug)]
enum Sort {
    /// What one step of the day brings.
    Step,
    /// The gateway's own, in answer to one event.
    Own,
    /// Facts, and how far the reports were read with them.
    Facts { mark: Option<u64> },
}

pub(super) struct Day<'a> {
    /// Commands, step by step.
    steps: &'a [Vec<Body>],
    mode: Mode,
    pub(super) venue: Venue,
    gateway: Gateway,
    units: Vec<Unit>,
    durable: usize,
    crash: Option<Crash>,
    queue: VecDeque<Event>,
    position: u64,
}

impl<'a> Day<'a> {
    pub(super) fn new(steps: &'a [Vec<Body>], mode: Mode, venue: Venue) -> Self {
        Self {
            steps,
            mode,
            venue,
            gateway: Gateway::new(account()).unwrap(),
            units: Vec::new(),
            durable: 0,
            crash: None,
            queue: VecDeque::new(),
            position: 0,
        }
    }

    /// Goes through the day to its end, over these crashes. Returns its log.
    pub(super) fn run(mut self, crashes: &[Crash]) -> (Vec<Event>, Venue) {
        let mut crashes = crashes.iter().copied();
        self.crash = crashes.next();
        let mut ended = self.go_on().is_err();
        while ended {
            let lost = self.crash.map_or(0, |crash| crash.lost_units);
            self.units.truncate(self.units.len().saturating_sub(lost).max(self.durable));
            self.durable = self.units.len();
            self.crash = crashes
                .next()
                .map(|crash| Crash { after_units: self.units.len() + crash.after_units, ..crash });
            ended = self.recover().and_then(|()| self.go_on()).is_err();
        }
        (self.log(), self.venue)
    }

    fn log(&self) -> Vec<Event> {
        self.units.iter().flat_map(|unit| unit.events.iter().cloned()).collect()
    }

    fn steps_taken(&self) -> usize {
        self.units.iter().filter(|unit| matches!(unit.sort, Sort::Step)).count()
    }

    fn go_on(&mut self) -> Result<(), Ended> {
        let mut taken = self.steps_taken();
        while let Some(bodies) = self.steps.get(taken) {
            let before: usize = self.steps[..taken].iter().map(Vec::len).sum();
            taken += 1;
            self.position = taken as u64;
            let time = self.moment().time;
            let events = (before as u64 + 1..)
                .zip(bodies)
                .map(|(seq, body)| event("risk/ACC1", seq, time, body.clone()));
            let events = events.collect();
            self.put(Sort::Step, events)?;
            self.settle()?;
            self.close_step()?;
        }
        Ok(())
    }

    fn recover(&mut self) -> Result<(), Ended> {
        self.gateway = Gateway::new(account()).unwrap();
        self.queue.clear();
        for unit in &self.units {
            unit.events.iter().for_each(|event| self.gateway.remember(event));
            if let Sort::Facts { mark: Some(mark) } = unit.sort {
                self.gateway.remember_mark(mark);
            }
        }
        let log = self.log();
        let mut again = Vec::new();
        let mut position = 0;
        for unit in &self.units {
            position += u64::from(matches!(unit.sort, Sort::Step));
            again.extend(unit.events.iter().map(|event| (position, event.clone())));
        }
        self.position = position;
        if self.mode == Mode::Live {
            log.iter().for_each(|event| drop(self.gateway.redeliver(event)));
            let facts = self.gateway.give_up_unanswered(self.moment());
            self.put(Sort::Facts { mark: None }, facts)?;
        }
        for (at, event) in again {
            self.position = at;
            self.deliver(&event)?;
        }
        self.position = position;
        self.settle()?;
        self.close_step()
    }

    fn close_step(&mut self) -> Result<(), Ended> {
        self.venue.advance(self.position);
        let now = self.moment();
        while let Some(facts) = self.gateway.read_reports(&mut self.venue, now).unwrap() {
            self.put(Sort::Facts { mark: Some(facts.mark) }, facts.events)?;
            self.settle()?;
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), Ended> {
        while let Some(event) = self.queue.pop_front() {
            self.deliver(&event)?;
        }
        Ok(())
    }

    fn deliver(&mut self, event: &Event) -> Result<(), Ended> {
        let plan = self.gateway.plan(event, self.moment(), Latch::Open);
        self.carry_out(plan)
    }

    fn carry_out(&mut self, plan: Plan) -> Result<(), Ended> {
        if !plan.events.is_empty() {
            self.put(Sort::Own, plan.events)?;
        }
        if plan.calls.iter().any(Call::is_attempt) {
            self.durable = self.units.len();
        }
        let now = self.moment();
        for call in plan.calls {
            let facts = self.gateway.perform(&call, &mut self.venue, now).unwrap();
            self.put(Sort::Facts { mark: None }, facts)?;
        }
        Ok(())
    }

    fn put(&mut self, sort: Sort, events: Vec<Event>) -> Result<(), Ended> {
        self.queue.extend(events.iter().cloned());
        self.units.push(Unit { events, sort });
        match self.crash {
            Some(crash) if self.units.len() >= crash.after_units => Err(Ended),
            _ => Ok(()),
        }
    }

    fn moment(&self) -> Moment {
        Moment { time: Timestamp(self.position.cast_signed() * 100), position: self.position }
    }
}
