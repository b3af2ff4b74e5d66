//! Prices, quantities and ledger amounts: integers only, every operation checked.
//!
//! | type | holds | unit | range |
//! |---|---|---|---|
//! | [`Price`] | `i64` | 1e-9 of the quote currency | ±9.2e9 |
//! | [`Quantity`] | `i64` mantissa, scale 0 to 18 | 10^-scale | ±9.2e18 / 10^scale |
//! | [`Amount`] | `i128` | 1e-18 of a currency, or of a quantity in a ledger | ±1.7e20 |
//!
//! A price times a quantity is exact in `i128` before it is scaled, and is rounded half to even
//! once, when it becomes an [`Amount`]. Negative prices are legal.

use core::fmt;

use crate::decimal::{Decimal, parse_scaled};

/// Decimal places of a [`Price`].
pub const PRICE_SCALE: u8 = 9;
/// Most decimal places of a [`Quantity`].
pub const QUANTITY_SCALE_MAX: u8 = 18;
/// Decimal places of an [`Amount`].
pub const AMOUNT_SCALE: u8 = 18;

/// A price in 1e-9 units of the quote currency; may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(pub i64);

/// A signed quantity: `mantissa` × 10^-`scale`.
///
/// Equality compares values, so `1.50` equals `1.5`; the bytes keep the scale as given.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quantity {
    mantissa: i64,
    scale: u8,
}

/// A ledger amount in 1e-18 units: cash, cost, notional, or a position's quantity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(pub i128);

/// Why a number is not money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not `-?digits[.digits]`.
    #[error("not a decimal number")]
    Malformed,
    /// More non-zero decimal places than the type holds.
    #[error("more than {places_max} decimal places")]
    TooPrecise {
        /// Places the type holds.
        places_max: u8,
    },
    /// Outside the type's range.
    #[error("outside the range of the type")]
    Overflow,
}

/// 10^`exponent`, for exponents the types here use (0 to 38).
const fn power_of_ten(exponent: u8) -> Option<i128> {
    10_i128.checked_pow(exponent as u32)
}

/// Divides, rounding half to even.
///
/// # Errors
/// [`MoneyError::Overflow`] when `divisor` is zero or the quotient leaves `i128`.
pub const fn div_half_even(dividend: i128, divisor: i128) -> Result<i128, MoneyError> {
    let (Some(quotient), Some(rest)) =
        (dividend.checked_div(divisor), dividend.checked_rem(divisor))
    else {
        return Err(MoneyError::Overflow);
    };
    let (rest, divisor_size) = (rest.unsigned_abs(), divisor.unsigned_abs());
    // `rest` against `divisor - rest` compares twice the rest with the divisor without overflow.
    let other = divisor_size - rest;
    let away = rest > other || (rest == other && quotient % 2 != 0);
    if !away {
        return Ok(quotient);
    }
    let step = if dividend.is_negative() == divisor.is_negative() { 1 } else { -1 };
    match quotient.checked_add(step) {
        Some(rounded) => Ok(rounded),
        None => Err(MoneyError::Overflow),
    }
}

impl Price {
    /// Reads a decimal of at most nine places; further places must be zeros.
    ///
    /// # Errors
    /// [`MoneyError`] when it is malformed, too precise or out of range.
    ///
    /// ```
    /// # use event::Price;
    /// assert_eq!(Price::parse("61773.60")?, Price(61_773_600_000_000));
    /// assert_eq!(Price::parse("-37.63")?.to_string(), "-37.63");
    /// # Ok::<(), event::MoneyError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        let value = parse_scaled(text, PRICE_SCALE)?;
        i64::try_from(value).map(Self).map_err(|_| MoneyError::Overflow)
    }

    /// `self + other`.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.0.checked_add(other.0).map(Self).ok_or(MoneyError::Overflow)
    }

    /// `self - other`.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.0.checked_sub(other.0).map(Self).ok_or(MoneyError::Overflow)
    }

    /// The price as a ledger amount.
    #[must_use]
    pub const fn amount(self) -> Amount {
        Amount(self.0 as i128 * 1_000_000_000)
    }

    /// The nearest multiple of `tick` at or below (`Side::Buy` never pays more than asked for).
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] when `tick` is not positive.
    pub const fn floor_to(self, tick: Self) -> Result<Self, MoneyError> {
        if tick.0 <= 0 {
            return Err(MoneyError::Overflow);
        }
        match self.0.div_euclid(tick.0).checked_mul(tick.0) {
            Some(floored) => Ok(Self(floored)),
            None => Err(MoneyError::Overflow),
        }
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Decimal::new(i128::from(self.0), PRICE_SCALE).write(f)
    }
}

