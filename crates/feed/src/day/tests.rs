//! The story is on the tapes, and the same one every time.

use event::{
    Body, InstrumentId, SECOND_NS,
    choices::{OperatorVerb, QuarantineReason},
};

use super::{Day, DayPlan};
use crate::{Instruments, Outcome, TapeReader, TapeRecord};

const SHORT: Day = Day { seed: 7, starts: super::STARTS, minute_ns: SECOND_NS / 2 };

fn read(plan: &DayPlan) -> Vec<TapeRecord> {
    let reader = TapeReader::open(&plan.tapes, &Instruments::shipped().unwrap()).unwrap();
    reader.map(Result::unwrap).collect()
}

fn short_day() -> (tempfile::TempDir, DayPlan, Vec<TapeRecord>) {
    let directory = tempfile::tempdir().unwrap();
    let plan = SHORT.write(directory.path()).unwrap();
    let records = read(&plan);
    (directory, plan, records)
}

fn of<'a>(
    records: &'a [TapeRecord],
    instrument: &str,
) -> impl Iterator<Item = (&'a TapeRecord, &'a Body)> {
    let instrument = InstrumentId::new(instrument).unwrap();
    let bodies = records.iter().flat_map(|r| r.roots().iter().map(move |root| (r, &root.body)));
    bodies.filter(move |(_, body)| body.instrument() == Some(instrument))
}

