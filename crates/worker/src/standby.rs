//! A seat that follows another of its task, and takes over from it.

use alloc::{collections::VecDeque, sync::Arc};

use event::{Event, Timestamp};

use crate::{Owed, PendingTimer, Seat, Watch};

/// A seat with a warm agent that decides nothing.
///
/// It is told the log from its beginning: events ([`Standby::event`]) and the task's own progress records
/// ([`Standby::progress`]). What the log shows as decided is stepped over, the rest is kept. Once the
/// driver has claimed the task and the claim has come by in the log, nothing of a predecessor comes
/// after it, and what is left is decided by the seat that [`Standby::take_over`] gives.
pub struct Standby {
    seat: Seat,
    watch: Watch,
    waiting: VecDeque<(u64, Arc<Event>)>,
    /// What the log says of the task below it is known to the seat.
    known: u64,
}

impl Standby {
    /// A standby whose `seat` knows what the log says of the task below the index `known`.
    #[must_use]
    pub fn new(seat: Seat, known: u64, patience_ns: i64) -> Self {
        let watch = Watch::new(seat.source(), patience_ns);
        Self { seat, watch, waiting: VecDeque::new(), known }
    }

    /// The seat.
    #[must_use]
    pub const fn seat(&self) -> &Seat {
        &self.seat
    }

    /// Tells what time it is.
    pub fn at(&mut self, now: Timestamp) {
        self.watch.at(now);
    }

    /// Takes note of the event at `index`.
    pub fn event(&mut self, index: u64, event: &Arc<Event>) {
        if index >= self.known {
            if event.source == self.seat.source() {
                self.seat.emitted(event.source_seq);
            }
            self.seat.remember(event);
        }
        let is_input = self.seat.task().wants(event);
        self.watch.event(index, event, is_input);
        if is_input {
            self.waiting.push_back((index, Arc::clone(event)));
            self.step_over();
        }
    }

    /// Takes note of a progress record of the task, at `index`.
    pub fn progress(
        &mut self,
        index: u64,
        through: Option<u64>,
        timers: impl IntoIterator<Item = PendingTimer>,
    ) {
        let Self { seat, watch, known, .. } = self;
        let is_news = index >= *known;
        let asked = timers.into_iter().inspect(|timer| {
            if is_news {
                seat.asked(*timer);
            }
        });
        watch.progress(through, asked);
        if is_news {
            seat.resume(through);
        }
        self.step_over();
    }

    /// Steps the agent over what the log shows as decided.
    fn step_over(&mut self) {
        while let Some((index, event)) = self.waiting.pop_front() {
            if self.seat.through().is_none_or(|through| index > through) {
                self.waiting.push_front((index, event));
                return;
            }
            let decided = self.seat.take(index, &event);
            debug_assert!(decided.is_none(), "{} decides again", self.seat.source());
        }
    }

    /// The oldest debt of the task, where it stands for too long.
    #[must_use]
    pub fn overdue(&self) -> Option<Owed> {
        self.watch.overdue()
    }

    /// The seat, and the inputs that are left for it to take before what comes next. The caller has made
    /// its start durable ([`Seat::start`]) before it takes any.
    #[must_use]
    pub fn take_over(self) -> (Seat, VecDeque<(u64, Arc<Event>)>) {
        (self.seat, self.waiting)
    }
}
