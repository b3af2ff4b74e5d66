//! A model of the money that keeps everything and derives it from the beginning each time, in
//! integers without an end.

use alloc::vec::Vec;

use num_bigint::BigInt;

/// A trade of the model, in raw units: quantity at 1e-18, price at 1e-9, fee at 1e-18.
#[derive(Clone, Debug)]
pub(crate) struct Trade {
    pub(crate) quantity: i128,
    pub(crate) price: i64,
    pub(crate) fee: i128,
    pub(crate) fee_in_base: bool,
}

/// What the model says of one position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) quantity: BigInt,
    pub(crate) cost: BigInt,
    pub(crate) realised: BigInt,
    pub(crate) fees_in_base_worth: BigInt,
    pub(crate) settle_cash: BigInt,
    pub(crate) base_cash: BigInt,
}

/// The quotient, rounded half to even.
pub(crate) fn rounded(dividend: &BigInt, divisor: &BigInt) -> BigInt {
    let (dividend, divisor) = if *divisor < BigInt::from(0) {
        (-dividend, -divisor)
    } else {
        (dividend.clone(), divisor.clone())
    };
    let two = BigInt::from(2);
    // floor((2n + d) / 2d), stepped back to even when the division is an exact half.
    let numerator = &two * &dividend + &divisor;
    let denominator = &two * &divisor;
    let mut quotient = &numerator / &denominator;
    if &quotient * &denominator > numerator {
        quotient -= 1;
    }
    let half = &quotient * &denominator == numerator;
    if half && &quotient % &two != BigInt::from(0) {
        quotient -= 1;
    }
    quotient
}

/// Which payoff, with the multiplier.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Terms {
    Spot,
    Linear(i64),
    Inverse(i64),
}

impl Terms {
    pub(crate) fn value(self, quantity: &BigInt, price: i64) -> BigInt {
        let (price, nano) = (BigInt::from(price), BigInt::from(1_000_000_000));
        match self {
            Self::Spot => rounded(&(quantity * price), &nano),
            Self::Linear(m) => rounded(&(quantity * m * price), &nano),
            Self::Inverse(m) => rounded(&(quantity * m * nano), &price),
        }
    }

    fn profit(self, cost: &BigInt, worth: &BigInt) -> BigInt {
        match self {
            Self::Inverse(_) => cost - worth,
            Self::Spot | Self::Linear(_) => worth - cost,
        }
    }
}

/// Everything from the beginning.
pub(crate) fn outcome(terms: Terms, trades: &[Trade]) -> Outcome {
    let mut out = Outcome::default();
    for trade in trades {
        let quantity = BigInt::from(trade.quantity);
        let gained = apply(&mut out, terms, &quantity, trade.price);
        match terms {
            Terms::Spot => {
                out.settle_cash -= terms.value(&quantity, trade.price);
                out.base_cash += &quantity;
            }
            Terms::Linear(_) | Terms::Inverse(_) => out.settle_cash += gained,
        }
        if trade.fee_in_base && matches!(terms, Terms::Spot) {
            let fee = BigInt::from(trade.fee);
            out.fees_in_base_worth -= terms.value(&-&fee, trade.price);
            let _ = apply(&mut out, terms, &-fee, trade.price);
        }
    }
    out
}

/// One trade as the textbook has it: split where it crosses zero, lots at average cost.
fn apply(out: &mut Outcome, terms: Terms, quantity: &BigInt, price: i64) -> BigInt {
    let zero = BigInt::from(0);
    let worth = terms.value(quantity, price);
    let opposite =
        (out.quantity > zero && *quantity < zero) || (out.quantity < zero && *quantity > zero);
    if !opposite {
        out.quantity += quantity;
        out.cost += worth;
        return zero;
    }
    let total = &out.quantity + quantity;
    let crosses = total != zero && (total > zero) != (out.quantity > zero);
    let closed = if crosses { out.quantity.clone() } else { -quantity.clone() };
    let closed_worth = if crosses { terms.value(&closed, price) } else { -worth.clone() };
    let released = rounded(&(&out.cost * &closed), &out.quantity);
    let gained = terms.profit(&released, &closed_worth);
    out.realised += &gained;
    out.cost -= released;
    if crosses {
        out.cost = worth + closed_worth;
    }
    out.quantity = total;
    gained
}

/// The last of several that end the same: nothing, when there was no trade.
pub(crate) fn surviving(trades: &[(Trade, bool)]) -> Vec<Trade> {
    trades.iter().filter(|(_, busted)| !busted).map(|(trade, _)| trade.clone()).collect()
}
