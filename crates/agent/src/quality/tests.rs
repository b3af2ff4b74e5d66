use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use event::{
    Digest, EventId,
    choices::QuarantineReason,
    market::{BookDelta, BookSnapshot, TradingStatusChanged},
    operations::EventQuarantined,
    wire::Blob,
};

use super::*;
use crate::{Probe, testing::*};

fn delta(first: u64, last: u64, previous: Option<u64>) -> Body {
    BookDelta {
        instrument: spot(),
        first_sequence: first,
        last_sequence: last,
        previous_sequence: previous,
        bids: Vec::new(),
        asks: Vec::new(),
    }
    .into()
}

fn book(last_sequence: u64) -> Body {
    let (bids, asks) = (Vec::new(), Vec::new());
    BookSnapshot { instrument: spot(), last_sequence, bids, asks, part: 0, parts: 1 }.into()
}

fn garbage(reason: QuarantineReason) -> Body {
    EventQuarantined {
        origin: source("-"),
        record: 0,
        reason,
        detail: "no `e`".into(),
        bytes: Blob(Vec::new()),
        bytes_total: 0,
        digest: Digest([0; 32]),
        parked: false,
    }
    .into()
}

fn tick(sequence: u64) -> Body {
    trade(spot(), "100", sequence).into()
}

fn quoted(bid: &str, ask: &str, sequence: u64) -> Body {
    quote(spot(), (bid, "1"), (ask, "1"), sequence).into()
}

/// What is said on a tape: when, in milliseconds, and what.
fn check(tape: &[(i64, Body)], expected: &[(i64, &str)]) {
    let mut probe = Probe::new(Quality::new(Config::default())).unwrap();
    let mut said = Vec::new();
    for (ms, body) in tape {
        said.extend(probe.tell(at_ms(*ms), body.clone()));
    }
    let said: Vec<(i64, String)> = said
        .iter()
        .map(|event| {
            let what = match &event.body {
                Body::MarketAnomalyDetected(found) => found.anomaly.to_string(),
                Body::FeedStatusChanged(feed) => feed.state.to_string(),
                other => format!("{other:?}"),
            };
            (event.time.0 / 1_000_000, what)
        })
        .collect();
    let said: Vec<(i64, &str)> = said.iter().map(|(ms, what)| (*ms, what.as_str())).collect();
    assert_eq!(said, expected);
}

#[test]
fn clean_data_is_passed_over_in_silence() {
    let tape: Vec<_> = (1..20)
        .flat_map(|n| {
            let seq = n as u64;
            [
                (n * 100, tick(seq)),
                (n * 100, quoted("99", "101", seq)),
                (n * 100, delta(seq * 10, seq * 10 + 9, None)),
            ]
        })
        .collect();
    check(&tape, &[]);
}

#[test]
fn an_instrument_without_data_is_stale_once_and_its_feed_after_a_minute() {
    let tape = [(0, tick(1)), (70_000, tick(2)), (70_100, tick(3)), (85_000, tick(4))];
    check(&tape, &[(10_000, "STALE"), (60_000, "STALE"), (70_000, "LIVE"), (80_100, "STALE")]);
}

#[test]
fn an_instrument_the_venue_halted_is_not_missed() {
    let halted = TradingStatusChanged {
        instrument: spot(),
        status: TradingState::Halted,
        reason: String::new(),
    };
    check(
        &[(0, tick(1)), (5_000, halted.into()), (90_000, garbage(QuarantineReason::Conflict))],
        &[],
    );
}

#[test]
fn a_feed_that_handed_its_instruments_over_is_not_missed() {
    let mut probe = Probe::new(Quality::new(Config::default())).unwrap();
    let mut said = Vec::new();
    for second in 0..100 {
        let feed = if second < 10 { source("file/a") } else { source("file/b") };
        let event = probe.root(feed, at(second), tick(second as u64 + 1));
        said.extend(probe.take(&event));
    }
    assert!(said.is_empty(), "{:?}", bodies(&said));
}

#[test]
fn a_hole_in_the_venues_chain_is_a_gap_each_time() {
    check(
        &[(0, delta(1, 5, None)), (1, delta(7, 8, None)), (2, delta(10, 12, None))],
        &[(1, "SEQUENCE_GAP"), (2, "SEQUENCE_GAP")],
    );
    check(
        &[(0, delta(1, 5, Some(0))), (1, delta(9, 12, Some(5))), (2, delta(20, 21, Some(13)))],
        &[(2, "SEQUENCE_GAP")],
    );
}

