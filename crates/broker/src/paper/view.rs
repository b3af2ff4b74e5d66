//! Questions, answered as of the moment they were asked at.
//!
//! A question that was answered before a restart may be asked again after it, when the broker has
//! gone on. The record says where each question stood: before the books are first shown at a
//! moment, that is written down, and the same question again is answered from the books folded up
//! to there.

use super::{
    PaperBroker,
    books::{Books, is_before},
    entry::{Frame, Step},
};
use crate::{BrokerError, Moment};

/// Where in the record the books were shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    pub(super) moment: Moment,
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

    /// Where the books were shown at this very moment before this process began. When they were
    /// shown twice at it, the market record of the moment stood between: which of the two is meant
    /// depends on whether this process was shown that record.
    fn shown_before(&self, now: Moment) -> Option<Shown> {
        let mut at_this_moment = self.shown.iter().filter(|shown| shown.moment == now);
        let met_market = self.fed.is_some_and(|fed| fed >= now.position);
        if met_market { at_this_moment.next_back() } else { at_this_moment.next() }.copied()
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
        let frame = Frame { moment: now, step: Step::Shown, entries: Vec::new() };
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
