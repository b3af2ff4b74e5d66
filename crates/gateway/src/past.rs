//! What the log holds of the gateway's own doing, gone through again after a restart.
//!
//! A gateway folds what others say when it is delivered, and what itself and the broker say when that
//! is made. To stand after a restart where it stood, it must fold each in the same place again: its own
//! events and the broker's answers where their command is delivered, a batch of reports where its
//! first is.

use std::collections::BTreeMap;

use event::{Body, Event, EventId};

use crate::{Call, Gateway, answers::CHANGE_REJECTED, plan::call_of};

/// Events in the log that have not been gone through again.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// The gateway's events, by what they were made for.
    own: BTreeMap<EventId, Vec<Event>>,
    /// What the broker answered.
    answers: BTreeMap<EventId, Event>,
    /// What the broker reported, read in one go, by the first of it.
    reports: BTreeMap<EventId, Vec<Event>>,
    /// Reports whose batch has no end yet.
    batch: Vec<Event>,
    /// Attempts at the end of the log, nothing behind them but answers: their calls may not have been
    /// made. Whatever else stands behind an attempt came after its call.
    last: Vec<EventId>,
    /// What those attempts were made for.
    last_cause: Option<EventId>,
}

impl Past {
    /// Whether everything has been gone through again.
    pub(crate) fn is_empty(&self) -> bool {
        self.own.is_empty()
            && self.answers.is_empty()
            && self.reports.is_empty()
            && self.batch.is_empty()
    }
}

impl Gateway {
    /// Takes note of an event of the log. After a restart every event is remembered, in order, before
    /// any is delivered again.
    pub fn remember(&mut self, event: &Event) {
        self.number(event);
        self.note_last(event);
        if let Body::OrderExecuted(execution) = &event.body
            && execution.account == self.account
        {
            let _ = self.executions.insert(execution.exec_id);
        }
        if event.source == self.source {
            if let Some(cause) = event.cause_id {
                self.past.own.entry(cause).or_default().push(event.clone());
            }
        } else if event.source != self.broker_source {
            // What others say is folded when it is delivered.
        } else if matches!(event.body, Body::AccountOpened(_)) {
            self.observe(event);
        } else if event.event_time.is_none() {
            let _ = self.past.answers.insert(event.event_id, event.clone());
        } else {
            self.past.batch.push(event.clone());
        }
    }

    fn note_last(&mut self, event: &Event) {
        let is_answer = event.source == self.broker_source && event.event_time.is_none();
        if is_answer {
            return;
        }
        let is_attempt =
            event.source == self.source && matches!(event.body, Body::SubmitAttempted(_));
        let goes_on = self.past.last_cause == event.cause_id && event.cause_id.is_some();
        if !is_attempt || !goes_on {
            self.past.last.clear();
        }
        if is_attempt {
            self.past.last.push(event.event_id);
            self.past.last_cause = event.cause_id;
        }
    }

    /// Takes note of how far the broker's reports were read, as a progress record of the broker's
    /// source says behind the facts that were read with it.
    pub fn remember_mark(&mut self, mark: u64) {
        self.report_mark = self.report_mark.max(mark);
        let batch = std::mem::take(&mut self.past.batch);
        if let Some(first) = batch.first() {
            let _ = self.past.reports.insert(first.event_id, batch);
        }
    }

    /// Goes through an event of the log again as it went the first time. `None` where the log does not
    /// show that the event led to anything; else the calls that were due and have no answer in the log.
    pub fn redeliver(&mut self, event: &Event) -> Option<Vec<Call>> {
        for fact in self.past.reports.remove(&event.event_id).unwrap_or_default() {
            self.observe(&fact);
        }
        self.observe(event);
        if let Body::SnapshotRequested(_) = event.body {
            let taken = self.past.answers.remove(&self.snapshot_fact(event.event_id))?;
            self.observe(&taken);
            return Some(Vec::new());
        }
        let own = self.past.own.remove(&event.event_id)?;
        own.iter().for_each(|event| self.observe(event));
        Some(own.iter().filter_map(|attempt| self.ask_again(attempt)).collect())
    }

    /// The call of an attempt in the log, unless its answer is there too, or something that came after
    /// the call. An answer that only promises is no event: promised again, it is the same promise.
    fn ask_again(&mut self, attempt: &Event) -> Option<Call> {
        let Body::SubmitAttempted(attempted) = &attempt.body else { return None };
        let number = attempted.attempt;
        let answers = ["OrderAccepted", "OrderRejected", CHANGE_REJECTED, "unknown"];
        for fact in answers {
            let id = self.order_fact(attempted.order, fact, number);
            if let Some(answer) = self.past.answers.remove(&id) {
                self.observe(&answer);
                return None;
            }
        }
        if !self.past.last.contains(&attempt.event_id) {
            return None;
        }
        let link = self.links.get(&attempted.order)?;
        let pending = link.pending.iter().find(|pending| pending.attempt == number)?;
        call_of(attempted.order, link.instrument, *pending)
    }
}
