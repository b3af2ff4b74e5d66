use event::choices::{BookingKind, Side};

use super::*;
use crate::{Action, Scripted};

fn scripted(actions: impl IntoIterator<Item = (i64, Action)>) -> Venue {
    let script = actions.into_iter().map(|(ms, action)| Scripted { at: at_ms(ms), action });
    Venue::open(PaperConfig { script: script.collect(), ..plain() })
}

#[test]
fn lost_response_hides_an_order_that_works() {
    let mut venue = scripted([(0, Action::LoseResponse)]);
    let lost = venue.submit(&limit(1, Side::Buy, "1", "100"));
    assert_eq!(code_of(&lost), "NO_ANSWER");
    assert_eq!(venue.broker.open_orders(venue.now).unwrap().len(), 1);
    assert_eq!(venue.submit(&limit(1, Side::Buy, "1", "100")), lost, "the same when asked again");
    assert_eq!(code_of(&venue.submit(&limit(2, Side::Buy, "1", "100"))), "ACCEPTED");
}

#[test]
fn lost_request_looks_the_same_and_nothing_works() {
    let mut venue = scripted([(0, Action::LoseRequest), (0, Action::Reject)]);
    let lost = venue.submit(&limit(1, Side::Buy, "1", "100"));
    assert_eq!(code_of(&lost), "NO_ANSWER");
    assert!(venue.broker.open_orders(venue.now).unwrap().is_empty());
    assert_eq!(code_of(&venue.submit(&limit(2, Side::Buy, "1", "100"))), "REFUSED");
    let again = OrderRequest { attempt: 2, ..limit(1, Side::Buy, "1", "100") };
    assert_eq!(code_of(&venue.submit(&again)), "ACCEPTED", "its name was never seen");
}

#[test]
fn trade_by_hand_shows_in_snapshots_and_in_no_report() {
    let (instrument, side) = (spot(), Side::Buy);
    let mut venue =
        scripted([(5, Action::ManualTrade { instrument, side, quantity: quantity("2") })]);
    venue.print(4, quote(spot(), ("98", "1"), ("99", "1")));
    venue.print(5, quote(spot(), ("98", "1"), ("99", "1")));
    venue.print(6, quote(spot(), ("98", "1"), ("99", "1")));
    assert!(venue.told().is_empty());
    assert_eq!(venue.position(spot()), (quantity("2"), amount("198")));
    let (executions, cursor) = venue.broker.executions_since(venue.now, 0).unwrap();
    assert_eq!((executions.len(), cursor), (1, 1));
    assert_eq!((executions[0].order, executions[0].quantity), (None, quantity("2")));
    assert!(venue.broker.open_orders(venue.now).unwrap().is_empty());
}

#[test]
fn order_by_hand_is_reported_as_one_that_is_not_ours() {
    let (instrument, side) = (spot(), Side::Buy);
    let limit_price = Some(price("99"));
    let action = Action::ManualOrder { instrument, side, quantity: quantity("2"), limit_price };
    let mut venue = scripted([(1, action)]);
    venue.print(1, quote(spot(), ("98", "1"), ("99", "1.5")));
    assert_eq!(venue.told(), ["by hand: BUY 2", "BUY 1.5 at 99 TAKER, 1.5 done, 0.5 left"]);
    let open = venue.broker.open_orders(venue.now).unwrap();
    assert_eq!((open[0].order, open[0].venue_order), (None, label("V1")));
    let order = event::id::external_order_id(venue.config.account, label("V1"));
    let answer = venue.broker.cancel(venue.now, &CancelRequest { order, ..cancel(1, 1) }).unwrap();
    assert_eq!(code_of(&answer), "ACCEPTED");
    venue.print(2, quote(spot(), ("98", "1"), ("100", "1")));
    assert_eq!(venue.told(), ["cancelled at 1.5: cancelled on request"]);
}

