//! Decimal text into money, the common case first.

use event::{MoneyError, Price, Quantity};

/// Digits that a `u64` holds whatever they are.
const DIGITS_MAX: usize = 18;

/// What [`Price::parse`] gives.
#[inline]
pub(super) fn price_of(text: &str) -> Result<Price, MoneyError> {
    let short = || {
        let (mantissa, places) = unsigned(text.as_bytes())?;
        let unit = 10_i64.checked_pow(9_u32.checked_sub(places)?)?;
        i64::try_from(mantissa).ok()?.checked_mul(unit).map(Price)
    };
    match short() {
        Some(price) => Ok(price),
        None => Price::parse(text),
    }
}

/// What [`Quantity::parse`] gives.
#[inline]
pub(super) fn quantity_of(text: &str) -> Result<Quantity, MoneyError> {
    let short = || {
        let trimmed = match text.contains('.') {
            true => text.trim_end_matches('0'),
            false => text,
        };
        // Zeros behind the only point: with another point before it, this is no number.
        let is_whole = |rest: &&str| trimmed.len() < text.len() && !rest.contains('.');
        let whole = trimmed.strip_suffix('.').filter(is_whole);
        let (mantissa, places) = unsigned(whole.unwrap_or(trimmed).as_bytes())?;
        Quantity::new(i64::try_from(mantissa).ok()?, u8::try_from(places).ok()?).ok()
    };
    match short() {
        Some(quantity) => Ok(quantity),
        None => Quantity::parse(text),
    }
}

/// `digits[.digits]` of at most 18 digits, as an integer and its decimal places.
#[inline]
fn unsigned(text: &[u8]) -> Option<(u64, u32)> {
    if text.len() > DIGITS_MAX {
        return None;
    }
    let (mut value, mut point) = (0_u64, None);
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => value = value * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() && at > 0 => point = Some(at),
            _ => return None,
        }
    }
    let places = point.map_or(0, |point| text.len() - point - 1);
    let ends_in_digit = text.last().is_some_and(u8::is_ascii_digit);
    ends_in_digit.then_some((value, places as u32))
}
