//! Who has emitted what: the bookkeeping that makes a repeat harmless and a difference loud. Every
//! engine keeps one; it holds a few numbers per source and a bounded window of recent ids.

mod recent;

use std::collections::BTreeMap;

use event::{EventId, Source};

use crate::{BusError, Delivered, Position, Progress, Record, Run, Sequencer, Unit};
use recent::Recent;

/// What a ledger asks of the engine it belongs to.
pub trait Stored {
    /// The durable record with this place in a source's sequence.
    ///
    /// # Errors
    /// Those of the engine.
    fn find(&self, source: Source, source_seq: u64) -> Result<Option<Delivered>, BusError>;

    /// The durable record at this index.
    ///
    /// # Errors
    /// Those of the engine.
    fn at(&self, index: u64) -> Result<Option<Delivered>, BusError>;

    /// The index after the last durable entry.
    fn durable_next(&self) -> u64;
}

/// What becomes of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is taken: its first outputs are stored already, the others and its progress record, where
    /// it has one, are to be stored.
    Stores {
        /// How many outputs are stored already.
        repeats: usize,
        /// The progress record to store behind the outputs.
        progress: Option<Progress>,
    },
    /// All of it is stored already.
    Repeat,
    /// It touches what is admitted but not durable yet: make that durable, then ask again.
    AfterFlush,
}

#[derive(Clone, Debug)]
struct SourceState {
    /// Last sequence admitted.
    last_seq: u64,
    /// Last sequence made durable.
    durable_seq: u64,
    /// The sum of its progress records; `None` before the first.
    sum: Option<Progress>,
}

/// A state to go back to.
#[derive(Clone, Debug)]
pub struct Savepoint {
    sequencer: Sequencer,
    touched: usize,
}

/// The bookkeeping of an engine.
#[derive(Clone, Debug)]
pub struct Ledger {
    incarnation: u64,
    sequencer: Sequencer,
    sources: BTreeMap<Source, SourceState>,
    /// Sources changed since the last durable state, with what they were; `None` for a new one.
    undo: Vec<(Source, Option<SourceState>)>,
    recent: Recent,
}

impl Ledger {
    /// The bookkeeping of a log of which nothing is known yet.
    #[must_use]
    pub fn new(incarnation: u64) -> Self {
        Self {
            incarnation,
            sequencer: Sequencer::default(),
            sources: BTreeMap::new(),
            undo: Vec::new(),
            recent: Recent::new(),
        }
    }

    /// Takes note of an event that stands in the log, in order of index.
    pub fn note_event(&mut self, position: &Position, source: Source, source_seq: u64) {
        self.sequencer.observe(position);
        self.recent.note(position.event_id, position.index);
        let state = self.sources.entry(source).or_insert(SourceState::NEW);
        state.last_seq = state.last_seq.max(source_seq);
        state.durable_seq = state.last_seq;
    }

    /// Takes note of the id of an event whose place is known otherwise.
    pub fn note_recent(&mut self, id: EventId, index: u64) {
        self.recent.note(id, index);
    }

    /// Takes note of a progress record that stands in the log.
    pub fn note_progress(&mut self, index: u64, progress: &Progress) {
        self.sequencer.skip_to(index + 1);
        self.restore_source(progress);
    }

    /// Takes back what [`Ledger::sources`] gave.
    pub fn restore_source(&mut self, progress: &Progress) {
        let state = self.sources.entry(progress.source).or_insert(SourceState::NEW);
        state.last_seq = state.last_seq.max(progress.last_source_seq);
        state.durable_seq = state.last_seq;
        state.add(progress);
    }

    /// Takes back where every partition stands.
    pub fn restore_sequencer(&mut self, sequencer: Sequencer) {
        self.sequencer = sequencer;
    }