#[test]
fn a_snapshot_stands_in_for_the_updates_before_it() {
    check(&[(0, delta(1, 5, None)), (1, book(9)), (2, delta(8, 12, None))], &[]);
    check(&[(0, book(9)), (1, delta(9, 12, Some(7)))], &[]);
    check(&[(0, book(9)), (1, delta(12, 13, None))], &[(1, "SEQUENCE_GAP")]);
}

#[test]
fn a_repeated_or_older_sequence_is_said() {
    check(
        &[(0, tick(5)), (1, tick(5)), (2, tick(4)), (3, tick(6))],
        &[(1, "DUPLICATE_SEQUENCE"), (2, "OUT_OF_ORDER_SEQUENCE")],
    );
    check(
        &[(0, delta(1, 5, None)), (1, delta(1, 5, None)), (2, delta(1, 4, None))],
        &[(1, "DUPLICATE_SEQUENCE"), (2, "OUT_OF_ORDER_SEQUENCE")],
    );
}

#[test]
fn two_records_of_one_packet_are_no_repeat() {
    let mut second = trade(spot(), "100", 5);
    second.trade_id = name("other");
    check(&[(0, tick(5)), (1, second.into())], &[]);
    check(&[(0, quoted("99", "101", 7)), (1, quoted("98", "101", 7))], &[]);
}

#[test]
fn a_repeat_within_a_second_is_said_once() {
    let tape: Vec<_> = (0..30).map(|n| (n * 100, tick(5))).collect();
    let said =
        [(100, "DUPLICATE_SEQUENCE"), (1_100, "DUPLICATE_SEQUENCE"), (2_100, "DUPLICATE_SEQUENCE")];
    check(&tape, &said);
}

#[test]
fn a_price_five_percent_away_is_a_jump() {
    let far: Body = trade(spot(), "105.01", 2).into();
    let near: Body = trade(spot(), "105", 2).into();
    check(&[(0, tick(1)), (1, far)], &[(1, "PRICE_JUMP")]);
    check(&[(0, tick(1)), (1, near)], &[]);
    check(&[(0, quoted("99", "101", 1)), (1, quoted("80", "101", 2))], &[(1, "PRICE_JUMP")]);
}

#[test]
fn a_crossed_book_is_said_once_until_it_uncrosses() {
    let tape = [
        (0, quoted("100", "101", 1)),
        (1, quoted("101.5", "101", 2)),
        (2, quoted("101.6", "101", 3)),
        (3, quoted("101", "101", 4)),
        (1_500, quoted("101.5", "101", 5)),
    ];
    check(&tape, &[(1, "CROSSED_BOOK"), (1_500, "CROSSED_BOOK")]);
}

#[test]
fn a_receive_clock_running_backwards_is_said() {
    check(&[(5, tick(1)), (3, tick(2))], &[(5, "CLOCK_BACKWARDS")]);
}

#[test]
fn five_bad_records_in_a_row_make_a_feed_unparseable_and_ten_good_ones_live() {
    let bad = || (100, garbage(QuarantineReason::Malformed));
    let mut tape = Vec::from([(0, tick(1)), bad(), bad(), bad(), bad(), bad(), bad()]);
    tape.extend((2..13).map(|n| (200 + n, tick(n as u64))));
    check(&tape, &[(100, "UNPARSEABLE"), (211, "LIVE")]);
}

#[test]
fn a_bad_record_among_the_good_ones_starts_the_count_again() {
    let bad = || (100, garbage(QuarantineReason::Malformed));
    let mut tape = Vec::from([(0, tick(1)), bad(), bad(), bad(), bad(), bad()]);
    tape.extend((2..9).map(|n| (100, tick(n))));
    tape.push(bad());
    tape.extend((9..19).map(|n| (200, tick(n))));
    check(&tape, &[(100, "UNPARSEABLE"), (200, "LIVE")]);
}

#[test]
fn twenty_bad_records_in_a_minute_make_a_feed_unparseable_whatever_lies_between() {
    let mut tape = Vec::from([(0, tick(1))]);
    for n in 0..20 {
        tape.push((n * 1_000, garbage(QuarantineReason::UnknownField)));
        tape.push((n * 1_000, tick(n as u64 + 2)));
    }
    check(&tape, &[(19_000, "UNPARSEABLE")]);
}

#[test]
fn records_of_instruments_nobody_defined_are_no_parse_failure() {
    let tape: Vec<_> = (0..50).map(|n| (n, garbage(QuarantineReason::UnknownInstrument))).collect();
    check(&tape, &[]);
}

