use event::{AccountId, choices::Side};

use super::*;
use crate::{BrokerError, PaperPosition};

#[test]
fn account_begins_with_what_was_configured_when_it_began() {
    let position = PaperPosition {
        instrument: linear(),
        quantity: quantity("-2"),
        total_cost: amount("-200"),
    };
    let mut venue = Venue::open(PaperConfig { positions: vec![position], ..plain() });
    let first = venue.broker.opening().unwrap();
    assert_eq!(first.0.len(), 2);
    assert_eq!((first.1[0].quantity, first.1[0].total_cost), (quantity("-2"), amount("-200")));
    venue.config.balances = [(currency("USDT"), Amount::whole(1))].into();
    venue.restart();
    assert_eq!(venue.broker.opening().unwrap(), first);
    assert_eq!(venue.cash("USDT"), Amount::whole(1_000_000));
    assert_eq!(venue.position(linear()), (quantity("-2"), amount("-200")));
}

#[test]
fn record_of_another_account_is_refused_and_not_touched() {
    let venue = Venue::open(plain());
    let path = venue.path();
    drop(venue.broker);
    let before = std::fs::read(record_of(&path)).unwrap();
    let config = PaperConfig { account: AccountId::new("OTHER").unwrap(), ..plain() };
    let error = PaperBroker::open(&path, config, &[]).unwrap_err();
    assert!(matches!(error, BrokerError::OtherAccount { .. }), "{error}");
    assert_eq!(std::fs::read(record_of(&path)).unwrap(), before);
}

#[test]
fn broker_opened_for_reading_answers_questions_and_takes_no_orders() {
    let mut venue = Venue::open(plain());
    let _ = venue.submit(&limit(1, Side::Buy, "1", "100"));
    venue.print(1, quote(spot(), ("98", "5"), ("99", "0.4")));
    let before = std::fs::read(record_of(&venue.path())).unwrap();
    let mut reader = PaperBroker::open_read_only(&venue.path()).unwrap();
    assert_eq!(reader.account(), venue.config.account);
    let late = Moment { time: Timestamp(i64::MAX), position: u64::MAX };
    assert_eq!(reader.positions(late).unwrap(), venue.broker.positions(venue.now).unwrap());
    assert_eq!(reader.open_orders(late).unwrap().len(), 1);
    assert_eq!(reader.reports(late, 0, 9).unwrap().len(), 1);
    let known = reader.submit(late, &limit(1, Side::Buy, "1", "100")).unwrap();
    assert_eq!(code_of(&known), "ACCEPTED");
    let error = reader.submit(late, &limit(2, Side::Buy, "1", "100")).unwrap_err();
    assert!(matches!(error, BrokerError::ReadOnly), "{error}");
    let after = std::fs::read(record_of(&venue.path())).unwrap();
    assert!(after.starts_with(&before));
    let earlier = Moment { time: at_ms(0), position: 0 };
    let open = reader.open_orders(earlier).unwrap();
    assert_eq!(open[0].cumulative, Quantity::ZERO, "as of a moment before the execution");
}

#[test]
fn what_was_sold_is_held_from_the_balance_of_the_base() {
    let balances = [(currency("BTC"), Amount::whole(3))].into();
    let mut venue = Venue::open(PaperConfig { balances, ..plain() });
    assert_eq!(code_of(&venue.submit(&limit(1, Side::Sell, "2", "100"))), "ACCEPTED");
    assert_eq!(code_of(&venue.submit(&limit(2, Side::Sell, "2", "100"))), "INSUFFICIENT_BALANCE");
    assert_eq!(code_of(&venue.submit(&market(3, Side::Sell, "2"))), "INSUFFICIENT_BALANCE");
    assert_eq!(code_of(&venue.submit(&limit(4, Side::Sell, "1", "100"))), "ACCEPTED");
    venue.print(1, quote(spot(), ("100", "5"), ("101", "5")));
    assert_eq!((venue.cash("BTC"), venue.cash("USDT")), (Amount::ZERO, Amount::whole(300)));
    assert_eq!(venue.position(spot()), (quantity("-3"), amount("-300")));
}

#[test]
fn question_after_a_call_is_not_answered_as_one_before_it_at_the_same_moment() {
    let mut venue = Venue::open(plain());
    let open = |venue: &mut Venue| venue.broker.open_orders(venue.now).unwrap().len();
    assert_eq!(open(&mut venue), 0);
    venue.restart();
    let _ = venue.submit(&limit(1, Side::Buy, "1", "100"));
    assert_eq!(open(&mut venue), 1, "the call was made by this process");
    venue.restart();
    assert_eq!(open(&mut venue), 1, "the call is in the record");
}

#[test]
fn question_asked_again_is_answered_as_it_was_though_the_broker_went_on() {
    let mut venue = Venue::open(plain());
    let _ = venue.submit(&limit(1, Side::Buy, "1", "100"));
    let asked = Moment { time: at_ms(1), position: 1 };
    let before = venue.broker.open_orders(asked).unwrap();
    venue.print(1, quote(spot(), ("98", "5"), ("99", "5")));
    assert!(venue.broker.open_orders(venue.now).unwrap().is_empty());
    venue.restart();
    assert_eq!(venue.broker.open_orders(asked).unwrap(), before, "before the record was shown");
    venue.print(2, quote(spot(), ("98", "5"), ("99", "5")));
    assert!(venue.broker.open_orders(venue.now).unwrap().is_empty());
}
