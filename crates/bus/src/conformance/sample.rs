//! Events to try an engine with.

use std::sync::Arc;

use event::{
    AccountId, Body, Digest, Event, InstrumentId, Label, Price, Quantity, Source, Timestamp,
    choices::Side,
    id::{derived_id, file_root_id, root_trace},
    market::MarketTrade,
    operations::TradingHalted,
};

use crate::{Record, Run, TimerRequested, Topology, Unit};

/// A source by name.
pub fn source(name: &str) -> Source {
    Source::new(name).unwrap()
}

/// The `seq`th record of a tape: a market trade of one of five instruments.
pub fn tick(seq: u64) -> Event {
    let instrument = InstrumentId::new(&format!("SIM:I{}", seq % 5)).unwrap();
    let id = file_root_id(Digest([9; 32]), seq, 0);
    let body = MarketTrade {
        instrument,
        price: Price(100_000_000_000 + seq as i64),
        quantity: Quantity::whole(1 + seq as i64 % 7),
        trade_id: Label::new(&format!("T{seq}")).unwrap(),
        aggressor: Some(Side::Buy),
        conditions: Vec::new(),
        venue_sequence: seq,
    };
    Event {
        event_id: id,
        trace_id: root_trace(id),
        cause_id: None,
        source: source("file/090909090909"),
        source_seq: seq,
        key: instrument.into(),
        time: Timestamp(seq as i64 * 1_000),
        event_time: None,
        basis: None,
        body: Body::from(body),
    }
}

/// What a task decided on a tick: its `seq`th output.
pub fn decision(task: &str, seq: u64, cause: &Event) -> Event {
    let task = source(task);
    let account = AccountId::new(&format!("A{}", seq % 3)).unwrap();
    let body = TradingHalted {
        account: Some(account),
        reason: format!("decision {seq}"),
        by: task.to_string(),
    };
    Event {
        event_id: derived_id(cause.event_id, task, seq as u32),
        trace_id: cause.trace_id,
        cause_id: Some(cause.event_id),
        source: task,
        source_seq: seq,
        key: account.into(),
        time: cause.time,
        event_time: None,
        basis: None,
        body: Body::from(body),
    }
}

/// An event as a record.
pub fn record(event: Event) -> Record {
    Record::of_event(Arc::new(event), &Topology::shipped())
}

/// A unit of market ingress with the ticks of a range.
pub fn market(range: std::ops::RangeInclusive<u64>) -> Unit {
    let mark = Some(*range.end());
    let outputs = range.map(|seq| record(tick(seq))).collect();
    Unit { mark, ..Unit::of_roots(source("file/090909090909"), outputs) }
}

/// A unit of a task: outputs, what it consumed and a timer.
pub fn order_unit(task: &str, seqs: std::ops::RangeInclusive<u64>, consumed: u64) -> Unit {
    let first = *seqs.start();
    let cause = tick(consumed.max(1));
    Unit {
        source: source(task),
        outputs: seqs.map(|seq| record(decision(task, seq, &cause))).collect(),
        consumed: vec![Run { stream: 0, partition: 0, first: consumed, last: consumed }],
        timers: vec![TimerRequested {
            request: first,
            name: Label::new("wake").unwrap(),
            due: Timestamp(5),
        }],
        mark: None,
        epoch: 0,
        claim: 0,
    }
}
