//! What was offered, what was answered, and what is there.

use std::{
    collections::BTreeMap,
    sync::mpsc::{Receiver, Sender, channel},
};

use bus::{Bus, BusError, Cut, Entry, ErrorClass, Position, Unit, conformance::order_unit};
use event::Source;

/// Outputs of every unit of a load.
pub(crate) const OUTPUTS: u64 = 3;

/// Units of one task, and the answers to them.
#[derive(Debug, Default)]
pub(crate) struct History {
    accepted: Vec<(Unit, Vec<Position>)>,
    /// Calls that failed and were offered again.
    pub(crate) offered_again: u64,
}

/// The `number`th unit of a task, from 0.
pub(crate) fn unit(task: &str, number: u64) -> Unit {
    let first = number * OUTPUTS + 1;
    order_unit(task, first..=first + OUTPUTS - 1, number + 1)
}

impl History {
    /// Commits units of `task` until told to stop, and says after each how many there are. What
    /// fails for the moment is offered again; anything else ends the load.
    pub(crate) fn load(
        &mut self,
        bus: &mut dyn Bus,
        task: &str,
        units: u64,
        said: &Sender<u64>,
    ) -> Result<(), BusError> {
        while self.accepted() < units {
            match self.load_once(bus, task, said) {
                Ok(()) => {}
                Err(refused) if refused.class() == ErrorClass::Retry => self.offered_again += 1,
                Err(refused) => return Err(refused),
            }
        }
        Ok(())
    }

    /// Offers the next unit of `task` once.
    pub(crate) fn load_once(
        &mut self,
        bus: &mut dyn Bus,
        task: &str,
        said: &Sender<u64>,
    ) -> Result<(), BusError> {
        let unit = unit(task, self.accepted());
        let mut answer = bus.commit(std::slice::from_ref(&unit))?;
        self.accepted.push((unit, answer.pop().unwrap()));
        let _ = said.send(self.accepted());
        Ok(())
    }

    /// Units that were answered.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.len() as u64
    }

    /// Whether every answer holds: each event once, where it was said to be, units whole, sources
    /// without gaps.
    pub(crate) fn check(&self, bus: &mut dyn Bus) {
        let entries = all(bus);
        for (unit, positions) in &self.accepted {
            assert_eq!(unit.outputs.len(), positions.len());
            for (record, position) in unit.outputs.iter().zip(positions) {
                let Some(Entry::Event(there)) = entries.get(position.index as usize) else {
                    panic!("nothing is at {position:?}");
                };
                assert_eq!((there.position, &there.record), (*position, record));
            }
            let behind = positions.last().map(|last| last.index + 1).unwrap();
            let progress = entries.get(behind as usize);
            assert!(
                matches!(progress, Some(Entry::Progress { progress, .. }) if progress.source == unit.source),
                "a unit came apart at {behind}: {progress:?}"
            );
        }
        check_whole(&entries);
        let delivered = bus.next(&mut Cut::default(), entries.len() + 1).unwrap();
        let events = entries.iter().filter(|entry| matches!(entry, Entry::Event(_)));
        assert_eq!(delivered.len(), events.count());
    }
}

/// Every entry from the beginning, at its own index.
pub(crate) fn all(bus: &mut dyn Bus) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let more = bus.read(entries.len() as u64, 1000).unwrap();
        if more.is_empty() {
            break;
        }
        entries.extend(more);
    }
    assert!(entries.iter().zip(0..).all(|(entry, index)| entry.index() == index));
    entries
}

/// Each source counts without gaps and without repeats, and no unit of a load is there in part.
fn check_whole(entries: &[Entry]) {
    let mut last: BTreeMap<Source, u64> = BTreeMap::new();
    for entry in entries {
        match entry {
            Entry::Event(event) => {
                let header = event.record.header();
                let before = last.insert(header.source, header.source_seq).unwrap_or(0);
                assert_eq!(header.source_seq, before + 1, "{}", header.source);
            }
            Entry::Foreign(_) => {}
            Entry::Progress { progress, .. } => {
                let events = last.get(&progress.source).copied().unwrap_or(0);
                assert_eq!(progress.last_source_seq, events);
                assert_eq!(events % OUTPUTS, 0, "a unit came apart");
            }
        }
    }
    assert!(last.values().all(|events| events % OUTPUTS == 0), "a unit came apart at the end");
}

/// Runs a load of one task on a thread of its own while `meanwhile` happens, which is told of every
/// unit accepted.
pub(crate) fn under_load<B: Bus>(
    bus: &mut B,
    task: &str,
    units: u64,
    meanwhile: impl FnOnce(&Receiver<u64>),
) -> (History, Result<(), BusError>) {
    let (said, heard) = channel();
    std::thread::scope(|scope| {
        let loading = scope.spawn(move || {
            let mut history = History::default();
            let ended = history.load(bus, task, units, &said);
            (history, ended)
        });
        meanwhile(&heard);
        loading.join().unwrap()
    })
}

/// Returns once that many units more were accepted, or the load has ended.
pub(crate) fn after(heard: &Receiver<u64>, units: usize) {
    let _ = heard.iter().take(units).count();
}
