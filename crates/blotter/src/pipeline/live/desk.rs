//! The desk of an account and its broker, on a thread of their own.
//!
//! What is decided, in which order, is [`gateway::Desk`]; here are the thread, the clock, the latch
//! and the log.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    thread::JoinHandle,
};

use broker::{Broker as _, Moment, PaperBroker};
use bus::{Entry, Progress, Run, Topology, Unit};
use event::Currency;
use gateway::{Batch, Latch};
use worker::Delivery;

use super::{
    super::{PipelineError, broker_record, machine::is_venue_record},
    LiveRun,
    clock::SessionClock,
    distributor::Handed,
    shared::{PATIENCE, Shared},
    watch::Watch,
};
use crate::control::{HaltLatch, LatchState};

/// A desk, its broker, and where they stand.
pub(super) struct Desk {
    desk: gateway::Desk,
    broker: PaperBroker,
    latch: HaltLatch,
    watch: Watch,
    position: u64,
    shared: Arc<Shared>,
    clock: Arc<SessionClock>,
    topology: Topology,
}

impl Desk {
    /// Opens desk and broker as the log left them. Attempts without an answer become unknown:
    /// nothing is sent twice.
    pub(super) fn open(
        run: &LiveRun<'_>,
        shared: Arc<Shared>,
        clock: Arc<SessionClock>,
        latch: HaltLatch,
    ) -> Result<Self, PipelineError> {
        let account = run.settings.account.name;
        let own = gateway::Desk::new(account)?;
        let facts = shared.high_water(own.gateway().broker_source());
        let of_broker = own.gateway().broker_source();
        let read = shared.with_bus(|bus| bus.progress(of_broker).and_then(|p| p.mark)).unwrap_or(0);
        let broker = broker_record::open(run.dir, run.settings, run.instruments, facts, read)?;
        let mut desk = Self {
            desk: own,
            broker,
            watch: Watch { tell: run.tell, told: LatchState::Open },
            latch,
            position: 0,
            shared,
            clock,
            topology: Topology::shipped(),
        };
        desk.go_through_log()?;
        if let Err(error) = desk.begin(run.settings.account.reporting_currency) {
            // What the run before left working is not left to a run that cannot begin.
            let _ = desk.cancel_all();
            return Err(error);
        }
        Ok(desk)
    }

    fn begin(&mut self, currency: Currency) -> Result<(), PipelineError> {
        let moment = self.moment();
        while let Some(batch) = self.desk.begin(&mut self.broker, currency, moment)? {
            self.commit(&batch)?;
        }
        Ok(())
    }

    /// Deals with deliveries until the run ends.
    pub(super) fn start(mut self, received: Receiver<Handed>) -> JoinHandle<()> {
        std::thread::spawn(move || self.run(&received))
    }

    /// However the work ends, a run that failed leaves no order working.
    pub(super) fn run(&mut self, received: &Receiver<Handed>) {
        let shared = Arc::clone(&self.shared);
        shared.answer_for(|| self.work(received));
        if shared.has_failed() {
            shared.answer_for(|| self.cancel_all());
        }
    }

    /// What still waits when the run fails is left where it is: the next start finds it in the log.
    fn work(&mut self, received: &Receiver<Handed>) -> Result<(), PipelineError> {
        while !self.shared.has_failed() {
            match received.recv_timeout(PATIENCE) {
                Ok(Handed::Event(delivery)) => {
                    let dealt = self.take(&delivery);
                    self.shared.dealt_with();
                    dealt?;
                }
                Ok(Handed::Progress { .. }) => self.shared.dealt_with(),
                Err(RecvTimeoutError::Timeout) if !self.shared.has_ended() => {
                    self.watch.latch(&self.latch);
                    self.take_reports()?;
                }
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }

    fn take(&mut self, delivery: &Delivery) -> Result<(), PipelineError> {
        let Delivery { index, event, .. } = delivery;
        if is_venue_record(event) {
            self.position += 1;
            let moment = Moment { time: event.time, position: self.position };
            self.broker.on_market(moment, event)?;
            return self.take_reports();
        }
        self.latch.follow(event)?;
        self.watch.event(event);
        self.watch.latch(&self.latch);
        if let Some(batch) = self.desk.take(*index, event, self.moment(), self.latch()) {
            self.commit(&batch)?;
        }
        while self.desk.owes().is_some() {
            let (moment, latch) = (self.moment(), self.latch());
            if let Some(batch) = self.desk.call(&mut self.broker, moment, latch)? {
                self.commit(&batch)?;
            }
        }
        Ok(())
    }

    fn take_reports(&mut self) -> Result<(), PipelineError> {
        loop {
            let moment = self.moment();
            let Some(batch) = self.desk.reports(&mut self.broker, moment)? else { return Ok(()) };
            self.commit(&batch)?;
        }
    }

    /// Cancels everything without waiting for the log. One cancel that fails holds up no other.
    fn cancel_all(&mut self) -> Result<(), PipelineError> {
        let (moment, mut outcome) = (self.moment(), Ok(()));
        for cancel in self.desk.gateway().emergency_cancels() {
            outcome = outcome.and(self.broker.cancel(moment, &cancel).map(drop));
        }
        Ok(outcome?)
    }

    /// The latch as orders find it: a run that failed sends none, whatever the latch could be told.
    fn latch(&self) -> Latch {
        if self.shared.has_failed() { Latch::Halted } else { self.latch.for_orders() }
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), PipelineError> {
        let mut unit = Unit::of_events(batch.source, batch.events.iter().cloned(), &self.topology);
        unit.consumed = batch.consumed.map(Run::through).into_iter().collect();
        unit.mark = batch.mark;
        let _ = self.shared.commit(unit)?;
        self.desk.durable(batch);
        Ok(())
    }

    fn moment(&self) -> Moment {
        Moment { time: self.clock.now(), position: self.position }
    }

    /// The desk goes through the log again; the broker keeps its own record.
    fn go_through_log(&mut self) -> Result<(), PipelineError> {
        let (own, facts) = (self.desk.gateway().source(), self.desk.gateway().broker_source());
        let progress = self.shared.with_bus(|bus| bus.progress(own));
        self.desk.resume(progress.and_then(|progress| Progress::through(&progress)));
        self.shared.each_entry(|entry| {
            match entry {
                Entry::Event(delivered) => self.desk.remember(&*delivered.record.event()?),
                Entry::Progress { progress, .. } if progress.source == facts => {
                    progress.mark.into_iter().for_each(|mark| self.desk.remember_mark(mark));
                }
                Entry::Progress { .. } | Entry::Foreign(_) => {}
            }
            Ok(true)
        })?;
        self.shared.each_entry(|entry| {
            if let Entry::Event(delivered) = entry {
                self.desk.redeliver(&*delivered.record.event()?);
            }
            Ok(true)
        })
    }
}
