//! The broker's own ledger: cash by currency, positions at average cost.
//!
//! | payoff | cash of a trade | cost of a position |
//! |---|---|---|
//! | spot | the whole value, against the trade; the quantity itself, in the base currency | value at the price paid |
//! | option | the whole value, against the trade | value at the price paid |
//! | linear | profit of what was closed: value now less cost | value at the price paid |
//! | inverse | profit of what was closed: cost less value now, in coin | face value over the price paid |
//!
//! A value is exact until it is booked, and rounded half to even at 1e-18 once. What a trade that
//! crosses zero opens costs what is left of the trade's value after what it closed, so the parts
//! sum to the whole. Independent of the projection on purpose: it is what that is checked against.

use std::collections::BTreeMap;

use event::{
    Amount, Currency, InstrumentId, MoneyError, Price, Quantity, Timestamp,
    books::{Balance, BrokerPosition, OpeningPosition},
    choices::Payoff,
    market::InstrumentDefined,
};

/// What money depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) payoff: Payoff,
    pub(crate) base: Currency,
    /// What cash moves in.
    pub(crate) cash: Currency,
    multiplier: Quantity,
}

impl From<&InstrumentDefined> for Terms {
    fn from(defined: &InstrumentDefined) -> Self {
        let InstrumentDefined { payoff, base, quote, settle, multiplier, .. } = *defined;
        match payoff {
            Payoff::Spot => Self { payoff, base, cash: quote, multiplier: Quantity::whole(1) },
            Payoff::Linear | Payoff::Inverse | Payoff::Option => {
                Self { payoff, base, cash: settle, multiplier }
            }
        }
    }
}

impl Terms {
    /// What a quantity is worth at a price, signed as the quantity.
    pub(crate) fn value(&self, quantity: Amount, price: Price) -> Result<Amount, MoneyError> {
        const PRICE_UNIT: i128 = 1_000_000_000;
        let price = i128::from(price.0);
        let factor = i128::from(self.multiplier.mantissa());
        let unit = 10_i128.pow(u32::from(self.multiplier.scale()));
        let (over, under) = match self.payoff {
            Payoff::Inverse if price <= 0 => return Err(MoneyError::Overflow),
            Payoff::Inverse => (factor.checked_mul(PRICE_UNIT), unit.checked_mul(price)),
            Payoff::Spot | Payoff::Linear | Payoff::Option => {
                (factor.checked_mul(price), unit.checked_mul(PRICE_UNIT))
            }
        };
        match (over, under) {
            (Some(over), Some(under)) => quantity.scaled(over, under),
            _ => Err(MoneyError::Overflow),
        }
    }

    /// Notional in the quote currency; the face value of an inverse contract.
    pub(crate) fn notional(&self, quantity: Amount, price: Price) -> Result<Amount, MoneyError> {
        match self.payoff {
            Payoff::Inverse => quantity.scaled(
                i128::from(self.multiplier.mantissa()),
                10_i128.pow(u32::from(self.multiplier.scale())),
            ),
            Payoff::Spot | Payoff::Linear | Payoff::Option => self.value(quantity, price),
        }
    }

    /// Whether the unit itself is paid for, so that none can be sold that is not held.
    pub(crate) const fn is_paid_in_full(&self) -> bool {
        matches!(self.payoff, Payoff::Spot | Payoff::Option)
    }
}

/// An execution, as the ledger sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trade {
    pub(crate) instrument: InstrumentId,
    pub(crate) terms: Terms,
    /// Positive buys.
    pub(crate) quantity: Amount,
    pub(crate) price: Price,
    pub(crate) fee: Amount,
    pub(crate) fee_currency: Currency,
    pub(crate) at: Timestamp,
}

/// What is held of one instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holding {
    pub(crate) quantity: Amount,
    /// Signed as the quantity.
    pub(crate) cost: Amount,
    /// When it last traded.
    pub(crate) traded: Option<Timestamp>,
}

/// Cash and positions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    cash: BTreeMap<Currency, Amount>,
    opening: BTreeMap<InstrumentId, Holding>,
    holdings: BTreeMap<InstrumentId, Holding>,
    /// Cash that executions moved, by instrument.
    flows: BTreeMap<InstrumentId, Flow>,
}

/// Cash moved, by currency.
pub(crate) type Flow = BTreeMap<Currency, Amount>;

impl Ledger {
    /// Takes in what an account begins with.
    pub(crate) fn begin(&mut self, balances: &[Balance], positions: &[OpeningPosition]) {
        self.cash = balances.iter().map(|b| (b.currency, b.amount)).collect();
        let holding = |p: &OpeningPosition| Holding {
            quantity: p.quantity.amount(),
            cost: p.total_cost,
            traded: None,
        };
        self.opening = positions.iter().map(|p| (p.instrument, holding(p))).collect();
        self.holdings = self.opening.clone();
    }

    /// Books an execution.
    pub(crate) fn book(&mut self, trade: &Trade) -> Result<(), MoneyError> {
        let holding = self.holdings.entry(trade.instrument).or_default();
        let flow = self.flows.entry(trade.instrument).or_default();
        let moved = holding.take(trade)?;
        for (currency, amount) in moved {
            add(flow, currency, amount)?;
            add(&mut self.cash, currency, amount)?;
        }
        Ok(())
    }

