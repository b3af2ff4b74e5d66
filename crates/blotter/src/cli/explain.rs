//! `trace` and `why`: what descends from what.

use event::{Event, EventId, OrderId, TraceId};
use serde_json::{Value, json};

use super::{args::Common, output};
use crate::{
    clock::wall_clock,
    data_dir::DataDir,
    exit::{Exit, Failure},
    journal::{self, Item, Until},
    query::{Indexed, Node, summary, trace_tree, why_order},
};

/// Prints the causal tree of the trace that `id` names or belongs to.
pub(super) fn trace(common: &Common, id: &str) -> Result<Exit, Failure> {
    let dir = DataDir::new(&common.data);
    let wanted: TraceId = id.parse().map_err(|_| not_an_id(id))?;
    let trace = trace_of(&dir, wanted)?;
    let mut events = Vec::new();
    each(&dir, |index, event| {
        if event.trace_id == trace {
            events.push(Indexed { index, event: event.clone() });
        }
    })?;
    if events.is_empty() {
        return Err(Failure::new(
            Exit::NotFound,
            format!(
                "E7601 no trace, event or order {id} in the journal; `blotter tail` shows ids with --json"
            ),
        ));
    }
    let count = events.len();
    let tree = trace_tree(events);
    if common.json {
        output::json(
            &json!({ "trace": trace.to_string(), "events": count, "tree": tree_json(&tree) }),
        );
        return Ok(Exit::Ok);
    }
    output::line(&format!("trace {trace}: {count} events"));
    let start = tree.first().map(|node| node.indexed.event.time);
    for node in &tree {
        node.walk(0, &mut |depth, indexed| {
            let since = start.map_or(0, |start| indexed.event.time.since_ns(start));
            output::line(&format!(
                "{:>10}  {:>8}  {}{} {}",
                format!("+{}.{:03} ms", since / 1_000_000, since / 1_000 % 1_000),
                indexed.index,
                "  ".repeat(depth),
                indexed.event.body.kind().as_str(),
                summary(&indexed.event)
            ));
        });
    }
    Ok(Exit::Ok)
}

/// Prints why an order was sent, back to the tick.
pub(super) fn why(common: &Common, order: &str) -> Result<Exit, Failure> {
    let dir = DataDir::new(&common.data);
    let order: OrderId = order.parse().map_err(|_| not_an_id(order))?;
    let why = why_order(order, |visit| each(&dir, |index, event| visit(index, event)))?;
    let Some(why) = why else {
        return Err(Failure::new(
            Exit::NotFound,
            format!("E7602 no order {order} in the journal; `blotter state` lists open orders"),
        ));
    };
    if common.json {
        output::json(&json!({
            "order": order.to_string(),
            "chain": why.chain.iter().map(line_json).collect::<Vec<_>>(),
            "basis": why.basis.iter().map(line_json).collect::<Vec<_>>(),
            "life": why.life.iter().map(line_json).collect::<Vec<_>>(),
            "missing": why.missing.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }));
        return Ok(if why.missing.is_empty() { Exit::Ok } else { Exit::Integrity });
    }
    section("What it descends from", &why.chain);
    section("What else it rests on", &why.basis);
    section("What was decided, and what became of it", &why.life);
    for id in &why.missing {
        output::line(&format!("missing from the journal: {id}; the answer is incomplete"));
    }
    Ok(if why.missing.is_empty() { Exit::Ok } else { Exit::Integrity })
}

fn section(heading: &str, events: &[Indexed]) {
    if events.is_empty() {
        return;
    }
    output::line(heading);
    for indexed in events {
        output::line(&format!(
            "{:>8}  {}  {:<17} {}",
            indexed.index,
            indexed.event.time.to_string().get(11..26).unwrap_or_default(),
            indexed.event.body.kind().as_str(),
            summary(&indexed.event)
        ));
        let Some(basis) = &indexed.event.basis else { continue };
        for seen in &basis.observed {
            output::line(&format!("{:28}saw {} = {}", "", seen.name, seen.value));
        }
        for cut in &basis.cut {
            output::line(&format!("{:28}read {} up to {}", "", cut.source, cut.source_seq));
        }
        if let Some(limits) = basis.limit_set {
            output::line(&format!("{:28}under limits {limits}", ""));
        }
    }
}

/// The trace itself, or the trace of the event or order with this id.
fn trace_of(dir: &DataDir, wanted: TraceId) -> Result<TraceId, Failure> {
    let as_event = EventId(wanted.0);
    let mut of_event = None;
    each(dir, |_, event| {
        if event.event_id == as_event && of_event.is_none() {
            of_event = Some(event.trace_id);
        }
    })?;
    Ok(of_event.unwrap_or(wanted))
}

fn each(dir: &DataDir, mut visit: impl FnMut(u64, &Event)) -> Result<(), Failure> {
    let mut reader = journal::open(dir, wall_clock)?;
    journal::walk(&mut reader, 0, Until::End, |item| {
        if let Item::Event { index, event, .. } = item {
            visit(index, &event);
        }
        Ok(())
    })
}

fn not_an_id(text: &str) -> Failure {
    Failure::new(Exit::Usage, format!("E7603 `{text}` is no id: an id is 32 hexadecimal digits"))
}

fn line_json(indexed: &Indexed) -> Value {
    let mut value = event::wire::event_to_json(&indexed.event);
    value["index"] = json!(indexed.index);
    value
}

fn tree_json(nodes: &[Node]) -> Value {
    nodes
        .iter()
        .map(|node| {
            let mut value = line_json(&node.indexed);
            value["caused"] = tree_json(&node.children);
            value
        })
        .collect()
}
