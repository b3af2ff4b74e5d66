//! The session agent: says which trading day it is.
//!
//! The first market event opens the session its time lies in; after that a timer opens the next
//! one at the calendar's day roll. Nothing else starts it, because configuration may be older than
//! the market it is for.

use alloc::vec::Vec;

use event::{
    Event, Kind, Label, Timestamp, choices::Phase, message, operations::SessionPhaseChanged,
};
use guard::Calendar;

use crate::{Agent, Outbox, RestoreError, Scope, label, state};

/// What the session agent is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The calendar it follows.
    pub calendar: Calendar,
}

message! {
    /// The agent's state.
    Standing {
        /// The session's date, absent before the first market event.
        1 session_date: Option<u32>,
    }
}

/// The session agent.
#[derive(Clone, Debug)]
pub struct Session {
    config: Config,
    session_date: Option<u32>,
}

impl Session {
    /// An agent that has seen nothing.
    #[must_use]
    pub const fn new(config: Config) -> Self {
        Self { config, session_date: None }
    }

    fn open(&mut self, now: Timestamp, out: &mut Outbox) {
        let session = self.config.calendar.session(now);
        if self.session_date == Some(session.date) {
            return;
        }
        self.session_date = Some(session.date);
        out.emit(SessionPhaseChanged {
            calendar: label(self.config.calendar.name()),
            session_date: session.date,
            phase: Phase::Open,
        });
        out.timer(label("day-roll"), session.next_opens);
    }
}

impl Agent for Session {
    fn name(&self) -> Label {
        label("session")
    }

    fn version(&self) -> Label {
        label("1")
    }

    fn subscriptions(&self) -> &'static [Kind] {
        &[Kind::MarketTrade, Kind::MarketQuote, Kind::BookDelta, Kind::BookSnapshot]
    }

    fn scope(&self) -> Scope {
        Scope::All
    }

    fn on_event(&mut self, now: Timestamp, event: &Event, out: &mut Outbox) {
        if self.session_date.is_none() || event.body.kind() == Kind::TimerFired {
            self.open(now, out);
        }
    }

    fn snapshot(&self) -> Option<Vec<u8>> {
        Some(state::save(self.version(), &Standing { session_date: self.session_date }))
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), RestoreError> {
        self.session_date = state::load::<Standing>(self.version(), snapshot)?.session_date;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
