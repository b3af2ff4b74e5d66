//! A task that doubles trades, recorded and run again.

use std::collections::BTreeMap;

use agent::{Agent, Outbox, Scope};
use event::{
    Event, EventId, InstrumentId, Kind, Label, Price, Quantity, Source, Timestamp,
    choices::{AnomalyKind, Side},
    id::foreign_id,
    market::{MarketAnomalyDetected, MarketTrade},
};
use worker::{Fence, Task, root_event};

use crate::Rerun;

struct Echo {
    detail: &'static str,
}

impl Agent for Echo {
    fn name(&self) -> Label {
        Label::new("echo").unwrap()
    }
    fn version(&self) -> Label {
        Label::new("1").unwrap()
    }
    fn subscriptions(&self) -> &'static [Kind] {
        &[Kind::MarketTrade]
    }
    fn scope(&self) -> Scope {
        Scope::All
    }
    fn on_event(&mut self, _: Timestamp, event: &Event, out: &mut Outbox) {
        let event::Body::MarketTrade(trade) = &event.body else { return };
        out.emit(MarketAnomalyDetected {
            instrument: trade.instrument,
            anomaly: AnomalyKind::PriceJump,
            detail: self.detail.into(),
            observed: Some(trade.price),
            reference: None,
            expected_sequence: None,
            found_sequence: None,
        });
    }
}

fn trade(number: u64) -> Event {
    let source = Source::new("test").unwrap();
    let instrument = InstrumentId::new("X:Y").unwrap();
    let body = MarketTrade {
        instrument,
        price: Price(7),
        quantity: Quantity::whole(1),
        trade_id: Label::new("t").unwrap(),
        aggressor: Some(Side::Buy),
        conditions: vec![],
        venue_sequence: number,
    };
    let id: EventId = foreign_id(source, number);
    root_event(id, source, number, Timestamp(number as i64), None, instrument.into(), body.into())
}

/// A journal of three trades and what `echo` made of them.
fn recorded() -> Vec<Event> {
    let mut task = Task::new(Box::new(Echo { detail: "same" })).unwrap();
    (1..=3)
        .flat_map(|number| {
            let root = trade(number);
            let mut events = vec![root.clone()];
            events.extend(task.step(&root).unwrap().events);
            events
        })
        .collect()
}

fn rerun(detail: &'static str, journal: &[Event], through: u64) -> Result<u64, u64> {
    rerun_behind(&BTreeMap::new(), detail, journal, through)
}

fn rerun_behind(
    fences: &BTreeMap<Source, Fence>,
    detail: &'static str,
    journal: &[Event],
    through: u64,
) -> Result<u64, u64> {
    let mut rerun = Rerun::new(vec![Task::new(Box::new(Echo { detail })).unwrap()], fences);
    for (index, event) in (0..).zip(journal) {
        rerun.event(index, &event.encode(), event).map_err(|divergence| divergence.index)?;
    }
    let consumed = BTreeMap::from([(Source::new("echo/0").unwrap(), through)]);
    rerun.finish(&consumed).map(|tally| tally.compared).map_err(|divergence| divergence.index)
}

#[test]
fn the_same_agent_emits_the_same_bytes() {
    assert_eq!(rerun("same", &recorded(), 5), Ok(3));
}

#[test]
fn a_changed_agent_is_named_at_its_first_difference() {
    assert_eq!(rerun("changed", &recorded(), 5), Err(1));
}

#[test]
fn an_output_the_journal_lacks_is_a_divergence_only_within_what_was_consumed() {
    let mut journal = recorded();
    let _ = journal.pop();
    assert_eq!(rerun("same", &journal, 4), Err(4));
    assert_eq!(rerun("same", &journal, 3), Ok(2));
}

#[test]
fn an_event_its_task_would_not_emit_is_a_divergence() {
    let mut journal = recorded();
    let forged = Event { source_seq: 4, ..journal[1].clone() };
    journal.push(forged);
    assert_eq!(rerun("same", &journal, 6), Err(6));
}

/// Two trades answered by one version, the third by the next.
#[test]
fn what_an_earlier_version_said_is_not_asked_of_the_code_of_today() {
    let mut one = Task::new(Box::new(Echo { detail: "one" })).unwrap();
    let mut other = Task::new(Box::new(Echo { detail: "other" })).unwrap();
    let fence = Fence { index: 4, last_seq: 2, last_timer: 0 };
    let mut journal = Vec::new();
    for number in 1..=3 {
        let root = trade(number);
        journal.push(root.clone());
        if number == 3 {
            other.go_on_behind(&fence);
        }
        let task = if number < 3 { &mut one } else { &mut other };
        journal.extend(task.step(&root).unwrap().events);
    }
    let fences = BTreeMap::from([(Source::new("echo/0").unwrap(), fence)]);
    assert_eq!(rerun("other", &journal, 5), Err(1));
    assert_eq!(rerun_behind(&fences, "other", &journal, 5), Ok(1));
    assert_eq!(rerun_behind(&fences, "one", &journal, 5), Err(5));
}
