//! Positions, cash and what they are made of.

use alloc::vec::Vec;

use event::{
    Amount,
    books::{AdjustmentBooked, AdjustmentReversed, FeeCharged, FundingPaid, TransferBooked},
    choices::{Payoff, Side},
};

use super::journal::*;
use crate::{Books, Finding, OrderState};

#[test]
fn a_spot_buy_moves_quote_and_base() {
    let mut journal = Journal::opened();
    journal.traded(SPOT, Side::Buy, "2", "60000");
    assert_eq!(journal.cash("USDT"), Amount::whole(880_000));
    assert_eq!(journal.cash("BTC"), Amount::whole(2));
    let position = journal.position(SPOT);
    assert_eq!(
        (position.quantity, position.total_cost),
        (Amount::whole(2), Amount::whole(120_000))
    );
}

#[test]
fn a_fee_in_the_base_asset_comes_out_of_the_position() {
    let mut journal = Journal::opened();
    let order = journal.working(SPOT, Side::Buy, "1");
    let mut bought = executed(order, SPOT, Side::Buy, "A", "1", "60000");
    (bought.fee, bought.fee_currency) = (amount("0.001"), currency("BTC"));
    journal.note(bought);
    let position = journal.position(SPOT);
    assert_eq!(position.quantity, amount("0.999"));
    assert_eq!(position.total_cost, amount("59940"));
    assert_eq!(position.fees_in_base_worth, amount("60"));
    assert_eq!(position.realised, Amount::ZERO);
    assert_eq!(journal.cash("BTC"), amount("0.999"));
    assert_eq!(journal.cash("USDT"), Amount::whole(940_000));
}

#[test]
fn a_late_fee_in_the_base_asset_is_the_same_as_one_on_the_execution() {
    let mut journal = Journal::opened();
    let order = journal.working(SPOT, Side::Buy, "1");
    journal.note(executed(order, SPOT, Side::Buy, "A", "1", "60000"));
    let late = FeeCharged {
        account: account(),
        fee_id: label("F1"),
        currency: currency("BTC"),
        amount: amount("0.001"),
        reason: "".into(),
        exec_id: Some(label("A")),
    };
    journal.note(late.clone());
    journal.note(late);
    let position = journal.position(SPOT);
    assert_eq!((position.quantity, position.total_cost), (amount("0.999"), amount("59940")));
    assert_eq!(journal.cash("BTC"), amount("0.999"));
    assert_eq!(journal.findings, [Finding::DuplicateBooking { booking: label("F1") }]);
}

#[test]
fn selling_back_every_lot_leaves_exactly_zero() {
    let mut journal = Journal::opened();
    for (size, at) in [("0.333", "61773.61"), ("0.1", "7.77"), ("0.007", "99999.99")] {
        journal.traded(SPOT, Side::Buy, size, at);
    }
    for (size, at) in [("0.111", "61000.03"), ("0.001", "3.33"), ("0.328", "12345.67")] {
        journal.traded(SPOT, Side::Sell, size, at);
    }
    let position = journal.position(SPOT);
    assert_eq!((position.quantity, position.total_cost), (Amount::ZERO, Amount::ZERO));
    assert_eq!(journal.cash("BTC"), Amount::ZERO);
    let moved = journal.cash("USDT").minus(Amount::whole(1_000_000)).unwrap();
    assert_eq!(position.realised, moved);
}

#[test]
fn crossing_zero_closes_and_opens() {
    let mut journal = Journal::opened();
    journal.traded(LINEAR, Side::Buy, "2", "100");
    journal.traded(LINEAR, Side::Sell, "5", "110");
    let position = journal.position(LINEAR);
    assert_eq!(position.quantity, Amount::whole(-3));
    assert_eq!(position.total_cost, Amount::whole(-330));
    assert_eq!(position.realised, Amount::whole(20));
    assert_eq!(journal.cash("USDT"), Amount::whole(1_000_020));
    assert_eq!(journal.cash("BTC"), Amount::ZERO);
}

#[test]
fn an_inverse_position_gains_in_the_base_asset() {
    let mut journal = Journal::opened();
    journal.traded(INVERSE, Side::Buy, "30", "30000");
    journal.traded(INVERSE, Side::Sell, "30", "40000");
    // 30 contracts of 100 USD: 3000/30000 - 3000/40000 = 0.1 - 0.075 BTC.
    assert_eq!(journal.position(INVERSE).realised, amount("0.025"));
    assert_eq!(journal.cash("BTC"), amount("0.025"));
    assert_eq!(journal.cash("USDT"), Amount::whole(1_000_000));
}

#[test]
fn an_inverse_short_gains_when_the_price_falls() {
    let mut journal = Journal::opened();
    journal.traded(INVERSE, Side::Sell, "30", "40000");
    let contract = journal.books.contract(instrument(INVERSE), event::Timestamp(0)).unwrap();
    let open = journal.position(INVERSE).unrealised(&contract, price("30000")).unwrap();
    journal.traded(INVERSE, Side::Buy, "30", "30000");
    assert_eq!((open, journal.cash("BTC")), (amount("0.025"), amount("0.025")));
}

