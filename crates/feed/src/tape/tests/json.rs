//! JSON lines become events.

use event::{Body, Kind, Source, Timestamp, choices::QuarantineReason};

use super::{Outcome, Tapes, gzip, quarantined, reasons, tape_text};

const TRADE: &str = r#"{"source":"desk","source_seq":1,"key":"BINANCE-SPOT:BTCUSDT","time":"2024-08-09T00:00:00Z","event_time":"1723161599000000000","kind":"MarketTrade","body":{"instrument":"BINANCE-SPOT:BTCUSDT","price":"61837.63","quantity":"0.02","trade_id":"1","venue_sequence":1}}"#;

#[test]
fn a_json_line_is_an_event_with_its_times_and_its_producer() {
    let records = Tapes::of(gzip(format!("{TRADE}\n"))).read();
    assert_eq!(records[0].receive_time, "2024-08-09T00:00:00Z".parse().unwrap());
    let [root] = records[0].roots() else { panic!() };
    assert_eq!(root.event_time, Some(Timestamp(1_723_161_599_000_000_000)));
    assert_eq!(root.producer, Some((Source::new("desk").unwrap(), 1)));
    assert_eq!(root.body.kind(), Kind::MarketTrade);
}

#[test]
fn a_json_line_without_a_time_has_its_event_time_or_that_of_the_line_before() {
    let without = TRADE.replace(r#""time":"2024-08-09T00:00:00Z","#, "");
    let bare = without.replace(r#""event_time":"1723161599000000000","#, "");
    let records = Tapes::of(format!("{without}\n{bare}\n")).read();
    let times: Vec<_> = records.iter().map(|record| record.receive_time.0).collect();
    assert_eq!(times, [1_723_161_599_000_000_000; 2]);
    assert_eq!(reasons(&records), [None; 2]);
}

#[test]
fn json_lines_and_frames_may_share_a_file() {
    let records = Tapes::of(format!("{TRADE}\n{}", tape_text(2))).read();
    assert_eq!(reasons(&records), [None; 3]);
}

#[test]
fn what_is_wrong_with_a_json_line_has_its_reason() {
    use QuarantineReason::{
        Malformed, Number, TooLarge, UnknownField, UnknownInstrument, UnknownKind,
    };
    let long = format!("\"trade_id\":\"1\",\"conditions\":[\"{}\"]", "x".repeat(70_000));
    let cases = [
        ("\"trade_id\"", "\"colour\":1,\"trade_id\"", UnknownField, "no field `colour`"),
        ("\"kind\"", "\"colour\":1,\"kind\"", UnknownField, "no field `colour`"),
        ("MarketTrade", "MarketTrad", UnknownKind, "kind is unknown"),
        ("MarketTrade", "OrderExecuted", UnknownField, "OrderExecuted has no field"),
        ("\"61837.63\"", "61837.63", Malformed, "not a string"),
        ("61837.63", "61837.6300000001", Number, "more than 9"),
        ("61837.63", "9223372037", Number, "outside the range"),
        ("\"price\":\"61837.63\",", "", Malformed, "price is missing"),
        ("\"source\":\"desk\",", "", Malformed, "source is missing"),
        ("BINANCE-SPOT:BTCUSDT\",\"time", "OTHER\",\"time", Malformed, "is not the instrument"),
        ("\"body\":{", "\"body\":[", Malformed, ""),
        ("\"trade_id\":\"1\"", long.as_str(), TooLarge, "an event holds"),
    ];
    for (from, to, reason, detail) in cases {
        assert!(TRADE.contains(from), "{from}");
        let records = Tapes::of(format!("{}\n", TRADE.replacen(from, to, 1))).read();
        let fault = quarantined(&records[0]);
        assert_eq!(fault.reason, reason, "{from} -> {to}: {}", fault.detail);
        assert!(fault.detail.contains(detail), "{from} -> {to}: {}", fault.detail);
    }
    let records = Tapes::of(TRADE.replace("BTCUSDT", "DOGEUSDT")).read();
    assert_eq!(quarantined(&records[0]).reason, UnknownInstrument);
}

#[test]
fn a_tape_does_not_say_what_happened_to_orders() {
    let line = r#"{"source":"x","source_seq":1,"key":"PAPER","kind":"TradingResumed","body":{"actor":"a","reason":"b"}}"#;
    let fault = Tapes::of(line).read();
    assert_eq!(quarantined(&fault[0]).reason, QuarantineReason::UnknownKind);
    assert!(quarantined(&fault[0]).detail.contains("not TradingResumed"));
}

#[test]
fn an_operators_command_may_be_a_json_line_in_either_form() {
    let own = r#"{"source":"desk","source_seq":2,"key":"-","time":"5","kind":"OperatorCommanded","body":{"verb":"HALT","actor":"ada","reason":"drill"}}"#;
    let short = r#"{"time":"6","operator":{"verb":"RESUME","actor":"ada","reason":"drill over"}}"#;
    let records = Tapes::of(format!("{own}\n{short}\n")).read();
    for (record, time) in records.iter().zip([5, 6]) {
        assert_eq!(record.receive_time, Timestamp(time));
        assert!(matches!(&record.outcome, Outcome::Command(_)), "{:?}", record.outcome);
    }
}

#[test]
fn a_tape_may_define_the_instruments_it_trades() {
    let definition = r#"{"source":"desk","source_seq":1,"key":"XNAS:SPY","kind":"InstrumentDefined","body":{"instrument":"XNAS:SPY","venue":"XNAS","venue_symbol":"SPY","payoff":"SPOT","base":"SPY","quote":"USD","settle":"USD","multiplier":"1","ticks":[{"from_price":"0","tick":"0.01"}],"lot":"1","minimum_notional":"0","calendar":"247","effective_from":"0","defined_by":"desk"}}"#;
    let trade = TRADE.replace("BINANCE-SPOT:BTCUSDT", "XNAS:SPY");
    let tapes = Tapes::of(format!("{trade}\n{definition}\n{trade}\n"));
    let unknown = Some(QuarantineReason::UnknownInstrument);
    assert_eq!(reasons(&tapes.read()), [unknown, None, None]);
    let mut reader = tapes.open().unwrap();
    reader.skip_to(2).unwrap();
    let last = reader.next().unwrap().unwrap();
    assert!(
        matches!(last.roots()[0].body, Body::MarketTrade(_)),
        "a definition stepped over holds"
    );
}
