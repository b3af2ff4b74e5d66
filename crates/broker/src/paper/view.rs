//! Questions, answered as of the moment they were asked at.
//!
//! A question that was answered before a restart may be asked again after it, when the broker has
//! gone on. The record says where each question stood: before the books are first shown at a
//! moment, that is written down, and the same question again is answered from the books folded up
//! to there.

use super::{
    PaperBroker,
    books::{Books, is_before},
    entry::{Frame, Printed, Step},
};
use crate::{BrokerError, Moment};

/// Where in the record the books were shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    pub(super) moment: Moment,
    /// The market record of that position that had been shown to the broker by then.
    pub(super) after: Option<Printed>,
    /// Frames before it.
    pub(super) frames: u64,
}

/// How far to fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    Frame(u64),
    Moment(Moment),
}

/// The books as they were.
#[derive(Debug)]
pub(super) struct Past {
    until: Until,
    books: Books,
}

impl PaperBroker {
    /// The books as of a moment.
    pub(super) fn as_of(&mut self, now: Moment) -> Result<&Books, BrokerError> {
        self.record.check_sound()?;
        let until = match self.shown_before(now) {
            Some(shown) => Until::Frame(shown.frames),
            None if self.books.is_ahead_of(now) => Until::Moment(now),
            None => {
                self.past = None;
                self.note_shown(now)?;
                return Ok(&self.books);
            }
        };
        if self.past.as_ref().is_none_or(|past| past.until != until) {
            self.past = Some(Past { until, books: self.fold_until(until)? });
        }
        Ok(self.past.as_ref().map_or(&self.books, |past| &past.books))
    }

    /// Where the books were shown at this very moment before this process began: after the same
    /// market record, else, when this process was shown none of the position yet, where they were
    /// shown first.
    fn shown_before(&self, now: Moment) -> Option<Shown> {
        let after = self.last_printed(now);
        let at_this_moment = || self.shown.iter().filter(|shown| shown.moment == now);
        let same = at_this_moment().find(|shown| shown.after == after);
        let any = || at_this_moment().next().filter(|_| after.is_none());
        same.or_else(any).copied()
    }

    /// A call was made: what was shown before it at its moment is durable with the caller, and not
    /// asked for again.
    pub(super) fn forget_shown(&mut self, now: Moment) {
        if self.shown.last().is_some_and(|last| !is_before(last.moment, now)) {
            self.shown.retain(|shown| shown.moment != now);
        }
    }

    /// Writes down that the books are shown at this moment.
    fn note_shown(&mut self, now: Moment) -> Result<(), BrokerError> {
        if self.last_shown == Some((now, self.record.frames())) {
            return Ok(());
        }
        match self.record.check_writable() {
            Err(BrokerError::ReadOnly) => return Ok(()),
            other => other?,
        }
        let step = Step::Shown(self.last_printed(now));
        let frame = Frame { moment: now, step, entries: Vec::new() };
        self.record.append(&frame.encode())?;
        self.last_shown = Some((now, self.record.frames()));
        Ok(())
    }

    fn fold_until(&self, until: Until) -> Result<Books, BrokerError> {
        let mut books = Books::default();
        for (ordinal, bytes) in (0_u64..).zip(self.record.read_again()?) {
            let frame = Frame::decode(&bytes)?;
            let within = match until {
                Until::Frame(frames) => ordinal < frames,
                Until::Moment(moment) => !is_before(moment, frame.moment),
            };
            if within || frame.step == Step::Setup {
                books.fold(&frame)?;
            }
        }
        Ok(books)
    }
}
