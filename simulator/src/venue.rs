//! The trading broker: the paper broker that ships, behind a port that watches what is asked of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use broker::{
    Answer, Broker, BrokerError, CancelRequest, Fact, Moment, OrderRequest, PaperBroker,
    PaperConfig, ReplaceRequest, Report,
};
use event::{
    AccountId, Body, Event, OrderId, Price, Quantity, Source, Timestamp,
    books::{
        Balance, BrokerBooking, BrokerExecution, BrokerOrder, BrokerPosition, OpeningPosition,
    },
    choices::Side,
    market::{InstrumentDefined, MarketTrade},
};
use segment::SimDisk;

use crate::fault::Fault;

/// What was asked of the broker that may change something there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Submit(OrderRequest),
    Cancel(CancelRequest),
    Replace(ReplaceRequest),
}

impl Asked {
    pub(crate) const fn name(&self) -> (OrderId, u32) {
        match self {
            Self::Submit(request) => (request.order, request.attempt),
            Self::Cancel(request) => (request.order, request.attempt),
            Self::Replace(request) => (request.order, request.attempt),
        }
    }
}

/// When an order is executed that is about to be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Race {
    /// Before its cancel arrives.
    Before,
    /// After it arrived, before it takes effect.
    After,
}

/// A broker whose clock is its own: what the caller thinks the time is does not matter to it.
pub(crate) struct Venue {
    broker: Option<PaperBroker>,
    disk: SimDisk,
    config: PaperConfig,
    definitions: Vec<InstrumentDefined>,
    pub(crate) moment: Moment,
    /// Moments of the past, for questions that are answered as of then.
    past: Vec<Moment>,
    /// How long ago questions are answered as of.
    pub(crate) stale_ns: i64,
    /// What the caller's clock says, whatever it hands over.
    pub(crate) caller: Timestamp,
    /// What happens to an order whose cancel arrives now.
    pub(crate) race: Option<Race>,
    /// Whether it happened, and how often it did.
    pub(crate) raced: bool,
    races: u64,
    /// What went wrong at the broker, by what it answered and reported.
    pub(crate) happened: BTreeMap<Fault, u64>,
    reported: BTreeSet<event::Label>,
    reports: u64,
    /// Calls since they were last looked at, with the caller's clock.
    pub(crate) asked: Vec<(Asked, Timestamp)>,
}

const DIR: &str = "broker";

impl Venue {
    pub(crate) fn new(
        config: PaperConfig,
        definitions: Vec<InstrumentDefined>,
    ) -> Result<Self, BrokerError> {
        let mut venue = Self {
            broker: None,
            disk: SimDisk::new(),
            config,
            definitions,
            moment: Moment { time: crate::tape::STARTS, position: 0 },
            past: Vec::new(),
            stale_ns: 0,
            caller: crate::tape::STARTS,
            race: None,
            raced: false,
            races: 0,
            happened: BTreeMap::new(),
            reported: BTreeSet::new(),
            reports: 0,
            asked: Vec::new(),
        };
        venue.restart()?;
        Ok(venue)
    }

    /// The broker begins again from its own record.
    pub(crate) fn restart(&mut self) -> Result<(), BrokerError> {
        self.broker = None;
        let disk = Arc::new(self.disk.clone());
        let (config, definitions) = (self.config.clone(), &self.definitions);
        self.broker = Some(PaperBroker::open_on(disk, Path::new(DIR), config, definitions)?);
        Ok(())
    }

    /// Prints a market record.
    pub(crate) fn print(&mut self, record: &Event) -> Result<(), BrokerError> {
        self.moment =
            Moment { time: record.time.max(self.moment.time), position: self.moment.position + 1 };
        self.past.push(self.moment);
        let moment = self.moment;
        self.broker()?.on_market(moment, record)
    }

    /// Lets time pass.
    pub(crate) fn advance(&mut self, now: Timestamp) -> Result<(), BrokerError> {
        if now <= self.moment.time {
            return Ok(());
        }
        self.moment.time = now;
        let moment = self.moment;
        self.broker()?.advance(moment)
    }

    fn count(&mut self, fault: Fault) {
        *self.happened.entry(fault).or_default() += 1;
    }

    fn look_at(&mut self, report: &Report) {
        match &report.fact {
            Fact::Executed { exec_id, .. } => {
                if !self.reported.insert(*exec_id) {
                    self.count(Fault::DoubleReport);
                } else if self.moment.time.since_ns(report.at) >= self.config.faults.late_report_ns
                {
                    self.count(Fault::LateReport);
                }
            }
            Fact::Busted { .. } => self.count(Fault::Bust),
            Fact::Corrected { .. } => self.count(Fault::Correction),
            _ => {}
        }
    }