    /// Books the executions of an instrument anew, as they stand now: an execution that was taken
    /// back leaves position and cash as if it had never been.
    pub(crate) fn rebook<'a>(
        &mut self,
        instrument: InstrumentId,
        trades: impl Iterator<Item = &'a Trade>,
    ) -> Result<(), MoneyError> {
        let mut holding = self.opening.get(&instrument).copied().unwrap_or_default();
        let mut flow = Flow::new();
        for trade in trades {
            for (currency, amount) in holding.take(trade)? {
                add(&mut flow, currency, amount)?;
            }
        }
        // The day an instrument last traded does not go back: funding counts from it.
        let before = self.holdings.get(&instrument).and_then(|held| held.traded);
        holding.traded = holding.traded.max(before);
        for (currency, amount) in self.flows.remove(&instrument).unwrap_or_default() {
            add(&mut self.cash, currency, amount.negated()?)?;
        }
        for (&currency, &amount) in &flow {
            add(&mut self.cash, currency, amount)?;
        }
        let _ = self.flows.insert(instrument, flow);
        let _ = self.holdings.insert(instrument, holding);
        Ok(())
    }

    /// Moves cash outside any execution.
    pub(crate) fn move_cash(
        &mut self,
        currency: Currency,
        amount: Amount,
    ) -> Result<(), MoneyError> {
        add(&mut self.cash, currency, amount)
    }

    pub(crate) fn cash(&self, currency: Currency) -> Amount {
        self.cash.get(&currency).copied().unwrap_or_default()
    }

    pub(crate) fn holding(&self, instrument: InstrumentId) -> Holding {
        self.holdings.get(&instrument).copied().unwrap_or_default()
    }

    pub(crate) fn holdings(&self) -> impl Iterator<Item = (InstrumentId, Holding)> {
        self.holdings.iter().map(|(&instrument, &holding)| (instrument, holding))
    }

    /// Cash, by currency; a currency that was ever held stays listed.
    pub(crate) fn balances(&self) -> Vec<Balance> {
        self.cash.iter().map(|(&currency, &amount)| Balance { currency, amount }).collect()
    }

    /// Positions that are not zero.
    pub(crate) fn positions(&self) -> Result<Vec<BrokerPosition>, MoneyError> {
        let held = self.holdings().filter(|(_, holding)| !holding.quantity.is_zero());
        held.map(|(instrument, holding)| {
            let quantity = Quantity::from_amount(holding.quantity)?;
            Ok(BrokerPosition { instrument, quantity, total_cost: holding.cost })
        })
        .collect()
    }
}

impl Holding {
    /// Trades, and returns the cash that moves.
    fn take(&mut self, trade: &Trade) -> Result<Vec<(Currency, Amount)>, MoneyError> {
        let Trade { terms, quantity, price, fee, fee_currency, .. } = *trade;
        self.traded = self.traded.max(Some(trade.at));
        let mut moved = vec![(terms.cash, self.exchange(&terms, quantity, price)?)];
        if terms.payoff == Payoff::Spot {
            // The asset itself changes hands: a venue shows it as a balance of the base currency.
            moved.push((terms.base, quantity));
        }
        if terms.payoff == Payoff::Spot && fee_currency == terms.base {
            // Given up for nothing at the price paid: quantity and its cost go, no cash comes.
            let _ = self.exchange(&terms, fee.negated()?, price)?;
        }
        moved.push((fee_currency, fee.negated()?));
        Ok(moved)
    }

    /// Moves quantity and cost, and returns the cash of it.
    fn exchange(
        &mut self,
        terms: &Terms,
        quantity: Amount,
        price: Price,
    ) -> Result<Amount, MoneyError> {
        let worth = terms.value(quantity, price)?;
        let closing = self.closed_by(quantity)?;
        let closing_worth =
            if closing == quantity { worth } else { terms.value(closing, price)? };
        let released = if closing.is_zero() {
            Amount::ZERO
        } else {
            self.cost.scaled(closing.negated()?.0, self.quantity.0)?
        };
        self.quantity = self.quantity.plus(quantity)?;
        self.cost = self.cost.minus(released)?.plus(worth.minus(closing_worth)?)?;
        match terms.payoff {
            Payoff::Spot | Payoff::Option => worth.negated(),
            Payoff::Linear => closing_worth.plus(released)?.negated(),
            Payoff::Inverse => closing_worth.plus(released),
        }
    }

    /// The part of a trade that closes what is held, signed as the trade.
    fn closed_by(&self, quantity: Amount) -> Result<Amount, MoneyError> {
        if self.quantity.signum() * quantity.signum() >= 0 {
            return Ok(Amount::ZERO);
        }
        if quantity.magnitude()? <= self.quantity.magnitude()? {
            Ok(quantity)
        } else {
            self.quantity.negated()
        }
    }
}

fn add(
    amounts: &mut BTreeMap<Currency, Amount>,
    currency: Currency,
    amount: Amount,
) -> Result<(), MoneyError> {
    let slot = amounts.entry(currency).or_default();
    *slot = slot.plus(amount)?;
    Ok(())
}
