//! What a task that somebody else drives owes the log.
//!
//! The log shows how far a task is: its progress records say what it took and which timers it asked
//! for. An input behind that, or a timer that is due and has not fired, is owed. Who drives the task
//! says at least every second how far it is, so a debt that grows old means that nobody does.

use alloc::collections::VecDeque;

use event::{Event, Source, Timestamp};

use crate::{PendingTimer, Timers};

/// What is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Debt {
    /// Whatever follows from the input at this index, or that nothing does.
    Input(u64),
    /// The firing of the timer that was due then.
    Timer(Timestamp),
}

/// A debt, and for how long it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owed {
    /// What.
    pub debt: Debt,
    /// For how long, in nanoseconds of the watch's own time.
    pub for_ns: i64,
}

/// Inputs that came at about the same time.
#[derive(Clone, Copy, Debug)]
struct Batch {
    first: u64,
    last: u64,
    since_ns: i64,
}

/// A task as the log shows it.
///
/// It is told every entry of the log that concerns the task, in order, and what time it is
/// ([`Watch::at`]), by any clock that does not go back. Time in which it was not told for long does not
/// count: the watch itself stood still.
#[derive(Clone, Debug)]
pub struct Watch {
    task: Source,
    patience_ns: i64,
    through: Option<u64>,
    timers: Timers,
    owed: VecDeque<Batch>,
    /// The timer that is due, and since when.
    due: Option<(Timestamp, i64)>,
    /// The latest time of an event in the log: the session clock of whoever drives the task elsewhere.
    shown: Timestamp,
    own_ns: i64,
    told_at: Option<Timestamp>,
}

/// The patience is divided by it for what one step of the clock may count, and for what counts as the
/// same time.
const STEPS: i64 = 8;

impl Watch {
    /// A watch over `task`, which has `patience_ns` to pay what it owes.
    #[must_use]
    pub fn new(task: Source, patience_ns: i64) -> Self {
        Self {
            task,
            patience_ns,
            through: None,
            timers: Timers::default(),
            owed: VecDeque::new(),
            due: None,
            shown: Timestamp(i64::MIN),
            own_ns: 0,
            told_at: None,
        }
    }

    /// Whose watch it is.
    #[must_use]
    pub const fn task(&self) -> Source {
        self.task
    }

    /// Tells what time it is.
    pub fn at(&mut self, now: Timestamp) {
        if let Some(before) = self.told_at {
            let passed = now.since_ns(before).clamp(0, self.patience_ns / STEPS);
            self.own_ns = self.own_ns.saturating_add(passed);
        }
        self.told_at = Some(now);
    }

    /// Takes note of the event at `index`; `is_input` says whether the task takes it.
    pub fn event(&mut self, index: u64, event: &Event, is_input: bool) {
        self.shown = self.shown.max(event.time);
        if is_input {
            self.timers.fired(event);
            self.input(index);
        }
        self.look_at_timers();
    }

    fn input(&mut self, index: u64) {
        if self.through.is_some_and(|through| index <= through) {
            return;
        }
        match self.owed.back_mut() {
            Some(batch) if self.own_ns - batch.since_ns < self.patience_ns / STEPS => {
                batch.last = index;
            }
            _ => {
                let since_ns = self.own_ns;
                self.owed.push_back(Batch { first: index, last: index, since_ns });
            }
        }
    }

    /// Takes note of a progress record of the task: how far it is, and what timers it asked for.
    pub fn progress(
        &mut self,
        through: Option<u64>,
        timers: impl IntoIterator<Item = PendingTimer>,
    ) {
        timers.into_iter().for_each(|timer| self.timers.set(timer));
        self.through = self.through.max(through);
        while self.owed.front().is_some_and(|batch| Some(batch.last) <= self.through) {
            let _ = self.owed.pop_front();
        }
        self.look_at_timers();
    }

    fn look_at_timers(&mut self) {
        let due = self.timers.next_due().filter(|due| *due <= self.shown);
        self.due = match (due, self.due) {
            (Some(due), Some((known, since_ns))) if due == known => Some((known, since_ns)),
            (due, _) => due.map(|due| (due, self.own_ns)),
        };
    }

    /// The last input that the log shows the task to have taken.
    #[must_use]
    pub const fn through(&self) -> Option<u64> {
        self.through
    }

    /// The oldest debt.
    #[must_use]
    pub fn owes(&self) -> Option<Owed> {
        let input = self.owed.front().map(|batch| {
            let first = self.through.map_or(batch.first, |through| batch.first.max(through + 1));
            (Debt::Input(first), batch.since_ns)
        });
        let timer = self.due.map(|(due, since_ns)| (Debt::Timer(due), since_ns));
        let oldest = input.into_iter().chain(timer).min_by_key(|(_, since_ns)| *since_ns);
        oldest.map(|(debt, since_ns)| Owed { debt, for_ns: self.own_ns - since_ns })
    }

    /// The oldest debt, where it stands for longer than the task has patience for it.
    #[must_use]
    pub fn overdue(&self) -> Option<Owed> {
        self.owes().filter(|owed| owed.for_ns >= self.patience_ns)
    }
}
