//! What became of a transaction: where its units stand in the total order, or that they do not.

use std::time::Duration;

use bus::{BusError, Position, Progress, Record, Stored as _};
use event::EventId;

use super::{
    Places, Writer,
    batch::{Batch, Taken},
};
use crate::{
    KafkaBusError,
    looks::Looks,
    order::UNIT,
    transaction::{Failed, Outgoing, Transactions},
    walker::{Step, Walked, Walker},
    waypoints::Place,
};

/// How long one look waits.
const LOOK: Duration = Duration::from_millis(5);
/// Entries of the order topic before its end whose events are read at open, so that recent ids are
/// known.
const RECENT_ENTRIES: i64 = 50_000;

/// A transaction that was committed: its units' entries as they stand in the order topic.
pub(super) struct Written {
    units: Vec<Walked>,
}

/// A transaction that was not, or of which it is not known.
pub(super) struct Unwritten {
    failed: Failed,
    /// What its entries were, if it came so far.
    entries: Vec<Vec<u8>>,
}

impl Writer {
    /// Writes a batch in one transaction.
    pub(super) fn write(&self, batch: &Batch<'_>) -> Result<Written, Unwritten> {
        let at = (self.wall_clock)();
        let mut entries = Vec::new();
        let mut payloads: Vec<Vec<u8>> = Vec::new();
        let Some(transactions) = self.transactions.get() else {
            let error = KafkaBusError::Undecided { why: "an earlier call is not settled".into() };
            return Err(Unwritten { failed: Failed::Aborted(error), entries: payloads });
        };
        let order = self.cluster.names.order();
        let run = transactions.run(&self.cluster, &batch.outgoing(&self.cluster, at), |offsets| {
            let next_seq = |unit: &bus::Unit| self.ledger.high_water(unit.source) + 1;
            entries = batch.entries(offsets, self.incarnation, at, next_seq);
            payloads = entries.iter().map(|entry| entry.to_bytes()).collect();
            let outgoing = |payload| Outgoing {
                topic: order,
                partition: 0,
                key: UNIT,
                payload,
                stored_at_ms: at.0 / 1_000_000,
            };
            payloads.iter().map(|payload| outgoing(payload.as_slice())).collect()
        });
        match run {
            Err(failed) => Err(Unwritten { failed, entries: payloads }),
            Ok((_, offsets)) => {
                let unit = |((offset, entry), taken): ((i64, _), &Taken<'_>)| Walked {
                    place: Place { offset, index: 0 },
                    entry,
                    raw: bytes::Bytes::new(),
                    events: taken.fresh().len() as u64,
                    foreign: None,
                };
                let units = offsets.into_iter().zip(entries).zip(batch.units()).map(unit);
                Ok(Written { units: units.collect() })
            }
        }
    }

    /// Takes a committed batch into the ledger, and says where its events stand.
    pub(super) fn settle(
        &mut self,
        batch: &Batch<'_>,
        written: Written,
    ) -> Result<Vec<Places>, BusError> {
        let offsets: Vec<i64> = written.units.iter().map(|unit| unit.place.offset).collect();
        let alone = self
            .expected
            .is_some_and(|first| offsets.iter().copied().eq(first..first + offsets.len() as i64));
        let Some(last) = offsets.last().copied() else { return Ok(Vec::new()) };
        let mut answers = Vec::with_capacity(offsets.len());
        for (mut unit, taken) in written.units.into_iter().zip(batch.units()) {
            if !alone {
                // Others wrote before it; what they wrote takes places too.
                if let Err(error) = self.walk_up_to(unit.place.offset) {
                    return Err(self.undecided(error));
                }
            }
            if !self.claims.admit(unit.place.offset, &unit.entry) {
                answers.push(Err(BusError::Fenced {
                    source_name: taken.unit.source,
                    held: taken.unit.epoch,
                    newest: self.ledger.epoch(taken.unit.source),
                }));
                continue;
            }
            unit.place.index = self.place.index;
            let positions = match self.note_own(&unit, taken) {
                Ok(positions) => positions,
                Err(error) => return Err(self.undecided(error)),
            };
            answers.push(Ok(positions));
        }
        // Behind them stands the transaction's marker.
        self.expected = Some(last + 2);
        self.show();
        Ok(answers)
    }

