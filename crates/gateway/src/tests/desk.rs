//! A driver of one gateway: delivers in log order, keeps the log.

use std::collections::{BTreeSet, VecDeque};

use ::broker::{Broker, Moment};
use event::{Body, Event, EventId, Timestamp};

use super::{FakeBroker, account, all_said, event};
use crate::{Call, Gateway, GatewayError, Latch, Plan, plan::call_of};

pub(super) struct Desk {
    pub(super) gateway: Gateway,
    pub(super) broker: FakeBroker,
    pub(super) log: Vec<Event>,
    pub(super) latch: Latch,
    pub(super) now: Moment,
    delivered: BTreeSet<EventId>,
    queue: VecDeque<Event>,
    commands: u64,
    /// Whether the gateway is made anew from its snapshot whenever all is quiet.
    pub(super) sleeps: bool,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self {
            gateway: Gateway::new(account()).unwrap(),
            broker: FakeBroker::default(),
            log: Vec::new(),
            latch: Latch::Open,
            now: Moment { time: Timestamp(10), position: 0 },
            delivered: BTreeSet::new(),
            queue: VecDeque::new(),
            commands: 0,
            sleeps: false,
        }
    }

    /// A desk at which these happened.
    pub(super) fn after(bodies: impl IntoIterator<Item = Body>) -> Self {
        let mut desk = Self::new();
        bodies.into_iter().for_each(|body| drop(desk.root(body)));
        desk
    }

    /// Puts an event of another source behind the log, without delivering it.
    pub(super) fn put(&mut self, body: impl Into<Body>) -> Event {
        self.commands += 1;
        let event = event("risk/ACC1", self.commands, self.now.time, body);
        self.log.push(event.clone());
        event
    }

    /// Puts an event of another source into the log and runs what follows to its end: what was
    /// emitted, in words.
    pub(super) fn root(&mut self, body: impl Into<Body>) -> Vec<String> {
        let event = self.put(body);
        self.deliver(event)
    }

    /// Delivers an event of the log and runs what follows to its end.
    pub(super) fn deliver(&mut self, event: Event) -> Vec<String> {
        self.try_deliver(event).unwrap()
    }

    pub(super) fn try_deliver(&mut self, event: Event) -> Result<Vec<String>, GatewayError> {
        let begin = self.log.len();
        self.queue.push_back(event);
        self.settle()?;
        Ok(all_said(&self.log[begin..]))
    }

    /// Delivers an event of the log and ends where its plan is durable.
    pub(super) fn plan(&mut self, event: &Event) -> Plan {
        let _ = self.delivered.insert(event.event_id);
        let plan = self.gateway.plan(event, self.now, self.latch);
        self.log.extend(plan.events.iter().cloned());
        plan
    }

    /// Reads the broker's reports and runs what follows to its end.
    pub(super) fn reports(&mut self) -> Vec<String> {
        let begin = self.log.len();
        while let Some(facts) = self.gateway.read_reports(&mut self.broker, self.now).unwrap() {
            self.take(facts.events);
            self.settle().unwrap();
        }
        all_said(&self.log[begin..])
    }

    /// Asks again what has no answer and runs what follows to its end.
    pub(super) fn ask_again(&mut self) -> Vec<String> {
        let begin = self.log.len();
        for call in open_calls(&self.gateway) {
            let facts = self.gateway.perform(&call, &mut self.broker, self.now).unwrap();
            self.take(facts);
        }
        self.settle().unwrap();
        all_said(&self.log[begin..])
    }

    /// Goes through the whole log and gives up what has no answer, as a live restart does.
    pub(super) fn give_up(&mut self) -> Vec<String> {
        let begin = self.log.len();
        self.log.iter().for_each(|event| drop(self.gateway.redeliver(event)));
        let events = self.gateway.give_up_unanswered(self.now);
        self.take(events);
        self.settle().unwrap();
        all_said(&self.log[begin..])
    }

    /// A new process: a gateway that has gone again through what was delivered of the log.
    pub(super) fn restart(&mut self) {
        let mark = self.broker.reports.len() as u64;
        self.gateway = told(&self.log);
        self.gateway.remember_mark(mark);
        let delivered = |event: &&Event| self.delivered.contains(&event.event_id);
        self.log.iter().filter(delivered).for_each(|event| drop(self.gateway.redeliver(event)));
    }

    fn settle(&mut self) -> Result<(), GatewayError> {
        while let Some(event) = self.queue.pop_front() {
            let _ = self.delivered.insert(event.event_id);
            let plan = self.gateway.plan(&event, self.now, self.latch);
            self.take(plan.events);
            for call in plan.calls {
                let broker: &mut dyn Broker = &mut self.broker;
                let facts = self.gateway.perform(&call, broker, self.now)?;
                self.take(facts);
            }
        }
        if self.sleeps {
            let snapshot = self.gateway.snapshot().expect("nothing is gone through again");
            let awake = std::mem::replace(&mut self.gateway, Gateway::new(account()).unwrap());
            self.gateway.restore(&snapshot).unwrap();
            assert_eq!(format!("{:?}", self.gateway), format!("{awake:?}"));
        }
        Ok(())
    }

    fn take(&mut self, events: Vec<Event>) {
        self.log.extend(events.iter().cloned());
        self.queue.extend(events);
    }
}

/// A gateway that remembers a log.
pub(super) fn told(log: &[Event]) -> Gateway {
    let mut gateway = Gateway::new(account()).unwrap();
    for event in log {
        if event.source != gateway.broker_source() || event.event_time.is_none() {
            gateway.remember_mark(0);
        }
        gateway.remember(event);
    }
    gateway.remember_mark(0);
    gateway
}

/// A gateway that has gone through a log again.
pub(super) fn folded(log: &[Event]) -> Gateway {
    let mut gateway = told(log);
    log.iter().for_each(|event| drop(gateway.redeliver(event)));
    gateway
}

/// Attempts without an answer, as calls.
fn open_calls(gateway: &Gateway) -> Vec<Call> {
    let pending = gateway.links.iter().flat_map(|(&order, link)| {
        link.pending.iter().map(move |pending| (order, link.instrument, *pending))
    });
    pending.filter_map(|(order, instrument, pending)| call_of(order, instrument, pending)).collect()
}

/// What a gateway would ask again, in words.
pub(super) fn unanswered(gateway: &Gateway) -> Vec<String> {
    use Call::{Cancel, Replace, Snapshot, Submit};
    let words = |call: &Call| match call {
        Submit(r) => format!("SUBMIT {} #{} {}", super::name(r.order), r.attempt, r.quantity),
        Cancel(r) => format!("CANCEL {} #{}", super::name(r.order), r.attempt),
        Replace(r) => format!("REPLACE {} #{} {}", super::name(r.order), r.attempt, r.quantity),
        Snapshot { cycle, .. } => format!("snapshot {cycle}"),
    };
    open_calls(gateway).iter().map(words).collect()
}
