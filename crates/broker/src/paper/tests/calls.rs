use event::choices::Side;

use super::*;

#[test]
fn refusals_carry_a_code() {
    let check = |request: OrderRequest, code: &str| {
        let balances = [(currency("USDT"), Amount::whole(1_000_000))].into();
        let mut venue = Venue::open(PaperConfig { balances, ..plain() });
        assert_eq!(code_of(&venue.submit(&request)), code, "{request:?}");
        assert!(venue.broker.open_orders(venue.now).unwrap().is_empty());
    };
    let buy = |size, at| limit(1, Side::Buy, size, at);
    check(buy("0", "100"), "BAD_ORDER");
    check(OrderRequest { limit_price: None, ..buy("1", "100") }, "BAD_ORDER");
    check(buy("0.0001", "100"), "LOT_SIZE");
    check(buy("1", "100.05"), "PRICE_FILTER");
    check(buy("1", "-100"), "PRICE_FILTER");
    check(buy("0.01", "100"), "MIN_NOTIONAL");
    check(buy("10001", "100"), "INSUFFICIENT_BALANCE");
    check(limit(1, Side::Sell, "1", "100"), "INSUFFICIENT_BALANCE");
    check(market(1, Side::Sell, "1"), "INSUFFICIENT_BALANCE");
    let instrument = InstrumentId::new("X-SPOT:NONE").unwrap();
    check(OrderRequest { instrument, ..buy("1", "100") }, "UNKNOWN_INSTRUMENT");
    check(OrderRequest { expires: at_ms(-1), ..buy("1", "100") }, "EXPIRED");
}

#[test]
fn client_order_id_is_unique_for_ever() {
    let mut venue = Venue::open(plain());
    assert_eq!(code_of(&venue.submit(&market(1, Side::Buy, "1"))), "ACCEPTED");
    venue.print(1, quote(spot(), ("98", "5"), ("99", "5")));
    let again = OrderRequest { attempt: 2, ..market(1, Side::Buy, "1") };
    assert_eq!(code_of(&venue.submit(&again)), "DUPLICATE_CLIENT_ORDER_ID");
    let same_name = OrderRequest { client_order_id: label("c1"), ..market(2, Side::Buy, "1") };
    assert_eq!(code_of(&venue.submit(&same_name)), "DUPLICATE_CLIENT_ORDER_ID");
}

#[test]
fn known_attempt_is_answered_from_the_record_and_executes_nothing() {
    let mut venue = Venue::open(plain());
    let first = venue.submit(&market(1, Side::Buy, "1"));
    venue.print(1, quote(spot(), ("98", "5"), ("99", "5")));
    venue.restart();
    assert_eq!(venue.submit(&market(1, Side::Buy, "1")), first);
    venue.print(2, quote(spot(), ("98", "5"), ("99", "5")));
    assert_eq!(venue.position(spot()).0, quantity("1"));
}

#[test]
fn working_orders_hold_what_they_may_spend() {
    let mut venue = Venue::open(plain());
    assert_eq!(code_of(&venue.submit(&limit(1, Side::Buy, "6000", "100"))), "ACCEPTED");
    assert_eq!(code_of(&venue.submit(&limit(2, Side::Buy, "6000", "100"))), "INSUFFICIENT_BALANCE");
    let _ = venue.broker.cancel(venue.now, &cancel(1, 2)).unwrap();
    venue.print(1, quote(spot(), ("98", "5"), ("101", "5")));
    assert_eq!(code_of(&venue.submit(&limit(3, Side::Buy, "6000", "100"))), "ACCEPTED");
}

#[test]
fn derivatives_hold_margin_and_a_reducing_order_needs_none() {
    let mut venue = Venue::open(PaperConfig {
        balances: [(currency("USDT"), Amount::whole(100))].into(),
        ..plain()
    });
    let linear =
        |n, side, size| OrderRequest { instrument: linear(), ..limit(n, side, size, "100") };
    assert_eq!(code_of(&venue.submit(&linear(1, Side::Sell, "11"))), "INSUFFICIENT_BALANCE");
    assert_eq!(code_of(&venue.submit(&linear(2, Side::Sell, "10"))), "ACCEPTED");
    venue.print(1, quote(super::linear(), ("100", "50"), ("101", "50")));
    assert_eq!(venue.position(super::linear()), (quantity("-10"), amount("-1000")));
    assert_eq!(code_of(&venue.submit(&linear(3, Side::Sell, "1"))), "INSUFFICIENT_BALANCE");
    assert_eq!(code_of(&venue.submit(&linear(4, Side::Buy, "10"))), "ACCEPTED");
}