    /// It is committed, and where is not known yet: the next call reads it back.
    fn undecided(&mut self, error: BusError) -> BusError {
        self.transactions.clear();
        match error {
            conflict @ BusError::Conflict { .. } => conflict,
            other => KafkaBusError::Undecided { why: other.to_string() }.into(),
        }
    }

    /// What is told after a transaction that was not answered with success.
    pub(super) fn after(
        &mut self,
        unwritten: Unwritten,
        batch: &Batch<'_>,
    ) -> Result<Vec<Places>, BusError> {
        self.expected = None;
        match unwritten.failed {
            Failed::Aborted(error) => {
                self.fenced |= matches!(error, KafkaBusError::Fenced { .. });
                Err(error.into())
            }
            Failed::Undecided(error) => {
                self.transactions.clear();
                let found = match self.take_over_again(&unwritten.entries) {
                    Ok(found) => found,
                    Err(_) => return Err(error.into()),
                };
                // Entries of one transaction are there all or none.
                if unwritten.entries.is_empty() || found.len() < unwritten.entries.len() {
                    let why = format!("{error}; it was read back and is not there");
                    return Err(KafkaBusError::Aborted { why }.into());
                }
                let places =
                    found.iter().zip(batch.units()).map(|(unit, taken)| positions_of(unit, taken));
                Ok(places.collect())
            }
        }
    }

    /// Takes the name over again, which decides what is left of the last transaction, and reads on
    /// to the end. Returns which of `entries` are there, byte for byte.
    pub(super) fn take_over_again(&mut self, entries: &[Vec<u8>]) -> Result<Vec<Walked>, BusError> {
        self.transactions.set(Transactions::take_over(&self.cluster)?);
        let found = self.read_to_end(entries);
        if found.is_err() {
            self.transactions.clear();
        }
        found
    }

    /// Reads the order topic to its end into the ledger. What others have not decided yet is waited
    /// for, since entries of ours may stand behind it.
    pub(super) fn read_to_end(&mut self, entries: &[Vec<u8>]) -> Result<Vec<Walked>, BusError> {
        let end = self.await_decided()?;
        let mut walker = Walker::new(&self.cluster, self.incarnation, &self.claims, self.place)?;
        let mut found = Vec::new();
        let mut looks = Looks::of(&self.cluster);
        loop {
            match walker.step(LOOK)? {
                Step::Unit(unit) => {
                    if entries.iter().any(|entry| **entry == *unit.raw) {
                        found.push((*unit).clone());
                    }
                    if unit.place.offset + RECENT_ENTRIES < end {
                        self.note_old(&unit)?;
                    } else {
                        self.note(&mut walker, &unit)?;
                    }
                    looks = Looks::of(&self.cluster);
                }
                Step::End => break,
                Step::Nothing => looks.in_vain_for_order(&self.cluster)?,
            }
        }
        self.seen = walker.take_seen().or(self.seen.take());
        self.expected = Some(end);
        self.show();
        Ok(found)
    }

    /// Waits until everything that stands in the order topic is decided, and says how far it goes.
    fn await_decided(&self) -> Result<i64, KafkaBusError> {
        let end = self.end_of_order()?;
        let consumer = self.cluster.consumer()?;
        let order = self.cluster.names.order();
        let mut looks = Looks::of(&self.cluster);
        loop {
            let reach = self.cluster.reach(&consumer, order, 0);
            if reach.map_err(|error| self.cluster.sorted(&error))?.1 >= end {
                return Ok(end);
            }
            looks.in_vain_for_order(&self.cluster)?;
            std::thread::park_timeout(LOOK);
        }
    }

