//! How parts begin, from the log, and how they and the process end.

use bus::{BusError, Entry, Progress};
use event::{SECOND_NS, Source};
use segment::PowerLoss;
use worker::{PendingTimer, Seat, Task};

use crate::{
    defence::Defence,
    invariant::Violation,
    part::{Ingress, Part, PartKind, Role},
    world::{DESK, INGRESS, SCRIBE, SEATS, World, surprise},
};

impl World {
    /// A part is made, as a restart finds the log.
    pub(crate) fn make(&mut self, place: usize) -> Result<Part, Violation> {
        self.lives += 1;
        let (kind, role) = match place {
            INGRESS => (PartKind::Ingress, Role::Ingress(Ingress::default())),
            SCRIBE => (PartKind::Scribe, Role::Scribe(None)),
            DESK => (
                PartKind::Desk,
                Role::Desk(gateway::Desk::new(self.cast.account).map_err(surprise)?),
            ),
            _ => return self.make_seat(place),
        };
        let mut part = Part::new(kind, role, self.lives);
        self.recover(&mut part)?;
        Ok(part)
    }

    /// A seat goes on from a snapshot of its task, or from the beginning.
    fn make_seat(&mut self, place: usize) -> Result<Part, Violation> {
        let restored = self.restored_task(place)?;
        let seat = match restored {
            Some((task, index)) => Seat::restored(task, index),
            None => Seat::new(self.task(place)?),
        };
        let mut part = Part::new(PartKind::Seat, Role::Seat(seat), self.lives);
        self.recover(&mut part)?;
        Ok(part)
    }

    /// A fresh task of the agent at this place, as it is built now.
    pub(crate) fn task(&self, place: usize) -> Result<Task, Violation> {
        self.task_built(place, self.build(place))
    }

    /// The build of the agent at this place.
    pub(crate) fn build(&self, place: usize) -> u32 {
        place.checked_sub(SEATS).and_then(|at| self.builds.get(at)).copied().unwrap_or(0)
    }

    /// A fresh task of this build.
    pub(crate) fn task_built(&self, place: usize, build: u32) -> Result<Task, Violation> {
        let agent = place.checked_sub(SEATS).and_then(|at| self.cast.agent(at, build));
        Task::new(agent.ok_or_else(|| surprise("no such agent"))?).map_err(surprise)
    }

    /// A part learns from the log where it stands.
    pub(crate) fn recover(&mut self, part: &mut Part) -> Result<(), Violation> {
        let entries = self.medium.history().map_err(surprise)?;
        let without = self.plan.without;
        match &mut part.role {
            Role::Seat(seat) => {
                if let Some(index) = seat.restored_behind() {
                    part.read = self.oracle.order.partition_point(|(at, _)| *at <= index);
                    for entry in &entries {
                        match entry {
                            Entry::Event(delivered) if delivered.position.index <= index => {
                                part.cut.advance(&delivered.position);
                            }
                            _ => {}
                        }
                    }
                }
                let progress = self.medium.progress(seat.source());
                if without != Some(Defence::StepOver) {
                    seat.resume(progress.and_then(|progress| Progress::through(&progress)));
                }
                for entry in &entries {
                    match entry {
                        Entry::Progress { progress, .. } if progress.source == seat.source() => {
                            for timer in progress.timers() {
                                if without != Some(Defence::TimerRecovery) {
                                    seat.asked(PendingTimer {
                                        due: timer.due,
                                        task: progress.source,
                                        request: timer.request,
                                        name: timer.name,
                                    });
                                }
                            }
                        }
                        Entry::Event(delivered) => {
                            let header = delivered.record.header();
                            if header.source == seat.source() {
                                seat.emitted(header.source_seq);
                            }
                            let is_start = header.kind == event::Kind::AgentStarted as u16;
                            let is_told = header.kind == event::Kind::TimerFired as u16
                                || is_start && without != Some(Defence::Fence);
                            if is_told {
                                seat.remember(&*delivered.record.event().map_err(surprise)?);
                            }
                        }
                        Entry::Progress { .. } | Entry::Foreign(_) => {}
                    }
                }
            }
            Role::Desk(desk) => {
                let gateway = desk.gateway();
                let (own, facts) = (gateway.source(), gateway.broker_source());
                desk.resume(self.medium.progress(own).and_then(|p| Progress::through(&p)));
                for entry in &entries {
                    match entry {
                        Entry::Progress { progress, .. } if progress.source == facts => {
                            progress.mark.into_iter().for_each(|mark| desk.remember_mark(mark));
                        }
                        Entry::Event(delivered) => {
                            desk.remember(&*delivered.record.event().map_err(surprise)?);
                        }
                        Entry::Progress { .. } | Entry::Foreign(_) => {}
                    }
                }
                for entry in &entries {
                    if let Entry::Event(delivered) = entry {
                        desk.redeliver(&*delivered.record.event().map_err(surprise)?);
                    }
                }
            }
            Role::Ingress(ingress) => {
                for entry in &entries {
                    if let Entry::Event(delivered) = entry {
                        let header = delivered.record.header();
                        ingress.numbering.observe(header.source, header.source_seq);
                    }
                }
                let source = Source::new("ingress").map_err(surprise)?;
                let mark = self.medium.progress(source).and_then(|progress| progress.mark);
                ingress.records = mark.unwrap_or(0);
                self.begins(ingress)?;
            }
            Role::Scribe(_) => {}
        }
        Ok(())
    }

    /// A part of this life is gone; another takes its place.
    pub(crate) fn replace(&mut self, place: usize) -> Result<(), Violation> {
        // What is on its way from the life before may still arrive.
        if self.medium.letters.iter().any(|letter| letter.from.part == place) {
            let _ = self.rivals.insert(place);
        }
        let made = self.make(place)?;
        self.trace.note(self.now, b'R', place, u64::from(made.life), &[]);
        if let Some(slot) = self.parts.get_mut(place) {
            *slot = made;
        }
        Ok(())
    }

    /// Every part dies; an engine inside the process dies with them, and power may go with it.
    pub(crate) fn lose_process(&mut self, loss: Option<PowerLoss>) -> Result<(), Violation> {
        self.trace.tell(self.now, || format!("the process is lost, power loss: {loss:?}"));
        self.trace.note(self.now, b'L', 0, 0, &[]);
        self.parts.clear();
        self.zombies.clear();
        self.sync_fails = false;
        self.medium.close();
        // What is on its way from the lives before may still arrive.
        self.rivals.extend(self.medium.letters.iter().map(|letter| letter.from.part));
        if let Some(loss) = loss {
            self.disk = self.disk.after(loss);
        }
        let pause = self.chance.between(1, 800) as i64 * 1_000_000;
        self.down_until = Some(self.now.plus_ns(pause));
        Ok(())
    }

    /// The process begins again.
    pub(crate) fn restart(&mut self) -> Result<(), Violation> {
        self.down_until = None;
        if let Err(error) = self.medium.open(&self.disk) {
            return self.not_yet(error);
        }
        self.look_again()?;
        self.start()
    }

    /// A start that fails while the disk is full or bad is tried again.
    pub(crate) fn not_yet(&mut self, error: BusError) -> Result<(), Violation> {
        if self.disk_until.is_none() {
            return Err(surprise(format!("the log does not open: {error}")));
        }
        self.down_until = Some(self.now.plus_ns(SECOND_NS / 2));
        Ok(())
    }
}
