//! How far the log is durable, for readers in the writer's own process.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How far the log is durable. Shared between the writer and the readers of its process; waiting
/// costs nothing until something becomes durable.
#[derive(Debug, Default)]
pub struct Tail {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    next_index: u64,
    ended: bool,
}

impl Tail {
    pub(crate) fn new(next_index: u64) -> Self {
        Self { state: Mutex::new(State { next_index, ended: false }), changed: Condvar::new() }
    }

    /// The index after the last durable record.
    #[must_use]
    pub fn next_index(&self) -> u64 {
        self.lock().next_index
    }

    /// Whether the writer stopped, cleanly or not: nothing more becomes durable.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.lock().ended
    }

    /// Waits until a record at or above `index` is durable, the writer stops, or `patience` is
    /// over; returns the index after the last durable record.
    #[must_use]
    pub fn wait(&self, index: u64, patience: Duration) -> u64 {
        let waiting = |state: &mut State| state.next_index <= index && !state.ended;
        self.changed
            .wait_timeout_while(self.lock(), patience, waiting)
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .next_index
    }

    pub(crate) fn advance(&self, next_index: u64) {
        self.lock().next_index = next_index;
        self.changed.notify_all();
    }

    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    // Two plain numbers are never half changed, so a panicking holder leaves nothing to mistrust.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
