use alloc::vec::Vec;

use event::{DAY_NS, Label, SECOND_NS, Timestamp};

use super::*;

const fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * SECOND_NS)
}

#[test]
fn the_fourth_failure_in_a_minute_escalates() {
    let mut intensity = RestartIntensity::default();
    for restart in 1..=3 {
        assert_eq!(
            intensity.failed(at(i64::from(restart))),
            Verdict::Restart { restarts: restart }
        );
    }
    assert_eq!(intensity.failed(at(4)), Verdict::Escalate { restarts: 3 });
    assert_eq!(intensity.failed(at(61)), Verdict::Restart { restarts: 3 });
}

#[test]
fn a_window_forgets_what_left_it() {
    let mut window = RateWindow::new(2, 10 * SECOND_NS);
    window.record(at(0));
    window.record(at(5));
    assert!(!window.has_room(at(9)));
    assert!(window.has_room(at(10)));
    assert_eq!(window.count(at(15)), 0);
}

#[test]
fn a_tightened_window_keeps_the_newest() {
    let mut window = RateWindow::new(3, 10 * SECOND_NS);
    for second in 0..3 {
        window.record(at(second));
    }
    window.limit(1, 10 * SECOND_NS);
    assert_eq!(window.times(), [at(2)]);
}

#[test]
fn a_window_of_none_never_has_room() {
    let mut window = RateWindow::new(0, SECOND_NS);
    window.record(at(0));
    assert!(!window.has_room(at(100)));
}

#[test]
fn an_alert_is_said_once_in_five_minutes_and_the_rest_counted() {
    let mut suppression = Suppression::default();
    let alert = Label::new("FeedStale").unwrap();
    assert_eq!(suppression.raise(at(0), alert, "a"), Raise::Say { suppressed: 0 });
    assert_eq!(suppression.raise(at(299), alert, "a"), Raise::Quiet);
    assert_eq!(suppression.raise(at(299), alert, "b"), Raise::Say { suppressed: 0 });
    let mut restored = Suppression::default();
    restored.restore(suppression.muted());
    assert_eq!(restored.raise(at(300), alert, "a"), Raise::Say { suppressed: 1 });
    assert_eq!(restored.raise(at(601), alert, "a"), Raise::Say { suppressed: 0 });
}

#[test]
fn suppression_remembers_a_bounded_number_of_subjects() {
    let mut suppression = Suppression::default();
    let alert = Label::new("A").unwrap();
    for number in 0..=SUBJECTS_MAX {
        let subject = alloc::format!("{number}");
        let _ = suppression.raise(at(number as i64 / 10), alert, &subject);
    }
    assert_eq!(suppression.muted().len(), SUBJECTS_MAX);
    assert_eq!(suppression.raise(at(200), alert, "0"), Raise::Say { suppressed: 0 });
}

#[test]
fn five_failures_in_a_minute_open_the_breaker_despite_successes_between() {
    let mut breaker = Breaker::default();
    for second in 0..4 {
        assert!(!breaker.failed(at(second)));
        assert!(!breaker.succeeded(at(second)));
    }
    assert!(breaker.failed(at(59)));
    assert_eq!(breaker.state(at(59)), BreakerState::Open);
    assert!(!breaker.admit(at(118)));
}

#[test]
fn five_failures_over_more_than_a_minute_do_not_open_it() {
    let mut breaker = Breaker::default();
    assert!((0..5).all(|step| !breaker.failed(at(step * 16))));
}

#[test]
fn three_failures_in_a_row_open_it_and_a_success_breaks_the_row() {
    let trip = Trip { consecutive: 3, in_window: 0, window_ns: 0 };
    let mut breaker = Breaker::new(trip, 5 * SECOND_NS, 1);
    assert!(!breaker.failed(at(0)) && !breaker.failed(at(0)));
    let _ = breaker.succeeded(at(0));
    assert!(!breaker.failed(at(1)) && !breaker.failed(at(1)) && breaker.failed(at(1)));
}

#[test]
fn half_open_admits_only_its_permits_and_closes_after_as_many_successes() {
    let trip = Trip { consecutive: 1, in_window: 0, window_ns: 0 };
    let mut breaker = Breaker::new(trip, 5 * SECOND_NS, 2);
    assert!(breaker.failed(at(0)));
    assert_eq!(breaker.state(at(5)), BreakerState::HalfOpen);
    assert!(breaker.admit(at(5)) && breaker.admit(at(5)) && !breaker.admit(at(5)));
    assert!(!breaker.succeeded(at(6)));
    assert!(breaker.succeeded(at(6)));
    assert_eq!(breaker.state(at(6)), BreakerState::Closed);
}

#[test]
fn a_failed_probe_opens_it_for_the_whole_time_again() {
    let trip = Trip { consecutive: 1, in_window: 0, window_ns: 0 };
    let mut breaker = Breaker::new(trip, 5 * SECOND_NS, 1);
    assert!(breaker.failed(at(0)));
    assert!(!breaker.failed(at(5)));
    assert_eq!(breaker.state(at(9)), BreakerState::Open);
    assert_eq!(breaker.state(at(10)), BreakerState::HalfOpen);
}

#[test]
fn a_restored_breaker_goes_on_where_it_was() {
    let mut breaker = Breaker::default();
    assert!((0..4).all(|second| !breaker.failed(at(second))));
    let mut restored = Breaker::default();
    restored.restore(&breaker.status());
    assert!(restored.failed(at(5)));
    restored.reset();
    assert!(restored.is_quiet(at(5)));
}

#[test]
fn the_continuous_day_rolls_at_midnight_utc() {
    let night = Timestamp(1_723_161_599_999_999_999);
    let session = Calendar::Continuous.session(night);
    assert_eq!(session.date, 20_240_808);
    assert_eq!(session.next_opens, night.plus_ns(1));
    assert_eq!(Calendar::Continuous.session(session.next_opens).date, 20_240_809);
    assert_eq!(session.next_opens.since_ns(session.opens), DAY_NS);
}

#[test]
fn a_window_of_none_counts_none() {
    let mut window = RateWindow::new(0, 10 * SECOND_NS);
    window.record(at(1));
    assert_eq!((window.count(at(1)), window.times().len()), (0, 0));
}

#[test]
fn a_breaker_is_quiet_once_it_is_closed_and_its_failures_have_left_the_window() {
    let trip = Trip { consecutive: 0, in_window: 2, window_ns: 10 * SECOND_NS };
    let mut breaker = Breaker::new(trip, 5 * SECOND_NS, 1);
    assert!(breaker.is_quiet(at(0)));
    let _ = breaker.failed(at(0));
    // Closed, with a failure in the window and in a row.
    assert!(!breaker.is_quiet(at(1)));
    // A row of failures is remembered beyond the window, a window's beyond the row.
    assert!(!breaker.is_quiet(at(11)));
    let _ = breaker.failed(at(12));
    let _ = breaker.succeeded(at(13));
    assert!(!breaker.is_quiet(at(13)));
    assert!(breaker.is_quiet(at(30)));
    // Open, with no failure left that anybody counts.
    let _ = (breaker.failed(at(40)), breaker.failed(at(41)));
    assert_eq!(breaker.state(at(42)), BreakerState::Open);
    let opened = BreakerStatus { consecutive: 0, failures: Vec::new(), ..breaker.status() };
    breaker.restore(&opened);
    assert!(!breaker.is_quiet(at(42)));
}

#[test]
fn the_continuous_calendar_has_the_name_instruments_give_it() {
    assert_eq!(Calendar::Continuous.name(), "247");
}
