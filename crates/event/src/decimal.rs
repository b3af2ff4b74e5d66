//! Decimal text of scaled integers: read exactly, written as short as it can be.

use core::fmt;

use crate::MoneyError;

/// Reads `-?digits[.digits]` as an integer scaled by 10^`scale`; excess places must be zeros.
pub(crate) fn parse_scaled(text: &str, scale: u8) -> Result<i128, MoneyError> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    if whole.is_empty() || fraction.is_empty() {
        return Err(MoneyError::Malformed);
    }
    if whole.len() + fraction.len() <= U64_DIGITS && fraction.len() <= usize::from(scale) {
        return parse_short(negative, whole, fraction, scale);
    }
    let mut value: i128 = 0;
    // The lowest number has no positive twin, so a negative one is built downwards.
    let mut push = |digit: u8| -> Result<(), MoneyError> {
        let step = i128::from(digit);
        value = value
            .checked_mul(10)
            .and_then(|up| if negative { up.checked_sub(step) } else { up.checked_add(step) })
            .ok_or(MoneyError::Overflow)?;
        Ok(())
    };
    for byte in whole.bytes() {
        push(digit_of(byte)?)?;
    }
    let mut places = 0;
    for byte in fraction.bytes() {
        let digit = digit_of(byte)?;
        if places < scale {
            push(digit)?;
            places += 1;
        } else if digit != 0 {
            return Err(MoneyError::TooPrecise { places_max: scale });
        }
    }
    for _ in places..scale {
        push(0)?;
    }
    Ok(value)
}

/// Decimal digits that always fit in 64 bits.
const U64_DIGITS: usize = 19;

/// Nearly every number is short: its digits are put together in 64 bits and scaled once.
fn parse_short(negative: bool, whole: &str, fraction: &str, scale: u8) -> Result<i128, MoneyError> {
    let mut size: u64 = 0;
    for byte in whole.bytes().chain(fraction.bytes()) {
        size = size * 10 + u64::from(digit_of(byte)?);
    }
    let missing = u32::from(scale) - fraction.len() as u32;
    let unit = 10_i128.checked_pow(missing).ok_or(MoneyError::Overflow)?;
    let size = i128::from(size).checked_mul(unit).ok_or(MoneyError::Overflow)?;
    Ok(if negative { -size } else { size })
}

const fn digit_of(byte: u8) -> Result<u8, MoneyError> {
    if byte.is_ascii_digit() { Ok(byte - b'0') } else { Err(MoneyError::Malformed) }
}

/// The shortest plain decimal of a scaled integer, built from its last character on.
pub(crate) struct Decimal {
    bytes: [u8; DECIMAL_BYTES],
    start: usize,
}

/// A sign, the 39 digits of 128 bits, a point, and a zero before it.
const DECIMAL_BYTES: usize = 42;

impl Decimal {
    pub(crate) fn new(value: i128, scale: u8) -> Self {
        let mut decimal = Self { bytes: [0; DECIMAL_BYTES], start: DECIMAL_BYTES };
        let (size, unit) = (value.unsigned_abs(), 10_u128.pow(u32::from(scale)));
        // Less than 10^18, as no scale is over 18.
        let mut fraction = (size % unit) as u64;
        if fraction != 0 {
            let mut places = scale;
            while fraction.is_multiple_of(10) {
                fraction /= 10;
                places -= 1;
            }
            for _ in 0..places {
                decimal.push(b'0' + (fraction % 10) as u8);
                fraction /= 10;
            }
            decimal.push(b'.');
        }
        let mut whole = size / unit;
        while whole > u128::from(u64::MAX) {
            decimal.push(b'0' + (whole % 10) as u8);
            whole /= 10;
        }
        let mut whole = whole as u64;
        loop {
            decimal.push(b'0' + (whole % 10) as u8);
            whole /= 10;
            if whole == 0 {
                break;
            }
        }
        if value < 0 {
            decimal.push(b'-');
        }
        decimal
    }

    fn push(&mut self, byte: u8) {
        self.start = self.start.saturating_sub(1);
        if let Some(slot) = self.bytes.get_mut(self.start) {
            *slot = byte;
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    pub(crate) fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(core::str::from_utf8(self.as_bytes()).unwrap_or_default())
    }
}
