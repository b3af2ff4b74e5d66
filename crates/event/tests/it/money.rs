//! Money against integers without an end.

use event::{
    Amount, MoneyError, Price, Quantity,
    money::{QUANTITY_SCALE_MAX, div_half_even},
};
use num_bigint::{BigInt, Sign};
use proptest::prelude::*;

/// Divides, rounding half to even, without any bound on size.
fn half_even(dividend: &BigInt, divisor: &BigInt) -> BigInt {
    let floor = {
        let quotient = dividend / divisor;
        let exact = &quotient * divisor == *dividend;
        let negative = (dividend.sign() == Sign::Minus) != (divisor.sign() == Sign::Minus);
        if !exact && negative { quotient - 1 } else { quotient }
    };
    // Twice the distance above the floor, against the divisor, both made positive.
    let above: BigInt = (dividend - &floor * divisor) * 2 * sign_of(divisor);
    let size: BigInt = divisor * sign_of(divisor);
    let even = &floor % 2 == BigInt::from(0);
    if above > size || (above == size && !even) { floor + 1 } else { floor }
}

fn sign_of(number: &BigInt) -> i32 {
    if number.sign() == Sign::Minus { -1 } else { 1 }
}

fn fits(number: &BigInt) -> Result<i128, MoneyError> {
    i128::try_from(number.clone()).map_err(|_| MoneyError::Overflow)
}

fn quantity() -> impl Strategy<Value = Quantity> {
    (mantissa(), 0..=QUANTITY_SCALE_MAX).prop_map(|(m, scale)| Quantity::new(m, scale).unwrap())
}

/// Small numbers, large ones, and both ends.
fn mantissa() -> impl Strategy<Value = i64> {
    prop_oneof![
        -1_000..1_000_i64,
        any::<i64>(),
        Just(i64::MIN),
        Just(i64::MAX),
        (0..19_u32).prop_map(|e| 10_i64.pow(e.min(18))),
    ]
}

fn wide() -> impl Strategy<Value = i128> {
    prop_oneof![
        -1_000..1_000_i128,
        any::<i64>().prop_map(i128::from),
        any::<i128>(),
        Just(i128::MIN),
        Just(i128::MAX),
    ]
}

/// The value of a quantity in 1e-18, without any bound.
fn units(quantity: Quantity) -> BigInt {
    BigInt::from(quantity.mantissa()) * BigInt::from(10).pow(18 - u32::from(quantity.scale()))
}

