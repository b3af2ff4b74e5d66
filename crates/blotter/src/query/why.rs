//! Why an order was sent: proposal, approval, the tick and signal it rests on, and what became of it.

use std::collections::{BTreeMap, BTreeSet};

use event::{Body, Event, EventId, OrderId};

use super::Indexed;

/// The answer to "why was this order sent?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Why {
    /// From the root (a tick, a timer, an operator) down to the proposal.
    pub chain: Vec<Indexed>,
    /// Events the decisions name as their basis, beside the chain.
    pub basis: Vec<Indexed>,
    /// What the risk gate, the gateway and the broker did with it.
    pub life: Vec<Indexed>,
    /// Ids of the chain or basis that are not in the journal; an answer with any is incomplete.
    pub missing: Vec<EventId>,
}

/// Answers for `order`; `None` when the journal does not know it. `events` visits the whole journal
/// each time it is called; the chain is found by walking it backwards as often as it is long.
pub(crate) fn why_order<E>(
    order: OrderId,
    mut events: impl FnMut(&mut dyn FnMut(u64, &Event)) -> Result<(), E>,
) -> Result<Option<Why>, E> {
    let mut life = Vec::new();
    events(&mut |index, event| {
        let proposal = event.event_id == EventId::from(order);
        if proposal || event.body.order() == Some(order) || replaces(&event.body, order) {
            life.push(Indexed { index, event: event.clone() });
        }
    })?;
    let Some(first) = life.first().cloned() else { return Ok(None) };
    let mut found: BTreeMap<EventId, Indexed> = BTreeMap::new();
    let mut wanted: BTreeSet<EventId> = first.event.cause_id.into_iter().collect();
    wanted.extend(life.iter().flat_map(|indexed| related(&indexed.event)));
    let known: BTreeSet<EventId> = life.iter().map(|indexed| indexed.event.event_id).collect();
    loop {
        wanted.retain(|id| !found.contains_key(id) && !known.contains(id));
        if wanted.is_empty() {
            break;
        }
        let before = found.len();
        events(&mut |index, event| {
            if wanted.contains(&event.event_id) {
                let _ = found.insert(event.event_id, Indexed { index, event: event.clone() });
            }
        })?;
        if found.len() == before {
            break;
        }
        let next: Vec<EventId> = found
            .values()
            .flat_map(|indexed| indexed.event.cause_id.into_iter().chain(related(&indexed.event)))
            .collect();
        wanted.extend(next);
    }
    let missing = wanted.into_iter().collect();
    let mut chain = Vec::new();
    let mut cause = first.event.cause_id;
    while let Some(indexed) = cause.and_then(|id| found.remove(&id)) {
        cause = indexed.event.cause_id;
        chain.push(indexed);
    }
    chain.reverse();
    let mut basis: Vec<Indexed> = found.into_values().collect();
    basis.sort_by_key(|indexed| indexed.index);
    Ok(Some(Why { chain, basis, life, missing }))
}

fn related(event: &Event) -> Vec<EventId> {
    event.basis.as_ref().map(|basis| basis.related.clone()).unwrap_or_default()
}

fn replaces(body: &Body, order: OrderId) -> bool {
    matches!(body, Body::OrderProposed(proposal) if proposal.replaces == Some(order))
}
