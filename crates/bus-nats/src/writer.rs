//! Units in, atomic batches out, answers once they are stored.

mod claims;
mod group;
mod store;
mod strangers;

use std::{collections::BTreeMap, sync::Arc};

use bus::{
    Admission, Answer, BusError, Commits, Entry, Ledger, Position, Progress, Stored as _, Topology,
    Unit,
};
use event::Source;

use crate::{
    NatsError, Writers,
    batch::MESSAGES_MAX,
    class::class_of,
    finder::Finder,
    link::Link,
    message::Outgoing,
    rebuild::rebuild,
    stream::{self, State},
    subject::Subjects,
    tail::Tail,
};
use group::{Batch, Call, Group, Sent};

#[derive(Debug)]
pub(crate) struct Writer {
    link: Arc<Link>,
    subjects: Subjects,
    topology: Topology,
    pub(crate) ledger: Ledger,
    pub(crate) finder: Finder,
    state: State,
    /// The sequence in the stream of each source's last message.
    last_of: BTreeMap<Source, u64>,
    /// The last event known to be stored.
    known: Option<Position>,
    /// How often the connection had been lost when the stream was last looked at.
    losses: u64,
    /// A batch whose outcome nobody knows.
    in_doubt: Option<Batch>,
    /// Why nothing is accepted any more.
    stopped: Option<NatsError>,
    tail: Arc<Tail>,
    places: Places,
    /// Whether what is underway landed behind where it was believed to; its places are noted anew.
    moved: bool,
}

/// What becomes of units that cannot stand where they were believed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Places {
    /// They stand further on, and their caller is told where.
    MayMove,
    /// They are refused.
    AreFixed,
}

impl Writer {
    pub(crate) fn new(
        link: Arc<Link>,
        tail: Arc<Tail>,
        topology: Topology,
        state: State,
    ) -> Result<Self, BusError> {
        let losses = link.losses();
        let found = link.run(rebuild(&link, &topology, &state))?;
        let mut finder = Finder::new(Arc::clone(&link), topology.clone(), state.incarnation);
        finder.durable_next = state.last;
        Ok(Self {
            subjects: Subjects::new(&link.options.prefix),
            topology,
            ledger: found.ledger,
            finder,
            last_of: found.last_of,
            known: found.known,
            state,
            losses,
            in_doubt: None,
            stopped: None,
            tail,
            link,
            places: Places::MayMove,
            moved: false,
        })
    }

    /// Commits one call where it is believed to stand, or not at all.
    pub(crate) fn commit_in_place(&mut self, units: &[Unit]) -> Answer {
        self.places = Places::AreFixed;
        let answer = self.commit(&[units]).into_iter().next();
        self.places = Places::MayMove;
        answer.unwrap_or_else(|| Err(self.why_not()))
    }

    /// Stands on known ground, or says why not.
    fn prepare(&mut self) -> Result<(), BusError> {
        if let Some(why) = &self.stopped {
            return Err(why.clone().into());
        }
        if self.link.losses() != self.losses {
            self.verify()?;
        }
        if let Some(batch) = self.in_doubt.take() {
            let settled = self.settle_doubt(&batch);
            if settled.is_err() && self.stopped.is_none() {
                self.in_doubt = Some(batch);
            }
            settled?;
        }
        Ok(())
    }

    /// Finds out what became of a batch that nobody answered. If it is stored, its units are
    /// repeats from now on.
    fn settle_doubt(&mut self, batch: &Batch) -> Result<(), BusError> {
        let last = self.link.run(stream::state(&self.link))?.last;
        if self.link.options.writers == Writers::One {
            let mut sent = batch.messages.iter();
            for sequence in self.finder.durable_next + 1..=last {
                let Some(there) = self.link.run(self.link.get_at(sequence))? else { continue };
                let is_ours = there.own(&self.subjects, &self.topology, self.state.incarnation);
                if is_ours.is_some() && sent.next().is_none_or(|sent| !there.is(sent)) {
                    let what = format!("stream {}", self.link.options.prefix);
                    self.stopped = Some(NatsError::Fenced { what });
                    return Err(self.why_not());
                }
            }
        }
        self.catch_up_to(last)
    }

    /// Whether this is still the stream that was written, with what was written last.
    pub(crate) fn verify(&mut self) -> Result<(), BusError> {
        let losses = self.link.losses();
        let now = self.link.run(stream::state(&self.link))?;
        let holds = now.incarnation == self.state.incarnation
            && now.last >= self.finder.durable_next
            && match self.known {
                None => true,
                Some(known) => self.finder.at(known.index)?.is_some_and(|d| d.position == known),
            };
        if holds {
            if let Err(why) = class_of(&self.link.options, &now) {
                self.stopped = Some(why.clone());
                return Err(why.into());
            }
            self.losses = losses;
            (self.state.bytes, self.state.bytes_max) = (now.bytes, now.bytes_max);
            return Ok(());
        }
        self.stopped = Some(NatsError::Recreated { stream: self.link.options.prefix.clone() });
        Err(match self.known {
            Some(known) => {
                BusError::StreamRewound { stream: known.stream, checkpoint: Box::new(known) }
            }
            None => self.why_not(),
        })
    }

