//! Several files as one tape, and stepping forward in it.

use event::{Timestamp, choices::QuarantineReason};
use proptest::prelude::*;

use super::{FRAMES, Tapes, gzip, reasons, tape_text};

fn lines(times: &[i64], frame: usize) -> String {
    times.iter().map(|time| format!("{time} {}\n", FRAMES[frame])).collect()
}

/// The place of each record: which input, which line.
fn order(tapes: &Tapes) -> Vec<(usize, u64)> {
    let sources: Vec<_> = tapes.open().unwrap().inputs().map(|(_, source, _)| source).collect();
    let input = |source| sources.iter().position(|other| *other == source).unwrap();
    tapes.read().iter().map(|record| (input(record.source), record.record)).collect()
}

#[test]
fn inputs_merge_by_receive_time_and_ties_by_argument_order() {
    let tapes = Tapes::of(lines(&[10, 30, 30], 0)).with(gzip(lines(&[20, 30, 40], 1)));
    assert_eq!(order(&tapes), [(0, 0), (1, 0), (0, 1), (0, 2), (1, 1), (1, 2)]);
    let ordinals: Vec<_> = tapes.read().iter().map(|record| record.ordinal).collect();
    assert_eq!(ordinals, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_clock_that_runs_backwards_is_delivered_as_it_ran() {
    let tapes = Tapes::of(lines(&[10, 50, 20, 60], 0)).with(lines(&[30, 55], 1));
    assert_eq!(order(&tapes), [(0, 0), (1, 0), (0, 1), (0, 2), (1, 1), (0, 3)]);
    let times: Vec<_> = tapes.read().iter().map(|r| (r.receive_time.0, r.time.0)).collect();
    assert_eq!(times, [(10, 10), (30, 30), (50, 50), (20, 50), (55, 55), (60, 60)]);
}

#[test]
fn a_line_without_a_time_has_that_of_the_line_before() {
    let text = format!("what is this\n7 {}\nand this\n", FRAMES[0]);
    let records = Tapes::of(text).read();
    let malformed = Some(QuarantineReason::Malformed);
    assert_eq!(reasons(&records), [malformed, None, malformed]);
    assert!(records.iter().all(|record| record.receive_time == Timestamp(7)));
}

#[test]
fn a_snapshot_without_a_symbol_is_of_the_only_instrument() {
    // The symbol comes after the snapshot, within the look ahead.
    let text = format!("1 {}\n2 {}\n", FRAMES[9], FRAMES[0]);
    let records = Tapes::of(text).read();
    assert_eq!(records[0].roots()[0].body.instrument(), records[1].roots()[0].body.instrument());
}

#[test]
fn a_snapshot_without_a_symbol_is_quarantined_where_its_instrument_is_not_certain() {
    let two = format!("1 {}\n2 {}\n3 {}\n", FRAMES[9], FRAMES[0], FRAMES[1]);
    let other_market = format!("1 {}\n2 {}\n", FRAMES[9], FRAMES[1]);
    let nobody = format!("1 {}\n", FRAMES[9]);
    for text in [two, other_market, nobody] {
        let records = Tapes::of(text).read();
        assert_eq!(reasons(&records)[0], Some(QuarantineReason::Malformed));
    }
}

#[test]
fn a_second_instrument_after_the_look_ahead_leaves_later_snapshots_uncertain() {
    let far = lines(&[1; 1_100], 0);
    let text = format!("{far}1 {}\n1 {}\n1 {}\n", FRAMES[9], FRAMES[1], FRAMES[9]);
    let tapes = Tapes::of(text);
    let expected = [None, None, Some(QuarantineReason::Malformed)];
    assert_eq!(reasons(&tapes.read())[1_100..], expected);
    // Also for a reader that stepped over the frame that made it uncertain.
    let mut reader = tapes.open().unwrap();
    reader.skip_to(1_102).unwrap();
    let rest: Vec<_> = reader.map(Result::unwrap).collect();
    assert_eq!(reasons(&rest), expected[2..]);
}

#[test]
fn instruments_without_a_definition_are_counted_by_name() {
    let text = lines(&[1, 2, 3], 0).replacen("\"BTCUSDT\"", "\"DOGEUSDT\"", 2);
    let mut reader = Tapes::of(text).open().unwrap();
    let records: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
    let unknown = Some(QuarantineReason::UnknownInstrument);
    assert_eq!(reasons(&records), [unknown, unknown, None]);
    let undefined: Vec<_> = reader.undefined().iter().collect();
    assert_eq!(undefined, [(&"BINANCE-SPOT:DOGEUSDT".to_owned(), &2)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn stepping_forward_is_reading_without_looking(
        target in 0..60_u64,
        times in prop::collection::vec(0..100_i64, 1..30),
    ) {
        let tapes = Tapes::of(tape_text(20)).with(gzip(lines(&times, 1)));
        let whole = tapes.read();
        let mut reader = tapes.open().unwrap();
        reader.skip_to(target).unwrap();
        prop_assert_eq!(reader.position(), target.min(whole.len() as u64));
        let rest: Vec<_> = reader.map(Result::unwrap).collect();
        prop_assert_eq!(&rest[..], whole.get(target as usize..).unwrap_or_default());
    }

    #[test]
    fn the_merge_keeps_every_record_and_the_order_within_files(
        one in prop::collection::vec(0..50_i64, 1..20),
        two in prop::collection::vec(0..50_i64, 1..20),
    ) {
        let tapes = Tapes::of(lines(&one, 0)).with(lines(&two, 1));
        let order = order(&tapes);
        for (input, length) in [(0, one.len()), (1, two.len())] {
            let found: Vec<_> =
                order.iter().filter(|(at, _)| *at == input).map(|(_, record)| *record).collect();
            prop_assert_eq!(found, (0..length as u64).collect::<Vec<_>>());
        }
        let times: Vec<_> = tapes.read().iter().map(|record| record.time).collect();
        prop_assert!(times.is_sorted());
    }
}
