//! Recorded frames become events.

use event::{
    Body, Key, Price, Quantity, Timestamp,
    choices::{OperatorVerb, QuarantineReason},
    market::BookSnapshot,
    wire::Message,
};

use super::{FRAMES, Outcome, Tapes, quarantined, reasons, tape_text};
use crate::tape::split::BODY_BYTES_MAX;

fn root(frame: &str) -> crate::RootBody {
    let records = Tapes::of(format!("1723161255088169167 {frame}\n")).read();
    assert_eq!(records[0].receive_time, Timestamp(1_723_161_255_088_169_167));
    match &records[0].outcome {
        Outcome::Root(root) => root.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_shape_of_frame_is_an_event_of_its_instrument() {
    let expected = [
        ("MarketQuote", "BINANCE-SPOT:BTCUSDT"),
        ("MarketQuote", "BINANCE-USDM:BTCUSDT"),
        ("MarketQuote", "BINANCE-COINM:BTCUSD_PERP"),
        ("MarketTrade", "BINANCE-SPOT:BTCUSDT"),
        ("MarketTrade", "BINANCE-USDM:BTCUSDT"),
        ("BookDelta", "BINANCE-COINM:BTCUSD_PERP"),
        ("BookDelta", "BINANCE-SPOT:BTCUSDT"),
        ("BookSnapshot", "BINANCE-COINM:BTCUSD_PERP"),
    ];
    for (frame, (kind, instrument)) in FRAMES.iter().zip(expected) {
        let root = root(frame);
        assert_eq!(root.body.kind().as_str(), kind, "{frame}");
        assert_eq!(root.key, Key::new(instrument).unwrap(), "{frame}");
        assert_eq!(root.body.key(), root.key);
    }
}

#[test]
fn an_empty_side_is_quoted_as_absent() {
    let frame =
        FRAMES[0].replace("61837.63000000", "0.00000000").replace("3.78826000", "0.00000000");
    let Body::MarketQuote(quote) = root(&frame).body else { panic!() };
    assert_eq!((quote.bid_price, quote.bid_quantity), (None, Quantity::ZERO));
    assert_eq!(quote.ask_price, Some(Price::parse("61837.64").unwrap()));
}

#[test]
fn venue_sequences_are_carried_and_not_relied_on() {
    let Body::MarketQuote(quote) = root(FRAMES[0]).body else { panic!() };
    assert_eq!(quote.venue_sequence, 50_093_239_212);
    let twice = format!("1 {0}\n1 {0}\n", FRAMES[3]);
    let records = Tapes::of(twice).read();
    assert_eq!(records[0].outcome, records[1].outcome);
    assert_ne!(records[0].record, records[1].record);
}

fn levels(count: usize) -> String {
    let level = |at: usize| format!(r#"["{}.123456789","{}.00000001"]"#, 60_000 + at, 1 + at);
    (0..count).map(level).collect::<Vec<_>>().join(",")
}

#[test]
fn a_deep_book_is_split_into_parts_that_fit_and_lose_nothing() {
    let (bids, asks) = (levels(5_000), levels(3_000));
    let frame = format!(
        r#"{{"lastUpdateId":9,"E":1,"T":1,"symbol":"BTCUSD_PERP","pair":"BTCUSD","bids":[{bids}],"asks":[{asks}]}}"#
    );
    let records = Tapes::of(format!("1 {frame}\n")).read();
    let Outcome::Parts(parts) = &records[0].outcome else { panic!() };
    assert!(parts.len() > 2);
    let snapshot = |root: &crate::RootBody| match &root.body {
        Body::BookSnapshot(snapshot) => snapshot.clone(),
        other => panic!("{other:?}"),
    };
    let parts: Vec<BookSnapshot> = parts.iter().map(snapshot).collect();
    let mut seen = (Vec::new(), Vec::new());
    for (at, part) in parts.iter().enumerate() {
        let mut encoded = Vec::new();
        part.encode(&mut encoded);
        assert!(encoded.len() <= BODY_BYTES_MAX, "{}", encoded.len());
        assert!(at + 1 == parts.len() || encoded.len() > BODY_BYTES_MAX * 9 / 10);
        assert_eq!((part.part as usize, part.parts as usize), (at, parts.len()));
        seen.0.extend(part.bids.clone());
        seen.1.extend(part.asks.clone());
    }
    assert_eq!((seen.0.len(), seen.1.len()), (5_000, 3_000));
    assert!(seen.0.is_sorted_by_key(|level| level.price));
}

#[test]
fn a_book_update_that_does_not_fit_is_quarantined_whole() {
    let with = |count| {
        let frame = FRAMES[5].replace(r#"[["61801.4","0"]]"#, &format!("[{}]", levels(count)));
        reasons(&Tapes::of(format!("1 {frame}\n")).read())
    };
    assert_eq!(with(2_000), [None]);
    assert_eq!(with(4_000), [Some(QuarantineReason::TooLarge)]);
}

#[test]
fn an_operators_command_stands_between_frames() {
    let line = r#"3 {"operator":{"verb":"HALT","account":"PAPER","actor":"ada","reason":"drill"}}"#;
    let records = Tapes::of(format!("{}{line}\n", tape_text(2))).read();
    let Outcome::Command(root) = &records[2].outcome else { panic!() };
    let Body::OperatorCommanded(command) = &root.body else { panic!() };
    assert_eq!((command.verb, command.actor.as_str()), (OperatorVerb::Halt, "ada"));
    assert_eq!(root.key, Key::new("PAPER").unwrap());
    assert_eq!(records[2].receive_time, Timestamp(3));
}

#[test]
fn a_command_names_a_known_verb_its_actor_and_its_reason() {
    use QuarantineReason::{Malformed, UnknownField};
    for (command, reason) in [
        (r#"{"verb":"HALT","actor":"ada"}"#, Malformed),
        (r#"{"verb":"HALT","reason":"drill"}"#, Malformed),
        (r#"{"verb":"SELL","actor":"ada","reason":"drill"}"#, Malformed),
        (r#"{"actor":"ada","reason":"drill"}"#, Malformed),
        (r#"{"verb":"HALT","actor":"ada","reason":"drill","why":1}"#, UnknownField),
        ("null", Malformed),
    ] {
        let records = Tapes::of(format!("{}3 {{\"operator\":{command}}}\n", tape_text(1))).read();
        assert_eq!(quarantined(&records[1]).reason, reason, "{command}");
    }
}

#[test]
fn what_is_no_frame_is_quarantined() {
    for line in [
        "",
        " ",
        "5",
        "5 ",
        "5 {",
        "5\t{}",
        "x {}",
        "-5 {}",
        "99999999999999999999 {}",
        "5  {}",
        "\u{feff}5 {}",
    ] {
        let records = Tapes::of(format!("{}{line}\n{}", tape_text(1), tape_text(1))).read();
        assert_eq!(records.len(), 3, "{line:?}");
        let fault = quarantined(&records[1]);
        assert!(
            matches!(fault.reason, QuarantineReason::Malformed | QuarantineReason::UnknownKind),
            "{line:?}: {}",
            fault.detail
        );
        assert_eq!(fault.origin, records[1].source);
    }
}
