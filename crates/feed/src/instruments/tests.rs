//! What ships, what a user's file changes, and what it may not say.

use event::{Amount, InstrumentId, Price, Quantity, Timestamp, choices::Payoff};

use super::Instruments;
use crate::{FeedError, Market};

fn id(name: &str) -> InstrumentId {
    InstrumentId::new(name).unwrap()
}

const OWN: &str = r#"
[[instrument]]
id = "BINANCE-SPOT:SOLUSDT"
payoff = "SPOT"
base = "SOL"
quote = "USDT"
settle = "USDT"
tick = "0.01"
lot = "0.001"
effective_from = "2024-01-01T00:00:00Z"
defined_by = "desk"
"#;

#[test]
fn bitcoin_and_ether_ship_on_three_markets() {
    let shipped = Instruments::shipped().unwrap();
    assert_eq!(shipped.definitions().count(), 6);
    for (market, symbol) in [
        (Market::Spot, "BTCUSDT"),
        (Market::Spot, "ETHUSDT"),
        (Market::UsdMargined, "BTCUSDT"),
        (Market::UsdMargined, "ETHUSDT"),
        (Market::CoinMargined, "BTCUSD_PERP"),
        (Market::CoinMargined, "ETHUSD_PERP"),
    ] {
        let expected = id(&format!("{}:{symbol}", market.venue()));
        assert_eq!(shipped.lookup(market, symbol), Some(expected));
    }
    assert_eq!(shipped.lookup(Market::Spot, "BTCUSD_PERP"), None);
}

#[test]
fn coin_margined_contracts_are_inverse_and_of_fixed_dollars() {
    let shipped = Instruments::shipped().unwrap();
    for (name, dollars, base) in
        [("BINANCE-COINM:BTCUSD_PERP", 100, "BTC"), ("BINANCE-COINM:ETHUSD_PERP", 10, "ETH")]
    {
        let found = shipped.definition(id(name), Timestamp(i64::MAX)).unwrap();
        assert_eq!((found.payoff, found.multiplier), (Payoff::Inverse, Quantity::whole(dollars)));
        assert_eq!((found.settle.as_str(), found.quote.as_str()), (base, "USD"));
        assert_eq!(found.minimum_notional, Amount::whole(dollars));
    }
}

#[test]
fn own_files_add_to_what_ships_and_replace_what_they_name() {
    let mut mine = Instruments::shipped().unwrap();
    let before = mine.digest();
    mine.overlay(OWN, "own.toml").unwrap();
    assert_eq!(mine.lookup(Market::Spot, "SOLUSDT"), Some(id("BINANCE-SPOT:SOLUSDT")));
    assert_ne!(mine.digest(), before);
    let coarser = OWN.replace("SOL", "BTC").replace("0.01\"", "0.5\"");
    mine.overlay(&coarser, "own.toml").unwrap();
    assert_eq!(mine.definitions().count(), 7);
    let bitcoin = mine.definition(id("BINANCE-SPOT:BTCUSDT"), Timestamp(0)).unwrap();
    assert_eq!(bitcoin.ticks[0].tick, Price::parse("0.5").unwrap());
    assert_eq!(bitcoin.defined_by.as_str(), "desk");
}

#[test]
fn the_digest_says_what_is_defined_not_in_which_order() {
    let ether = OWN.replace("SOL", "ADA");
    let mut one = Instruments::default();
    one.overlay(&format!("{OWN}{ether}"), "a").unwrap();
    let mut other = Instruments::default();
    other.overlay(&ether, "b").unwrap();
    other.overlay(OWN, "c").unwrap();
    assert_eq!(one.digest(), other.digest());
}

