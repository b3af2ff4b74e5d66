//! A venue with a mind of its own: what it answers and does follows from a seed, and it keeps a
//! record of calls, so that a known one is answered as before.

use std::collections::BTreeMap;

use ::broker::{
    Answer, Broker, BrokerError, CancelRequest, Fact, Moment, OrderRequest, ReplaceRequest, Report,
};
use event::{
    AccountId, Label, OrderId, Timestamp,
    books::{
        Balance, BrokerBooking, BrokerExecution, BrokerOrder, BrokerPosition, OpeningPosition,
    },
    id::digest_of,
};

use super::{
    account,
    broker::{
        cancelled, change_refused, executed, executed_as, expired, manual, no_answer, refused,
        replaced, venue_order,
    },
};

#[derive(Debug)]
pub(super) struct Venue {
    seed: u64,
    record: BTreeMap<(OrderId, u32), Answer>,
    /// How often each order's submit was called.
    pub(super) submits: BTreeMap<OrderId, u32>,
    /// Orders it took, and whether they work.
    orders: BTreeMap<u8, bool>,
    /// Cancels, and replaces with their proposal.
    promises: Vec<(u8, Option<u8>)>,
    /// How much of the day it has been through.
    position: u64,
    reports: Vec<(u64, Report)>,
    executions: u64,
}

impl Venue {
    pub(super) const fn new(seed: u64) -> Self {
        Self {
            seed,
            record: BTreeMap::new(),
            submits: BTreeMap::new(),
            orders: BTreeMap::new(),
            promises: Vec::new(),
            position: 0,
            reports: Vec::new(),
            executions: 0,
        }
    }

    /// Whatever happens there at this place of the day; once.
    pub(super) fn advance(&mut self, position: u64) {
        if position <= self.position {
            return;
        }
        self.position = position;
        for (number, proposal) in std::mem::take(&mut self.promises) {
            match (self.orders.get(&number) == Some(&true), proposal) {
                (false, proposal) => self.report(change_refused(number, proposal)),
                (true, Some(proposal)) => self.report(replaced(number, proposal)),
                (true, None) => self.end(number, cancelled(number)),
            }
        }
        let working: Vec<u8> =
            self.orders.iter().filter(|(_, works)| **works).map(|(&number, _)| number).collect();
        for number in working {
            match self.chance("order", number, position, 8) {
                0 => self.execute(number, 1),
                1 => self.execute(number, 0),
                2 => self.end(number, expired(number)),
                3 => self.end(number, cancelled(number)),
                _ => {}
            }
        }
        let name = Label::new(&format!("M{position}")).unwrap();
        match self.chance("manual", 0, position, 6) {
            0 => self.report(manual(name.as_str())),
            1 => self.report(executed_as(None, name, &format!("X{position}"), 1)),
            _ => {}
        }
        if self.chance("again", 0, position, 3) == 0
            && let Some((_, last)) = self.reports.last().cloned()
        {
            self.report(last.fact);
        }
    }

    fn execute(&mut self, number: u8, leaves: i64) {
        self.executions += 1;
        let exec_id = format!("E{}", self.executions);
        let _ = self.orders.insert(number, leaves > 0);
        self.report(if self.executions.is_multiple_of(2) {
            executed(number, &exec_id, leaves)
        } else {
            executed_as(None, venue_order(number), &exec_id, leaves)
        });
    }

    fn end(&mut self, number: u8, fact: Fact) {
        let _ = self.orders.insert(number, false);
        self.report(fact);
    }

    fn report(&mut self, fact: Fact) {
        let number = self.reports.len() as u64 + 1;
        let at = Timestamp(number.cast_signed());
        self.reports.push((self.position, Report { number, at, fact }));
    }

    fn chance(&self, what: &str, number: u8, at: u64, of: u8) -> u8 {
        let parts: [&[u8]; 3] = [&self.seed.to_le_bytes(), &[number], &at.to_le_bytes()];
        digest_of(what, &parts).0[0] % of
    }

    fn answer(
        &mut self,
        order: OrderId,
        attempt: u32,
        decide: impl FnOnce(&mut Self, u8) -> Answer,
    ) -> Answer {
        if let Some(known) = self.record.get(&(order, attempt)) {
            return known.clone();
        }
        let answer = decide(self, order.0[0]);
        let _ = self.record.insert((order, attempt), answer.clone());
        answer
    }

    fn promise(&mut self, order: OrderId, attempt: u32, proposal: Option<u8>) -> Answer {
        self.answer(order, attempt, |venue, number| {
            if venue.orders.get(&number) != Some(&true) {
                return refused();
            }
            let chance = venue.chance("change", number, u64::from(attempt), 5);
            if chance == 0 {
                return refused();
            }
            venue.promises.push((number, proposal));
            if chance == 1 { no_answer() } else { accepted(number) }
        })
    }
}

fn accepted(number: u8) -> Answer {
    Answer::Accepted { venue_order: venue_order(number) }
}

impl Broker for Venue {
    fn account(&self) -> AccountId {
        account()
    }

    fn submit(&mut self, _: Moment, request: &OrderRequest) -> Result<Answer, BrokerError> {
        *self.submits.entry(request.order).or_default() += 1;
        Ok(self.answer(request.order, request.attempt, |venue, number| {
            match venue.chance("submit", number, 0, 8) {
                0 => return no_answer(),
                1 => return refused(),
                _ => drop(venue.orders.insert(number, true)),
            }
            if venue.chance("lost", number, 0, 5) == 0 { no_answer() } else { accepted(number) }
        }))
    }

    fn cancel(&mut self, _: Moment, request: &CancelRequest) -> Result<Answer, BrokerError> {
        Ok(self.promise(request.order, request.attempt, None))
    }

    fn replace(&mut self, _: Moment, request: &ReplaceRequest) -> Result<Answer, BrokerError> {
        Ok(self.promise(request.order, request.attempt, Some(request.proposal.0[0])))
    }

    fn reports(&mut self, now: Moment, after: u64, max: usize) -> Result<Vec<Report>, BrokerError> {
        let told = self.reports.iter().filter(|(position, _)| *position <= now.position);
        let told = told.map(|(_, report)| report.clone());
        Ok(told.filter(|report| report.number > after).take(max.min(2)).collect())
    }

    fn open_orders(&mut self, _: Moment) -> Result<Vec<BrokerOrder>, BrokerError> {
        Ok(Vec::new())
    }

    fn executions_since(
        &mut self,
        _: Moment,
        cursor: u64,
    ) -> Result<(Vec<BrokerExecution>, u64), BrokerError> {
        Ok((Vec::new(), cursor))
    }

    fn bookings_since(
        &mut self,
        _: Moment,
        cursor: u64,
    ) -> Result<(Vec<BrokerBooking>, u64), BrokerError> {
        Ok((Vec::new(), cursor))
    }

    fn positions(&mut self, _: Moment) -> Result<Vec<BrokerPosition>, BrokerError> {
        Ok(Vec::new())
    }

    fn balances(&mut self, _: Moment) -> Result<Vec<Balance>, BrokerError> {
        Ok(Vec::new())
    }

    fn opening(&self) -> Result<(Vec<Balance>, Vec<OpeningPosition>), BrokerError> {
        Ok((Vec::new(), Vec::new()))
    }
}
