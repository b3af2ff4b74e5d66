use alloc::{vec, vec::Vec};

use event::Body;

use super::*;
use crate::{Probe, testing::*};

/// A tape of quotes, one every 100 ms: bid size, offer size.
fn tape(sizes: &[(u32, u32)]) -> Vec<(Timestamp, Body)> {
    (0_i64..)
        .zip(sizes)
        .map(|(step, (bid, ask))| {
            let (bid, ask) = (alloc::format!("{bid}"), alloc::format!("{ask}"));
            let quoted = quote(spot(), ("100", &bid), ("100.01", &ask), step as u64 + 1);
            (at_ms(step * 100), quoted.into())
        })
        .collect()
}

/// When and which way the strategy signals on a tape.
fn check(sizes: &[(u32, u32)], expected: &[(i64, Side)]) {
    let mut probe = Probe::new(Imbalance::new(Config::default())).unwrap();
    let mut signals = Vec::new();
    for (time, body) in tape(sizes) {
        for event in probe.tell(time, body) {
            let Body::SignalEmitted(signal) = event.body else { panic!("only signals") };
            signals.push((event.time.0 / 1_000_000, signal.direction));
        }
    }
    assert_eq!(signals, expected);
}

#[test]
fn a_lasting_lean_is_signalled_once() {
    check(&vec![(9, 1); 300], &[(2100, Side::Buy)]);
    check(&vec![(1, 9); 300], &[(2100, Side::Sell)]);
}

#[test]
fn an_even_book_says_nothing() {
    check(&vec![(5, 5); 300], &[]);
}

#[test]
fn a_reversal_waits_for_the_cooldown() {
    let sizes = [vec![(9, 1); 40], vec![(1, 9); 200]].concat();
    check(&sizes, &[(2100, Side::Buy), (12_100, Side::Sell)]);
}

#[test]
fn a_lean_that_came_back_to_even_is_signalled_again() {
    let sizes = [vec![(9, 1); 40], vec![(5, 5); 100], vec![(9, 1); 40]].concat();
    check(&sizes, &[(2100, Side::Buy), (16_000, Side::Buy)]);
}

#[test]
fn the_average_depends_on_time_and_not_on_how_often_a_venue_quotes() {
    let mut averages = Vec::new();
    for step_ms in [10, 100] {
        let mut agent = Imbalance::new(Config { enter_ppm: PPM * 2, ..Config::default() });
        let mut out = Outbox::new(id(1), source("t"));
        for ms in (0..=2000).step_by(step_ms) {
            let quoted = quote(spot(), ("100", "9"), ("100.01", "1"), 1);
            let mut probe = Probe::new(agent.clone()).unwrap();
            let event = probe.root(source("f"), at_ms(ms), quoted);
            agent.on_event(event.time, &event, &mut out);
        }
        averages.push(agent.leans[&spot()].average_ppm);
    }
    assert!((averages[0] - averages[1]).abs() < 20_000, "{averages:?}");
}

#[test]
fn a_signal_shows_what_it_was_formed_on() {
    let mut probe = Probe::new(Imbalance::new(Config::default())).unwrap();
    let said: Vec<_> =
        tape(&[(9, 1); 30]).into_iter().flat_map(|(time, body)| probe.tell(time, body)).collect();
    let basis = said[0].basis.as_ref().unwrap();
    assert_eq!(basis.cut[0].source_seq, 22);
    assert_eq!(basis.observed[1].value, "800000");
}

#[test]
fn a_restart_changes_nothing() {
    let sizes = [vec![(9, 1); 40], vec![(1, 9); 200], vec![(7, 1); 150]].concat();
    check_deterministic(|| Imbalance::new(Config::default()), &tape(&sizes));
}

#[test]
fn a_size_below_zero_is_no_imbalance() {
    let mut probe = Probe::new(Imbalance::new(Config::default())).unwrap();
    let sizes = [("-4000000000000", "4000000000001"), ("4000000000001", "-4000000000000")];
    for (step, (bid, ask)) in (0_i64..).zip(sizes.into_iter().cycle().take(6)) {
        let quoted = quote(spot(), ("100", bid), ("100.01", ask), step as u64 + 1);
        assert!(probe.tell(at_ms(step * 1000), quoted).is_empty());
    }
}

#[test]
fn a_book_of_one_side_leans_all_the_way_and_one_of_none_does_not() {
    check(&vec![(9, 0); 300], &[(1500, Side::Buy)]);
    check(&vec![(0, 9); 300], &[(1500, Side::Sell)]);
    check(&vec![(0, 0); 300], &[]);
}

#[test]
fn sizes_written_in_other_scales_are_the_same_sizes() {
    let of = |bid: event::Quantity, ask: event::Quantity| {
        let mut quoted = quote(spot(), ("100", "1"), ("101", "1"), 1);
        (quoted.bid_quantity, quoted.ask_quantity) = (bid, ask);
        imbalance_ppm(&quoted)
    };
    let five = [(5, 0), (50, 1), (500, 2)].map(|(m, s)| event::Quantity::new(m, s).unwrap());
    for bid in five {
        for ask in five {
            assert_eq!(of(bid, ask), Some(0), "{bid:?} {ask:?}");
        }
        assert_eq!(of(bid, event::Quantity::whole(15)), Some(-500_000), "{bid:?}");
    }
}

#[test]
fn a_smoothing_of_no_time_or_less_moves_nothing_by_a_division_by_zero() {
    for smoothing_ns in [0, -100_000_000, -200_000_000, i64::MIN] {
        let config = Config { smoothing_ns, ..Config::default() };
        let mut probe = Probe::new(Imbalance::new(config)).unwrap();
        for (time, body) in tape(&[(9, 1), (1, 9), (5, 5), (9, 0)]) {
            // Twice at one instant.
            let _ = (probe.tell(time, body.clone()), probe.tell(time, body));
        }
    }
}