    /// The market trades through the limit of an order that is to be cancelled.
    fn execute(&mut self, request: &CancelRequest) -> Result<(), BrokerError> {
        let moment = self.moment;
        let open = self.broker()?.open_orders(moment)?;
        let found = open.iter().find(|open| open.order == Some(request.order));
        let Some((found, limit)) = found.and_then(|open| Some((open, open.limit_price?))) else {
            return Ok(());
        };
        self.raced = true;
        self.races += 1;
        let trade = MarketTrade {
            instrument: found.instrument,
            price: Price(limit.0 - found.side.sign() * 100_000_000),
            quantity: Quantity::whole(1_000),
            trade_id: request.client_order_id,
            aggressor: Some(if found.side == Side::Buy { Side::Sell } else { Side::Buy }),
            conditions: Vec::new(),
            venue_sequence: self.races,
        };
        let source = Source::new("venue").map_err(|_| BrokerError::Unknown { what: "a source" })?;
        let body = Body::from(trade);
        let id = event::id::foreign_id(source, self.races);
        let (time, key) = (self.moment.time, body.key());
        self.print(&worker::root_event(id, source, self.races, time, None, key, body))
    }

    /// Whether reports wait behind this number.
    pub(crate) fn has_reports(&mut self, after: u64) -> Result<bool, BrokerError> {
        let moment = self.moment;
        Ok(!self.broker()?.reports(moment, after, 1)?.is_empty())
    }

    fn broker(&mut self) -> Result<&mut PaperBroker, BrokerError> {
        self.broker.as_mut().ok_or(BrokerError::Poisoned)
    }

    /// The moment that a question is answered as of.
    fn asked_as_of(&self) -> Moment {
        let then = self.moment.time.plus_ns(-self.stale_ns);
        let at = self.past.partition_point(|moment| moment.time <= then);
        match self.past.get(at.wrapping_sub(1)) {
            Some(moment) if self.stale_ns > 0 => Moment { time: then, position: moment.position },
            _ => self.moment,
        }
    }
}

impl Broker for Venue {
    fn account(&self) -> AccountId {
        self.config.account
    }

    fn submit(&mut self, _: Moment, request: &OrderRequest) -> Result<Answer, BrokerError> {
        self.asked.push((Asked::Submit(request.clone()), self.caller));
        let moment = self.moment;
        let answer = self.broker()?.submit(moment, request)?;
        let fault = match &answer {
            Answer::Accepted { .. } => return Ok(answer),
            Answer::Rejected { .. } => Fault::Reject,
            Answer::NoAnswer { .. } => {
                let open = self.broker()?.open_orders(moment)?;
                let arrived = open.iter().any(|open| open.order == Some(request.order));
                if arrived { Fault::LostResponse } else { Fault::LostRequest }
            }
        };
        self.count(fault);
        Ok(answer)
    }

    fn cancel(&mut self, _: Moment, request: &CancelRequest) -> Result<Answer, BrokerError> {
        self.asked.push((Asked::Cancel(request.clone()), self.caller));
        if self.race == Some(Race::Before) {
            self.execute(request)?;
        }
        let moment = self.moment;
        let answer = self.broker()?.cancel(moment, request)?;
        if self.race == Some(Race::After) {
            self.execute(request)?;
        }
        Ok(answer)
    }

    fn replace(&mut self, _: Moment, request: &ReplaceRequest) -> Result<Answer, BrokerError> {
        self.asked.push((Asked::Replace(request.clone()), self.caller));
        let moment = self.moment;
        self.broker()?.replace(moment, request)
    }

    fn reports(&mut self, _: Moment, after: u64, max: usize) -> Result<Vec<Report>, BrokerError> {
        let moment = self.moment;
        let reports = self.broker()?.reports(moment, after, max)?;
        for report in &reports {
            if report.number > self.reports {
                self.reports = report.number;
                self.look_at(report);
            }
        }
        Ok(reports)
    }

    fn open_orders(&mut self, _: Moment) -> Result<Vec<BrokerOrder>, BrokerError> {
        let moment = self.asked_as_of();
        self.broker()?.open_orders(moment)
    }

    fn executions_since(
        &mut self,
        _: Moment,
        cursor: u64,
    ) -> Result<(Vec<BrokerExecution>, u64), BrokerError> {
        let moment = self.asked_as_of();
        self.broker()?.executions_since(moment, cursor)
    }

    fn bookings_since(
        &mut self,
        _: Moment,
        cursor: u64,
    ) -> Result<(Vec<BrokerBooking>, u64), BrokerError> {
        let moment = self.asked_as_of();
        self.broker()?.bookings_since(moment, cursor)
    }

    fn positions(&mut self, _: Moment) -> Result<Vec<BrokerPosition>, BrokerError> {
        let moment = self.asked_as_of();
        self.broker()?.positions(moment)
    }

    fn balances(&mut self, _: Moment) -> Result<Vec<Balance>, BrokerError> {
        let moment = self.asked_as_of();
        self.broker()?.balances(moment)
    }

    fn opening(&self) -> Result<(Vec<Balance>, Vec<OpeningPosition>), BrokerError> {
        self.broker.as_ref().ok_or(BrokerError::Poisoned)?.opening()
    }
}