    /// Takes note of what others have written, or an attempt of ours that nobody answered.
    pub(crate) fn catch_up(&mut self) -> Result<(), BusError> {
        let last = self.link.run(stream::state(&self.link))?.last;
        self.catch_up_to(last)
    }

    fn catch_up_to(&mut self, last: u64) -> Result<(), BusError> {
        while self.finder.durable_next < last {
            let wanted = (last - self.finder.durable_next).min(1000) as usize;
            let mut read =
                self.link.run(self.link.get_from(self.finder.durable_next + 1, wanted))?;
            if read.is_empty() {
                // A replica may be behind its leader.
                let next = self.link.run(self.link.get_at(self.finder.durable_next + 1))?;
                read.extend(next);
            }
            if read.is_empty() {
                let stream = self.link.options.prefix.clone();
                return Err(NatsError::Removed { stream, index: self.finder.durable_next }.into());
            }
            for message in read {
                let incarnation = self.state.incarnation;
                match message.entry(&self.subjects, &self.topology, incarnation) {
                    Entry::Event(event) => {
                        let header = *event.record.header();
                        self.ledger.note_event(&event.position, header.source, header.source_seq);
                        let _ = self.last_of.insert(header.source, message.sequence);
                        self.known = Some(event.position);
                    }
                    Entry::Progress { progress, .. } => {
                        self.ledger.note_progress(message.index(), &message.sum(&progress));
                        let _ = self.last_of.insert(progress.source, message.sequence);
                    }
                    // Whoever reads the stream is told of it; a fence counts it.
                    Entry::Foreign(_) => self.note_stranger(&message),
                }
                self.finder.durable_next = message.sequence;
            }
        }
        Ok(())
    }

    /// Takes a call's units in; on an error nothing of it stays.
    fn take(
        &mut self,
        units: &[Unit],
        group: &mut Group,
        answers: &mut [Option<Answer>],
    ) -> Answer {
        let bound = units.iter().map(messages_of).sum();
        self.make_room(group, bound, answers, &mut [])?;
        let mut call = Call {
            before: self.ledger.savepoint(),
            mark: group.mark(),
            answer: Vec::with_capacity(units.len()),
        };
        match self.take_units(units, &mut call, group, answers) {
            Ok(()) => Ok(call.answer),
            Err(error) => {
                self.ledger.roll_back(call.before);
                group.reset_to(call.mark);
                Err(error)
            }
        }
    }

    fn take_units(
        &mut self,
        units: &[Unit],
        call: &mut Call,
        group: &mut Group,
        answers: &mut [Option<Answer>],
    ) -> Result<(), BusError> {
        let market = units.iter().any(Unit::holds_market_data);
        while let Some(unit) = units.get(call.answer.len()) {
            let room = self.make_room(group, messages_of(unit), answers, &mut call.answer);
            if !matches!(room, Ok(false)) {
                // What was pending is stored or refused; either way it is not taken back here.
                (call.before, call.mark) = (self.ledger.savepoint(), group.mark());
            }
            room?;
            let mut positions = Vec::with_capacity(unit.outputs.len());
            match self.ledger.admit(unit, &self.finder, &mut positions)? {
                Admission::Stores { repeats, progress } => {
                    self.push(unit, repeats, &positions, progress, group)?;
                    self.check_room(group, market)?;
                    call.answer.push(positions);
                }
                Admission::Repeat => call.answer.push(positions),
                Admission::AfterFlush => {
                    let flushed = self.flush(group, answers, &mut call.answer);
                    // Whatever came of it, nothing before this unit is left to take back.
                    (call.before, call.mark) = (self.ledger.savepoint(), group.mark());
                    flushed?;
                }
            }
        }
        Ok(())
    }

    /// Begins another batch when the last one cannot take `more` messages. True when what was
    /// pending is stored and cannot be taken back: with other writers about, places are known only
    /// then, so one batch at a time is underway.
    fn make_room(
        &mut self,
        group: &mut Group,
        more: usize,
        answers: &mut [Option<Answer>],
        answer: &mut [Vec<Position>],
    ) -> Result<bool, BusError> {
        let pending = group.batches.last().map(|batch| batch.messages.len());
        if pending.is_some_and(|pending| pending == 0 || pending + more <= MESSAGES_MAX) {
            return Ok(false);
        }
        let settles = pending.is_some() && self.link.options.writers == Writers::Many;
        if settles {
            self.flush(group, answers, answer)?;
        }
        let before = self.ledger.savepoint();
        group.batches.push(Batch::new(before, self.ledger.sequencer().next_index()));
        Ok(settles)
    }