#[test]
fn late_fee_takes_cash_at_once_and_is_told_and_listed_later() {
    let fee =
        Action::LateFee { currency: currency("USDT"), amount: amount("7"), delay_ns: 5_000_000 };
    let transfer = Action::Transfer { currency: currency("USDT"), amount: amount("-100") };
    let mut venue = scripted([(1, fee), (2, transfer)]);
    venue.print(1, quote(spot(), ("98", "1"), ("99", "1")));
    assert_eq!(venue.cash("USDT"), amount("999993"));
    assert_eq!(venue.broker.bookings_since(venue.now, 0).unwrap(), (vec![], 0));
    venue.print(2, quote(spot(), ("98", "1"), ("99", "1")));
    assert_eq!(venue.told(), ["transfer -100 USDT"]);
    venue.print(6, quote(spot(), ("98", "1"), ("99", "1")));
    assert_eq!(venue.told(), ["fee 7 USDT"]);
    let (bookings, cursor) = venue.broker.bookings_since(venue.now, 1).unwrap();
    assert_eq!((bookings[0].booking, bookings[0].amount), (BookingKind::Fee, amount("-7")));
    assert_eq!((bookings.len(), cursor), (1, 2), "a listing grows at its end only");
}

#[test]
fn busted_execution_leaves_nothing_behind_but_its_report() {
    let mut venue = scripted([(5, Action::BustLast)]);
    let _ = venue.submit(&limit(1, Side::Buy, "1", "100"));
    venue.print(1, quote(spot(), ("98", "1"), ("99", "0.4")));
    venue.print(5, quote(spot(), ("98", "1"), ("101", "1")));
    assert_eq!(venue.told(), ["BUY 0.4 at 99 TAKER, 0.4 done, 0.6 left", "busted X1"]);
    assert_eq!(venue.cash("USDT"), Amount::whole(1_000_000));
    assert!(venue.broker.positions(venue.now).unwrap().is_empty());
    assert_eq!(venue.broker.executions_since(venue.now, 0).unwrap(), (vec![], 1));
    venue.print(6, quote(spot(), ("98", "1"), ("99", "5")));
    assert_eq!(venue.told(), ["BUY 1 at 100 MAKER, 1 done, 0 left"], "the order works again whole");
}

#[test]
fn withheld_report_is_of_one_execution_only() {
    let mut venue = scripted([(0, Action::WithholdReport)]);
    let _ = venue.submit(&limit(1, Side::Buy, "1", "100"));
    venue.print(1, quote(spot(), ("98", "1"), ("99", "0.4")));
    venue.print(2, quote(spot(), ("98", "1"), ("99", "0.4")));
    let reports = venue.reports();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].number, 1, "a withheld report leaves no gap");
    assert_eq!(in_words(&reports[0].fact), "BUY 0.4 at 100 MAKER, 0.8 done, 0.2 left");
    assert_eq!(venue.broker.executions_since(venue.now, 0).unwrap().0.len(), 2);
}

#[test]
fn configuration_is_text_and_reads_back() {
    let config = PaperConfig {
        script: vec![
            Scripted { at: at_ms(5), action: Action::BustLast },
            Scripted {
                at: at_ms(7),
                action: Action::ManualOrder {
                    instrument: spot(),
                    side: Side::Sell,
                    quantity: quantity("0.5"),
                    limit_price: Some(price("100.5")),
                },
            },
        ],
        ..plain()
    };
    let text = serde_json::to_string(&config).unwrap();
    assert!(text.contains(r#""USDT":"1000000""#), "{text}");
    assert!(text.contains(r#""limit_price":"100.5""#), "{text}");
    assert_eq!(serde_json::from_str::<PaperConfig>(&text).unwrap(), config);
    assert_eq!(serde_json::from_str::<PaperConfig>("{}").unwrap(), PaperConfig::default());
    let number = serde_json::from_str::<PaperConfig>(r#"{"balances":{"USDT":0.1}}"#);
    assert!(number.is_err(), "a bare number would have been a float");
    let unknown = serde_json::from_str::<PaperConfig>(r#"{"latency":1}"#).unwrap_err();
    assert!(unknown.to_string().contains("unknown field `latency`"), "{unknown}");
}