#[test]
fn a_seed_writes_the_same_day_and_another_seed_another_one() {
    let write = |seed| {
        let directory = tempfile::tempdir().unwrap();
        let plan = Day { seed, ..SHORT }.write(directory.path()).unwrap();
        plan.tapes.iter().map(|tape| std::fs::read(tape).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(write(7), write(7));
    assert_ne!(write(7), write(8));
}

#[test]
fn all_lines_parse_but_those_of_the_changed_format() {
    let (_directory, plan, records) = short_day();
    assert_eq!(records.len() as u64, plan.frames);
    let quarantined: Vec<_> = records
        .iter()
        .filter_map(|record| match &record.outcome {
            Outcome::Quarantine(fault) => Some((record, fault)),
            _ => None,
        })
        .collect();
    assert_eq!(quarantined.len() as u64, plan.unparseable);
    assert!(plan.unparseable > 5);
    for (record, fault) in quarantined {
        assert_eq!(fault.reason, QuarantineReason::Malformed, "{}", fault.detail);
        assert!(record.receive_time >= plan.beats.format_changed);
        assert!(record.receive_time < plan.beats.format_restored);
    }
}

#[test]
fn during_the_incident_the_feed_lives_on_in_its_book_updates_alone() {
    let (_directory, plan, records) = short_day();
    let beats = plan.beats;
    let incident = beats.format_changed..beats.format_restored;
    let during: Vec<_> = of(&records, "BINANCE-USDM:BTCUSDT")
        .filter(|(record, _)| incident.contains(&record.receive_time))
        .collect();
    assert!(!during.is_empty());
    assert!(during.iter().all(|(_, body)| matches!(body, Body::BookDelta(_))));
    let after = of(&records, "BINANCE-USDM:BTCUSDT")
        .filter(|(record, _)| record.receive_time >= beats.format_restored);
    assert!(after.into_iter().any(|(_, body)| matches!(body, Body::MarketQuote(_))));
}

#[test]
fn the_coin_margined_book_has_one_gap_and_a_snapshot_after_it() {
    let (_directory, plan, records) = short_day();
    let (mut last, mut gaps, mut snapshots) = (None, Vec::new(), Vec::new());
    for (record, body) in of(&records, "BINANCE-COINM:BTCUSD_PERP") {
        match body {
            Body::BookDelta(delta) => {
                if last.is_some_and(|last| delta.skips_after(last)) {
                    gaps.push(record.receive_time);
                }
                last = Some(delta.last_sequence);
            }
            Body::BookSnapshot(_) => snapshots.push(record.receive_time),
            _ => {}
        }
    }
    assert_eq!(gaps.len(), 1);
    assert!(gaps[0] >= plan.beats.sequence_gap);
    assert_eq!(snapshots.len(), 2);
    assert!(snapshots[1] > plan.beats.sequence_gap);
}

#[test]
fn the_other_books_have_no_gap() {
    let (_directory, _, records) = short_day();
    for instrument in ["BINANCE-SPOT:BTCUSDT", "BINANCE-USDM:BTCUSDT"] {
        let mut last = None;
        for (_, body) in of(&records, instrument) {
            match body {
                Body::BookDelta(delta) => {
                    assert!(!last.is_some_and(|last| delta.skips_after(last)));
                    last = Some(delta.last_sequence);
                }
                Body::BookSnapshot(snapshot) => last = Some(snapshot.last_sequence),
                _ => {}
            }
        }
    }
}

#[test]
fn one_spot_trade_is_recorded_twice_and_one_prints_far_away() {
    let (_directory, plan, records) = short_day();
    let trades: Vec<_> = of(&records, "BINANCE-SPOT:BTCUSDT")
        .filter_map(|(record, body)| match body {
            Body::MarketTrade(trade) => Some((record.receive_time, trade.clone())),
            _ => None,
        })
        .collect();
    let pairs = || trades.windows(2).map(|pair| (&pair[0], &pair[1]));
    let twice: Vec<_> = pairs().filter(|(one, next)| one.1 == next.1).collect();
    assert_eq!(twice.len(), 1);
    assert!(twice[0].0.0 >= plan.beats.duplicate);
    let far =
        |(one, next): &(&(_, event::market::MarketTrade), &(_, event::market::MarketTrade))| {
            (one.1.price.0 - next.1.price.0).abs() > one.1.price.0 / 20
        };
    let jumps: Vec<_> = pairs().filter(far).collect();
    assert_eq!(jumps.len(), 2, "there and back");
    assert!(jumps[0].1.0 >= plan.beats.price_jump);
}

#[test]
fn the_operator_resumes_on_the_tape() {
    let (_directory, plan, records) = short_day();
    let commands: Vec<_> = records
        .iter()
        .filter_map(|record| match &record.outcome {
            Outcome::Command(root) => Some((record.receive_time, &root.body)),
            _ => None,
        })
        .collect();
    let resumes: Vec<_> = commands
        .iter()
        .filter(|(_, body)| {
            matches!(body, Body::OperatorCommanded(c) if c.verb == OperatorVerb::Resume)
        })
        .map(|(at, _)| *at)
        .collect();
    let beats = plan.beats;
    assert_eq!(resumes, [beats.operator_resumed, beats.operator_resumed_again]);
    assert!(beats.operator_resumed > beats.format_restored);
    assert!(beats.operator_resumed_again > beats.late_fee);
}

#[test]
fn quotes_are_never_crossed_and_lean_far_enough_to_trade_on() {
    let (_directory, _, records) = short_day();
    let (mut quotes, mut leaning) = (0, 0);
    for body in records.iter().flat_map(TapeRecord::roots).map(|root| &root.body) {
        let Body::MarketQuote(quote) = body else { continue };
        assert!(quote.bid_price.unwrap() < quote.ask_price.unwrap());
        let (bid, ask) = (quote.bid_quantity.amount().0, quote.ask_quantity.amount().0);
        quotes += 1;
        leaning += usize::from((bid - ask).abs() * 2 > bid + ask);
    }
    assert!(leaning * 20 > quotes, "{leaning} of {quotes}");
    assert!(leaning * 10 < quotes * 9, "{leaning} of {quotes}");
}

#[test]
fn the_receive_clock_never_runs_backwards() {
    let (_directory, _, records) = short_day();
    assert!(records.iter().all(|record| record.receive_time == record.time));
}