#[test]
fn a_redelivered_execution_moves_cash_once() {
    let mut journal = Journal::opened();
    journal.traded(SPOT, Side::Buy, "1", "60000");
    let (digest, again) = (journal.books.digest(), journal.events.last().unwrap().clone());
    let mut recovered = again.clone();
    if let event::Body::OrderExecuted(body) = &mut recovered.body {
        body.recovered = true;
    }
    for event in [again, recovered] {
        let findings = journal.books.apply(&event);
        assert!(matches!(findings[..], [Finding::DuplicateExecution { .. }]));
    }
    assert_eq!(journal.books.digest(), digest);
}

#[test]
fn an_execution_told_again_with_other_terms_is_a_conflict_and_the_first_stands() {
    let mut journal = Journal::opened();
    let order = journal.working(SPOT, Side::Buy, "2");
    journal.note(executed(order, SPOT, Side::Buy, "A", "1", "60000"));
    journal.note(executed(order, SPOT, Side::Buy, "A", "2", "60000"));
    assert_eq!(journal.findings, [Finding::ConflictingExecution { exec_id: label("A") }]);
    assert_eq!(journal.position(SPOT).quantity, Amount::whole(1));
}

#[test]
fn a_bust_leaves_position_and_cash_as_if_it_had_never_been() {
    for name in [SPOT, LINEAR, INVERSE] {
        let run = |with_bust: bool| {
            let mut journal = Journal::opened();
            journal.traded(name, Side::Buy, "1", "100");
            let order = journal.working(name, Side::Buy, "2");
            let mut middle = executed(order, name, Side::Buy, "A", "2", "130");
            middle.fee = amount("0.5");
            if with_bust {
                journal.note(middle);
            }
            journal.traded(name, Side::Sell, "2", "150");
            if with_bust {
                journal.note(busted(order, name, "A"));
                journal.note(busted(order, name, "A"));
            }
            let mut position = journal.position(name);
            position.touched = event::Timestamp(0);
            position.folded_through = event::Timestamp(0);
            (position, journal.cash("USDT"), journal.cash("BTC"))
        };
        assert_eq!(run(true), run(false), "{name}");
    }
}

#[test]
fn an_execution_told_late_leaves_the_books_as_if_it_had_been_told_in_time() {
    for name in [SPOT, LINEAR, INVERSE] {
        let run = |told: [usize; 3], apart_ns: i64| {
            let mut journal = Journal::opened();
            let buy = journal.working(name, Side::Buy, "9");
            let sell = journal.working(name, Side::Sell, "9");
            let facts = [
                executed(buy, name, Side::Buy, "A", "2", "100"),
                executed(sell, name, Side::Sell, "B", "1", "130"),
                executed(buy, name, Side::Buy, "C", "3", "170"),
            ];
            for at in told {
                let mut event = journal.event(facts[at].clone());
                event.event_time = Some(event::Timestamp(1_000_000 + apart_ns * at as i64));
                assert_eq!(journal.books.apply(&event), []);
                journal.events.push(event);
            }
            let mut position = journal.position(name);
            position.touched = event::Timestamp(0);
            (position, journal.cash("USDT"), journal.cash("BTC"))
        };
        for told in [[0, 2, 1], [1, 0, 2], [2, 1, 0], [2, 0, 1], [1, 2, 0]] {
            assert_eq!(run(told, 1), run([0, 1, 2], 1), "{name} {told:?}");
            // Of one instant, their names say which came first.
            assert_eq!(run(told, 0), run([0, 1, 2], 0), "{name} {told:?} of one instant");
        }
    }
}

#[test]
fn a_bust_takes_the_execution_out_of_its_order() {
    let mut journal = Journal::opened();
    let order = journal.working(SPOT, Side::Buy, "2");
    journal.note(executed(order, SPOT, Side::Buy, "A", "1", "100"));
    journal.note(busted(order, SPOT, "A"));
    let order = journal.order(order);
    assert_eq!((order.cumulative, order.executions), (Amount::ZERO, 0));
    assert_eq!(order.state, OrderState::Working);
    assert_eq!(journal.findings, []);
}

#[test]
fn a_bust_before_its_execution_makes_it_count_for_nothing() {
    let mut journal = Journal::opened();
    let order = journal.working(SPOT, Side::Buy, "1");
    journal.note(busted(order, SPOT, "A"));
    assert!(matches!(journal.findings[..], [Finding::UnknownExecution { .. }]));
    journal.note(executed(order, SPOT, Side::Buy, "A", "1", "100"));
    assert_eq!(journal.cash("USDT"), Amount::whole(1_000_000));
    assert_eq!(journal.order(order).cumulative, Amount::ZERO);
}

