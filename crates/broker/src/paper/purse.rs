//! What an account can afford: cash less what working orders and derivatives positions hold of it.

use event::{Amount, Currency, InstrumentId, MoneyError, OrderId, Price, choices::Side};

use super::{
    config::BuyFee,
    ledger::Terms,
    order::PaperOrder,
    session::{Session, share},
};

/// What is to be afforded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub(crate) instrument: InstrumentId,
    pub(crate) side: Side,
    pub(crate) quantity: Amount,
    pub(crate) price: Price,
    /// The order that it takes the place of, whose hold does not count.
    pub(crate) except: Option<OrderId>,
}

impl Session<'_> {
    /// Whether the account can pay for a wish, or owns what it sells.
    pub(crate) fn affords(&self, terms: &Terms, wish: &Wish) -> Result<bool, MoneyError> {
        let held = self.books.ledger.holding(wish.instrument).quantity;
        let promised = self.promised_away(wish)?;
        if terms.is_paid_in_full() && wish.side == Side::Sell {
            return Ok(promised.plus(wish.quantity)? <= held);
        }
        let against = held.signum() * i128::from(wish.side.sign()) < 0;
        let reduces = against && promised.plus(wish.quantity)? <= held.magnitude()?;
        if !terms.is_paid_in_full() && reduces {
            return Ok(true);
        }
        let need = self.hold(terms, wish.side, wish.quantity, wish.price)?;
        Ok(need <= self.free(terms.cash, wish.except)?)
    }

    /// Cash of a currency that nothing holds.
    fn free(&self, currency: Currency, except: Option<OrderId>) -> Result<Amount, MoneyError> {
        let mut free = self.books.ledger.cash(currency);
        for order in self.books.open().filter(|order| Some(order.order) != except) {
            if let Some((terms, limit)) = self.terms(order.instrument).zip(order.limit_price)
                && terms.cash == currency
            {
                free = free.minus(self.hold(&terms, order.side, order.leaves(), limit)?)?;
            }
        }
        for (instrument, holding) in self.books.ledger.holdings() {
            if let Some(terms) = self.terms(instrument)
                && terms.cash == currency
                && !terms.is_paid_in_full()
            {
                let margin = share(holding.cost.magnitude()?, self.config.margin_ppm)?;
                free = free.minus(margin)?;
            }
        }
        Ok(free)
    }

    /// What an order of these terms holds of the cash: its whole value, or its margin, and a fee.
    fn hold(
        &self,
        terms: &Terms,
        side: Side,
        quantity: Amount,
        price: Price,
    ) -> Result<Amount, MoneyError> {
        if !Self::can_deal_at(terms, price) {
            return Ok(Amount::ZERO);
        }
        let worth = terms.value(quantity, price)?.magnitude()?;
        let fee = share(worth, self.config.taker_fee_ppm.max(self.config.maker_fee_ppm).max(0))?;
        match (terms.is_paid_in_full(), side) {
            (true, Side::Sell) => Ok(Amount::ZERO),
            (true, Side::Buy) if self.config.spot_buy_fee == BuyFee::Base => Ok(worth),
            (true, Side::Buy) => worth.plus(fee),
            (false, _) => share(worth, self.config.margin_ppm)?.plus(fee),
        }
    }

    /// What other working orders of the same side and instrument take already.
    fn promised_away(&self, wish: &Wish) -> Result<Amount, MoneyError> {
        let same = |order: &&PaperOrder| {
            order.side == wish.side && Some(order.order) != wish.except && !order.silent
        };
        let mut orders = self.books.open_in(wish.instrument).filter(same);
        orders.try_fold(Amount::ZERO, |sum, order| sum.plus(order.leaves()))
    }
}
