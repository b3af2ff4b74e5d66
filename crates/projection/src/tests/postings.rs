//! Money and positions moved beside executions: what each posting moves, and what it leaves alone.

use alloc::{vec, vec::Vec};

use event::{
    Amount, MoneyError, Timestamp,
    books::*,
    choices::{Payoff, Side},
};

use super::journal::*;
use crate::{Finding, Position};

fn adjustment(name: &str, size: &str, cost: &str) -> AdjustmentBooked {
    AdjustmentBooked {
        break_id: event::BreakId([1; 16]),
        account: account(),
        instrument: Some(instrument(name)),
        quantity: quantity(size),
        cost: amount(cost),
        currency: None,
        amount: Amount::ZERO,
        reason: "".into(),
    }
}

fn held(journal: &Journal, name: &str) -> Option<Position> {
    journal.books.account(account()).unwrap().position(instrument(name)).cloned()
}

#[test]
fn an_adjustment_moves_a_quantity_or_a_cost_and_one_of_neither_makes_no_position() {
    let of = |size: &str, cost: &str| {
        let mut journal = Journal::opened();
        journal.note(adjustment(SPOT, size, cost));
        held(&journal, SPOT).map(|position| (position.quantity, position.total_cost))
    };
    assert_eq!(of("2", "0"), Some((Amount::whole(2), Amount::ZERO)));
    assert_eq!(of("0", "7"), Some((Amount::ZERO, Amount::whole(7))));
    assert_eq!(of("2", "7"), Some((Amount::whole(2), Amount::whole(7))));
    assert_eq!(of("0", "0"), None);
}

#[test]
fn a_reversal_moves_what_its_event_says() {
    let mut journal = Journal::opened();
    let mut booked = adjustment(SPOT, "0", "0");
    (booked.instrument, booked.currency) = (None, Some(currency("USDT")));
    booked.amount = Amount::whole(5);
    let adjustment = journal.note(booked);
    assert_eq!(journal.cash("USDT"), Amount::whole(1_000_005));
    journal.note(AdjustmentReversed {
        break_id: event::BreakId([1; 16]),
        account: account(),
        adjustment,
        because: adjustment,
        instrument: Some(instrument(SPOT)),
        quantity: quantity("2"),
        cost: Amount::whole(3),
        currency: None,
        amount: Amount::whole(-5),
    });
    assert_eq!(journal.cash("USDT"), Amount::whole(1_000_005));
    let position = journal.position(SPOT);
    assert_eq!((position.quantity, position.total_cost), (Amount::whole(2), Amount::whole(3)));
}

fn fee(id: &str, code: &str, paid: &str, exec_id: &str) -> FeeCharged {
    FeeCharged {
        account: account(),
        fee_id: label(id),
        currency: currency(code),
        amount: amount(paid),
        reason: "".into(),
        exec_id: Some(label(exec_id)),
    }
}

#[test]
fn a_late_fee_is_noted_with_its_position_and_takes_of_it_only_base_that_changed_hands() {
    let after = |name: &str, code: &str| {
        let mut journal = Journal::opened();
        let order = journal.working(name, Side::Buy, "1");
        journal.note(executed(order, name, Side::Buy, "A", "1", "100"));
        journal.note(fee("F1", code, "0.25", "A"));
        journal.note(fee("F2", code, "0.5", "A"));
        assert_eq!(journal.findings, []);
        let position = journal.position(name);
        let amount = amount("0.75");
        assert_eq!(position.fees, [Balance { currency: currency(code), amount }], "{name} {code}");
        position.quantity
    };
    assert_eq!(after(SPOT, "BTC"), amount("0.25"));
    assert_eq!(after(SPOT, "USDT"), Amount::whole(1));
    assert_eq!(after(LINEAR, "BTC"), Amount::whole(1));
    assert_eq!(after(INVERSE, "BTC"), Amount::whole(1));
}

#[test]
fn fees_of_several_currencies_are_kept_apart_with_their_position() {
    let mut journal = Journal::opened();
    let order = journal.working(LINEAR, Side::Buy, "9");
    for (exec_id, code, paid) in [("A", "USDT", "1"), ("B", "BNB", "2"), ("C", "USDT", "-0.5")] {
        let mut one = executed(order, LINEAR, Side::Buy, exec_id, "1", "100");
        (one.fee, one.fee_currency) = (amount(paid), currency(code));
        journal.note(one);
    }
    let fees: Vec<_> =
        journal.position(LINEAR).fees.iter().map(|fee| (fee.currency, fee.amount)).collect();
    assert_eq!(fees, [(currency("BNB"), amount("2")), (currency("USDT"), amount("0.5"))]);
}

