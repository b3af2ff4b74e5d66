//! Bookings of cash that are told late: adjusted for, taken back, and never counted twice.

use alloc::vec::Vec;

use agent::{Agent, Outbox};
use event::{
    Body, Event, EventId, SECOND_NS, Source,
    books::{FeeCharged, TransferBooked},
    id::derived_id,
};

use super::desk::{Desk, Late, Now, Step::*, account, amount, currency, label};
use crate::Recon;

fn transfer(id: &str, moved: &str) -> TransferBooked {
    TransferBooked {
        account: account(),
        transfer_id: label(id),
        currency: currency("USDT"),
        amount: amount(moved),
        reason: "".into(),
    }
}

#[test]
fn a_transfer_and_funding_told_late_take_their_adjustments_back_as_a_fee_does() {
    let mut desk = Desk::opened();
    desk.fact(transfer("T1", "7"), Late);
    desk.take(&Funding("T1", "-3", Late));
    desk.take(&Fee("T1", "2", Late));
    desk.take(&Wait(50));
    let said = |desk: &Desk, word: &str| {
        let said = desk.transcript();
        let mut said: Vec<_> =
            said.iter().filter_map(|line| Some(line.strip_prefix(word)?.into())).collect();
        said.sort_by_key(|one: &alloc::string::String| one.len());
        said
    };
    assert_eq!(said(&desk, "adjusted "), ["7", "-2", "-3"]);
    assert!(desk.agrees());
    desk.take(&Tell);
    assert_eq!(said(&desk, "reversed "), ["3", "2", "-7"]);
    assert!(desk.agrees());
    desk.take(&Wait(200));
    assert!(desk.agrees());
    assert_eq!(desk.probe.agent().open_breaks(), 0);
}

/// Hands the agent an event and gives back what it emits, undelivered.
fn told(agent: &mut Recon, event: &Event) -> Vec<Event> {
    let task = Source::new("recon/PAPER").unwrap();
    let mut out = Outbox::new(event.event_id, task);
    agent.on_event(event.time, event, &mut out);
    let minted = |(slot, emission): (u32, agent::Emission)| Event {
        event_id: derived_id(event.event_id, task, slot),
        body: emission.body,
        ..event.clone()
    };
    (0..).zip(out.events).map(minted).collect()
}

#[test]
fn an_adjustment_that_a_late_fact_overtakes_is_taken_back_when_it_arrives() {
    let mut desk = Desk::opened();
    desk.take(&Fee("F1", "2.5", Late));
    let mut agent = desk.probe.agent().clone();
    let mut said = Vec::new();
    for (cycle, after_s) in [(1, 10), (2, 20)] {
        let snapshot = desk.snapshot(EventId([cycle as u8; 16]), cycle);
        let time = desk.time().plus_ns(after_s * SECOND_NS);
        let source = Source::new("gateway/PAPER").unwrap();
        said.extend(told(&mut agent, &desk.probe.root(source, time, snapshot)));
        while said.first().is_some_and(|first| !matches!(first.body, Body::AdjustmentBooked(_))) {
            assert_eq!(told(&mut agent, &said.remove(0)), []);
        }
    }
    let [adjustment] = &*said else { panic!("{said:?}") };
    let fee = FeeCharged {
        account: account(),
        fee_id: label("F1"),
        currency: currency("USDT"),
        amount: amount("2.5"),
        reason: "".into(),
        exec_id: None,
    };
    let time = adjustment.time;
    let fee = desk.probe.root(Source::new("broker/PAPER").unwrap(), time, fee);
    assert_eq!(told(&mut agent, &fee), []);
    let reversed = told(&mut agent, adjustment);
    let [Body::AdjustmentReversed(reversal)] =
        &*reversed.iter().map(|e| &e.body).cloned().collect::<Vec<_>>()
    else {
        panic!("{reversed:?}")
    };
    assert_eq!(reversal.adjustment, adjustment.event_id);
    assert_eq!((reversal.because, reversal.amount), (fee.event_id, amount("2.5")));
    let _ = told(&mut agent, &reversed[0]);
    let cash = agent.books().account(account()).unwrap().cash_of(currency("USDT")).unwrap();
    assert_eq!(cash.total(), amount("999997.5"));
}

#[test]
fn a_booking_explains_only_the_cash_that_is_exactly_its_amount_and_once() {
    let mut desk = Desk::opened();
    desk.take(&Distort(|snapshot| {
        snapshot.balances[0].amount = amount("999997.5");
        snapshot.bookings.clear();
    }));
    desk.take(&Wait(90));
    let explained =
        |desk: &Desk| desk.transcript().iter().filter(|line| line.starts_with("explained")).count();
    for (id, paid, expected) in [("F1", "1", 0), ("F2", "2.5", 1), ("F3", "2.5", 1)] {
        desk.take(&Fee(id, paid, Now));
        assert_eq!(explained(&desk), expected, "{id}");
    }
}