impl Quantity {
    /// No quantity.
    pub const ZERO: Self = Self { mantissa: 0, scale: 0 };

    /// `mantissa` × 10^-`scale`.
    ///
    /// # Errors
    /// [`MoneyError::TooPrecise`] when `scale` is over 18.
    pub const fn new(mantissa: i64, scale: u8) -> Result<Self, MoneyError> {
        if scale > QUANTITY_SCALE_MAX {
            return Err(MoneyError::TooPrecise { places_max: QUANTITY_SCALE_MAX });
        }
        Ok(Self { mantissa, scale })
    }

    /// A whole number of units.
    #[must_use]
    pub const fn whole(units: i64) -> Self {
        Self { mantissa: units, scale: 0 }
    }

    /// Reads a decimal, keeping as many places as it has (trailing zeros dropped), at most 18.
    ///
    /// # Errors
    /// [`MoneyError`] when it is malformed, too precise or out of range.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        let places = text.split_once('.').map_or(0, |(_, f)| f.trim_end_matches('0').len());
        let scale = u8::try_from(places).unwrap_or(u8::MAX).min(QUANTITY_SCALE_MAX);
        let value = parse_scaled(text, scale)?;
        let mantissa = i64::try_from(value).map_err(|_| MoneyError::Overflow)?;
        Ok(Self { mantissa, scale })
    }

    /// The integer part of the representation.
    #[must_use]
    pub const fn mantissa(self) -> i64 {
        self.mantissa
    }

    /// Decimal places of the representation.
    #[must_use]
    pub const fn scale(self) -> u8 {
        self.scale
    }

    /// The quantity as an exact ledger amount (every quantity fits).
    #[must_use]
    pub fn amount(self) -> Amount {
        let factor = power_of_ten(AMOUNT_SCALE - self.scale).unwrap_or(1);
        Amount(i128::from(self.mantissa) * factor)
    }

    /// The exact quantity of a ledger amount, in the fewest places.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] when the mantissa leaves `i64`.
    pub fn from_amount(amount: Amount) -> Result<Self, MoneyError> {
        let (mut value, mut scale) = (amount.0, AMOUNT_SCALE);
        while scale > 0 && value % 10 == 0 {
            value /= 10;
            scale -= 1;
        }
        let mantissa = i64::try_from(value).map_err(|_| MoneyError::Overflow)?;
        Ok(Self { mantissa, scale })
    }

    /// -1, 0 or 1.
    #[must_use]
    pub const fn signum(self) -> i64 {
        self.mantissa.signum()
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// The opposite quantity.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] at the end of the range.
    pub const fn negated(self) -> Result<Self, MoneyError> {
        match self.mantissa.checked_neg() {
            Some(mantissa) => Ok(Self { mantissa, scale: self.scale }),
            None => Err(MoneyError::Overflow),
        }
    }

    /// `self + other`, in the fewest places.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        Self::from_amount(self.amount().plus(other.amount())?)
    }

    /// `self - other`, in the fewest places.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        Self::from_amount(self.amount().minus(other.amount())?)
    }

    /// Price × quantity, rounded half to even at 1e-18; exact when the quantity has at most nine
    /// places.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn notional(self, price: Price) -> Result<Amount, MoneyError> {
        // i64 × i64 always fits in i128.
        let product = i128::from(self.mantissa) * i128::from(price.0);
        let scale = PRICE_SCALE + self.scale;
        if scale <= AMOUNT_SCALE {
            let factor = power_of_ten(AMOUNT_SCALE - scale).ok_or(MoneyError::Overflow)?;
            product.checked_mul(factor).map(Amount).ok_or(MoneyError::Overflow)
        } else {
            let divisor = power_of_ten(scale - AMOUNT_SCALE).ok_or(MoneyError::Overflow)?;
            div_half_even(product, divisor).map(Amount)
        }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.amount() == other.amount()
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.amount().cmp(&other.amount())
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Decimal::new(i128::from(self.mantissa), self.scale).write(f)
    }
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Its shortest plain decimal.
    pub(crate) fn decimal(self) -> Decimal {
        Decimal::new(self.0, AMOUNT_SCALE)
    }

    /// Reads a decimal of at most eighteen places; further places must be zeros.
    ///
    /// # Errors
    /// [`MoneyError`] when it is malformed, too precise or out of range.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        parse_scaled(text, AMOUNT_SCALE).map(Self)
    }

    /// A whole number of units.
    #[must_use]
    pub const fn whole(units: i64) -> Self {
        Self(units as i128 * 1_000_000_000_000_000_000)
    }

    /// `self + other`.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.0.checked_add(other.0).map(Self).ok_or(MoneyError::Overflow)
    }

    /// `self - other`.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.0.checked_sub(other.0).map(Self).ok_or(MoneyError::Overflow)
    }

    /// The opposite amount.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn negated(self) -> Result<Self, MoneyError> {
        self.0.checked_neg().map(Self).ok_or(MoneyError::Overflow)
    }

    /// The amount without its sign.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn magnitude(self) -> Result<Self, MoneyError> {
        self.0.checked_abs().map(Self).ok_or(MoneyError::Overflow)
    }

    /// -1, 0 or 1.
    #[must_use]
    pub const fn signum(self) -> i128 {
        self.0.signum()
    }

    /// Whether it is exactly zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// `self × numerator / denominator`, the product exact, rounded half to even once.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] when the denominator is zero or the result leaves `i128`.
    ///
    /// ```
    /// # use event::Amount;
    /// let cost = Amount::whole(100);
    /// assert_eq!(cost.scaled(1, 3)?.to_string(), "33.333333333333333333");
    /// # Ok::<(), event::MoneyError>(())
    /// ```
    pub fn scaled(self, numerator: i128, denominator: i128) -> Result<Self, MoneyError> {
        if let Some(product) = self.0.checked_mul(numerator) {
            return div_half_even(product, denominator).map(Self);
        }
        wide_scaled(self.0, numerator, denominator).map(Self)
    }
}

