//! Frames of every shape, sound and unsound; the two ways of reading one agree.

use event::{Price, Quantity, Timestamp, choices::QuarantineReason, choices::Side, market::Level};
use proptest::prelude::*;

use super::{Content, Frame, frame::frame, number, parse, raws::Raws, scan::scan};
use crate::Market;

/// One frame of every shape the recorded markets have.
pub(crate) const FRAMES: [&str; 11] = [
    r#"{"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}"#,
    r#"{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":5123107839020,"s":"BTCUSDT","b":"61800.20","B":"2.507","a":"61800.30","A":"2.510","T":1723161256313,"E":1723161256314}}"#,
    r#"{"stream":"btcusd_perp@bookTicker","data":{"u":1007198632021,"e":"bookTicker","s":"BTCUSD_PERP","ps":"BTCUSD","b":"61804.7","B":"35","a":"61804.8","A":"1645","T":1723161257465,"E":1723161257476}}"#,
    r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}}"#,
    r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161256323,"T":1723161256322,"s":"BTCUSDT","t":5266583935,"p":"61800.30","q":"0.006","X":"MARKET","m":false}}"#,
    r#"{"stream":"btcusd_perp@depth@0ms","data":{"e":"depthUpdate","E":1723161257440,"T":1723161257432,"s":"BTCUSD_PERP","ps":"BTCUSD","U":1007198631260,"u":1007198631565,"pu":1007198631198,"b":[["61773.6","1001"],["61778.7","0"]],"a":[["61801.4","0"]]}}"#,
    r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255208,"s":"BTCUSDT","U":50093239189,"u":50093239202,"b":[["61737.63000000","0.00000000"]],"a":[]}}"#,
    r#"{"lastUpdateId":1007198635033,"E":1723161257835,"T":1723161257823,"symbol":"BTCUSD_PERP","pair":"BTCUSD","bids":[["61804.7","35"]],"asks":[["61804.8","1645"]]}"#,
    r#"{"lastUpdateId":5123107852948,"E":1723161256501,"T":1723161256493,"bids":[["61800.20","2.909"]],"asks":[]}"#,
    r#"{"lastUpdateId":50093239218,"bids":[["61837.63000000","3.78826000"]],"asks":[]}"#,
    r#"{"e":"trade","E":1723161257687,"T":1723161257679,"s":"ETHUSD_PERP","t":849714402,"p":"2684.8","q":"4","X":"MARKET","m":false}"#,
];

fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

fn quantity(text: &str) -> Quantity {
    Quantity::parse(text).unwrap()
}

fn level(price_text: &str, size: &str) -> Level {
    Level { price: price(price_text), quantity: quantity(size) }
}

fn read(at: usize) -> Frame<'static> {
    parse(FRAMES[at]).unwrap()
}

#[test]
fn the_market_follows_from_the_content_of_a_frame() {
    use Market::{CoinMargined as Coin, Spot, UsdMargined as Usd};
    let expected = [Spot, Usd, Coin, Spot, Usd, Coin, Spot, Coin, Usd, Spot, Coin];
    for (at, market) in expected.into_iter().enumerate() {
        assert_eq!(read(at).market, market, "{}", FRAMES[at]);
    }
}

#[test]
fn only_snapshots_outside_coin_margined_futures_lack_a_symbol() {
    let named: Vec<_> = (0..FRAMES.len()).map(|at| read(at).symbol.is_some()).collect();
    let lacking: Vec<_> = (0..FRAMES.len()).filter(|at| !named[*at]).collect();
    assert_eq!(lacking, [8, 9]);
}

#[test]
fn a_quote_keeps_every_digit() {
    let expected = Content::Quote {
        update: 50_093_239_212,
        bid: (price("61837.63"), quantity("3.78826")),
        ask: (price("61837.64"), quantity("1.54698")),
    };
    assert_eq!(read(0).content, expected);
    assert_eq!(read(0).event_time, None);
    assert_eq!(read(1).event_time, Some(Timestamp(1_723_161_256_313_000_000)));
}

#[test]
fn the_side_that_took_is_the_one_that_did_not_make() {
    let Content::Trade { aggressor, conditions, trade_id, .. } = read(3).content else { panic!() };
    assert_eq!((aggressor, conditions.len(), trade_id.as_str()), (Side::Sell, 0, "3735683259"));
    let Content::Trade { aggressor, conditions, .. } = read(4).content else { panic!() };
    assert_eq!((aggressor, conditions), (Side::Buy, vec!["MARKET".to_owned()]));
}

