//! The gateway of an account and its broker, on a thread of their own.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    thread::JoinHandle,
};

use broker::{Broker as _, Moment, PaperBroker};
use bus::{Bus as _, Delivered, Entry, Progress, Record, Run, Topology, Unit};
use event::{Event, Family, Source};
use gateway::{Call, Gateway, Latch, Plan};
use worker::Delivery;

use super::{
    super::{PipelineError, machine::is_venue_record},
    LiveRun,
    clock::SessionClock,
    shared::{PATIENCE, Shared},
};
use crate::control::{HaltLatch, LatchState};

/// A gateway, its broker, and where they stand.
pub(super) struct Desk {
    gateway: Gateway,
    broker: PaperBroker,
    latch: HaltLatch,
    through: Option<u64>,
    position: u64,
    shared: Arc<Shared>,
    clock: Arc<SessionClock>,
    topology: Topology,
}

impl Desk {
    /// Opens gateway and broker as the log left them. Attempts without an answer become unknown:
    /// nothing is sent twice.
    pub(super) fn open(
        run: &LiveRun<'_>,
        shared: Arc<Shared>,
        clock: Arc<SessionClock>,
        latch: HaltLatch,
    ) -> Result<Self, PipelineError> {
        let account = run.settings.account.name;
        let definitions: Vec<_> = run.instruments.definitions().cloned().collect();
        let dir = run.dir.broker(account.as_str());
        let broker = PaperBroker::open(&dir, run.settings.paper.clone(), &definitions)?;
        let gateway = Gateway::new(account)?;
        let own = gateway.source();
        let through = shared
            .with_bus(|bus| bus.progress(own).and_then(|progress| Progress::through(&progress)));
        let mut desk = Self {
            gateway,
            broker,
            latch,
            through,
            position: 0,
            shared,
            clock,
            topology: Topology::shipped(),
        };
        desk.go_through_log()?;
        let unknown = desk.gateway.give_up_unanswered(desk.moment());
        desk.accept(desk.gateway.broker_source(), unknown, None)?;
        let (moment, currency) = (desk.moment(), run.settings.account.reporting_currency);
        if let Some(opened) = desk.gateway.open_books(&mut desk.broker, currency, moment)? {
            desk.accept(desk.gateway.broker_source(), vec![opened], None)?;
        }
        Ok(desk)
    }

    /// Deals with deliveries until the run ends.
    pub(super) fn start(mut self, received: Receiver<Delivery>) -> JoinHandle<()> {
        std::thread::spawn(move || {
            if let Err(error) = self.work(&received) {
                self.shared.fail(error);
            }
        })
    }

    fn work(&mut self, received: &Receiver<Delivery>) -> Result<(), PipelineError> {
        loop {
            match received.recv_timeout(PATIENCE) {
                Ok(delivery) => {
                    let dealt = self.take(&delivery);
                    self.shared.dealt_with();
                    dealt?;
                }
                Err(RecvTimeoutError::Timeout) if !self.shared.has_ended() => {
                    self.take_reports()?;
                }
                Err(_) => return self.leave(),
            }
        }
    }

    fn take(&mut self, delivery: &Delivery) -> Result<(), PipelineError> {
        let Delivery { index, event, .. } = delivery;
        if is_venue_record(event) {
            self.position += 1;
            let moment = Moment { time: event.time, position: self.position };
            self.broker.on_market(moment, event)?;
            return self.take_reports();
        }
        let of_market = matches!(event.body.kind().family(), Family::Market | Family::Signal);
        if of_market || self.through.is_some_and(|through| *index <= through) {
            return Ok(());
        }
        match &event.body {
            event::Body::TradingHalted(halt) => {
                self.latch.halt(&format!("{}: {}", halt.by, halt.reason))?;
            }
            event::Body::TradingResumed(_) => self.latch.release()?,
            _ => {}
        }
        let latch = match self.latch.state() {
            LatchState::Open => Latch::Open,
            LatchState::Halted { .. } => Latch::Halted,
        };
        let plan = self.gateway.plan(event, self.moment(), latch);
        self.carry_out(*index, plan)
    }

