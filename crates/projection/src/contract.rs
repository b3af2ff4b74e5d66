//! How an instrument's price change becomes money, exactly.

use event::{
    Amount, Currency, MoneyError, Price, choices::Payoff, market::InstrumentDefined, message,
    nested,
};

/// One price unit.
const PRICE_UNIT: i128 = 1_000_000_000;

message! {
    /// The terms of an instrument that money depends on.
    Contract {
        /// How a price change becomes money.
        1 payoff: Payoff,
        /// What a unit is of.
        2 base: Currency,
        /// What cash moves in: the quote currency for spot, else the settlement currency.
        3 settle: Currency,
        /// The multiplier's mantissa.
        4 multiplier_mantissa: i64,
        /// The multiplier's decimal places.
        5 multiplier_scale: u32,
    }
}

nested!(Contract);

impl From<&InstrumentDefined> for Contract {
    fn from(defined: &InstrumentDefined) -> Self {
        let spot = defined.payoff == Payoff::Spot;
        Self {
            payoff: defined.payoff,
            base: defined.base,
            settle: if spot { defined.quote } else { defined.settle },
            multiplier_mantissa: if spot { 1 } else { defined.multiplier.mantissa() },
            multiplier_scale: if spot { 0 } else { u32::from(defined.multiplier.scale()) },
        }
    }
}

impl Contract {
    /// What `quantity` is worth at `price` in the settlement currency, signed as the quantity;
    /// the product is exact and rounded half to even once.
    ///
    /// An inverse contract is worth its face value over the price, in the base asset.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`]; also for an inverse contract at a price that is not positive.
    pub fn value(&self, quantity: Amount, price: Price) -> Result<Amount, MoneyError> {
        let unit = 10_i128.checked_pow(self.multiplier_scale).ok_or(MoneyError::Overflow)?;
        let (price, multiplier) = (i128::from(price.0), i128::from(self.multiplier_mantissa));
        let times = |left: i128, right: i128| left.checked_mul(right).ok_or(MoneyError::Overflow);
        match self.payoff {
            Payoff::Inverse if price <= 0 => Err(MoneyError::Overflow),
            Payoff::Inverse => quantity.scaled(times(multiplier, PRICE_UNIT)?, times(unit, price)?),
            Payoff::Spot | Payoff::Linear | Payoff::Option => {
                quantity.scaled(times(multiplier, price)?, times(unit, PRICE_UNIT)?)
            }
        }
    }

    /// Profit of what cost `cost` and is now worth `worth`, both signed as the position.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn profit(&self, cost: Amount, worth: Amount) -> Result<Amount, MoneyError> {
        match self.payoff {
            Payoff::Inverse => cost.minus(worth),
            Payoff::Spot | Payoff::Linear | Payoff::Option => worth.minus(cost),
        }
    }

    /// Whether cash pays for the position itself, not only for its profit.
    #[must_use]
    pub const fn is_paid_in_full(&self) -> bool {
        matches!(self.payoff, Payoff::Spot | Payoff::Option)
    }

    /// Whether the base asset itself changes hands.
    #[must_use]
    pub const fn moves_base(&self) -> bool {
        matches!(self.payoff, Payoff::Spot)
    }
}
