//! The journal, and what must hold after a restart and once all is at rest.

use std::{path::Path, sync::Arc};

use broker::{Broker as _, Moment};
use bus::{Delivered, Entry};
use event::{Amount, Event, EventId, Timestamp, books::BrokerSnapshotTaken};
use forensics::{Journal, Stamp, Taken, What};
use segment::Disk as _;

use crate::{
    defence::Defence,
    fault::Fault,
    invariant::{Invariant, Violation, require},
    medium::{LOG_DIR, no_clock, options},
    part::Role,
    world::{SCRIBE, World, surprise},
};

const JOURNAL_DIR: &str = "journal";

impl World {
    pub(crate) fn open_journal(&mut self, place: usize) -> Result<(), Violation> {
        let disk = Arc::new(self.disk.clone());
        let opened = Journal::open_on(disk, Path::new(JOURNAL_DIR), options(), no_clock);
        let journal = match opened {
            Ok(journal) => journal,
            // The run ends; it is started again once there is room.
            Err(_) if self.disk_is_bad() => return self.lose_process(None),
            Err(error) => return Err(surprise(format!("the journal does not open: {error}"))),
        };
        if let Some(last) = journal.next_log_index().checked_sub(1) {
            let entries = self.medium.entries(last).map_err(surprise)?;
            let bytes = entries.first().map(bytes_of).unwrap_or_default();
            let same = journal.check_last(last, &bytes);
            same.map_err(|error| Violation::of(Invariant::Journaled, error.to_string()))?;
        }
        if let Some(part) = self.parts.get_mut(place) {
            part.role = Role::Scribe(Some(journal));
            part.begins = false;
        }
        Ok(())
    }

    /// Takes what is new in the log; it is durable after the next sync.
    pub(crate) fn take_into_journal(&mut self, place: usize) -> Result<(), Violation> {
        let max = self.chance.between(1, 200) as usize;
        let without = self.plan.without == Some(Defence::JournalBeforeCheckpoint);
        let Some(Role::Scribe(Some(journal))) = self.parts.get(place).map(|part| &part.role) else {
            return Ok(());
        };
        let mut next = journal.next_log_index();
        if without {
            next = next.max(self.checkpoint);
        }
        let entries = self.medium.entries(next).map_err(surprise)?;
        let Some(Role::Scribe(Some(journal))) = self.parts.get_mut(place).map(|p| &mut p.role)
        else {
            return Ok(());
        };
        let mut end = next;
        for entry in entries.iter().take(max) {
            let bytes = bytes_of(entry);
            journal
                .take(&taken(entry, &bytes))
                .map_err(|error| Violation::of(Invariant::Journaled, error.to_string()))?;
            end = entry.index() + 1;
        }
        self.checkpoint = end;
        Ok(())
    }

    pub(crate) fn sync_journal(&mut self, place: usize) -> Result<(), Violation> {
        if self.faults.strikes(Fault::PowerLoss) {
            return self.lose_power_in(|world| {
                if let Some(Role::Scribe(Some(journal))) =
                    world.parts.get_mut(place).map(|part| &mut part.role)
                {
                    let _ = journal.sync();
                }
            });
        }
        if self.faults.strikes(Fault::FailedSync) {
            self.disk.fail_sync_at(self.disk.syncs());
            self.sync_fails = true;
        }
        let may_fail = self.disk_is_bad();
        let Some(Role::Scribe(Some(journal))) = self.parts.get_mut(place).map(|p| &mut p.role)
        else {
            return Ok(());
        };
        match journal.sync() {
            Ok(()) => Ok(()),
            Err(_) if may_fail => self.lose_process(None),
            Err(error) => Err(surprise(format!("the journal: {error}"))),
        }
    }

    /// After a restart of an embedded engine: what was durable is there, and nothing else was said.
    pub(crate) fn look_again(&mut self) -> Result<(), Violation> {
        if !self.medium.is_embedded() {
            return Ok(());
        }
        let known = self.oracle.next_index();
        let entries = self.medium.entries(0).map_err(surprise)?;
        require(entries.len() as u64 >= known, Invariant::Durable, || {
            format!("{} entries are left of {known}", entries.len())
        })?;
        for entry in entries.iter().take(known as usize) {
            if let Entry::Event(delivered) = entry {
                self.oracle.recheck(delivered)?;
            }
        }
        self.look_at_log()
    }

