//! The roots of a recorded run, run again through the whole pipeline into a directory of its own, with
//! other agents or other limits: what would have become of them.
//!
//! Roots are taken from the journal as they are: tape, configuration, operators, producers, starts.
//! Everything that follows from them is decided anew by the same [`Machine`] that runs a tape,
//! timers included, and a paper broker of the recorded settings and seed fills orders against the
//! recorded market. So with the recorded agents a tape run comes out byte for byte as it was
//! recorded, and with a changed one every difference is the change's.

use std::sync::atomic::AtomicBool;

use broker::PaperBroker;
use bus_log::LogBus;
use event::{Body, Event, Source, Timestamp, books::LimitsLoaded, market::InstrumentDefined};
use gateway::Gateway;
use worker::{Schedule, Task, Timers};

use super::{
    INGRESS, PipelineError,
    fold::Fold,
    machine::{Desk, Machine, Seat, Shown, is_broker_fact, is_venue_record},
    recover::is_later_part,
    stage::Stage,
};
use crate::{config::Settings, control::HaltLatch, data_dir::DataDir};

/// Nobody asks it to stop.
static NEVER: AtomicBool = AtomicBool::new(false);

/// What a run beside the recorded one is made of.
pub(crate) struct BesideRun<'a> {
    /// Where it runs. Nothing of the recorded run is in it.
    pub(crate) dir: &'a DataDir,
    /// The settings of the recorded run.
    pub(crate) settings: &'a Settings,
    /// The instruments it knew.
    pub(crate) definitions: &'a [InstrumentDefined],
    /// Fresh tasks, in the order events reach them.
    pub(crate) tasks: Vec<Task>,
    /// Limits in place of the recorded ones.
    pub(crate) limits: Option<LimitsLoaded>,
    pub(crate) wall_clock: fn() -> Timestamp,
}

/// A run under way.
pub(crate) struct Beside {
    machine: Machine,
    limits: Option<LimitsLoaded>,
    ingress: Source,
    reporting_currency: event::Currency,
    /// The events of one tape record, until it is complete.
    record: Vec<Event>,
    records: u64,
}

impl Beside {
    /// Starts in an empty directory.
    pub(crate) fn start(run: BesideRun<'_>) -> Result<Self, PipelineError> {
        let bus = LogBus::open(&run.dir.log(), run.wall_clock)?.bus;
        let account = run.settings.account.name;
        let place = run.dir.broker(account.as_str());
        let broker = PaperBroker::open(&place, run.settings.paper.clone(), run.definitions)?;
        let seats = run.tasks.into_iter().map(Seat::new).collect();
        let machine = Machine {
            seats,
            desks: vec![Desk { gateway: Gateway::new(account)?, broker }],
            timers: Timers::default(),
            schedule: Schedule::default(),
            fold: Fold::default(),
            stage: Stage::new(Box::new(bus)),
            latch: HaltLatch::open(&run.dir.control())?,
            clock: Timestamp(i64::MIN),
            position: 0,
            shown: Shown::default(),
            foreign: Vec::new(),
        };
        Ok(Self {
            machine,
            limits: run.limits,
            ingress: Source::new(INGRESS)?,
            reporting_currency: run.settings.account.reporting_currency,
            record: Vec::new(),
            records: 0,
        })
    }

    /// Takes the next event of the journal. What is no root is decided here anew, and stepped over.
    pub(crate) fn take(&mut self, event: Event) -> Result<(), PipelineError> {
        if is_venue_record(&event) {
            if !is_later_part(&event.body) {
                self.finish_record()?;
            }
            self.record.push(event);
            return Ok(());
        }
        if event.cause_id.is_some() || matches!(event.body, Body::TimerFired(_)) {
            return Ok(());
        }
        self.finish_record()?;
        if is_broker_fact(&event) {
            // The simulated broker opens its books where the recorded one did; the rest it reports
            // by itself.
            return if matches!(event.body, Body::AccountOpened(_)) { self.open() } else { Ok(()) };
        }
        // A start takes the time of the record that is about to be read; its timers come after it.
        if !matches!(event.body, Body::AgentStarted(_)) {
            self.machine.fire_timers(event.time, &NEVER)?;
        }
        let event = self.with_limits(event);
        self.machine.root(event)
    }

    /// Runs what is left to its end and makes everything durable.
    pub(crate) fn finish(mut self) -> Result<(), PipelineError> {
        self.finish_record()?;
        self.machine.stage.flush()?;
        Ok(self.machine.stage.close()?)
    }

    fn finish_record(&mut self) -> Result<(), PipelineError> {
        let events = std::mem::take(&mut self.record);
        let Some(first) = events.first() else { return Ok(()) };
        self.machine.fire_timers(first.time, &NEVER)?;
        self.records += 1;
        self.machine.record(events, (self.ingress, self.records))?;
        self.machine.stage.flush_if_full()
    }

    fn open(&mut self) -> Result<(), PipelineError> {
        let moment = self.machine.moment();
        for at in 0..self.machine.desks.len() {
            let Some(desk) = self.machine.desks.get_mut(at) else { continue };
            let source = desk.gateway.broker_source();
            let currency = self.reporting_currency;
            if let Some(event) = desk.gateway.open_books(&mut desk.broker, currency, moment)? {
                let _ = self.machine.accept(source, vec![event], None)?;
                self.machine.settle()?;
            }
        }
        Ok(())
    }

    fn with_limits(&self, event: Event) -> Event {
        match (&event.body, &self.limits) {
            (Body::LimitsLoaded(_), Some(limits)) => Event { body: limits.clone().into(), ..event },
            _ => event,
        }
    }
}
