//! An instrument's terms, as far as an order needs them.

use alloc::vec::Vec;

use event::{
    Amount, Currency, InstrumentId, Label, MoneyError, Price, Quantity,
    choices::Payoff,
    market::{InstrumentDefined, TickTier},
    message, nested,
};

/// One price unit, 1e-9.
const PRICE_UNIT: i128 = 1_000_000_000;

message! {
    /// The terms of one instrument.
    Contract {
        /// The instrument.
        1 instrument: InstrumentId,
        /// How a price change becomes money.
        2 payoff: Payoff,
        /// What a unit is of.
        3 base: Currency,
        /// What the price is in.
        4 quote: Currency,
        /// What profit is paid in.
        5 settle: Currency,
        /// Value of one unit.
        6 multiplier: Quantity,
        /// Price increments.
        7 ticks: Vec<TickTier>,
        /// Quantity increment.
        8 lot: Quantity,
        /// Least notional of an order.
        9 minimum_notional: Amount,
        /// The session calendar.
        10 calendar: Label,
    }
}

nested!(Contract);

impl From<&InstrumentDefined> for Contract {
    fn from(defined: &InstrumentDefined) -> Self {
        Self {
            instrument: defined.instrument,
            payoff: defined.payoff,
            base: defined.base,
            quote: defined.quote,
            settle: defined.settle,
            multiplier: defined.multiplier,
            ticks: defined.ticks.clone(),
            lot: defined.lot,
            minimum_notional: defined.minimum_notional,
            calendar: defined.calendar,
        }
    }
}

impl Contract {
    /// What `quantity` is worth at `price`, signed as the quantity: in the quote currency, for an
    /// inverse contract its face value whatever the price.
    pub(crate) fn notional(&self, quantity: Amount, price: Price) -> Result<Amount, MoneyError> {
        let face = self.times_multiplier(quantity)?;
        match self.payoff {
            Payoff::Inverse => Ok(face),
            Payoff::Spot | Payoff::Linear | Payoff::Option => {
                face.scaled(i128::from(price.0), PRICE_UNIT)
            }
        }
    }

    /// The same in the settlement currency: for an inverse contract face value over price.
    pub(crate) fn settled(&self, quantity: Amount, price: Price) -> Result<Amount, MoneyError> {
        match self.payoff {
            Payoff::Inverse => {
                self.times_multiplier(quantity)?.scaled(PRICE_UNIT, i128::from(price.0))
            }
            Payoff::Spot | Payoff::Linear | Payoff::Option => self.notional(quantity, price),
        }
    }

    /// Profit of holding `quantity` that cost `cost` when the market is at `price`, in the
    /// settlement currency.
    pub(crate) fn profit(
        &self,
        quantity: Amount,
        cost: Amount,
        price: Price,
    ) -> Result<Amount, MoneyError> {
        let worth = self.settled(quantity, price)?;
        match self.payoff {
            Payoff::Inverse => cost.minus(worth),
            Payoff::Spot | Payoff::Linear | Payoff::Option => worth.minus(cost),
        }
    }

    /// Whether a fee in this currency is taken out of the position: the base asset of a spot pair.
    pub(crate) fn pays_fee_from_position(&self, fee_currency: Currency) -> bool {
        self.payoff == Payoff::Spot && fee_currency == self.base
    }

    /// How many units have this notional at `price`, rounded down to a lot.
    pub(crate) fn units(&self, notional: Amount, price: Price) -> Result<Amount, MoneyError> {
        let one = self.notional(Amount::whole(1), price)?;
        self.floor_to_lot(notional.scaled(Amount::whole(1).0, one.0)?)
    }

    /// The nearest whole number of lots at or below `quantity`, which is not negative.
    pub(crate) fn floor_to_lot(&self, quantity: Amount) -> Result<Amount, MoneyError> {
        let lot = self.lot.amount().0;
        if lot <= 0 {
            return Err(MoneyError::Overflow);
        }
        Ok(Amount(quantity.0 / lot * lot))
    }

    /// Whether `quantity` is a whole number of lots.
    pub(crate) fn is_on_lot(&self, quantity: Amount) -> bool {
        self.floor_to_lot(quantity) == Ok(quantity)
    }

    /// Whether `price` is a whole number of ticks.
    pub(crate) fn is_on_tick(&self, price: Price) -> bool {
        self.tick(price).and_then(|tick| price.floor_to(tick).ok()) == Some(price)
    }

    /// The price increment at `price`: its tier's, the lowest tier's below all tiers.
    fn tick(&self, price: Price) -> Option<Price> {
        let tier = self.ticks.iter().rev().find(|tier| tier.from_price <= price);
        tier.or_else(|| self.ticks.first()).map(|tier| tier.tick)
    }

    fn times_multiplier(&self, quantity: Amount) -> Result<Amount, MoneyError> {
        let unit = 10_i128.pow(u32::from(self.multiplier.scale()));
        quantity.scaled(i128::from(self.multiplier.mantissa()), unit)
    }
}
