//! Market records against the book: who trades, at what price, how much.
//!
//! An order meets the first quote of its instrument at or after the instant it becomes live. What
//! it takes there, it takes at the quoted price up to the quoted size; what is left of an
//! immediate-or-cancel order ends there, and what is left of a limit order rests. A resting order
//! trades at its own limit: against a quote that crosses it, or when a trade prints beyond it. A
//! trade at the limit itself is not ours: others were first in the queue.

use event::{
    Amount, Currency, InstrumentId, Label, OrderId, Price, Quantity, Timestamp,
    choices::{BrokerOrderState, Liquidity, OrderType, Payoff, Side, TimeInForce},
    id::external_order_id,
    market::{MarketQuote, MarketTrade},
};

use super::{
    chance::{Purpose, happens},
    config::{Action, BuyFee},
    entry::{Ended, Executed, Rested, Taken},
    ledger::Terms,
    order::{PaperOrder, quantity},
    purse::Wish,
    session::{Session, share},
};
use crate::BrokerError;

/// An order by hand.
struct ByHand {
    instrument: InstrumentId,
    side: Side,
    quantity: Quantity,
    limit_price: Option<Price>,
    silent: bool,
}

impl Session<'_> {
    /// Matches a quote.
    pub(crate) fn on_quote(&mut self, quote: &MarketQuote) -> Result<(), BrokerError> {
        let instrument = quote.instrument;
        let Some(terms) = self.terms(instrument) else { return Ok(()) };
        if !self.books.is_trading(instrument) {
            return Ok(());
        }
        self.by_hand(&terms, quote)?;
        if let Some(ask) = quote.ask_price {
            self.sweep(&terms, instrument, Side::Buy, ask, quote.ask_quantity)?;
        }
        if let Some(bid) = quote.bid_price {
            self.sweep(&terms, instrument, Side::Sell, bid, quote.bid_quantity)?;
        }
        Ok(())
    }

    /// Matches a trade: resting orders it went through.
    pub(crate) fn on_trade(&mut self, trade: &MarketTrade) -> Result<(), BrokerError> {
        let Some(terms) = self.terms(trade.instrument) else { return Ok(()) };
        if !self.books.is_trading(trade.instrument) {
            return Ok(());
        }
        let mut left = trade.quantity.amount();
        for side in [Side::Buy, Side::Sell] {
            for order in self.queue(trade.instrument, side) {
                let Some(order) = self.books.order(order) else { continue };
                let Some(limit) = order.limit_price.filter(|_| order.rested) else { continue };
                let through = match side {
                    Side::Buy => trade.price < limit,
                    Side::Sell => trade.price > limit,
                };
                if through {
                    let fill = Fill { price: limit, liquidity: Liquidity::Maker };
                    left = self.fill(&terms, order.order, fill, left)?;
                }
            }
        }
        Ok(())
    }

    /// Lets the live orders of one side take what is quoted on the other.
    fn sweep(
        &mut self,
        terms: &Terms,
        instrument: InstrumentId,
        side: Side,
        quoted: Price,
        size: Quantity,
    ) -> Result<(), BrokerError> {
        if !Self::can_deal_at(terms, quoted) {
            return Ok(());
        }
        let mut left = size.amount();
        for order in self.queue(instrument, side) {
            let Some(met) = self.books.order(order) else { continue };
            if met.accepts(quoted) {
                let fill = match met.limit_price.filter(|_| met.rested) {
                    Some(limit) => Fill { price: limit, liquidity: Liquidity::Maker },
                    None => Fill { price: quoted, liquidity: Liquidity::Taker },
                };
                left = self.fill(terms, order, fill, left)?;
            }
            self.settle(order)?;
        }
        Ok(())
    }

    /// Ends or rests what is left of an order that has met a quote.
    fn settle(&mut self, order: OrderId) -> Result<(), BrokerError> {
        let Some(met) = self.books.order(order).filter(|order| order.is_open()) else {
            return Ok(());
        };
        match (met.time_in_force, met.order_type) {
            (TimeInForce::ImmediateOrCancel, _) => {
                self.end(order, BrokerOrderState::Cancelled, "immediate or cancel")
            }
            (TimeInForce::GoodTillCancelled, OrderType::Limit) if !met.rested => {
                self.record(Rested { order })
            }
            (TimeInForce::GoodTillCancelled, _) => Ok(()),
        }
    }

    /// Live orders of one side: market orders, then the best limits, then in order of arrival.
    fn queue(&self, instrument: InstrumentId, side: Side) -> Vec<OrderId> {
        let live =
            |order: &&PaperOrder| order.side == side && order.is_live(self.now, self.record_at);
        let mut queue: Vec<&PaperOrder> = self.books.open_in(instrument).filter(live).collect();
        let distance = |order: &PaperOrder| match (order.limit_price, side) {
            (None, _) => i64::MIN,
            (Some(limit), Side::Buy) => limit.0.saturating_neg(),
            (Some(limit), Side::Sell) => limit.0,
        };
        queue.sort_by_key(|order| (distance(order), order.arrival));
        queue.into_iter().map(|order| order.order).collect()
    }

    /// Executes what an order can have of `left`, and returns what is left then.
    fn fill(
        &mut self,
        terms: &Terms,
        order: OrderId,
        fill: Fill,
        left: Amount,
    ) -> Result<Amount, BrokerError> {
        let Some(filled) = self.books.order(order) else { return Ok(left) };
        let (leaves, instrument, side) = (filled.leaves(), filled.instrument, filled.side);
        let size = if left >= leaves { leaves } else { self.whole_lots(instrument, left) };
        if size.signum() <= 0 {
            return Ok(left);
        }
        if filled.order_type == OrderType::Market {
            let except = Some(order);
            let wish = Wish { instrument, side, quantity: size, price: fill.price, except };
            if !self.affords(terms, &wish).unwrap_or(false) {
                self.end(order, BrokerOrderState::Cancelled, "insufficient balance")?;
                return Ok(left);
            }
        }
        self.execute(terms, order, fill, size)?;
        Ok(Amount(left.0.saturating_sub(size.0)))
    }

    /// Executes `size` of an order, with whatever chance and script do to it.
    fn execute(
        &mut self,
        terms: &Terms,
        order: OrderId,
        fill: Fill,
        size: Amount,
    ) -> Result<(), BrokerError> {
        let Some(filled) = self.books.order(order) else { return Ok(()) };
        let (side, silent) = (filled.side, filled.silent);
        let (fee, fee_currency) = self.fee(terms, side, fill, size)?;
        let exec_id = self.books.next_execution()?;
        let withheld =
            !silent && self.take_action(|action| *action == Action::WithholdReport)?.is_some();
        let faults = self.config.faults;
        let strikes = |purpose, rate_ppm| {
            !silent && happens(self.config.seed, purpose, exec_id.as_bytes(), rate_ppm)
        };
        let at = self.now.time;
        let later = |strikes: bool| strikes.then(|| at.plus_ns(faults.amend_after_ns.max(0)));
        let is_late = strikes(Purpose::LateReport, faults.late_report_ppm);
        let delay_ns = if is_late { faults.late_report_ns.max(0) } else { 0 };
        let is_busted = strikes(Purpose::Bust, faults.bust_ppm);
        let is_corrected = !is_busted && strikes(Purpose::Correction, faults.correction_ppm);
        let twice = strikes(Purpose::DuplicateReport, faults.duplicate_report_ppm);
        self.record(Executed {
            order,
            exec_id,
            price: fill.price,
            quantity: quantity(size)?,
            fee,
            fee_currency,
            liquidity: fill.liquidity,
            at,
            delivered_at: (!silent && !withheld).then(|| at.plus_ns(delay_ns)),
            twice,
            bust_at: later(is_busted),
            correct_at: later(is_corrected),
        })
    }

    /// The fee of an execution, and what it is paid in.
    pub(crate) fn fee(
        &self,
        terms: &Terms,
        side: Side,
        fill: Fill,
        size: Amount,
    ) -> Result<(Amount, Currency), BrokerError> {
        /// Base fees have eight places, so that positions stay quantities.
        const EIGHTH_PLACE: i128 = 10_000_000_000;
        let ppm = match fill.liquidity {
            Liquidity::Maker => self.config.maker_fee_ppm,
            Liquidity::Taker => self.config.taker_fee_ppm,
        };
        let in_base = terms.payoff == Payoff::Spot
            && side == Side::Buy
            && self.config.spot_buy_fee == BuyFee::Base;
        let fee = if in_base {
            share(size, ppm)
                .and_then(|fee| event::money::div_half_even(fee.0, EIGHTH_PLACE))
                .map(|units| Amount(units * EIGHTH_PLACE))
        } else {
            terms
                .value(size, fill.price)
                .and_then(|worth| worth.magnitude())
                .and_then(|worth| share(worth, ppm))
        };
        let fee = fee.map_err(BrokerError::money("a fee"))?;
        Ok((fee, if in_base { terms.base } else { terms.cash }))
    }

    /// Ends an order.
    pub(crate) fn end(
        &mut self,
        order: OrderId,
        state: BrokerOrderState,
        reason: &str,
    ) -> Result<(), BrokerError> {
        let at = self.now.time;
        self.record(Ended { order, state, reason: reason.into(), at, promised: false })
    }

    fn whole_lots(&self, instrument: InstrumentId, size: Amount) -> Amount {
        let defined = self.books.definition(instrument, self.now.time);
        let lot = defined.map_or(Amount::ZERO, |defined| defined.lot.amount());
        if lot.signum() <= 0 { size } else { Amount(size.0 - size.0 % lot.0) }
    }

    /// Does what the script has people do by hand in this instrument.
    fn by_hand(&mut self, terms: &Terms, quote: &MarketQuote) -> Result<(), BrokerError> {
        let wanted = |action: &Action| match action {
            Action::ManualTrade { instrument, side, .. } => {
                *instrument == quote.instrument
                    && opposite_price(quote, *side).is_some_and(|p| Self::can_deal_at(terms, p))
            }
            Action::ManualOrder { instrument, .. } => *instrument == quote.instrument,
            _ => false,
        };
        while let Some(action) = self.take_action(wanted)? {
            match action {
                Action::ManualTrade { instrument, side, quantity } => {
                    let hand =
                        ByHand { instrument, side, quantity, limit_price: None, silent: true };
                    let order = self.take_by_hand(&hand)?;
                    if let Some(price) = opposite_price(quote, side) {
                        let fill = Fill { price, liquidity: Liquidity::Taker };
                        self.execute(terms, order, fill, quantity.amount())?;
                    }
                }
                Action::ManualOrder { instrument, side, quantity, limit_price } => {
                    let hand = ByHand { instrument, side, quantity, limit_price, silent: false };
                    let _ = self.take_by_hand(&hand)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn take_by_hand(&mut self, hand: &ByHand) -> Result<OrderId, BrokerError> {
        let venue_order: Label = self.books.next_venue_order()?;
        let order = external_order_id(self.config.account, venue_order);
        let (order_type, time_in_force) = match hand.limit_price {
            Some(_) => (OrderType::Limit, TimeInForce::GoodTillCancelled),
            None => (OrderType::Market, TimeInForce::ImmediateOrCancel),
        };
        self.record(Taken {
            order,
            external: true,
            silent: hand.silent,
            client_order_id: None,
            venue_order,
            instrument: hand.instrument,
            side: hand.side,
            order_type,
            quantity: hand.quantity,
            limit_price: hand.limit_price,
            time_in_force,
            expires: Timestamp(i64::MAX),
            live_at: self.now.time,
            after_source: None,
            after_seq: 0,
        })?;
        Ok(order)
    }
}

/// At what price, and which side of the market it came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fill {
    pub(crate) price: Price,
    pub(crate) liquidity: Liquidity,
}

/// The quoted price that a side trades at.
const fn opposite_price(quote: &MarketQuote, side: Side) -> Option<Price> {
    match side {
        Side::Buy => quote.ask_price,
        Side::Sell => quote.bid_price,
    }
}
