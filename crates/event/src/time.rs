//! Instants, in nanoseconds of UTC.

use core::fmt;

/// Nanoseconds since 1970-01-01T00:00:00 UTC, leap seconds not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// Nanoseconds in a second.
pub const SECOND_NS: i64 = 1_000_000_000;
/// Nanoseconds in a day.
pub const DAY_NS: i64 = 86_400 * SECOND_NS;

impl Timestamp {
    /// The instant `ns` later, held at the end of the range.
    #[must_use]
    pub const fn plus_ns(self, ns: i64) -> Self {
        Self(self.0.saturating_add(ns))
    }

    /// Nanoseconds from `earlier` to this, held at the ends of the range.
    #[must_use]
    pub const fn since_ns(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The UTC date as a number, `20240809`.
    #[must_use]
    pub fn utc_date(self) -> u32 {
        let (year, month, day) = civil(self.0.div_euclid(DAY_NS));
        (year * 10_000 + i64::from(month) * 100 + i64::from(day)) as u32
    }
}

/// Year, month, day of the proleptic Gregorian calendar, `days` after 1970-01-01.
///
/// Source: the era arithmetic of H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn civil(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 { month_shifted + 3 } else { month_shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month as u32, day as u32)
}

/// RFC 3339 with nanoseconds: `2024-08-09T00:05:04.000000000Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0.div_euclid(DAY_NS));
        let of_day = self.0.rem_euclid(DAY_NS);
        let (seconds, ns) = (of_day / SECOND_NS, of_day % SECOND_NS);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{ns:09}Z",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        )
    }
}

/// Why text is not an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an instant is RFC 3339 in UTC, as 2024-08-09T00:05:04.5Z, or nanoseconds since 1970")]
pub struct TimestampError;

impl core::str::FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        if let Ok(ns) = text.parse::<i64>() {
            return Ok(Self(ns));
        }
        let number = |range: core::ops::Range<usize>| {
            text.get(range)
                .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|digits| digits.parse::<i64>().ok())
                .ok_or(TimestampError)
        };
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
        let separated = marks.iter().all(|&(at, mark)| text.as_bytes().get(at) == Some(&mark));
        let tail = text.get(19..).and_then(|rest| rest.strip_suffix('Z')).ok_or(TimestampError)?;
        let fraction = match tail.strip_prefix('.') {
            None if tail.is_empty() => 0,
            Some(digits)
                if (1..=9).contains(&digits.len())
                    && digits.bytes().all(|b| b.is_ascii_digit()) =>
            {
                let value = digits.parse::<i64>().map_err(|_| TimestampError)?;
                value * 10_i64.pow(9 - digits.len() as u32)
            }
            _ => return Err(TimestampError),
        };
        if !separated || hour >= 24 || minute >= 60 || second >= 60 {
            return Err(TimestampError);
        }
        // A day that is on no calendar comes back as another one.
        let days = days_from_civil(year, month, day);
        if civil(days) != (year, month as u32, day as u32) {
            return Err(TimestampError);
        }
        // The first day of the range begins before it, so the sum is made in wider numbers.
        let of_day = (hour * 3600 + minute * 60 + second) * SECOND_NS + fraction;
        let ns = i128::from(days) * i128::from(DAY_NS) + i128::from(of_day);
        i64::try_from(ns).map(Self).map_err(|_| TimestampError)
    }
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_shifted = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * month_shifted + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}
