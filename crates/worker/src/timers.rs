//! Timers asked for and not yet fired.

use alloc::{collections::BTreeMap, format};

use event::{
    Body, Event, Key, Label, LabelError, Source, Timestamp, id::timer_id, operations::TimerFired,
};

use crate::root_event;

/// A timer a task asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PendingTimer {
    /// When it is due.
    pub due: Timestamp,
    /// Who asked.
    pub task: Source,
    /// Its number within the task, from 1.
    pub request: u64,
    /// What the task calls it.
    pub name: Label,
}

/// Timers in the order they fire: by due time, then task, then request.
#[derive(Clone, Debug, Default)]
pub struct Timers {
    pending: BTreeMap<(Timestamp, Source, u64), Label>,
    fired: BTreeMap<Source, u64>,
}

impl Timers {
    /// Adds a request.
    pub fn set(&mut self, timer: PendingTimer) {
        let _ = self.pending.insert((timer.due, timer.task, timer.request), timer.name);
    }

    /// Takes note of a firing that is already in the log.
    pub fn fired(&mut self, event: &Event) {
        if let Body::TimerFired(timer) = &event.body {
            let _ = self.pending.remove(&(timer.due, timer.task, timer.request));
            let last = self.fired.entry(event.source).or_default();
            *last = event.source_seq.max(*last);
        }
    }

    /// When the next timer is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.pending.first_key_value().map(|((due, ..), _)| *due)
    }

    /// The firing of the next timer due at or before `now`, stamped with its due time but never
    /// before `floor`. Deterministic: it depends on the timers alone.
    ///
    /// # Errors
    /// [`LabelError`] when a task's name leaves no room for its timer source.
    pub fn fire(&mut self, now: Timestamp, floor: Timestamp) -> Result<Option<Event>, LabelError> {
        let Some((&(due, task, request), &name)) = self.pending.first_key_value() else {
            return Ok(None);
        };
        if due > now {
            return Ok(None);
        }
        let source = timer_source(task)?;
        let last = self.fired.entry(source).or_default();
        *last += 1;
        let timer = PendingTimer { due, task, request, name };
        let event = timer_event(timer, source, *last, due.max(floor));
        let _ = self.pending.remove(&(due, task, request));
        Ok(Some(event))
    }

    /// All pending timers, for a snapshot.
    pub fn iter(&self) -> impl Iterator<Item = PendingTimer> + '_ {
        self.pending.iter().map(|(&(due, task, request), &name)| PendingTimer {
            due,
            task,
            request,
            name,
        })
    }

    /// The last sequence fired per timer source, for a snapshot.
    pub fn sequences(&self) -> impl Iterator<Item = (Source, u64)> + '_ {
        self.fired.iter().map(|(source, last)| (*source, *last))
    }

    /// Takes back a sequence of [`Timers::sequences`].
    pub fn restore_sequence(&mut self, source: Source, last: u64) {
        let _ = self.fired.insert(source, last);
    }
}

/// The source of a task's timers.
///
/// # Errors
/// [`LabelError`] when the task's name leaves no room for it.
pub fn timer_source(task: Source) -> Result<Source, LabelError> {
    Source::new(&format!("timer/{task}"))
}

/// The firing of `timer`.
#[must_use]
pub fn timer_event(timer: PendingTimer, source: Source, source_seq: u64, time: Timestamp) -> Event {
    let PendingTimer { due, task, request, name } = timer;
    let body = Body::from(TimerFired { task, request, due, name });
    let id = timer_id(task, request);
    root_event(id, source, source_seq, time, Some(due), Key::from_label(task.label()), body)
}
