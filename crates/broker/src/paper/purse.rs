//! What an account can afford: cash less what working orders and derivatives positions hold of it.

use event::{
    Amount, Currency, InstrumentId, MoneyError, OrderId, Price,
    choices::{Payoff, Side},
};

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
        let against = held.signum() * i128::from(wish.side.sign()) < 0;
        if against && terms.payoff != Payoff::Spot {
            let promised = self.promised_away(wish)?;
            if promised.plus(wish.quantity)? <= held.magnitude()? {
                return Ok(true);
            }
        }
        if terms.payoff == Payoff::Option && wish.side == Side::Sell {
            return Ok(false);
        }
        let (currency, need) = self.hold(terms, wish.side, wish.quantity, wish.price)?;
        Ok(need <= self.free(currency, wish.except)?)
    }

    /// Cash of a currency that nothing holds.
    fn free(&self, currency: Currency, except: Option<OrderId>) -> Result<Amount, MoneyError> {
        let mut free = self.books.ledger.cash(currency);
        for order in self.books.open().filter(|order| Some(order.order) != except) {
            let Some(terms) = self.terms(order.instrument) else { continue };
            // A market order holds nothing of what it pays with: its price is not known.
            let price = order.limit_price.unwrap_or(Price(0));
            let (held, amount) = self.hold(&terms, order.side, order.leaves(), price)?;
            if held == currency {
                free = free.minus(amount)?;
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

    /// What an order of these terms holds, and of which currency: what is sold, the whole value and
    /// a fee, or a margin and a fee.
    fn hold(
        &self,
        terms: &Terms,
        side: Side,
        quantity: Amount,
        price: Price,
    ) -> Result<(Currency, Amount), MoneyError> {
        match (terms.payoff, side) {
            (Payoff::Spot, Side::Sell) => return Ok((terms.base, quantity)),
            (Payoff::Option, Side::Sell) => return Ok((terms.cash, Amount::ZERO)),
            _ if !Self::can_deal_at(terms, price) => return Ok((terms.cash, Amount::ZERO)),
            _ => {}
        }
        let worth = terms.value(quantity, price)?.magnitude()?;
        let fee = share(worth, self.config.taker_fee_ppm.max(self.config.maker_fee_ppm).max(0))?;
        let held = match terms.payoff {
            Payoff::Spot if self.config.spot_buy_fee == BuyFee::Base => worth,
            Payoff::Spot | Payoff::Option => worth.plus(fee)?,
            Payoff::Linear | Payoff::Inverse => share(worth, self.config.margin_ppm)?.plus(fee)?,
        };
        Ok((terms.cash, held))
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