#[test]
fn a_book_update_carries_the_chain_of_its_market() {
    let futures = Content::Delta {
        first: 1_007_198_631_260,
        last: 1_007_198_631_565,
        previous: Some(1_007_198_631_198),
        bids: vec![level("61773.6", "1001"), level("61778.7", "0")],
        asks: vec![level("61801.4", "0")],
    };
    assert_eq!(read(5).content, futures);
    let Content::Delta { previous, .. } = read(6).content else { panic!() };
    assert_eq!(previous, None);
}

#[test]
fn microsecond_times_are_told_apart_by_their_size() {
    let micro = FRAMES[1].replace("\"T\":1723161256313", "\"T\":1723161256313777");
    assert_eq!(parse(&micro).unwrap().event_time, Some(Timestamp(1_723_161_256_313_777_000)));
}

#[test]
fn unknown_extra_fields_are_passed_over() {
    for (at, found) in FRAMES.iter().enumerate() {
        for extra in [r#""zz":1,"#, r#""zz":{"deep":[1.5e3,null]},"#, r#""zz":"\u00e9","#] {
            let inner = found.replacen("\"data\":{", &format!("\"data\":{{{extra}"), 1);
            let wider = if inner == *found { format!("{{{extra}{}", &found[1..]) } else { inner };
            assert_eq!(parse(&wider).unwrap(), read(at), "{wider}");
        }
    }
}

/// Reads `FRAMES[at]` with one text replaced by another.
fn fault(at: usize, from: &str, to: &str) -> (QuarantineReason, String) {
    assert!(FRAMES[at].contains(from), "{from} is not in frame {at}");
    let fault = parse(&FRAMES[at].replacen(from, to, 1)).unwrap_err();
    (fault.reason, fault.detail)
}

#[test]
fn what_is_wrong_with_a_frame_is_said_by_field() {
    use QuarantineReason::{Malformed, Number, UnknownKind};
    let cases = [
        (0, "\"b\":", "\"bp\":", Malformed, "field `b` is missing"),
        (0, "\"61837.63000000\"", "61837.63", Malformed, "field `b` is a number where text"),
        (0, "\"61837.63000000\"", "{\"p\":1}", Malformed, "field `b` is an object where text"),
        (0, "\"61837.63000000\"", "[]", Malformed, "field `b` is a list where text"),
        (0, "\"61837.63000000\"", "null", Malformed, "field `b` is missing"),
        (0, "61837.63000000", "61837.6300000001", Number, "more than 9 decimal places"),
        (0, "61837.63000000", "9223372037", Number, "outside the range"),
        (0, "61837.63000000", "6.1e4", Malformed, "not a decimal number"),
        (0, "61837.63000000", "", Malformed, "not a decimal number"),
        (0, "61837.63000000", "\\u0036", Malformed, "field `b` holds an escape"),
        (0, "3.78826000", "-3.78826000", Number, "a size is not negative"),
        (0, "3.78826000", "0.0000000000000000001", Number, "more than 18 decimal places"),
        (0, "50093239212", "-1", Malformed, "whole number"),
        (0, "50093239212", "1.5", Malformed, "whole number"),
        (0, "50093239212", "18446744073709551616", Number, "past 64 bits"),
        (1, "\"T\":1723161256313,", "", Malformed, "field `T` is missing"),
        (1, "1723161256313", "99999999999999999", Number, "past the year 2262"),
        (1, "bookTicker\",\"u\"", "kline\",\"u\"", UnknownKind, "kind `kline`"),
        (3, ",\"M\":true", "", Malformed, "one of `M` (spot) and `X` (futures)"),
        (3, "\"m\":true", "\"m\":\"true\"", Malformed, "field `m` is not true or false"),
        (3, "\"p\":\"61837.63000000\"", "\"p\":61837.63", Malformed, "field `p` is a number"),
        (5, "\"1001\"", "1001", Malformed, "field `b` is a number where text"),
        (5, "\"1001\"", "\"-1\"", Number, "a size is not negative"),
        (5, "[[\"61773.6\",\"1001\"]", "[[\"61773.6\"]", Malformed, "no list of price levels"),
        (5, "\"pu\":1007198631198", "\"pu\":\"x\"", Malformed, "field `pu`"),
        (9, "lastUpdateId", "lastUpdate", UnknownKind, "names no kind"),
        (9, "\"bids\"", "\"bid\"", Malformed, "field `bids` is missing"),
        (0, "\"u\":50093239212", "\"u\":1,\"u\":2", Malformed, "duplicate field"),
        (0, "}}", "}", Malformed, "EOF"),
        (0, "}}", "}}}", Malformed, "trailing"),
    ];
    for (at, from, to, reason, detail) in cases {
        let (found, said) = fault(at, from, to);
        assert_eq!(found, reason, "{from} -> {to}: {said}");
        assert!(said.contains(detail), "{from} -> {to}: {said}");
    }
    for (json, reason) in
        [("[]", Malformed), ("1", Malformed), ("{}", UnknownKind), ("", Malformed)]
    {
        assert_eq!(parse(json).unwrap_err().reason, reason, "{json}");
    }
}

