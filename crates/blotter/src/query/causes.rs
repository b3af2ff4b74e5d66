//! The causal tree of a trace.

use std::collections::BTreeMap;

use event::EventId;

use super::Indexed;

/// An event and what it caused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// The event.
    pub indexed: Indexed,
    /// What it caused, in journal order.
    pub children: Vec<Node>,
}

/// Arranges the events of one trace as a tree; roots first, each with what it caused.
///
/// An event whose cause is not among `events` stands as a root of its own, so nothing is left out.
#[must_use]
pub(crate) fn trace_tree(mut events: Vec<Indexed>) -> Vec<Node> {
    events.sort_by_key(|indexed| indexed.index);
    let known: BTreeMap<EventId, u64> =
        events.iter().map(|indexed| (indexed.event.event_id, indexed.index)).collect();
    let mut by_cause: BTreeMap<Option<EventId>, Vec<Indexed>> = BTreeMap::new();
    for indexed in events {
        // A cause stands before its effect, which also rules out a cycle.
        let cause = indexed
            .event
            .cause_id
            .filter(|cause| known.get(cause).is_some_and(|index| *index < indexed.index));
        by_cause.entry(cause).or_default().push(indexed);
    }
    grow(None, &mut by_cause)
}

fn grow(
    cause: Option<EventId>,
    by_cause: &mut BTreeMap<Option<EventId>, Vec<Indexed>>,
) -> Vec<Node> {
    let caused = by_cause.remove(&cause).unwrap_or_default();
    caused
        .into_iter()
        .map(|indexed| {
            let children = grow(Some(indexed.event.event_id), by_cause);
            Node { indexed, children }
        })
        .collect()
}

impl Node {
    /// Calls `visit` with every node of the tree and its depth, parents first.
    pub(crate) fn walk(&self, depth: usize, visit: &mut impl FnMut(usize, &Indexed)) {
        visit(depth, &self.indexed);
        self.children.iter().for_each(|child| child.walk(depth + 1, visit));
    }
}
