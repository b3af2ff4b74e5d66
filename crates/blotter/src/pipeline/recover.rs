//! The machine as the log left it.
//!
//! One pass tells the gateways and the venue what the log holds; then the log is delivered once more,
//! from its beginning or from where a snapshot of the machine at [rest](super::rest) stands. A task
//! steps over what it had decided before, which rebuilds its state, and decides what it had not. A
//! gateway takes what the log shows of its doing as done, and asks again what a crash left unanswered.
//! So an interrupted run goes on exactly where an uninterrupted one would have been.
//!
//! Where the code of a task is another than at the last start, that start is made durable first: what
//! the log shows as decided is below the fence, and the code of today decides nothing there.

use std::{ops::Range, sync::Arc};

use bus::{Entry, Progress};
use event::{Body, Digest, Event, Source};
use worker::{Delivery, PendingTimer};

use super::{
    PipelineError,
    ingress::Numbering,
    machine::{Machine, Shown, is_venue_record},
    rest::Standing,
    tape::WORKER,
};

/// Entries read at a time: a bound on memory, not on the log.
const ENTRIES_MAX: usize = 4096;

impl Machine {
    /// Brings the machine from where it stands to where the log ends. Returns how every source is
    /// numbered.
    pub(crate) fn recover(
        &mut self,
        standing: Standing,
        config: Digest,
    ) -> Result<Numbering, PipelineError> {
        let end = self.stage.bus().next_index();
        let Standing { next, mut numbering } = standing;
        let stood = (self.clock, self.position);
        self.note_progress();
        let last_record = self.tell_gateways_and_venue(next..end, &mut numbering)?;
        self.set_fences(config, &mut numbering)?;
        (self.clock, self.position) = stood;
        let end = self.stage.bus().next_index();
        self.redeliver(next..end)?;
        self.settle()?;
        last_record.show(self)?;
        self.take_reports()?;
        Ok(numbering)
    }

    /// Reads from the progress records how far every task had decided.
    fn note_progress(&mut self) {
        for seat in &mut self.seats {
            seat.through =
                self.stage.bus().progress(seat.task.source()).and_then(|p| Progress::through(&p));
        }
    }

    /// Tells the log of every task whose code, or its configuration, changed.
    fn set_fences(
        &mut self,
        config: Digest,
        numbering: &mut Numbering,
    ) -> Result<(), PipelineError> {
        let worker = Source::new(WORKER)?;
        let epoch = numbering.last(worker) + 1;
        for seat in &mut self.seats {
            let version = seat.task.version();
            if seat.fences.is_change(version, config) {
                seat.is_told = true;
                let start = seat.fences.start(epoch, version, config, seat.through);
                let event = numbering.worker_root(worker, self.clock, start.into());
                let _ = self.stage.put(worker, vec![event], None, &[], None)?;
            }
        }
        self.stage.flush()
    }

    /// The gateways remember every event, and the venue prints every record but the last, whose own
    /// consequences may not be complete. Every timer asked for is set; those that fired are taken
    /// off when the log is delivered again.
    fn tell_gateways_and_venue(
        &mut self,
        behind: Range<u64>,
        numbering: &mut Numbering,
    ) -> Result<Shown, PipelineError> {
        let mut held_back = std::mem::take(&mut self.shown);
        self.each_entry(behind, |machine, entry| {
            match entry {
                Entry::Progress { progress, .. } => {
                    for desk in &mut machine.desks {
                        if let Some(mark) = progress.mark
                            && progress.source == desk.gateway.broker_source()
                        {
                            desk.gateway.remember_mark(mark);
                        }
                    }
                    let seats = &mut machine.seats;
                    let seat = seats.iter_mut().find(|s| s.task.source() == progress.source);
                    if let Some(seat) = seat {
                        progress.timers().for_each(|timer| seat.fences.asked(timer.request));
                    }
                    for timer in progress.timers() {
                        machine.timers.set(PendingTimer {
                            due: timer.due,
                            task: progress.source,
                            request: timer.request,
                            name: timer.name,
                        });
                    }
                }
                Entry::Foreign(foreign) => machine.foreign.push(foreign),
                Entry::Event(delivered) => {
                    let event = delivered.record.event()?;
                    numbering.observe(event.source, event.source_seq);
                    machine.note_start(&event);
                    machine.note_time(&event);
                    if is_venue_record(&event) {
                        if !is_later_part(&event.body) {
                            std::mem::take(&mut held_back).show(machine)?;
                        }
                        held_back.moment = Some(machine.moment());
                        held_back.events.push(Arc::clone(&event));
                    }
                    for desk in &mut machine.desks {
                        desk.gateway.remember(&event);
                    }
                }
            }
            Ok(())
        })?;
        Ok(held_back)
    }

    /// What the log says of the tasks' own numbers and starts, in its order.
    fn note_start(&mut self, event: &Event) {
        for seat in &mut self.seats {
            match &event.body {
                Body::AgentStarted(start) => seat.fences.started(start),
                _ if event.source == seat.task.source() => seat.fences.emitted(event.source_seq),
                _ => {}
            }
        }
    }

    /// Delivers these entries of the log again.
    fn redeliver(&mut self, behind: Range<u64>) -> Result<(), PipelineError> {
        self.each_entry(behind, |machine, entry| {
            if let Entry::Event(delivered) = entry {
                let delivery = Delivery {
                    index: delivered.position.index,
                    event: delivered.record.event()?,
                    bytes: delivered.record.bytes().clone(),
                };
                machine.deliver(&delivery)?;
            }
            Ok(())
        })
    }

    fn each_entry(
        &mut self,
        behind: Range<u64>,
        mut visit: impl FnMut(&mut Self, Entry) -> Result<(), PipelineError>,
    ) -> Result<(), PipelineError> {
        let Range { start: mut next, end } = behind;
        while next < end {
            let entries = self.stage.bus().read(next, ENTRIES_MAX)?;
            if entries.is_empty() {
                break;
            }
            for entry in entries {
                if entry.index() >= end {
                    return Ok(());
                }
                next = entry.index() + 1;
                visit(self, entry)?;
            }
        }
        Ok(())
    }
}

/// Whether the event is of the same tape record as the one before it.
pub(super) const fn is_later_part(body: &Body) -> bool {
    matches!(body, Body::BookSnapshot(snapshot) if snapshot.part > 0)
}
