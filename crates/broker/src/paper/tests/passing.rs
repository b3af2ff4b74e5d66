use event::choices::Side;

use super::*;

const HOUR_MS: i64 = 3_600_000;

fn linear_buy(number: u8, size: &str) -> OrderRequest {
    OrderRequest { instrument: linear(), ..market(number, Side::Buy, size) }
}

#[test]
fn long_pays_funding_once_per_interval_at_the_first_price_of_it() {
    let mut venue = Venue::open(plain());
    let _ = venue.submit(&linear_buy(1, "2"));
    venue.print(HOUR_MS, quote(linear(), ("100", "5"), ("100", "5")));
    let _ = venue.told();
    venue.print(7 * HOUR_MS, quote(linear(), ("100", "5"), ("100", "5")));
    venue.print(8 * HOUR_MS, quote(linear(), ("150", "5"), ("150", "5")));
    venue.print(9 * HOUR_MS, quote(linear(), ("160", "5"), ("160", "5")));
    assert_eq!(venue.told(), ["funding -0.03 USDT"]);
    assert_eq!(venue.cash("USDT"), amount("999999.97"));
    let (bookings, _) = venue.broker.bookings_since(venue.now, 0).unwrap();
    assert_eq!(bookings[0].instrument, Some(linear()));
}

#[test]
fn short_inverse_receives_funding_in_coin() {
    let mut venue = Venue::open(plain());
    let sell = OrderRequest { instrument: inverse(), ..market(1, Side::Sell, "10") };
    let _ = venue.submit(&sell);
    venue.print(HOUR_MS, quote(inverse(), ("50000", "500"), ("50000", "500")));
    assert_eq!(venue.position(inverse()), (quantity("-10"), amount("-0.02")));
    let _ = venue.told();
    venue.print(8 * HOUR_MS, quote(inverse(), ("40000", "500"), ("40000", "500")));
    assert_eq!(venue.told(), ["funding 0.0000025 BTC"]);
}

#[test]
fn each_day_but_the_first_begins_with_a_statement_of_cash() {
    let mut venue = Venue::open(plain());
    venue.print(HOUR_MS, quote(spot(), ("100", "5"), ("100", "5")));
    venue.print(23 * HOUR_MS, quote(spot(), ("100", "5"), ("100", "5")));
    assert!(venue.told().is_empty());
    venue.print(25 * HOUR_MS, quote(spot(), ("100", "5"), ("100", "5")));
    venue.print(26 * HOUR_MS, quote(spot(), ("100", "5"), ("100", "5")));
    let reports = venue.reports();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].at, at_ms(24 * HOUR_MS));
    let balances = venue.broker.balances(venue.now).unwrap();
    assert_eq!(reports[0].fact, Fact::Balances { balances });
}

#[test]
fn definition_replaces_another_from_its_date_on() {
    let mut venue = Venue::open(plain());
    let mut coarser = defined(spot());
    coarser.lot = quantity("0.5");
    coarser.effective_from = at_ms(10);
    venue.print(1, coarser);
    assert_eq!(code_of(&venue.submit(&limit(1, Side::Buy, "0.1", "100"))), "ACCEPTED");
    venue.print(10, quote(spot(), ("98", "5"), ("101", "5")));
    assert_eq!(code_of(&venue.submit(&limit(2, Side::Buy, "0.1", "100"))), "LOT_SIZE");
    venue.restart();
    assert_eq!(code_of(&venue.submit(&limit(3, Side::Buy, "0.1", "100"))), "LOT_SIZE");
}

#[test]
fn market_records_that_change_nothing_write_nothing() {
    let mut venue = Venue::open(plain());
    let _ = venue.submit(&limit(1, Side::Buy, "1", "100"));
    venue.print(1, quote(spot(), ("98", "5"), ("101", "5")));
    let size = |venue: &Venue| std::fs::metadata(record_of(&venue.path())).unwrap().len();
    let before = size(&venue);
    for ms in 2..500 {
        venue.print(ms, quote(spot(), ("98", "5"), ("101", "5")));
        venue.print(ms, quote(linear(), ("98", "5"), ("101", "5")));
        venue.print(ms, trade(spot(), "101", "5"));
    }
    assert_eq!(size(&venue), before);
}