    /// How far every source is, for a checkpoint.
    pub fn sources(&self) -> impl Iterator<Item = Progress> + '_ {
        self.sources.iter().map(|(source, state)| state.progress(*source))
    }

    /// Goes on at `index`: entries below it may have been removed.
    pub const fn skip_to(&mut self, index: u64) {
        self.sequencer.skip_to(index);
    }

    /// Where everything stands, what is admitted and not durable yet among it.
    #[must_use]
    pub const fn sequencer(&self) -> &Sequencer {
        &self.sequencer
    }

    /// How far a source is; `None` before its first progress record.
    #[must_use]
    pub fn progress(&self, source: Source) -> Option<Progress> {
        self.sources.get(&source).filter(|s| s.sum.is_some()).map(|s| s.progress(source))
    }

    /// The last sequence of a source.
    #[must_use]
    pub fn high_water(&self, source: Source) -> u64 {
        self.sources.get(&source).map_or(0, |state| state.last_seq)
    }

    /// The index a recent id was given; whoever asks checks what stands there.
    #[must_use]
    pub fn recent(&self, id: EventId) -> Option<u64> {
        self.recent.find(id)
    }

    /// A state to go back to, until what is admitted is settled.
    #[must_use]
    pub fn savepoint(&self) -> Savepoint {
        Savepoint { sequencer: self.sequencer.clone(), touched: self.undo.len() }
    }

    /// Forgets what was admitted since `savepoint`.
    pub fn roll_back(&mut self, savepoint: Savepoint) {
        for (source, state) in self.undo.drain(savepoint.touched..).rev() {
            let _ = match state {
                Some(state) => self.sources.insert(source, state),
                None => self.sources.remove(&source),
            };
        }
        self.sequencer = savepoint.sequencer;
    }

    /// Everything admitted is durable now.
    pub fn settle(&mut self) {
        for (source, _) in self.undo.drain(..) {
            if let Some(state) = self.sources.get_mut(&source) {
                state.durable_seq = state.last_seq;
            }
        }
    }

    /// Takes a unit in, or says why not. Appends one position per output to `positions`; on an
    /// error or [`Admission::AfterFlush`] the caller rolls back or asks again, and what was
    /// appended means nothing.
    ///
    /// # Errors
    /// [`BusError::Fenced`], [`BusError::ForeignOutput`], [`BusError::SourceGap`],
    /// [`BusError::Conflict`], and those of the engine.
    pub fn admit(
        &mut self,
        unit: &Unit,
        stored: &dyn Stored,
        positions: &mut Vec<Position>,
    ) -> Result<Admission, BusError> {
        self.refuse_fenced(unit)?;
        let state = self.sources.get(&unit.source);
        let (last_seq, durable_seq) = state.map_or((0, 0), |s| (s.last_seq, s.durable_seq));
        let Some(repeats) = count_repeats(unit, last_seq, durable_seq)? else {
            return Ok(Admission::AfterFlush);
        };
        for record in unit.outputs.iter().take(repeats) {
            positions.push(position_of_repeat(record, stored)?);
        }
        let fresh = unit.outputs.get(repeats..).unwrap_or_default();
        if fresh.is_empty() && repeats > 0 {
            return Ok(Admission::Repeat);
        }
        if state.is_some_and(|state| state.has_consumed(unit)) {
            let pending = self.undo.iter().any(|(source, _)| *source == unit.source);
            return Ok(if pending { Admission::AfterFlush } else { Admission::Repeat });
        }
        for record in fresh {
            if self.is_pending_or_conflicts(record, stored)? {
                return Ok(Admission::AfterFlush);
            }
        }
        self.undo.push((unit.source, state.cloned()));
        let new_seq = last_seq + fresh.len() as u64;
        let progress = Progress::of(unit, new_seq);
        let state = self.sources.entry(unit.source).or_insert(SourceState::NEW);
        state.last_seq = new_seq;
        if let Some(progress) = &progress {
            state.add(progress);
        }
        positions.extend(fresh.iter().map(|record| self.assign(record)));
        if progress.is_some() {
            let _ = self.sequencer.advance();
        }
        Ok(Admission::Stores { repeats, progress })
    }

    /// The claim a source is written under; zero where nobody ever claimed it.
    #[must_use]
    pub fn epoch(&self, source: Source) -> u64 {
        self.sources.get(&source).and_then(|state| state.sum.as_ref()).map_or(0, |sum| sum.epoch)
    }

    /// Only who holds the newest claim writes, and a claim is newer than any before.
    fn refuse_fenced(&self, unit: &Unit) -> Result<(), BusError> {
        let newest = self.epoch(unit.source);
        let holds = if unit.is_claim() { unit.epoch > newest } else { unit.epoch == newest };
        if holds {
            return Ok(());
        }
        Err(BusError::Fenced { source_name: unit.source, held: unit.epoch, newest })
    }

    #[inline]
    fn assign(&mut self, record: &Record) -> Position {
        let header = record.header();
        let place = self.sequencer.place(header);
        self.recent.note(header.event_id, place.index);
        Position {
            incarnation: self.incarnation,
            stream: header.stream,
            partition: header.partition,
            sequence: place.sequence,
            index: place.index,
            event_id: header.event_id,
        }
    }

    /// The position of a root that is stored already.
    ///
    /// # Errors
    /// [`BusError::RootDiffers`] when its producer says something else now.
    pub fn known_root(
        &self,
        record: &Record,
        stored: &dyn Stored,
    ) -> Result<Option<Position>, BusError> {
        let header = record.header();
        let by_id = match self.recent.find(header.event_id) {
            Some(index) if index < stored.durable_next() => stored.at(index)?,
            _ => None,
        };
        let known = match by_id.filter(|d| d.position.event_id == header.event_id) {
            Some(known) => Some(known),
            None if header.source_seq <= self.high_water(header.source) => {
                stored.find(header.source, header.source_seq)?
            }
            None => None,
        };
        match known {
            None => Ok(None),
            Some(known) if known.position.event_id != header.event_id => Err(conflict(record)),
            Some(known) if says_the_same(&known.record, record) => Ok(Some(known.position)),
            Some(_) => Err(BusError::RootDiffers { event_id: header.event_id }),
        }
    }

    /// An id given once belongs to those bytes. True when the answer must wait for a flush.
    fn is_pending_or_conflicts(
        &self,
        record: &Record,
        stored: &dyn Stored,
    ) -> Result<bool, BusError> {
        let header = record.header();
        let Some(index) = self.recent.find(header.event_id) else { return Ok(false) };
        // What a rolled back request was given may since belong to another event, or to none.
        if index >= stored.durable_next() {
            return Ok(index < self.sequencer.next_index());
        }
        match stored.at(index)? {
            Some(there) if there.position.event_id == header.event_id => Err(conflict(record)),
            _ => Ok(false),
        }
    }
}

