use alloc::vec::Vec;

use event::{Body, DAY_NS, Timestamp};

use super::*;
use crate::{Probe, testing::*};

fn phase(date: u32) -> Body {
    SessionPhaseChanged { calendar: name("247"), session_date: date, phase: Phase::Open }.into()
}

#[test]
fn the_first_market_event_opens_its_session_and_midnight_the_next() {
    let mut probe = Probe::new(Session::new(Config::default())).unwrap();
    let before = Timestamp(1_723_161_599_000_000_000);
    let mut said = Vec::new();
    for step in 0..4 {
        let time = before.plus_ns(step * 400_000_000);
        said.extend(probe.tell(time, trade(spot(), "1", step as u64)));
    }
    let bodies: Vec<_> = said.iter().map(|event| event.body.clone()).collect();
    assert_eq!(bodies, [phase(20_240_808), phase(20_240_809)]);
    assert_eq!(said[1].time.0 % DAY_NS, 0);
}

#[test]
fn configuration_older_than_the_market_opens_nothing() {
    let mut probe = Probe::new(Session::new(Config::default())).unwrap();
    assert!(probe.tell(Timestamp(0), defined(spot())).is_empty());
}

#[test]
fn a_restart_changes_nothing() {
    let day = |days: i64| Timestamp(days * DAY_NS + 5);
    let tape: Vec<_> =
        (1..5).map(|days| (day(days), Body::from(trade(spot(), "1", days as u64)))).collect();
    check_deterministic(|| Session::new(Config::default()), &tape);
}

#[test]
fn a_session_that_is_open_is_not_opened_again_after_a_restart() {
    let mut probe = Probe::new(Session::new(Config::default())).unwrap();
    let day = Timestamp(20_000 * DAY_NS);
    assert_eq!(probe.tell(day.plus_ns(5), trade(spot(), "1", 1)).len(), 1);
    probe.restart(Session::new(Config::default())).unwrap();
    assert!(probe.tell(day.plus_ns(6), trade(spot(), "1", 2)).is_empty());
    assert_eq!(probe.tell(day.plus_ns(DAY_NS), trade(spot(), "1", 3)).len(), 1);
}