#[test]
fn a_gap_names_what_was_expected_and_found() {
    let mut probe = Probe::new(Quality::new(Config::default())).unwrap();
    let _ = probe.tell(at(0), delta(1, 5, None));
    let said = probe.tell(at(0), delta(9, 9, None));
    let Body::MarketAnomalyDetected(gap) = &said[0].body else { panic!("{said:?}") };
    assert_eq!((gap.expected_sequence, gap.found_sequence), (Some(6), Some(9)));
    assert_ne!(said[0].event_id, EventId([0; 16]));
}

#[test]
fn a_restart_changes_nothing() {
    let mut tape = Vec::new();
    for n in 0..60_i64 {
        tape.push((at_ms(n * 700), tick(n as u64 % 17 + 1)));
        tape.push((at_ms(n * 700), quoted("99", if n % 5 == 0 { "98" } else { "100" }, n as u64)));
        tape.push((
            at_ms(n * 700),
            delta(n as u64 * 2, n as u64 * 2 + u64::from(n % 7 != 0), None),
        ));
        if n % 3 == 0 {
            tape.push((at_ms(n * 700), garbage(QuarantineReason::Malformed)));
        }
    }
    tape.push((at(200), tick(1000)));
    check_deterministic(|| Quality::new(Config::default()), &tape);
}

#[test]
fn the_last_sequence_there_is_stops_nobody() {
    let last = u64::MAX;
    check(&[(0, tick(last)), (1, tick(1))], &[(1, "OUT_OF_ORDER_SEQUENCE")]);
    check(
        &[(0, quoted("100", "100.1", last)), (1, quoted("100", "100.1", last))],
        &[(1, "DUPLICATE_SEQUENCE")],
    );
    check(
        &[(0, delta(last, last, None)), (1, delta(last, last, None))],
        &[(1, "DUPLICATE_SEQUENCE")],
    );
    let Body::BookDelta(found) = delta(last, last, None) else { panic!() };
    assert!(!found.skips_after(last));
}

#[test]
fn the_last_part_there_is_of_a_book_is_the_last() {
    let (bids, asks) = (Vec::new(), Vec::new());
    let part = BookSnapshot {
        instrument: spot(),
        last_sequence: 5,
        bids,
        asks,
        part: u32::MAX,
        parts: u32::MAX,
    };
    check(&[(0, part.into()), (1, delta(7, 7, None))], &[(1, "SEQUENCE_GAP")]);
}

#[test]
fn an_instrument_is_stale_at_the_very_end_of_its_time() {
    let mut probe = Probe::new(Quality::new(Config::default())).unwrap();
    let _ = probe.tell(at(0), tick(1));
    let said = probe.advance(at(20));
    assert_eq!(said.iter().map(|event| event.time).collect::<Vec<_>>(), [at(10)]);
}

#[test]
fn every_kind_of_anomaly_but_a_gap_is_held_back_by_its_own_last() {
    let mut probe = Probe::new(Quality::new(Config::default())).unwrap();
    let mut said = Vec::new();
    // Sequences and clock go backwards again and again, and now and then the price jumps.
    for step in 0..8_u64 {
        let price = if step % 2 == 0 { "100" } else { "200" };
        said.extend(probe.tell(at_ms(step as i64), trade(spot(), price, 100 - step)));
    }
    let mut found: Vec<String> = said
        .iter()
        .map(|event| match &event.body {
            Body::MarketAnomalyDetected(found) => found.anomaly.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    found.sort();
    assert_eq!(found, ["OUT_OF_ORDER_SEQUENCE", "PRICE_JUMP"]);
}

#[test]
fn a_jump_and_a_crossed_book_show_the_prices_and_a_sequence_its_numbers() {
    let last = |tape: &[Body]| {
        let mut probe = Probe::new(Quality::new(Config::default())).unwrap();
        let said: Vec<_> = (0_i64..)
            .zip(tape)
            .flat_map(|(ms, body)| probe.tell(at_ms(ms), body.clone()))
            .collect();
        match &said[0].body {
            Body::MarketAnomalyDetected(found) => {
                ((found.observed, found.reference), (found.expected_sequence, found.found_sequence))
            }
            other => panic!("{other:?}"),
        }
    };
    let prices = |observed: &str, reference: &str| (Some(price(observed)), Some(price(reference)));
    let none = (None, None);
    let trade_at = |at: &str, sequence| Body::from(trade(spot(), at, sequence));
    assert_eq!(last(&[trade_at("100", 1), trade_at("200", 2)]), (prices("200", "100"), none));
    let crossed = [quoted("99", "101", 1), quoted("101", "99", 2)];
    assert_eq!(last(&crossed), (prices("101", "99"), none));
    let backwards = last(&[trade_at("100", 9), trade_at("100", 3)]);
    assert_eq!(backwards, ((None, None), (Some(10), Some(3))));
}