/// `value × numerator / denominator` through a 256-bit product, rounded half to even.
fn wide_scaled(value: i128, numerator: i128, denominator: i128) -> Result<i128, MoneyError> {
    let divisor = denominator.unsigned_abs();
    if divisor == 0 {
        return Err(MoneyError::Overflow);
    }
    let negative = value.is_negative() ^ numerator.is_negative() ^ denominator.is_negative();
    let (high, low) = wide_mul(value.unsigned_abs(), numerator.unsigned_abs());
    if high >= divisor {
        return Err(MoneyError::Overflow);
    }
    // Schoolbook long division by bits: `rest` stays below `divisor`, which is 2^127 at most, so
    // the shift carries nothing out.
    let (mut rest, mut quotient) = (high, 0_u128);
    for bit in (0..128).rev() {
        rest = (rest << 1) | ((low >> bit) & 1);
        quotient <<= 1;
        if rest >= divisor {
            rest -= divisor;
            quotient |= 1;
        }
    }
    let other = divisor - rest;
    if rest > other || (rest == other && quotient & 1 == 1) {
        quotient = quotient.checked_add(1).ok_or(MoneyError::Overflow)?;
    }
    let signed =
        if negative { 0_i128.checked_sub_unsigned(quotient) } else { quotient.try_into().ok() };
    signed.ok_or(MoneyError::Overflow)
}

/// The 256-bit product of two 128-bit numbers, as high and low halves.
const fn wide_mul(left: u128, right: u128) -> (u128, u128) {
    const MASK: u128 = u64::MAX as u128;
    let (left_high, left_low) = (left >> 64, left & MASK);
    let (right_high, right_low) = (right >> 64, right & MASK);
    let low = left_low * right_low;
    let middle_one = left_high * right_low + (low >> 64);
    let middle_two = left_low * right_high + (middle_one & MASK);
    let high = left_high * right_high + (middle_one >> 64) + (middle_two >> 64);
    (high, (middle_two << 64) | (low & MASK))
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.decimal().write(f)
    }
}

macro_rules! from_str_by_parse {
    ($($name:ident),*) => {$(
        impl core::str::FromStr for $name {
            type Err = MoneyError;
            fn from_str(text: &str) -> Result<Self, MoneyError> {
                Self::parse(text)
            }
        }
    )*};
}

from_str_by_parse!(Price, Quantity, Amount);