#[test]
fn funding_counts_when_it_is_told_and_not_when_it_is_told_again() {
    let mut journal = Journal::opened();
    journal.traded(LINEAR, Side::Buy, "2", "100");
    let funding = FundingPaid {
        account: account(),
        funding_id: label("F1"),
        instrument: instrument(LINEAR),
        currency: currency("USDT"),
        amount: amount("-0.25"),
    };
    for findings in [vec![], vec![Finding::DuplicateBooking { booking: label("F1") }]] {
        journal.note(funding.clone());
        assert_eq!(journal.position(LINEAR).funding, amount("-0.25"));
        assert_eq!(journal.cash("USDT"), amount("999999.75"));
        assert_eq!(journal.findings, findings);
    }
}

#[test]
fn a_position_folded_again_keeps_its_own_postings_and_takes_none_of_another() {
    let run = |with_bust: bool| {
        let mut journal = Journal::opened();
        journal.note(adjustment(SPOT, "5", "50"));
        journal.note(adjustment(LINEAR, "7", "70"));
        journal.traded(SPOT, Side::Buy, "1", "100");
        let order = journal.working(SPOT, Side::Sell, "2");
        if with_bust {
            journal.note(executed(order, SPOT, Side::Sell, "A", "2", "130"));
            journal.note(busted(order, SPOT, "A"));
        }
        [SPOT, LINEAR].map(|name| {
            let mut position = journal.position(name);
            (position.touched, position.folded_through) = (Timestamp(0), Timestamp(0));
            position
        })
    };
    assert_eq!(run(true), run(false));
    assert_eq!(run(true)[0].quantity, Amount::whole(6));
}

#[test]
fn an_execution_of_the_same_instant_as_the_last_is_folded_behind_it_alone() {
    let mut journal = Journal::opened();
    journal.note(defined("X:ZERO", Payoff::Inverse));
    let order = journal.working("X:ZERO", Side::Buy, "9");
    for (exec_id, at) in [("A", "100"), ("B", "0"), ("C", "100")] {
        let mut event = journal.event(executed(order, "X:ZERO", Side::Buy, exec_id, "1", at));
        event.event_time = Some(Timestamp(5));
        journal.findings.extend(journal.books.apply(&event));
        journal.events.push(event);
    }
    // What could not be booked is told of when it comes, not again with what comes after it.
    let not_booked = journal.findings.iter().filter(|f| matches!(f, Finding::NotBooked { .. }));
    assert_eq!(not_booked.count(), 1);
    assert_eq!(journal.position("X:ZERO").quantity, Amount::whole(2));
}

#[test]
fn an_execution_told_again_of_another_order_or_instrument_is_a_conflict() {
    let again = |other_order: bool, other_instrument: bool| {
        let mut journal = Journal::opened();
        let order = journal.working(SPOT, Side::Buy, "1");
        let other = journal.working(SPOT, Side::Buy, "1");
        journal.note(executed(order, SPOT, Side::Buy, "A", "1", "100"));
        let order = if other_order { other } else { order };
        let name = if other_instrument { LINEAR } else { SPOT };
        journal.note(executed(order, name, Side::Buy, "A", "1", "100"));
        assert_eq!(journal.position(SPOT).quantity, Amount::whole(1));
        journal.findings.remove(0)
    };
    let exec_id = label("A");
    assert_eq!(again(false, false), Finding::DuplicateExecution { exec_id });
    for (order, name) in [(true, false), (false, true), (true, true)] {
        assert_eq!(again(order, name), Finding::ConflictingExecution { exec_id });
    }
}

#[test]
fn an_inverse_contract_has_no_worth_at_a_price_that_is_not_positive() {
    let contract = crate::Contract::from(&defined(INVERSE, Payoff::Inverse));
    for at in ["0", "-0.000000001", "-100"] {
        assert_eq!(contract.value(Amount::whole(1), price(at)), Err(MoneyError::Overflow), "{at}");
    }
    assert_eq!(contract.value(Amount::whole(1), price("0.000000001")).unwrap().signum(), 1);
}