    /// Takes what others wrote before `offset` into the ledger.
    pub(super) fn walk_up_to(&mut self, offset: i64) -> Result<(), BusError> {
        let mut walker = match self.walker.take() {
            Some(walker) => walker,
            None => Walker::new(&self.cluster, self.incarnation, &self.claims, self.place)?,
        };
        let mut looks = Looks::of(&self.cluster);
        while walker.reached() <= offset {
            match walker.step(LOOK)? {
                // What was written alone is noted already.
                Step::Unit(unit) if unit.place.offset < self.place.offset => {}
                Step::Unit(unit) if unit.place.offset < offset => self.note(&mut walker, &unit)?,
                Step::Unit(_) => break,
                Step::End | Step::Nothing => looks.in_vain_for_order(&self.cluster)?,
            }
        }
        self.walker = Some(walker);
        Ok(())
    }

    /// Takes a unit into the ledger whose events have to be read.
    fn note(&mut self, walker: &mut Walker, unit: &Walked) -> Result<(), BusError> {
        let events = walker.events(unit)?;
        for event in &events {
            let header = event.record.header();
            let _ = self.find_repeat(&event.record, event.position.index)?;
            self.ledger.note_event(&event.position, header.source, header.source_seq);
        }
        self.note_rest(unit)
    }

    /// Where an event stands already that is stored again at `index`: two names wrote for one
    /// source. It is delivered once; other bytes are two histories that claim one place.
    fn find_repeat(&mut self, record: &Record, index: u64) -> Result<Option<Position>, BusError> {
        let header = record.header();
        let (source, source_seq) = (header.source, header.source_seq);
        if source_seq > self.ledger.high_water(source) {
            return Ok(None);
        }
        let _ = self.repeats.insert(index);
        match self.finder.find(source, source_seq)? {
            Some(first) if first.record == *record => Ok(Some(first.position)),
            _ => Err(BusError::Conflict {
                source_name: source,
                source_seq,
                event_id: header.event_id,
            }),
        }
    }

    /// Takes a unit of long ago into the ledger: the ids of its events are not needed.
    fn note_old(&mut self, unit: &Walked) -> Result<(), BusError> {
        for (number, spot) in (0..).zip(unit.entry.spots()?) {
            let seq = unit.entry.first_seq + number;
            let position = unit.position(number, spot, EventId([0; 16]));
            if seq <= self.ledger.high_water(unit.entry.source) {
                let _ = self.repeats.insert(position.index);
            }
            self.ledger.note_event(&position, unit.entry.source, seq);
        }
        self.note_rest(unit)
    }

    /// Takes a unit of one's own into the ledger.
    fn note_own(&mut self, unit: &Walked, taken: &Taken<'_>) -> Result<Vec<Position>, BusError> {
        let mut positions = positions_of(unit, taken)?;
        let fresh = positions.iter_mut().skip(taken.repeats);
        for (position, record) in fresh.zip(taken.fresh()) {
            let header = record.header();
            let first = self.find_repeat(record, position.index)?;
            self.ledger.note_event(position, header.source, header.source_seq);
            *position = first.unwrap_or(*position);
        }
        self.note_rest(unit)?;
        Ok(positions)
    }

    pub(super) fn note_rest(&mut self, unit: &Walked) -> Result<(), BusError> {
        if let Some(blob) = &unit.entry.progress {
            let progress = Progress::from_bytes(&blob.0)?;
            self.ledger.note_progress(unit.place.index + unit.events, &progress);
        }
        if unit.foreign.is_none() {
            self.waypoints().note(unit.place, unit.entry.source, unit.entry.first_seq);
        }
        self.ledger.skip_to(unit.next_index());
        self.stored_bytes += unit.entry.bytes;
        self.place = unit.next();
        self.finder.set_durable_next(self.place.index);
        Ok(())
    }

    /// Shows readers of this process what is durable.
    pub(super) fn show(&mut self) {
        self.ledger.settle();
        self.tail.raise(self.place.index);
    }
}

fn positions_of(unit: &Walked, taken: &Taken<'_>) -> Result<Vec<Position>, BusError> {
    let mut positions = taken.known.clone();
    for ((number, spot), record) in (0..).zip(unit.entry.spots()?).zip(taken.fresh()) {
        positions.push(unit.position(number, spot, record.header().event_id));
    }
    Ok(positions)
}
