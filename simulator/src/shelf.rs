//! Snapshots of tasks, wrapped as the shipped store wraps them, in a store that can be lost or damaged.

use bus::Entry;
use event::{Digest, id::digest_of};
use snapshot::Snapshot;
use worker::Task;

use crate::{
    fault::{Fault, Faults},
    invariant::Violation,
    medium::PartLife,
    part::Role,
    world::{World, surprise},
};

/// Of so many steps one is followed by a snapshot.
const KEEPS: u64 = 6;
/// Snapshots kept of one task.
const KEPT: usize = 3;

/// The store: the place of a task among the parts, and the bytes.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    kept: Vec<(usize, Vec<u8>)>,
}

impl Shelf {
    /// Something happens to it. Says whose newest snapshot is changed, where one is.
    pub(crate) fn suffer(&mut self, faults: &mut Faults) -> Option<usize> {
        let many = self.kept.len() as u64;
        let mut draw = |end: u64| faults.between(Fault::SnapshotLoss, 0, end.max(1)) as usize;
        let (what, at, other) = (draw(4), draw(many), draw(many));
        let home = self.kept.get(at).map(|(home, _)| *home);
        // An older one matters only where the newer ones are lost too.
        let newest = self.kept.iter().rposition(|(place, _)| Some(*place) == home);
        let at = newest.unwrap_or(at);
        match (what, self.kept.get_mut(at)) {
            (0, _) => self.kept.clear(),
            (1, Some((_, bytes))) => {
                let hit = draw(bytes.len() as u64);
                bytes.iter_mut().skip(hit).take(1).for_each(|byte| *byte ^= 0x10);
            }
            (2, Some((_, bytes))) => bytes.truncate(draw(bytes.len() as u64)),
            (_, Some(_)) => {
                let bytes = self.kept.get(other).map(|(_, bytes)| bytes.clone());
                if let (Some(slot), Some(bytes)) = (self.kept.get_mut(at), bytes) {
                    slot.1 = bytes;
                }
            }
            (_, None) => {}
        }
        home.filter(|_| what == 1)
    }
}

impl World {
    /// A task whose step became durable is kept now and then.
    pub(crate) fn onto_shelf(
        &mut self,
        of: PartLife,
        consumed: Option<u64>,
    ) -> Result<(), Violation> {
        let Some(index) = consumed.filter(|_| self.chance.below(KEEPS) == 0) else { return Ok(()) };
        let Some(cut) = self.cut_at(index)? else { return Ok(()) };
        let Some(place) = self.place_of(of) else { return Ok(()) };
        let Some(Role::Seat(seat)) = self.part(place).map(|part| &part.role) else {
            return Ok(());
        };
        let Some(state) = seat.task().snapshot() else { return Ok(()) };
        let (name, version) = key(seat.task());
        let bytes = Snapshot { index, cut, state }.wrap(&name, version).map_err(surprise)?;
        self.shelf.kept.push((of.part, bytes));
        let here = self.shelf.kept.iter().filter(|(place, _)| *place == of.part).count();
        if here > KEPT
            && let Some(first) = self.shelf.kept.iter().position(|(place, _)| *place == of.part)
        {
            let _ = self.shelf.kept.remove(first);
        }
        Ok(())
    }

    /// The newest sound snapshot of the task at this place, restored, and where it was taken.
    pub(crate) fn restored_task(&mut self, place: usize) -> Result<Option<(Task, u64)>, Violation> {
        while let Some(at) = self.shelf.kept.iter().rposition(|(home, _)| *home == place) {
            let Some((_, bytes)) = self.shelf.kept.get(at) else { break };
            let mut task = self.task(place)?;
            let (name, version) = key(&task);
            let found = Snapshot::unwrap(&name, version, bytes).ok();
            if let Some(found) = found {
                let is_here = self.cut_at(found.index)? == Some(found.cut);
                if is_here && task.restore(&found.state).is_ok() {
                    return Ok(Some((task, found.index)));
                }
            }
            let _ = self.shelf.kept.remove(at);
        }
        Ok(None)
    }

    /// A digest of what stands in the log at `index`.
    fn cut_at(&mut self, index: u64) -> Result<Option<Digest>, Violation> {
        let bus = match self.medium.bus() {
            Some(bus) => bus,
            None => return Ok(None),
        };
        let entries = bus.read(index, 1).map_err(surprise)?;
        Ok(entries.first().filter(|entry| entry.index() == index).map(|entry| match entry {
            Entry::Event(delivered) => digest_of("cut", &[delivered.record.bytes()]),
            Entry::Progress { progress, .. } => digest_of("cut", &[&progress.to_bytes()]),
            Entry::Foreign(foreign) => digest_of("cut", &[&foreign.bytes]),
        }))
    }
}

/// What a snapshot is kept under.
fn key(task: &Task) -> (String, Digest) {
    (task.source().to_string(), digest_of("build", &[task.version().as_str().as_bytes()]))
}
