use event::choices::{Side, TimeInForce, TradingState};
use event::market::TradingStatusChanged;

use super::*;

#[test]
fn order_takes_the_quoted_price_and_no_more_than_the_quoted_size() {
    let mut venue = Venue::open(plain());
    let _ = venue.submit(&limit(1, Side::Buy, "1", "100"));
    venue.print(1, quote(spot(), ("98", "5"), ("99", "0.4")));
    assert_eq!(venue.told(), ["BUY 0.4 at 99 TAKER, 0.4 done, 0.6 left"]);
    assert_eq!(venue.position(spot()), (quantity("0.4"), amount("39.6")));
    assert_eq!(venue.cash("USDT"), amount("999960.4"));
}

#[test]
fn what_rests_trades_at_its_own_limit_as_maker() {
    let mut venue = Venue::open(plain());
    let _ = venue.submit(&limit(1, Side::Buy, "1", "100"));
    venue.print(1, quote(spot(), ("100", "5"), ("101", "5")));
    venue.print(2, quote(spot(), ("98", "5"), ("99", "0.3")));
    venue.print(3, trade(spot(), "100", "1"));
    venue.print(4, trade(spot(), "99.9", "0.2"));
    venue.print(5, trade(spot(), "99.9", "9"));
    assert_eq!(
        venue.told(),
        [
            "BUY 0.3 at 100 MAKER, 0.3 done, 0.7 left",
            "BUY 0.2 at 100 MAKER, 0.5 done, 0.5 left",
            "BUY 0.5 at 100 MAKER, 1 done, 0 left",
        ],
        "a trade at the limit itself fills nobody who was last in the queue"
    );
}

#[test]
fn one_quote_is_shared_by_price_then_by_arrival() {
    let mut venue = Venue::open(plain());
    let _ = venue.submit(&limit(1, Side::Buy, "1", "99"));
    let _ = venue.submit(&limit(2, Side::Buy, "1", "100"));
    let _ = venue.submit(&limit(3, Side::Buy, "1", "99"));
    venue.print(1, quote(spot(), ("97", "5"), ("98", "2.5")));
    let filled: Vec<_> = venue
        .facts()
        .into_iter()
        .map(|fact| match fact {
            Fact::Executed { order, quantity, .. } => (order.unwrap(), quantity.to_string()),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [(2, "1"), (1, "1"), (3, "0.5")];
    assert_eq!(filled, expected.map(|(n, q)| (order_id(n), q.to_string())));
}

#[test]
fn immediate_or_cancel_takes_what_is_there_and_ends() {
    let mut venue = Venue::open(plain());
    let time_in_force = TimeInForce::ImmediateOrCancel;
    let _ = venue.submit(&OrderRequest { time_in_force, ..limit(1, Side::Buy, "1", "100") });
    venue.print(1, quote(spot(), ("98", "5"), ("99", "0.4004")));
    venue.print(2, quote(spot(), ("98", "5"), ("99", "5")));
    assert_eq!(
        venue.told(),
        ["BUY 0.4 at 99 TAKER, 0.4 done, 0.6 left", "cancelled at 0.4: immediate or cancel"],
        "and only whole lots"
    );
    assert!(venue.broker.open_orders(venue.now).unwrap().is_empty());
}

#[test]
fn market_order_walks_from_quote_to_quote_until_it_is_done() {
    let mut venue = Venue::open(plain());
    let _ = venue.submit(&market(1, Side::Buy, "1"));
    venue.print(1, quote(spot(), ("98", "5"), ("99", "0.6")));
    venue.print(2, quote(spot(), ("99", "5"), ("101", "0.6")));
    assert_eq!(
        venue.told(),
        ["BUY 0.6 at 99 TAKER, 0.6 done, 0.4 left", "BUY 0.4 at 101 TAKER, 1 done, 0 left"]
    );
}

#[test]
fn order_meets_no_quote_before_its_latency_has_passed() {
    let mut venue = Venue::open(PaperConfig { latency_ns: 10_000_000, ..plain() });
    let _ = venue.submit(&market(1, Side::Buy, "1"));
    venue.print(9, quote(spot(), ("98", "5"), ("99", "5")));
    assert!(venue.told().is_empty());
    venue.print(10, quote(spot(), ("97", "5"), ("98", "5")));
    assert_eq!(venue.told(), ["BUY 1 at 98 TAKER, 1 done, 0 left"]);
}

#[test]
fn market_order_beyond_the_account_is_cancelled_when_its_price_is_known() {
    let mut venue = Venue::open(plain());
    let _ = venue.submit(&market(1, Side::Buy, "20000"));
    venue.print(1, quote(spot(), ("98", "90000"), ("99", "90000")));
    assert_eq!(venue.told(), ["cancelled at 0: insufficient balance"]);
    assert_eq!(venue.cash("USDT"), Amount::whole(1_000_000));
}

#[test]
fn nothing_trades_while_the_venue_is_halted() {
    let mut venue = Venue::open(plain());
    let _ = venue.submit(&limit(1, Side::Buy, "1", "100"));
    let status = |status| TradingStatusChanged { instrument: spot(), status, reason: "".into() };
    venue.print(1, status(TradingState::Halted));
    venue.print(2, quote(spot(), ("98", "5"), ("99", "5")));
    assert_eq!(code_of(&venue.submit(&limit(2, Side::Buy, "1", "100"))), "MARKET_CLOSED");
    assert!(venue.told().is_empty());
    venue.print(3, status(TradingState::Trading));
    venue.print(4, quote(spot(), ("98", "5"), ("99", "5")));
    assert_eq!(venue.told().len(), 1);
}

#[test]
fn fees_are_parts_per_million_of_the_value_in_the_currency_of_the_cash() {
    let config = PaperConfig { taker_fee_ppm: 1_000, maker_fee_ppm: -100, ..plain() };
    let mut venue = Venue::open(config);
    let _ = venue.submit(&market(1, Side::Buy, "2"));
    venue.print(1, quote(spot(), ("99", "5"), ("100", "5")));
    let _ = venue.submit(&limit(2, Side::Sell, "2", "110"));
    venue.print(2, quote(spot(), ("99", "5"), ("100", "5")));
    venue.print(3, trade(spot(), "111", "5"));
    let fees: Vec<_> = venue
        .facts()
        .into_iter()
        .map(|fact| match fact {
            Fact::Executed { fee, fee_currency, .. } => (fee.to_string(), fee_currency.to_string()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(fees, [("0.2".into(), "USDT".into()), ("-0.022".into(), "USDT".to_string())]);
    assert_eq!(venue.cash("USDT"), amount("1000019.822"));
}

#[test]
fn fee_in_base_comes_out_of_what_was_bought_with_its_cost() {
    let config = PaperConfig { taker_fee_ppm: 1_000, spot_buy_fee: crate::BuyFee::Base, ..plain() };
    let mut venue = Venue::open(config);
    let _ = venue.submit(&market(1, Side::Buy, "2"));
    venue.print(1, quote(spot(), ("99", "5"), ("100", "5")));
    assert_eq!(venue.position(spot()), (quantity("1.998"), amount("199.8")));
    assert_eq!(venue.cash("USDT"), amount("999800"), "the fee took no cash");
    assert_eq!(venue.cash("BTC"), amount("1000001.998"), "the asset is a balance as well");
}