#[test]
fn corrections_apply_once_each_whatever_is_redelivered() {
    let mut journal = Journal::opened();
    let order = journal.working(SPOT, Side::Buy, "2");
    journal.note(executed(order, SPOT, Side::Buy, "A", "2", "100"));
    let first = corrected(order, SPOT, "A", "C1", ("2", "90", "1"));
    journal.note(first.clone());
    journal.note(corrected(order, SPOT, "A", "C2", ("1", "80", "2")));
    journal.note(first);
    assert_eq!(journal.cash("USDT"), Amount::whole(1_000_000 - 80 - 2));
    assert_eq!(journal.position(SPOT).total_cost, Amount::whole(80));
    assert_eq!(journal.order(order).cumulative, Amount::whole(1));
    assert_eq!(journal.findings, []);
}

#[test]
fn executions_before_their_instruments_definition_are_booked_when_it_comes() {
    let mut late = Journal { books: Books::new(), events: Vec::new(), findings: Vec::new() };
    late.traded(SPOT, Side::Buy, "2", "100");
    assert_eq!(late.findings, [Finding::UnknownInstrument { instrument: instrument(SPOT) }]);
    assert_eq!(late.position(SPOT).quantity, Amount::whole(2));
    assert_eq!(late.cash("USDT"), Amount::ZERO);
    late.note(defined(SPOT, Payoff::Spot));
    assert_eq!(late.cash("USDT"), Amount::whole(-200));
    assert_eq!(late.cash("BTC"), Amount::whole(2));
    assert_eq!(late.position(SPOT).total_cost, Amount::whole(200));
}

#[test]
fn funding_changes_cash_and_never_the_quantity() {
    let mut journal = Journal::opened();
    journal.traded(LINEAR, Side::Buy, "2", "100");
    let funding = FundingPaid {
        account: account(),
        funding_id: label("F1"),
        instrument: instrument(LINEAR),
        currency: currency("USDT"),
        amount: amount("-0.25"),
    };
    journal.note(funding.clone());
    journal.note(funding);
    let position = journal.position(LINEAR);
    assert_eq!((position.quantity, position.funding), (Amount::whole(2), amount("-0.25")));
    assert_eq!(journal.cash("USDT"), amount("999999.75"));
}

#[test]
fn a_transfer_and_a_fee_of_the_same_name_are_two_bookings() {
    let mut journal = Journal::opened();
    journal.note(TransferBooked {
        account: account(),
        transfer_id: label("1"),
        currency: currency("USDT"),
        amount: Amount::whole(50),
        reason: "".into(),
    });
    journal.note(FeeCharged {
        account: account(),
        fee_id: label("1"),
        currency: currency("USDT"),
        amount: Amount::whole(3),
        reason: "".into(),
        exec_id: None,
    });
    assert_eq!(journal.cash("USDT"), Amount::whole(1_000_047));
    assert_eq!(journal.findings, []);
}

#[test]
fn an_adjustment_and_its_reversal_leave_nothing_and_each_counts_once() {
    let mut journal = Journal::opened();
    let before = (journal.cash("USDT"), Amount::whole(1));
    journal.traded(SPOT, Side::Buy, "1", "0");
    let break_id = event::BreakId([1; 16]);
    let adjustment = journal.note(AdjustmentBooked {
        break_id,
        account: account(),
        instrument: Some(instrument(SPOT)),
        quantity: quantity("-0.5"),
        cost: Amount::whole(-7),
        currency: Some(currency("USDT")),
        amount: Amount::whole(-9),
        reason: "".into(),
    });
    let booked = journal.events.last().unwrap().clone();
    let _ = journal.books.apply(&booked);
    assert_eq!(journal.cash("USDT"), Amount::whole(999_991));
    assert_eq!(journal.position(SPOT).quantity, amount("0.5"));
    let reversal = AdjustmentReversed {
        break_id,
        account: account(),
        adjustment,
        because: adjustment,
        instrument: Some(instrument(SPOT)),
        quantity: quantity("0.5"),
        cost: Amount::whole(7),
        currency: Some(currency("USDT")),
        amount: Amount::whole(9),
    };
    journal.note(reversal.clone());
    journal.note(reversal);
    assert_eq!((journal.cash("USDT"), journal.position(SPOT).quantity), before);
    assert_eq!(journal.position(SPOT).total_cost, Amount::ZERO);
}

#[test]
fn an_amount_out_of_range_is_a_finding_and_books_nothing() {
    let mut journal = Journal::opened();
    journal.note(defined("X:ZERO", Payoff::Inverse));
    journal.traded("X:ZERO", Side::Buy, "1", "0");
    assert!(matches!(journal.findings[..], [Finding::NotBooked { .. }]));
    assert!(journal.books.account(account()).unwrap().position(instrument("X:ZERO")).is_none());
}