proptest! {
    #[test]
    fn price_written_reads_back(raw in mantissa()) {
        prop_assert_eq!(Price::parse(&Price(raw).to_string()), Ok(Price(raw)));
    }

    #[test]
    fn quantity_written_reads_back(quantity in quantity()) {
        let back = Quantity::parse(&quantity.to_string()).unwrap();
        prop_assert_eq!(back, quantity);
        prop_assert_eq!(units(back), units(quantity));
    }

    #[test]
    fn amount_written_reads_back(raw in wide()) {
        prop_assert_eq!(Amount::parse(&Amount(raw).to_string()), Ok(Amount(raw)));
    }

    #[test]
    fn decimal_text_means_its_digits(negative: bool, whole in 0..9_000_000_000_u64, places in "[0-9]{1,9}") {
        let sign = if negative { "-" } else { "" };
        let price = Price::parse(&format!("{sign}{whole}.{places}")).unwrap();
        let digits: i64 = format!("{sign}{whole}{places:0<9}").parse().unwrap();
        prop_assert_eq!(price, Price(digits));
    }

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC*", digits in "[-+.0-9eE]{0,60}") {
        for text in [text.as_str(), digits.as_str()] {
            let _ = (Price::parse(text), Quantity::parse(text), Amount::parse(text));
        }
    }

    #[test]
    fn division_rounds_half_to_even(dividend in wide(), divisor in wide()) {
        prop_assume!(divisor != 0);
        let exact = half_even(&dividend.into(), &divisor.into());
        // i128::MIN / -1 is the one quotient that does not fit.
        prop_assert_eq!(div_half_even(dividend, divisor), fits(&exact));
    }

    #[test]
    fn division_of_exact_halves_rounds_to_even(even in -1_000_i128..1_000, divisor in 1_i128..1_000_000) {
        // (2n + 1) / 2 x divisor lies halfway between n and n + 1.
        let halfway = (2 * even + 1) * divisor;
        let rounded = div_half_even(halfway, 2 * divisor).unwrap();
        prop_assert_eq!(rounded % 2, 0);
    }

    #[test]
    fn quantities_compare_and_add_by_value(one in quantity(), other in quantity()) {
        prop_assert_eq!(one.cmp(&other), units(one).cmp(&units(other)));
        prop_assert_eq!(one == other, units(one) == units(other));
        if let Ok(sum) = one.plus(other) {
            prop_assert_eq!(units(sum), units(one) + units(other));
        }
        if let Ok(rest) = one.minus(other) {
            prop_assert_eq!(units(rest), units(one) - units(other));
        }
    }

    #[test]
    fn quantity_survives_a_change_of_scale(mantissa in -9_000_000_i64..9_000_000, by in 0..12_u8) {
        let short = Quantity::new(mantissa, 3).unwrap();
        let long = Quantity::new(mantissa * 10_i64.pow(u32::from(by)), 3 + by).unwrap();
        prop_assert_eq!(short, long);
        prop_assert_eq!(short.amount(), long.amount());
    }

    #[test]
    fn notional_is_exact_or_rounded_once(quantity in quantity(), price in mantissa()) {
        // mantissa x price is in 10^-(scale + 9); the ledger is in 10^-18.
        let product = BigInt::from(quantity.mantissa()) * BigInt::from(price);
        let exact = match 18 - 9 - i32::from(quantity.scale()) {
            up if up >= 0 => product * BigInt::from(10).pow(up.unsigned_abs()),
            down => half_even(&product, &BigInt::from(10).pow(down.unsigned_abs())),
        };
        prop_assert_eq!(quantity.notional(Price(price)).map(|a| a.0), fits(&exact));
    }

    #[test]
    fn scaling_is_exact_to_one_rounding(value in wide(), numerator in wide(), denominator in wide()) {
        prop_assume!(denominator != 0);
        let product = BigInt::from(value) * BigInt::from(numerator);
        let exact = half_even(&product, &denominator.into());
        prop_assert_eq!(Amount(value).scaled(numerator, denominator).map(|a| a.0), fits(&exact));
    }

    /// The whole range of products of 255 bits that still have a quotient of 127.
    #[test]
    fn scaling_through_256_bits_agrees(value: i128, numerator: i128, keep in 0..60_u32) {
        let denominator = numerator.checked_abs().unwrap_or(i128::MAX) | (1 << 120) >> keep | 1;
        let product = BigInt::from(value) * BigInt::from(numerator);
        let exact = half_even(&product, &denominator.into());
        prop_assert_eq!(Amount(value).scaled(numerator, denominator).map(|a| a.0), fits(&exact));
    }

    /// (2n + 1) x / 2x lies halfway between n and n + 1, and the product has more than 127 bits.
    #[test]
    fn scaling_of_exact_halves_through_256_bits_rounds_to_even(n in 2_i128..1_000_000, down: bool, spare in 0..1_000_i128) {
        let size = (1_i128 << 126) - 1 - spare;
        let value = if down { -(2 * n + 1) } else { 2 * n + 1 };
        let even = (n + n % 2) * value.signum();
        prop_assert_eq!(Amount(value).scaled(size, 2 * size), Ok(Amount(even)));
    }

    #[test]
    fn ledger_arithmetic_is_exact_or_an_error(one in wide(), other in wide()) {
        let (a, b) = (BigInt::from(one), BigInt::from(other));
        prop_assert_eq!(Amount(one).plus(Amount(other)).map(|x| x.0), fits(&(&a + &b)));
        prop_assert_eq!(Amount(one).minus(Amount(other)).map(|x| x.0), fits(&(&a - &b)));
        prop_assert_eq!(Amount(one).negated().map(|x| x.0), fits(&-&a));
    }

    #[test]
    fn floored_price_is_the_multiple_below(price in mantissa(), tick in 1_i64..1_000_000_000_000) {
        let Ok(floored) = Price(price).floor_to(Price(tick)) else { return Ok(()) };
        prop_assert_eq!(floored.0 % tick, 0);
        prop_assert!(floored.0 <= price && i128::from(price) - i128::from(floored.0) < i128::from(tick));
    }
}

#[test]
fn overflow_is_an_error_never_a_wrap() {
    assert_eq!(Price(i64::MAX).plus(Price(1)), Err(MoneyError::Overflow));
    assert_eq!(Price(i64::MIN).minus(Price(1)), Err(MoneyError::Overflow));
    assert_eq!(Price::parse("9223372036.854775808"), Err(MoneyError::Overflow));
    assert_eq!(Price::parse("-9223372036.854775808"), Ok(Price(i64::MIN)));
    assert_eq!(Quantity::parse("9223372036854775808"), Err(MoneyError::Overflow));
    assert_eq!(Quantity::new(i64::MIN, 0).unwrap().negated(), Err(MoneyError::Overflow));
    assert_eq!(Amount(i128::MAX).plus(Amount(1)), Err(MoneyError::Overflow));
    assert_eq!(Amount(i128::MIN).negated(), Err(MoneyError::Overflow));
    assert_eq!(Amount(i128::MIN).magnitude(), Err(MoneyError::Overflow));
    assert_eq!(Amount(1).scaled(1, 0), Err(MoneyError::Overflow));
    assert_eq!(Amount(i128::MAX).scaled(i128::MAX, 0), Err(MoneyError::Overflow));
    assert_eq!(Price(1).floor_to(Price(0)), Err(MoneyError::Overflow));
    let huge = Quantity::whole(i64::MAX);
    assert_eq!(huge.notional(Price(i64::MAX)), Err(MoneyError::Overflow));
}