#[test]
fn frames_as_the_venue_writes_them_take_the_direct_path() {
    for found in FRAMES {
        assert!(scan(found).is_some(), "{found}");
    }
}

/// The direct path gives what the general reader gives, or gives up.
fn check_agreement(json: &str) {
    if let Some(direct) = scan(json) {
        let general = Raws::read(json).map_err(|fault| fault.detail);
        let general = general.and_then(|raws| frame(raws).map_err(|fault| fault.detail));
        assert_eq!(frame(direct).map_err(|fault| fault.detail), general, "{json}");
    }
}

/// Values that stand where others are expected.
const ODD: [&str; 18] = [
    "0",
    "7",
    "007",
    "-1",
    "1.0",
    "1e3",
    "18446744073709551616",
    "null",
    "true",
    "\"\"",
    "\"x\"",
    "\"-1\"",
    "\"\u{e9}\"",
    "\"\\n\"",
    "{}",
    "[]",
    "[[\"1\",\"-2\"]]",
    "[[\"1\",\"2\"],[\"3\",\"0\"]]",
];

proptest! {
    #[test]
    fn the_direct_path_agrees_on_odd_values_and_keys(
        at in 0..FRAMES.len(),
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), 0..ODD.len(), prop::option::of("[a-zA-Z]{1,2}|data|stream")),
            1..3,
        ),
        wrapped in any::<bool>(),
    ) {
        let whole: serde_json::Value = serde_json::from_str(FRAMES[at]).unwrap();
        let inner = whole.get("data").unwrap_or(&whole).as_object().unwrap();
        let mut fields: Vec<(String, String)> =
            inner.iter().map(|(key, value)| (key.clone(), value.to_string())).collect();
        for (place, odd, key) in changes {
            let place = place.index(fields.len());
            match key {
                Some(key) => fields.insert(place, (key, ODD[odd].into())),
                None => fields[place].1 = ODD[odd].into(),
            }
        }
        let fields: Vec<_> =
            fields.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        let object = format!("{{{}}}", fields.join(","));
        let json = if wrapped { format!("{{\"stream\":\"x\",\"data\":{object}}}") } else { object };
        check_agreement(&json);
    }

    #[test]
    fn the_direct_path_finds_what_the_general_reader_finds(
        at in 0..FRAMES.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), "[ -~]{0,3}", 0..4_usize), 0..3),
    ) {
        let mut json = FRAMES[at].to_owned();
        for (place, with, removed) in edits {
            let start = place.index(json.len().max(1)).min(json.len());
            let end = (start + removed).min(json.len());
            json.replace_range(start..end, &with);
        }
        check_agreement(&json);
    }

    #[test]
    fn fields_in_any_order_are_the_same_frame(at in 0..FRAMES.len(), seed in any::<prop::sample::Index>()) {
        let whole: serde_json::Value = serde_json::from_str(FRAMES[at]).unwrap();
        let data = whole.get("data").unwrap_or(&whole).as_object().unwrap();
        let mut fields: Vec<_> =
            data.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        let turn = seed.index(fields.len());
        fields.rotate_left(turn);
        let json = format!("{{{}}}", fields.join(","));
        prop_assert!(scan(&json).is_some(), "{json}");
        let other = parse(&json).unwrap();
        prop_assert_eq!(other, read(at));
        check_agreement(&json);
    }

    #[test]
    fn numbers_are_read_as_money_reads_them(
        text in prop_oneof!["-?[0-9]{0,21}(\\.[0-9]{0,20})?", "[0-9.]{0,6}", "[0-9]{1,6}\\.[0-9]{8}"],
    ) {
        prop_assert_eq!(number::price_of(&text), Price::parse(&text));
        let parts = |size: Quantity| (size.mantissa(), size.scale());
        prop_assert_eq!(number::quantity_of(&text).map(parts), Quantity::parse(&text).map(parts));
    }
}

#[test]
fn a_number_with_two_points_is_none() {
    for text in ["0.0.0", "5.10.0", "5.10.", "5..0", "5.", ".5", "5.1.0"] {
        assert_eq!(number::quantity_of(text), Err(event::MoneyError::Malformed), "{text}");
        assert_eq!(number::price_of(text), Err(event::MoneyError::Malformed), "{text}");
    }
}