    fn push(
        &self,
        unit: &Unit,
        repeats: usize,
        positions: &[Position],
        progress: Option<Progress>,
        group: &mut Group,
    ) -> Result<(), BusError> {
        let knows_places = self.link.options.writers == Writers::One;
        let end = self.ledger.sequencer().next_index();
        let fresh = unit.outputs.len() - repeats + usize::from(progress.is_some());
        if fresh > MESSAGES_MAX {
            let limit = MESSAGES_MAX;
            return Err(NatsError::UnitTooLarge { messages: fresh, limit }.into());
        }
        let Some(batch) = group.batches.last_mut() else { return Ok(()) };
        let _ = batch.epochs.insert(unit.source, unit.epoch);
        for (record, position) in unit.outputs.iter().zip(positions).skip(repeats) {
            let sequence = knows_places.then_some(position.sequence);
            let header = record.header();
            batch.push(
                Outgoing::event(&self.subjects, record, sequence),
                Sent::Event {
                    position: *position,
                    source: header.source,
                    source_seq: header.source_seq,
                },
            );
        }
        if let Some(progress) = progress {
            let sum = self.ledger.progress(unit.source).unwrap_or_else(|| progress.clone());
            let place = if knows_places {
                end - 1
            } else {
                self.last_of.get(&unit.source).copied().unwrap_or(0) + batch.messages.len() as u64
            };
            let message = Outgoing::progress(&self.subjects, &progress, &sum, place);
            batch.push(message, Sent::Progress(progress));
        }
        let limit = self.link.client().max_payload();
        let largest = batch.messages.iter().rev().take(fresh).map(Outgoing::sent_bytes).max();
        match largest.filter(|bytes| *bytes > limit) {
            Some(bytes) => Err(NatsError::EventTooLarge { bytes, limit }.into()),
            None => Ok(()),
        }
    }

    /// Refuses what does not fit: market data first, since the reserve is not for it.
    fn check_room(&mut self, group: &Group, market: bool) -> Result<(), BusError> {
        let pending: u64 = group.batches.iter().map(|batch| batch.bytes).sum();
        let reserve = if market { self.link.options.reserve_bytes } else { 0 };
        let fits = |state: &State| {
            let most = state.bytes_max.unwrap_or(u64::MAX);
            state.bytes + pending <= most.saturating_sub(reserve)
        };
        if fits(&self.state) {
            return Ok(());
        }
        // What is stored was reckoned; the server knows.
        let now = self.link.run(stream::state(&self.link))?;
        (self.state.bytes, self.state.bytes_max) = (now.bytes, now.bytes_max);
        if fits(&self.state) {
            return Ok(());
        }
        Err(BusError::Full { what: if market { "market data" } else { "new events" } })
    }

    /// Stores the batches and answers the calls complete in them. `answer` is that of a call which
    /// is still being taken in.
    fn flush(
        &mut self,
        group: &mut Group,
        answers: &mut [Option<Answer>],
        answer: &mut [Vec<Position>],
    ) -> Result<(), BusError> {
        let Group { batches, mut complete } = std::mem::take(group);
        let mut refused = None;
        let mut stored = 0;
        let mut moved = 0;
        for mut batch in batches {
            batch.shift(moved);
            let pending = complete.iter_mut().flat_map(|(_, _, answer)| answer.iter_mut());
            let positions = pending.chain(answer.iter_mut()).flatten();
            match self.store(batch, positions) {
                Ok(further) => moved += further,
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            }
            stored += 1;
        }
        self.moved = false;
        self.ledger.settle();
        let failed = refused.is_some();
        for (number, needed, answer) in complete {
            let answer = if failed && needed > stored {
                // One call is told the reason in full, the others what follows from it.
                Err(refused.take().unwrap_or_else(|| self.why_not()))
            } else {
                Ok(answer)
            };
            settle(answers, number, answer);
        }
        if failed { Err(refused.unwrap_or_else(|| self.why_not())) } else { Ok(()) }
    }

    /// Accepts nothing from now on.
    pub(crate) fn close(&mut self) {
        let _ = self.stopped.get_or_insert(NatsError::Closed);
        self.tail.close();
    }

    /// What the calls of a failed batch are told.
    fn why_not(&self) -> BusError {
        match &self.stopped {
            Some(why) => why.clone().into(),
            None => self.link.unreachable("a unit before this one was not stored".into()).into(),
        }
    }
}

impl Commits for Writer {
    /// Commits calls: those that are sound share batches, the others are refused one by one.
    fn commit(&mut self, calls: &[&[Unit]]) -> Vec<Answer> {
        let mut answers: Vec<Option<Answer>> = calls.iter().map(|_| None).collect();
        match self.prepare() {
            Err(error) => settle(&mut answers, 0, Err(error)),
            Ok(()) => {
                let mut group = Group::default();
                for (number, units) in calls.iter().enumerate() {
                    match self.take(units, &mut group, &mut answers) {
                        Ok(answer) => group.complete.push((number, group.batches.len(), answer)),
                        Err(error) => settle(&mut answers, number, Err(error)),
                    }
                }
                let _ = self.flush(&mut group, &mut answers, &mut []);
            }
        }
        answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(self.why_not()))).collect()
    }
}

/// The most messages a unit becomes.
fn messages_of(unit: &Unit) -> usize {
    unit.outputs.len() + 1
}

fn settle(answers: &mut [Option<Answer>], number: usize, answer: Answer) {
    if let Some(slot) = answers.get_mut(number) {
        *slot = Some(answer);
    }
}