    /// What must hold once all is at rest.
    pub(crate) fn look_at_end(&mut self) -> Result<(), Violation> {
        self.look_at_log()?;
        self.oracle.units_are_whole()?;
        for (place, part) in self.parts.iter().enumerate() {
            let rests = part.post.is_none() && part.inbox.is_empty();
            require(rests, Invariant::ComesToRest, || format!("part {place} still waits"))?;
        }
        let entries = self.medium.entries(0).map_err(surprise)?;
        let mut seen = std::collections::BTreeSet::new();
        let events: Vec<(u64, Arc<Event>)> = entries
            .iter()
            .filter_map(|entry| match entry {
                Entry::Event(Delivered { position, record, .. })
                    if seen.insert(position.event_id) =>
                {
                    Some(record.event().map(|event| (position.index, event)))
                }
                _ => None,
            })
            .collect::<Result<_, _>>()
            .map_err(surprise)?;
        self.books_again(&events)?;
        self.tasks_again(&events)?;
        self.journal_holds(&entries)?;
        self.books_agree()?;
        self.oracle.sums.all_told()?;
        if self.medium.is_embedded() {
            return self.damage();
        }
        if self.faults_may_rewind() {
            self.rewind()?;
        }
        Ok(())
    }

    /// The journal has every entry of the log, byte for byte.
    fn journal_holds(&mut self, entries: &[Entry]) -> Result<(), Violation> {
        let Some(Role::Scribe(Some(journal))) = self.parts.get(SCRIBE).map(|part| &part.role)
        else {
            return Err(Violation::of(Invariant::Journaled, "there is no journal"));
        };
        let mut reader = journal.reader();
        reader.seek(0).map_err(surprise)?;
        let mut expected = entries.iter();
        while reader
            .visit_batch(|entry| -> Result<(), forensics::JournalError> {
                let same = expected.next().is_some_and(|log| {
                    log.index() == entry.stamp.log_index && *bytes_of(log) == *entry.bytes
                });
                if same {
                    Ok(())
                } else {
                    Err(forensics::JournalError::Rewound { index: entry.index })
                }
            })
            .map_err(|error| Violation::of(Invariant::Journaled, error.to_string()))?
        {}
        let left = expected.count();
        require(left == 0, Invariant::Journaled, || {
            format!("{left} entries are not in the journal")
        })
    }

    /// Our books are the broker's, and no break is open.
    fn books_agree(&mut self) -> Result<(), Violation> {
        let broke = |detail: String| Violation::of(Invariant::BooksAgree, detail);
        let now = Moment { time: Timestamp(i64::MAX), position: u64::MAX };
        self.venue.stale_ns = 0;
        let snapshot = self.snapshot(now).map_err(surprise)?;
        let books = &self.oracle.books;
        let open: Vec<_> = books.accounts().flat_map(|account| account.breaks()).collect();
        if !open.is_empty() {
            return Err(broke(format!("open breaks: {open:?}")));
        }
        let tolerances = reconcile::Tolerances::default();
        let later = self.now.plus_ns(3_600 * event::SECOND_NS);
        match reconcile::compare(books, &snapshot, later, &tolerances) {
            Ok(found) if found.differences.is_empty() => {}
            Ok(found) => return Err(broke(format!("differences: {:?}", found.differences))),
            Err(error) => return Err(broke(format!("nothing was compared: {error:?}"))),
        }
        // The same once more without the code that ships: quantities and balances, to the last digit.
        for position in &snapshot.positions {
            let ours = self.oracle.position(position.instrument);
            if ours != position.quantity.amount() {
                return Err(broke(format!(
                    "{}: {ours}, not {}",
                    position.instrument, position.quantity
                )));
            }
        }
        let account = books.account(self.cast.account).ok_or_else(|| broke("no books".into()))?;
        for balance in &snapshot.balances {
            let ours = account.cash_of(balance.currency).map_or(Amount::ZERO, |cash| cash.total());
            if ours != balance.amount {
                return Err(broke(format!("{}: {ours}, not {}", balance.currency, balance.amount)));
            }
        }
        Ok(())
    }

    fn snapshot(&mut self, now: Moment) -> Result<BrokerSnapshotTaken, broker::BrokerError> {
        let venue = &mut self.venue;
        let orders_before = venue.open_orders(now)?;
        let executions = venue.executions_since(now, 0)?.0;
        let bookings = venue.bookings_since(now, 0)?.0;
        let positions = venue.positions(now)?;
        let balances = venue.balances(now)?;
        let orders_after = venue.open_orders(now)?;
        Ok(BrokerSnapshotTaken {
            account: venue.account(),
            query: EventId([0; 16]),
            failure: String::new(),
            orders_before,
            executions,
            positions,
            balances,
            orders_after,
            cycle: 0,
            bookings,
            executions_from: 0,
        })
    }

