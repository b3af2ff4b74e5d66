//! How far the bus is known to be durable, to wait on.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The index after the last entry this process knows to be durable.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    next_index: u64,
    closed: bool,
}

impl Tail {
    fn state(&self) -> MutexGuard<'_, State> {
        // Two plain values, each changed in one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn next_index(&self) -> u64 {
        self.state().next_index
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Takes note of durable entries, whoever committed them.
    pub(crate) fn raise(&self, next_index: u64) {
        let mut state = self.state();
        if state.next_index < next_index {
            state.next_index = next_index;
            drop(state);
            self.changed.notify_all();
        }
    }

    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// Waits a little for an entry at or above `index`.
    pub(crate) fn wait(&self, index: u64, patience: Duration) -> u64 {
        let (state, _) = self
            .changed
            .wait_timeout_while(self.state(), patience, |s| s.next_index <= index && !s.closed)
            .unwrap_or_else(PoisonError::into_inner);
        state.next_index
    }
}