impl SourceState {
    const NEW: Self = Self { last_seq: 0, durable_seq: 0, sum: None };

    fn add(&mut self, progress: &Progress) {
        self.sum.get_or_insert_with(|| Progress::none(progress.source)).add(progress);
    }

    /// Whether a unit without outputs says only what is known: all it consumed was consumed before.
    /// Stored again, its timers would be asked for again behind their own firing.
    fn has_consumed(&self, unit: &Unit) -> bool {
        let known = |run: &Run| {
            let sum = self.sum.as_ref().map_or(&[][..], |sum| &sum.consumed);
            let same =
                |known: &&Run| (known.stream, known.partition) == (run.stream, run.partition);
            sum.iter().find(same).is_some_and(|known| run.last <= known.last)
        };
        unit.outputs.is_empty() && !unit.consumed.is_empty() && unit.consumed.iter().all(known)
    }

    fn progress(&self, source: Source) -> Progress {
        let mut progress = self.sum.clone().unwrap_or_else(|| Progress::none(source));
        progress.last_source_seq = self.last_seq;
        progress
    }
}

/// How many outputs the source has emitted before; `None` when some of them are not durable yet.
fn count_repeats(unit: &Unit, last_seq: u64, durable_seq: u64) -> Result<Option<usize>, BusError> {
    let Some(first) = unit.outputs.first().map(|record| record.header().source_seq) else {
        return Ok(Some(0));
    };
    for (record, expected) in unit.outputs.iter().zip(first.min(last_seq + 1)..) {
        let header = record.header();
        if header.source != unit.source {
            return Err(BusError::ForeignOutput { unit: unit.source, found: header.source });
        }
        // Sequences count from 1, so 0 is a gap before the beginning.
        if header.source_seq != expected || header.source_seq == 0 {
            return Err(BusError::SourceGap {
                source_name: unit.source,
                expected: expected.max(1),
                found: header.source_seq,
            });
        }
    }
    let repeats = (last_seq + 1).saturating_sub(first).min(unit.outputs.len() as u64);
    let last_repeat = first + repeats - 1;
    Ok((repeats == 0 || last_repeat <= durable_seq).then_some(repeats as usize))
}

/// "Already there" is compared byte for byte.
fn position_of_repeat(record: &Record, stored: &dyn Stored) -> Result<Position, BusError> {
    let header = record.header();
    match stored.find(header.source, header.source_seq)? {
        Some(there) if there.record == *record => Ok(there.position),
        _ => Err(conflict(record)),
    }
}

fn conflict(record: &Record) -> BusError {
    let header = record.header();
    BusError::Conflict {
        source_name: header.source,
        source_seq: header.source_seq,
        event_id: header.event_id,
    }
}

/// Whether two records of a root differ in nothing but what ingress stamps.
fn says_the_same(known: &Record, offered: &Record) -> bool {
    if known == offered {
        return true;
    }
    match (known.event(), offered.event()) {
        (Ok(known), Ok(offered)) => {
            let mut restamped = event::Event::clone(&offered);
            restamped.time = known.time;
            restamped.source_seq = known.source_seq;
            restamped == *known
        }
        _ => false,
    }
}

/// Publishes roots through an engine's own commit: those known, whose `answers` are there, are
/// answered; the others are committed, one unit per run of records of one source.
///
/// # Errors
/// Those of [`crate::Bus::publish`].
pub fn publish_roots(
    records: &[Record],
    answers: Vec<Option<Position>>,
    commit: impl FnOnce(&[Unit]) -> Result<Vec<Vec<Position>>, BusError>,
) -> Result<Vec<Position>, BusError> {
    let mut units: Vec<Unit> = Vec::new();
    for (record, _) in records.iter().zip(&answers).filter(|(_, answer)| answer.is_none()) {
        let source = record.header().source;
        match units.last_mut().filter(|unit| unit.source == source) {
            Some(unit) => unit.outputs.push(record.clone()),
            None => units.push(Unit::of_roots(source, vec![record.clone()])),
        }
    }
    let committed = if units.is_empty() { Vec::new() } else { commit(&units)? };
    let mut fresh = committed.into_iter().flatten();
    Ok(answers.into_iter().filter_map(|answer| answer.or_else(|| fresh.next())).collect())
}