#[test]
fn cancel_is_a_promise_and_its_report_the_fact() {
    let mut venue = Venue::open(PaperConfig { latency_ns: 5_000_000, ..plain() });
    let _ = venue.submit(&limit(1, Side::Buy, "1", "100"));
    let answer = venue.broker.cancel(venue.now, &cancel(1, 2)).unwrap();
    assert_eq!(code_of(&answer), "ACCEPTED");
    assert!(venue.told().is_empty());
    assert_eq!(venue.broker.open_orders(venue.now).unwrap().len(), 1);
    venue.print(5, quote(spot(), ("98", "5"), ("99", "5")));
    assert_eq!(venue.told(), ["cancelled at 0: cancelled on request"], "it came before the quote");
    let answer = venue.broker.cancel(venue.now, &cancel(1, 3)).unwrap();
    assert_eq!(code_of(&answer), "ORDER_CLOSED");
    let answer = venue.broker.cancel(venue.now, &cancel(9, 1)).unwrap();
    assert_eq!(code_of(&answer), "UNKNOWN_ORDER");
}

#[test]
fn fill_that_overtakes_a_cancel_stands_and_the_cancel_is_refused() {
    let mut venue = Venue::open(PaperConfig { latency_ns: 5_000_000, ..plain() });
    let _ = venue.submit(&limit(1, Side::Buy, "1", "100"));
    venue.print(4, quote(spot(), ("98", "5"), ("99", "5")));
    let _ = venue.broker.cancel(venue.now, &cancel(1, 2)).unwrap();
    venue.print(6, quote(spot(), ("98", "5"), ("99", "5")));
    venue.print(9, quote(spot(), ("98", "5"), ("99", "5")));
    assert_eq!(
        venue.told(),
        ["BUY 1 at 99 TAKER, 1 done, 0 left", "no CANCEL: the order has ended"]
    );
}

#[test]
fn replace_changes_terms_and_name_and_may_come_too_late() {
    let mut venue = Venue::open(plain());
    let _ = venue.submit(&limit(1, Side::Buy, "1", "100"));
    venue.print(1, quote(spot(), ("98", "5"), ("101", "5")));
    let bad = venue.broker.replace(venue.now, &replace(1, 2, "2", "100.05")).unwrap();
    assert_eq!(code_of(&bad), "PRICE_FILTER");
    let answer = venue.broker.replace(venue.now, &replace(1, 3, "2", "101")).unwrap();
    assert_eq!(code_of(&answer), "ACCEPTED");
    venue.print(2, quote(spot(), ("98", "5"), ("101", "1.5")));
    let _ = venue.broker.replace(venue.now, &replace(1, 4, "1.5", "102")).unwrap();
    venue.print(3, quote(spot(), ("98", "5"), ("103", "5")));
    assert_eq!(
        venue.told(),
        [
            "replaced by V2: 2 at 101",
            "BUY 1.5 at 101 TAKER, 1.5 done, 0.5 left",
            "no REPLACE: executed beyond the new quantity",
        ]
    );
    let open = venue.broker.open_orders(venue.now).unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].quantity, open[0].venue_order), (quantity("2"), label("V2")));
}

#[test]
fn order_expires_and_does_not_trade_after_its_instant() {
    let mut venue = Venue::open(plain());
    let order = OrderRequest { expires: at_ms(10), ..limit(1, Side::Buy, "1", "100") };
    let _ = venue.submit(&order);
    venue.print(10, quote(spot(), ("98", "5"), ("101", "5")));
    venue.print(11, quote(spot(), ("98", "5"), ("99", "5")));
    assert_eq!(venue.told(), ["expired at 0: expired"]);
}

#[test]
fn where_only_the_request_expires_an_order_at_rest_stays() {
    let mut venue = Venue::open(PaperConfig { expiry: crate::Expiry::Request, ..plain() });
    let order = |n| OrderRequest { expires: at_ms(10), ..limit(n, Side::Buy, "1", "100") };
    let _ = venue.submit(&order(1));
    venue.print(10, quote(spot(), ("98", "5"), ("101", "5")));
    let _ = venue.submit(&order(2));
    venue.print(11, quote(spot(), ("98", "5"), ("99", "5")));
    assert_eq!(venue.told(), ["expired at 0: expired", "BUY 1 at 100 MAKER, 1 done, 0 left"]);
}

#[test]
fn time_passes_without_market_records_too() {
    let mut venue = Venue::open(plain());
    let _ = venue.submit(&limit(1, Side::Buy, "1", "100"));
    venue.print(1, quote(spot(), ("98", "5"), ("101", "5")));
    let _ = venue.broker.cancel(venue.now, &cancel(1, 2)).unwrap();
    venue.now.time = at_ms(2);
    venue.broker.advance(venue.now).unwrap();
    assert_eq!(venue.told(), ["cancelled at 0: cancelled on request"]);
}
