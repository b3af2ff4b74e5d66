//! Instants and the calendar beneath them.

use event::{DAY_NS, Timestamp, TimestampError};
use proptest::prelude::*;

proptest! {
    #[test]
    fn instant_written_reads_back(ns: i64) {
        let at = Timestamp(ns);
        prop_assert_eq!(at.to_string().parse(), Ok(at));
        prop_assert_eq!(ns.to_string().parse(), Ok(at));
    }

    #[test]
    fn order_of_instants_is_the_order_of_their_text(one in 0..i64::MAX, other in 0..i64::MAX) {
        let (one, other) = (Timestamp(one), Timestamp(other));
        prop_assert_eq!(one.cmp(&other), one.to_string().cmp(&other.to_string()));
    }

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,40}", near in "[-0-9TZ:.+é]{0,35}") {
        let _ = (text.parse::<Timestamp>(), near.parse::<Timestamp>());
    }
}

#[test]
fn first_and_last_instants_read_back() {
    for at in [Timestamp(i64::MIN), Timestamp(i64::MAX), Timestamp(-1), Timestamp(0)] {
        assert_eq!(at.to_string().parse(), Ok(at), "{at}");
    }
}

#[test]
fn known_instants_have_their_known_text() {
    for (ns, text) in [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (951_782_400_000_000_000, "2000-02-29T00:00:00.000000000Z"),
        (1_709_208_000_123_456_789, "2024-02-29T12:00:00.123456789Z"),
        (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000000Z"),
    ] {
        assert_eq!(Timestamp(ns).to_string(), text);
        assert_eq!(text.parse(), Ok(Timestamp(ns)));
    }
}

#[test]
fn calendar_agrees_with_counting_days_one_by_one() {
    let (mut year, mut month, mut day) = (1970_u32, 1_u32, 1_u32);
    // Up to 2262, where nanoseconds end.
    for days in 0..106_000_i64 {
        assert_eq!(Timestamp(days * DAY_NS).utc_date(), year * 10_000 + month * 100 + day);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = match month {
            2 => 28 + u32::from(leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        (year, month, day) = match (month, day) {
            (12, 31) => (year + 1, 1, 1),
            (_, day) if day == last => (year, month + 1, 1),
            _ => (year, month, day + 1),
        };
    }
}

#[test]
fn days_that_do_not_exist_are_refused() {
    for bad in ["2023-02-29", "2100-02-29", "2024-04-31", "2024-13-01", "2024-00-10", "2024-01-00"]
    {
        assert!(format!("{bad}T00:00:00Z").parse::<Timestamp>().is_err(), "{bad}");
    }
}

#[test]
fn text_that_is_no_instant_in_utc_is_refused() {
    for bad in [
        "",
        "2024-08-09",
        "2024-08-09T00:05:04",
        "2024-08-09T00:05:04+00:00",
        "2024-08-09 00:05:04Z",
        "2024-08-09T24:00:00Z",
        "2024-08-09T00:60:00Z",
        "2024-08-09T00:00:60Z",
        "2024-08-09T00:00:00.Z",
        "2024-08-09T00:00:00.1234567890Z",
        "2024-08-09T00:00:00.-5Z",
        "2024-8-9T00:00:00Z",
        "9999-01-01T00:00:00Z",
        "1600-01-01T00:00:00Z",
        "1723161904.5",
        "9223372036854775808",
    ] {
        assert!(bad.parse::<Timestamp>().is_err(), "{bad:?}");
    }
}

#[test]
fn distance_holds_at_the_ends_of_the_range() {
    assert_eq!(Timestamp(i64::MAX).since_ns(Timestamp(i64::MIN)), i64::MAX);
    assert_eq!(Timestamp(i64::MAX).plus_ns(1), Timestamp(i64::MAX));
}

#[test]
fn a_fraction_of_a_second_counts_by_its_places() {
    for (places, ns) in [(".5", 500_000_000), (".05", 50_000_000), (".000000001", 1), ("", 0)] {
        let text = format!("1970-01-01T00:00:01{places}Z");
        assert_eq!(text.parse(), Ok(Timestamp(1_000_000_000 + ns)), "{text}");
    }
    for tail in ["x", ".", ".0000000000", ".-1", "+01:00"] {
        let text = format!("1970-01-01T00:00:01{tail}Z");
        assert_eq!(text.parse::<Timestamp>(), Err(TimestampError), "{text}");
    }
}

#[test]
fn a_day_or_a_time_that_is_not_on_the_calendar_is_refused() {
    for day in ["1970-00-05", "1970-13-05", "1970-99-05", "1970-01-00", "1970-01-32", "1970-04-31"]
    {
        let text = format!("{day}T00:00:00Z");
        assert_eq!(text.parse::<Timestamp>(), Err(TimestampError), "{text}");
    }
    for time in ["24:00:00", "00:60:00", "00:00:60", "00:00:99"] {
        let text = format!("1970-01-05T{time}Z");
        assert_eq!(text.parse::<Timestamp>(), Err(TimestampError), "{text}");
    }
    assert_eq!("1970-01-02T23:59:59Z".parse(), Ok(Timestamp(2 * DAY_NS - 1_000_000_000)));
    assert_eq!(DAY_NS, 86_400_000_000_000);
}
