//! `trace` and `why`: what descends from what.

use event::Event;
use serde_json::{Value, json};

use super::{args::Common, named, output};
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
    let trace = named::trace(id, &mut |visit| each(&dir, |index, event| visit(index, event)))?;
    let mut events = Vec::new();
    each(&dir, |index, event| {
        if event.trace_id == trace {
            events.push(Indexed { index, event: event.clone() });
        }
    })?;
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
    let order = named::order(order, &mut |visit| each(&dir, |index, event| visit(index, event)))?;
    let why = why_order(order, |visit| each(&dir, |index, event| visit(index, event)))?;
    let Some(why) = why else { return Err(named::no_order(&order.to_string())) };
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

fn each(dir: &DataDir, mut visit: impl FnMut(u64, &Event)) -> Result<(), Failure> {
    let mut reader = journal::open(dir, wall_clock)?;
    journal::walk(&mut reader, 0, Until::End, |item| {
        if let Item::Event { index, event, .. } = item {
            visit(index, &event);
        }
        Ok(())
    })
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