    fn faults_may_rewind(&mut self) -> bool {
        let rates = &self.plan.rates;
        !self.medium.is_embedded() && rates.of(Fault::Rewind) + rates.of(Fault::Recreate) > 0
    }

    /// The log is put back to an earlier copy, or made anew: every reader sees it, and none goes on.
    fn rewind(&mut self) -> Result<(), Violation> {
        if self.plan.rates.of(Fault::Recreate) > self.plan.rates.of(Fault::Rewind) {
            self.medium.recreate().map_err(surprise)?;
            self.faults.count(Fault::Recreate);
        } else {
            let end = self.medium.next_index();
            self.medium.rewind(end - end / 8 - 2);
            self.faults.count(Fault::Rewind);
        }
        let seen = |seen: bool, who: String| {
            require(seen, Invariant::RewindSeen, || format!("{who} does not see a rewound log"))
        };
        for place in 0..self.parts.len() {
            let Some(part) = self.parts.get(place) else { continue };
            let mut cut = part.cut.clone();
            if cut.last.is_none() {
                continue;
            }
            if self.plan.without == Some(Defence::RewindCheck) {
                cut.last = None;
            }
            let found = self.medium.next(&mut cut, 1);
            seen(
                matches!(found, Err(bus::BusError::StreamRewound { .. })),
                format!("part {place}"),
            )?;
        }
        let Some(Role::Scribe(Some(journal))) = self.parts.get(SCRIBE).map(|part| &part.role)
        else {
            return Ok(());
        };
        let last = journal.next_log_index() - 1;
        let entries = self.medium.entries(last).map_err(surprise)?;
        let bytes = entries.first().map(bytes_of).unwrap_or_default();
        seen(journal.check_last(last, &bytes).is_err(), "the journal".into())
    }

    /// A byte of the closed log changes: opening it or reading it says so.
    fn damage(&mut self) -> Result<(), Violation> {
        let before = self.medium.entries(0).map_err(surprise)?;
        self.parts.clear();
        self.medium.shut_down().map_err(surprise)?;
        let dir = Path::new(LOG_DIR);
        let names = self.disk.list(dir).map_err(surprise)?;
        let segments: Vec<_> = names.iter().filter(|name| name.ends_with(".seg")).collect();
        let at = self.chance.below(segments.len() as u64) as usize;
        let Some(name) = segments.get(at) else { return Ok(()) };
        let place = self.chance.draw();
        let path = dir.join(name);
        let content = self.disk.content(&path).map_err(surprise)?;
        // Behind the last record of a segment lie zeros, and nothing that could be damaged.
        let used = content.iter().rposition(|byte| *byte != 0).unwrap_or(0) as u64 + 1;
        let hit = (place % used) as usize;
        let change =
            |bytes: &mut Vec<u8>| bytes.iter_mut().skip(hit).take(1).for_each(|b| *b ^= 0x20);
        self.disk.corrupt(&path, change).map_err(surprise)?;
        self.trace.note(self.now, b'd', at, hit as u64, &[]);
        let opened = self.medium.open(&self.disk);
        let read = opened.and_then(|()| self.medium.entries(0));
        // A flaw in the close record alone is told as a torn tail, and nothing before it is lost.
        let told = self.medium.tore;
        let same = read.as_ref().is_ok_and(|found| *found == before);
        require(read.is_err() || told && same, Invariant::DamageFound, || {
            format!("byte {hit} of {name} changed and nothing says so; the same is read: {same}")
        })
    }

    /// Whether a write may fail because the disk was made to.
    fn disk_is_bad(&self) -> bool {
        self.disk_is_full() || self.sync_fails
    }
}

fn bytes_of(entry: &Entry) -> bytes::Bytes {
    match entry {
        Entry::Event(delivered) => delivered.record.bytes().clone(),
        Entry::Progress { progress, .. } => progress.to_bytes().into(),
        Entry::Foreign(foreign) => foreign.bytes.clone(),
    }
}

fn taken<'a>(entry: &Entry, bytes: &'a [u8]) -> Taken<'a> {
    let stamp = Stamp { incarnation: 1, log_index: entry.index(), stored_at: no_clock() };
    match entry {
        Entry::Event(delivered) => {
            let header = delivered.record.header();
            Taken {
                stamp,
                what: What::Event,
                stream: Some(header.stream),
                partition: header.partition,
                sequence: delivered.position.sequence,
                kind: header.kind,
                time: header.time,
                bytes,
            }
        }
        Entry::Progress { .. } | Entry::Foreign(_) => Taken {
            stamp,
            what: What::Progress,
            stream: None,
            partition: 0,
            sequence: 0,
            kind: 0,
            time: no_clock(),
            bytes,
        },
    }
}
