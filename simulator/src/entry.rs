//! What enters: configuration, operators, the tape.

use bus::Unit;
use event::operations::AgentStarted;
use event::{Body, Source};
use worker::{FilePlace, RootParts};

use crate::{
    invariant::Violation,
    part::{Ingress, Role, Waiting},
    upgrade::CONFIG,
    world::{SEATS, World, command_id, surprise},
};

impl World {
    /// Ingress mints what is due: configuration first, then operators, then the tape.
    pub(crate) fn mint(&mut self, place: usize) -> Result<(), Violation> {
        let now = self.now;
        let max = self.chance.between(1, 12);
        let commands: Vec<_> = self.commands.clone();
        let due: Vec<_> = {
            let Some(Role::Ingress(ingress)) = self.part(place).map(|p| &p.role) else {
                return Ok(());
            };
            let records = self.tape.records.iter().enumerate().skip(ingress.records as usize);
            records
                .take_while(|(_, record)| record.time <= now)
                .take(max as usize)
                .map(|(number, record)| (number as u64, record.clone()))
                .collect()
        };
        let (source, digest) = (self.tape.source, self.tape.digest);
        let topology = self.medium.topology().clone();
        let Some(part) = self.part_mut(place) else { return Ok(()) };
        let clock = part.clock(now);
        let Role::Ingress(ingress) = &mut part.role else { return Ok(()) };
        if let Some(event) = ingress.begins.pop_front() {
            let unit = Unit::of_events(event.source, [event], &topology);
            part.hold(vec![unit], Waiting::Roots(None));
            return Ok(());
        }
        let operator = Source::new("operator").map_err(surprise)?;
        if let Some((given, command)) = commands.get(ingress.commands()) {
            let number = ingress.commands() as u64 + 1;
            ingress.numbering.observe(operator, number);
            let body = Body::from(command.clone());
            let key = body.key();
            let id = command_id(number);
            let given = Some(*given);
            let event = worker::root_event(id, operator, number, clock, given, key, body);
            let unit = Unit::of_events(operator, [event], &topology);
            part.hold(vec![unit], Waiting::Roots(None));
            return Ok(());
        }
        let read = due.last().map(|(number, _)| number + 1);
        let mut units = Vec::with_capacity(due.len() + 1);
        for (number, record) in due {
            let place = FilePlace { source, digest, record: number, part: 0 };
            let root = RootParts { event_time: None, key: record.body.key(), body: record.body };
            let event = ingress.numbering.file_root(place, record.time, root);
            units.push(Unit::of_events(source, [event], &topology));
        }
        let mut mark = Unit::of_roots(Source::new("ingress").map_err(surprise)?, Vec::new());
        mark.mark = read;
        units.push(mark);
        part.hold(units, Waiting::Roots(read));
        Ok(())
    }

    /// What enters before the first record: configuration on the first start, and starts.
    pub(crate) fn begins(&mut self, ingress: &mut Ingress) -> Result<(), Violation> {
        let now = self.now;
        let source = |name: &str| Source::new(name).map_err(surprise);
        let (worker, defined) = (source("worker/simulated")?, source("config/instruments")?);
        let digest = self.instruments.digest();
        // The first start of every task; another build of it tells of its own.
        let agents = crate::cast::Cast::agents().len() as u64;
        for place in ingress.numbering.last(worker)..agents {
            let task = self.task(SEATS + place as usize)?;
            let (task, version) = (task.source(), task.version());
            let body = Body::from(AgentStarted {
                task,
                epoch: place + 1,
                version,
                config: CONFIG,
                fence_index: 0,
            });
            ingress.begins.push_back(ingress.numbering.worker_root(worker, now, body));
        }
        for (number, definition) in (1..).zip(self.instruments.definitions()) {
            if number > ingress.numbering.last(defined) {
                let body = Body::from(definition.clone());
                let event = ingress.numbering.config_root(defined, digest, number, now, body);
                ingress.begins.push_back(event);
            }
        }
        let limits = source("config/limits")?;
        if ingress.numbering.last(limits) == 0 {
            let body = Body::from(self.cast.limits().map_err(surprise)?);
            let event = ingress.numbering.config_root(limits, digest, 1, now, body);
            ingress.begins.push_back(event);
        }
        Ok(())
    }
}

impl Ingress {
    /// Operators' commands that are in the log.
    pub(crate) fn commands(&self) -> usize {
        Source::new("operator").map_or(0, |operator| self.numbering.last(operator) as usize)
    }
}
