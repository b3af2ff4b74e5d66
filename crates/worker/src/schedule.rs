//! Deliveries in log order.

use alloc::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use event::Event;

/// An event and its place in the log.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its index in the log's total order.
    pub index: u64,
    /// The event, decoded once and shared.
    pub event: Arc<Event>,
    /// Its bytes, as stored.
    pub bytes: Bytes,
}

/// Events accepted and not yet delivered to every task, first in, first out.
///
/// A root's consequences are appended to the log behind it and delivered in that order, so every
/// task sees per key the order in which events were accepted, and what a task has consumed is one
/// number: the index of its last delivery.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    queue: VecDeque<Delivery>,
}

impl Schedule {
    /// Adds an event that was given an index; indexes must ascend.
    pub fn push(&mut self, delivery: Delivery) {
        debug_assert!(self.queue.back().is_none_or(|last| last.index < delivery.index));
        self.queue.push_back(delivery);
    }

    /// The next delivery; `None` when everything is quiet.
    pub fn pop(&mut self) -> Option<Delivery> {
        self.queue.pop_front()
    }
}