#[test]
fn the_definition_that_holds_is_the_latest_that_has_begun() {
    let later = OWN.replace("2024-01-01", "2024-06-01").replace("\"0.01\"", "\"0.1\"");
    let mut dated = Instruments::default();
    dated.overlay(&format!("{later}{OWN}"), "own.toml").unwrap();
    let tick_at = |day: &str| {
        let now = format!("{day}T00:00:00Z").parse().unwrap();
        dated.definition(id("BINANCE-SPOT:SOLUSDT"), now).unwrap().ticks[0].tick
    };
    assert_eq!(tick_at("2024-05-31"), Price::parse("0.01").unwrap());
    assert_eq!(tick_at("2024-06-01"), Price::parse("0.1").unwrap());
    assert_eq!(tick_at("2020-01-01"), Price::parse("0.01").unwrap());
}

#[test]
fn tiers_of_ticks_ascend() {
    let tiered = |tiers: &str| {
        let text = OWN.replace("tick = \"0.01\"", &format!("ticks = [{tiers}]"));
        let mut instruments = Instruments::default();
        instruments.overlay(&text, "own.toml").map(|()| instruments)
    };
    let low = r#"{ from = "0", tick = "0.0001" }"#;
    let high = r#"{ from = "1", tick = "0.01" }"#;
    let instruments = tiered(&format!("{low}, {high}")).unwrap();
    assert_eq!(instruments.definitions().next().unwrap().ticks.len(), 2);
    assert!(tiered(&format!("{high}, {low}")).is_err());
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let cases = [
        ("SPOT\"\nbase", "FUTURE\"\nbase", 4, "none of SPOT"),
        ("BINANCE-SPOT:SOLUSDT", "SOLUSDT", 3, "not `MARKET:SYMBOL`"),
        ("BINANCE-SPOT:SOLUSDT", "BINANCE-SPOT:SOL USDT", 3, "0x20"),
        ("settle = \"USDT\"", "settle = \"SOL\"", 7, "settles in its `quote`"),
        ("tick = \"0.01\"", "tick = \"0\"", 8, "`tick` is not above zero"),
        ("tick = \"0.01\"", "tick = \"0.0000000001\"", 8, "more than 9 decimal places"),
        ("tick = \"0.01\"", "tick = 0.01", 8, "expected a string"),
        ("tick = \"0.01\"\n", "", 3, "one of `tick` and `ticks`"),
        ("lot = \"0.001\"", "lot = \"-1\"", 9, "`lot` is not above zero"),
        ("lot = \"0.001\"", "lot = \"0.001\"\nlots = \"1\"", 10, "unknown field `lots`"),
        ("lot = \"0.001\"", "lot = \"0.001\"\nmultiplier = \"2\"", 10, "is 1"),
        ("lot = \"0.001\"", "lot = \"0.001\"\nminimum_notional = \"-2\"", 10, "below zero"),
        ("2024-01-01T", "2024-13-01T", 10, "an instant is"),
        ("lot = \"0.001\"\n", "", 2, "missing field `lot`"),
        ("payoff = ", "payoff ", 4, "expected"),
    ];
    for (from, to, line, reason) in cases {
        assert!(OWN.contains(from), "{from}");
        let text = OWN.replacen(from, to, 1);
        let fault = Instruments::default().overlay(&text, "own.toml").unwrap_err();
        let FeedError::Instrument { origin, line: found, reason: said } = &fault else { panic!() };
        assert_eq!((origin.as_str(), *found), ("own.toml", line), "{from} -> {to}: {said}");
        assert!(said.contains(reason), "{from} -> {to}: {said}");
    }
}

#[test]
fn one_symbol_names_one_instrument_and_one_date_one_definition() {
    let mut mine = Instruments::shipped().unwrap();
    let digest = mine.digest();
    let twin = OWN.replace("SOLUSDT", "BTC2").replace("payoff", "symbol = \"BTCUSDT\"\npayoff");
    let fault = mine.overlay(&twin, "own.toml").unwrap_err().to_string();
    assert!(fault.contains("are both `BTCUSDT` on BINANCE-SPOT"), "{fault}");
    let fault = mine.overlay(&format!("{OWN}{OWN}"), "own.toml").unwrap_err().to_string();
    assert!(fault.contains("defined twice"), "{fault}");
    assert_eq!(mine.digest(), digest, "a refused file changes nothing");
}