    /// Makes a plan's events durable, then its calls, and takes in what they bring.
    fn carry_out(&mut self, index: u64, plan: Plan) -> Result<(), PipelineError> {
        let Plan { events, calls } = plan;
        self.accept(self.gateway.source(), events, Some(Note::Through(index)))?;
        for call in &calls {
            self.call(call)?;
        }
        Ok(())
    }

    fn call(&mut self, call: &Call) -> Result<(), PipelineError> {
        let moment = self.moment();
        let facts = self.gateway.perform(call, &mut self.broker, moment)?;
        self.accept(self.gateway.broker_source(), facts, None)
    }

    fn take_reports(&mut self) -> Result<(), PipelineError> {
        loop {
            let moment = self.moment();
            let Some(facts) = self.gateway.read_reports(&mut self.broker, moment)? else {
                return Ok(());
            };
            self.accept(self.gateway.broker_source(), facts.events, Some(Note::Mark(facts.mark)))?;
        }
    }

    /// A run that failed leaves no order working: cancels go out without waiting for the log.
    fn leave(&mut self) -> Result<(), PipelineError> {
        if !self.shared.has_failed() {
            return Ok(());
        }
        let moment = self.moment();
        for cancel in self.gateway.emergency_cancels() {
            let _ = self.broker.cancel(moment, &cancel)?;
        }
        Ok(())
    }

    fn accept(
        &self,
        source: Source,
        events: Vec<Event>,
        note: Option<Note>,
    ) -> Result<(), PipelineError> {
        if events.is_empty() && note.is_none() {
            return Ok(());
        }
        let outputs: Vec<Record> = events
            .into_iter()
            .map(|event| Record::of_event(Arc::new(event), &self.topology))
            .collect();
        let mut unit = Unit::of_roots(source, outputs);
        match note {
            // A plan without events has decided nothing worth a record.
            Some(Note::Through(_)) if unit.outputs.is_empty() => return Ok(()),
            Some(Note::Through(index)) => unit.consumed = vec![Run::through(index)],
            Some(Note::Mark(mark)) => unit.mark = Some(mark),
            None => {}
        }
        let _ = self.shared.commit(unit)?;
        Ok(())
    }

    fn moment(&self) -> Moment {
        Moment { time: self.clock.now(), position: self.position }
    }

    /// The gateway goes through the log again; the broker keeps its own record.
    fn go_through_log(&mut self) -> Result<(), PipelineError> {
        self.each_entry(|gateway, entry| {
            match entry {
                Entry::Progress { progress, .. } if progress.source == gateway.broker_source() => {
                    progress.mark.into_iter().for_each(|mark| gateway.remember_mark(mark));
                }
                Entry::Event(delivered) if is_of_desk(&delivered) => {
                    gateway.remember(&*delivered.record.event()?);
                }
                _ => {}
            }
            Ok(())
        })?;
        self.each_entry(|gateway, entry| {
            if let Entry::Event(delivered) = entry
                && is_of_desk(&delivered)
            {
                // What has no answer is given up afterwards, not asked again.
                let _ = gateway.redeliver(&*delivered.record.event()?);
            }
            Ok(())
        })
    }

    fn each_entry(
        &mut self,
        mut visit: impl FnMut(&mut Gateway, Entry) -> Result<(), PipelineError>,
    ) -> Result<(), PipelineError> {
        if self.shared.tail().next_index() == 0 {
            return Ok(());
        }
        let mut reader = self.shared.reader();
        reader.seek(0)?;
        loop {
            let entries = reader.next_entries()?;
            if entries.is_empty() {
                return Ok(());
            }
            for entry in entries {
                visit(&mut self.gateway, entry)?;
            }
        }
    }
}

/// Whether a gateway may have to do with the event.
fn is_of_desk(delivered: &Delivered) -> bool {
    !matches!(delivered.record.header().stream, Family::Market | Family::Signal)
}

/// What a unit of the desk says beside its events.
enum Note {
    /// Commands up to this index were answered.
    Through(u64),
    /// The broker's reports were read up to this number.
    Mark(u64),
}