#[test]
fn text_that_is_no_plain_decimal_is_refused() {
    for bad in [
        "", "-", ".", "1.", ".5", "+1", "1e5", "1,000", " 1", "1 ", "0x1", "--1", "1.2.3", "NaN",
        "١",
    ] {
        assert_eq!(Price::parse(bad), Err(MoneyError::Malformed), "{bad:?}");
        assert_eq!(Quantity::parse(bad), Err(MoneyError::Malformed), "{bad:?}");
        assert_eq!(Amount::parse(bad), Err(MoneyError::Malformed), "{bad:?}");
    }
}

#[test]
fn places_past_the_scale_are_refused_unless_zeros() {
    assert_eq!(Price::parse("1.0000000001"), Err(MoneyError::TooPrecise { places_max: 9 }));
    assert_eq!(Price::parse("1.0000000000"), Ok(Price(1_000_000_000)));
    let places_19 = "0.0000000000000000001";
    assert_eq!(Quantity::parse(places_19), Err(MoneyError::TooPrecise { places_max: 18 }));
    assert_eq!(Amount::parse(places_19), Err(MoneyError::TooPrecise { places_max: 18 }));
    assert_eq!(Quantity::new(1, 19), Err(MoneyError::TooPrecise { places_max: 18 }));
}

#[test]
fn negative_prices_are_prices() {
    let price = Price::parse("-37.63").unwrap();
    assert_eq!(price, Price(-37_630_000_000));
    let notional = Quantity::whole(1_000).notional(price).unwrap();
    assert_eq!(notional.to_string(), "-37630");
}

proptest! {
    #[test]
    fn an_amount_that_is_a_quantity_is_that_quantity_in_the_fewest_places(quantity in quantity()) {
        let back = Quantity::from_amount(quantity.amount()).unwrap();
        prop_assert_eq!(back, quantity);
        prop_assert_eq!(units(back), units(quantity));
        prop_assert!(back.scale() == 0 || back.mantissa() % 10 != 0, "{:?}", back);
        prop_assert!(back.scale() <= quantity.scale());
    }

    #[test]
    fn an_amount_that_is_no_quantity_is_an_error(raw in wide()) {
        let shortest = (0..=18_u32).rev().find(|places| raw % 10_i128.pow(*places) == 0).unwrap();
        let fits = i64::try_from(raw / 10_i128.pow(shortest)).is_ok();
        prop_assert_eq!(Quantity::from_amount(Amount(raw)).is_ok(), fits);
    }

    #[test]
    fn signs_are_those_of_the_number(quantity in quantity(), raw in wide()) {
        prop_assert_eq!(quantity.signum(), quantity.mantissa().signum());
        prop_assert_eq!(quantity.is_zero(), quantity.mantissa() == 0);
        prop_assert_eq!(Amount(raw).signum(), raw.signum());
        prop_assert_eq!(Amount(raw).is_zero(), raw == 0);
    }

    #[test]
    fn prices_and_whole_numbers_are_the_amounts_they_say(raw in mantissa()) {
        prop_assert_eq!(Price(raw).amount(), Amount::parse(&Price(raw).to_string()).unwrap());
        prop_assert_eq!(Amount::whole(raw), Amount::parse(&raw.to_string()).unwrap());
    }
}

#[test]
fn nothing_is_zero_in_every_scale_and_the_least_there_is_is_not() {
    for scale in 0..=QUANTITY_SCALE_MAX {
        let of = |mantissa| Quantity::new(mantissa, scale).unwrap();
        assert!(of(0).is_zero() && !of(1).is_zero() && !of(-1).is_zero());
    }
    assert!(Amount::ZERO.is_zero() && !Amount(1).is_zero() && !Amount(-1).is_zero());
}

#[test]
fn quantities_are_ordered_as_their_values() {
    let [half, one, two] = [(5, 1), (10, 1), (2, 0)].map(|(m, s)| Quantity::new(m, s).unwrap());
    assert!(half < one && one < two && one <= Quantity::whole(1) && two > half);
    assert_eq!(half.partial_cmp(&one), Some(std::cmp::Ordering::Less));
}
