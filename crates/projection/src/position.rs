//! A position under the average-cost method.

use alloc::vec::Vec;

use event::{
    Amount, Currency, InstrumentId, MoneyError, Price, Timestamp, books::Balance, message, nested,
};

use crate::Contract;

message! {
    /// What an account holds of one instrument.
    Position {
        /// The instrument.
        1 instrument: InstrumentId,
        /// Signed quantity, in base units or contracts.
        2 quantity: Amount,
        /// Total cost in the settlement currency, signed as the quantity; the average is derived.
        3 total_cost: Amount,
        /// Realised profit before fees and funding, in the settlement currency.
        4 realised: Amount,
        /// Fees of its executions, by currency, as paid.
        5 fees: Vec<Balance>,
        /// Worth, in the settlement currency, of the base asset that fees took.
        6 fees_in_base_worth: Amount,
        /// Funding received, negative when paid, in the settlement currency.
        7 funding: Amount,
        /// Cash its executions moved in the settlement currency.
        8 settle_flow: Amount,
        /// Base asset its executions moved, for spot.
        9 base_flow: Amount,
        /// Quantity executed, bought and sold together.
        10 volume: Amount,
        /// Time of the last event that touched it.
        11 touched: Timestamp,
        /// Executions up to this time, by the broker's clock, are folded; an earlier one that is
        /// told late takes its place among them.
        12 folded_through: Timestamp,
    }
}

nested!(Position);

impl Position {
    /// Nothing held.
    #[must_use]
    pub const fn flat(instrument: InstrumentId) -> Self {
        Self {
            instrument,
            quantity: Amount::ZERO,
            total_cost: Amount::ZERO,
            realised: Amount::ZERO,
            fees: Vec::new(),
            fees_in_base_worth: Amount::ZERO,
            funding: Amount::ZERO,
            settle_flow: Amount::ZERO,
            base_flow: Amount::ZERO,
            volume: Amount::ZERO,
            touched: Timestamp(i64::MIN),
            folded_through: Timestamp(i64::MIN),
        }
    }

    /// What the position would gain if it were closed at `price`, before fees.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn unrealised(&self, contract: &Contract, price: Price) -> Result<Amount, MoneyError> {
        contract.profit(self.total_cost, contract.value(self.quantity, price)?)
    }

    /// Books an execution of `quantity`, signed.
    pub(crate) fn execute(
        &mut self,
        contract: &Contract,
        quantity: Amount,
        price: Price,
    ) -> Result<(), MoneyError> {
        let worth = contract.value(quantity, price)?;
        let gained = self.trade(contract, quantity, price, worth)?;
        let paid = if contract.is_paid_in_full() { worth.negated()? } else { gained };
        self.settle_flow = self.settle_flow.plus(paid)?;
        if contract.moves_base() {
            self.base_flow = self.base_flow.plus(quantity)?;
        }
        self.volume = self.volume.plus(quantity.magnitude()?)?;
        Ok(())
    }

    /// Takes a fee paid in the base asset out of the position: what it took is given up at `price`
    /// for nothing, and what it was worth is kept as the fee's cost.
    pub(crate) fn pay_in_base(
        &mut self,
        contract: &Contract,
        fee: Amount,
        price: Price,
    ) -> Result<(), MoneyError> {
        let given = fee.negated()?;
        let worth = contract.value(given, price)?;
        let _ = self.trade(contract, given, price, worth)?;
        self.fees_in_base_worth = self.fees_in_base_worth.minus(worth)?;
        Ok(())
    }

    /// Keeps a fee in the currency it was paid in.
    pub(crate) fn note_fee(
        &mut self,
        currency: Currency,
        amount: Amount,
    ) -> Result<(), MoneyError> {
        match self.fees.binary_search_by_key(&currency, |fee| fee.currency) {
            Ok(at) => {
                if let Some(fee) = self.fees.get_mut(at) {
                    fee.amount = fee.amount.plus(amount)?;
                }
            }
            Err(at) => self.fees.insert(at, Balance { currency, amount }),
        }
        Ok(())
    }

    /// Changes quantity and cost as an adjustment or an opening position says.
    pub(crate) fn adjust(&mut self, quantity: Amount, cost: Amount) -> Result<(), MoneyError> {
        self.quantity = self.quantity.plus(quantity)?;
        self.total_cost = self.total_cost.plus(cost)?;
        Ok(())
    }

    /// Moves quantity and cost by a trade worth `worth`, and returns the profit it realised.
    /// Crossing zero closes, then opens; what opens costs what closing left of `worth`.
    fn trade(
        &mut self,
        contract: &Contract,
        quantity: Amount,
        price: Price,
        worth: Amount,
    ) -> Result<Amount, MoneyError> {
        let held = self.quantity;
        let adds = held.is_zero() || held.signum() == quantity.signum();
        if adds || quantity.is_zero() {
            self.quantity = held.plus(quantity)?;
            self.total_cost = self.total_cost.plus(worth)?;
            return Ok(Amount::ZERO);
        }
        let crosses = quantity.magnitude()? > held.magnitude()?;
        let closed = if crosses { held } else { quantity.negated()? };
        let closed_worth =
            if crosses { contract.value(closed, price)? } else { worth.negated()? };
        // A close of all releases all the cost there is, so nothing is left to round.
        let released = if closed == held {
            self.total_cost
        } else {
            self.total_cost.scaled(closed.0, held.0)?
        };
        let gained = contract.profit(released, closed_worth)?;
        self.realised = self.realised.plus(gained)?;
        self.quantity = held.plus(quantity)?;
        self.total_cost = self.total_cost.minus(released)?;
        if crosses {
            self.total_cost = self.total_cost.plus(worth.plus(closed_worth)?)?;
        }
        Ok(gained)
    }
}
