//! The gate itself: one proposal against every rule, in a fixed order; the first broken one names
//! the denial.
//!
//! Sanity first (nothing is exempt), then what exposure may become (what only reduces it is
//! exempt): a position can always be closed, never by a malformed order.

use alloc::string::{String, ToString};

use event::{
    Amount, Currency, LimitSetId, OrderId, Price, Quantity, Timestamp,
    choices::{OrderType, Phase, RiskRule, Side},
    trading::OrderProposed,
};

use super::{Risk, market::Market};
use crate::contract::Contract;

/// One million parts.
const PPM: i128 = 1_000_000;

/// Why a proposal is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Denial {
    pub(super) rule: RiskRule,
    pub(super) limit: String,
    pub(super) observed: String,
}

/// What an approval reserves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Approval {
    pub(super) limit_set: LimitSetId,
    pub(super) reserved: Quantity,
    pub(super) notional: Amount,
    pub(super) currency: Currency,
    pub(super) before: Amount,
    pub(super) after: Amount,
    pub(super) reducing: bool,
}

fn deny<T>(rule: RiskRule, limit: impl ToString, observed: impl ToString) -> Result<T, Denial> {
    Err(Denial { rule, limit: limit.to_string(), observed: observed.to_string() })
}

fn require(
    holds: bool,
    rule: RiskRule,
    limit: impl ToString,
    observed: impl ToString,
) -> Result<(), Denial> {
    if holds { Ok(()) } else { deny(rule, limit, observed) }
}

impl Risk {
    /// Holds a proposal against every rule.
    pub(super) fn judge(
        &mut self,
        now: Timestamp,
        proposed: &OrderProposed,
    ) -> Result<Approval, Denial> {
        self.not_halted()?;
        let limit_set = self.limits_complete(proposed)?;
        let market = self.markets.get(proposed.instrument);
        if let Some(objection) = self.markets.objection(proposed.instrument) {
            return deny(RiskRule::Instrument, "tradable with a valid quote", objection);
        }
        let Some((market, contract)) = market.and_then(|m| Some((m, m.contract.as_ref()?))) else {
            return deny(RiskRule::Instrument, "defined", "undefined");
        };
        let (market, contract) = (market.clone(), contract.clone());
        let price = sane_price(proposed, &market, &contract)?;
        let remaining = self.sane_quantity(proposed, &contract, price)?;
        let valid = now <= proposed.valid_until;
        require(valid, RiskRule::Expired, proposed.valid_until, now)?;
        self.no_open_break()?;
        self.not_a_duplicate(now, proposed)?;
        self.rate_has_room(now, proposed)?;
        self.inside_collar(proposed, &market)?;
        let notional = self.inside_order_notional(proposed, &contract, price, remaining)?;
        let (before, after) = self.ends(proposed, remaining);
        let reducing = self.is_reducing(proposed, after);
        if !reducing {
            self.inside_position(proposed, &market, &contract, price, after)?;
            self.phase_takes_exposure(&contract)?;
            self.inside_drawdown(proposed)?;
        }
        let reserved = Quantity::from_amount(remaining)
            .or_else(|_| deny(RiskRule::Sanity, "a quantity within range", remaining))?;
        let currency = contract.quote;
        Ok(Approval { limit_set, reserved, notional, currency, before, after, reducing })
    }

    fn not_halted(&self) -> Result<(), Denial> {
        let scope = match (self.halted_all, self.halted_account) {
            (true, _) => "all trading halted",
            (false, true) => "account halted",
            (false, false) => return Ok(()),
        };
        deny(RiskRule::Halted, "not halted", scope)
    }

    fn limits_complete(&self, proposed: &OrderProposed) -> Result<LimitSetId, Denial> {
        let missing = super::Limits::REQUIRED
            .into_iter()
            .find(|rule| self.limits.of(*rule, proposed.instrument).is_none());
        match (missing, self.limits.set) {
            (None, Some(limit_set)) => Ok(limit_set),
            (Some(rule), _) => deny(RiskRule::MissingLimit, "a limit for every rule", rule),
            (None, None) => deny(RiskRule::MissingLimit, "limits", "none loaded"),
        }
    }

    /// The quantity the order may still execute, when it is one that can be sent at all.
    fn sane_quantity(
        &self,
        proposed: &OrderProposed,
        contract: &Contract,
        price: Price,
    ) -> Result<Amount, Denial> {
        let quantity = proposed.quantity.amount();
        let positive = proposed.quantity.signum() > 0;
        require(positive, RiskRule::Sanity, "a positive quantity", proposed.quantity)?;
        let on_lot = contract.is_on_lot(quantity);
        require(on_lot, RiskRule::Sanity, contract.lot, proposed.quantity)?;
        let least = contract.minimum_notional;
        let notional = notional(contract, quantity, price)?;
        require(notional >= least, RiskRule::Sanity, least, notional)?;
        match proposed.replaces {
            Some(order) => self.sane_replace(proposed, order),
            None => Ok(quantity),
        }
    }

    fn sane_replace(&self, proposed: &OrderProposed, order: OrderId) -> Result<Amount, Denial> {
        let Some(old) = self.exposure.reservation(order) else {
            return deny(RiskRule::Sanity, "an open order to replace", order);
        };
        let same = old.instrument == proposed.instrument && old.side == proposed.side;
        require(same, RiskRule::Sanity, "the order's instrument and side", "others")?;
        let settled = old.pending.is_empty() && old.ended_at.is_none() && !old.unknown;
        require(settled, RiskRule::Sanity, "an order whose state is known", "in flight")?;
        let limited = proposed.limit_price.is_some();
        require(limited, RiskRule::Sanity, "a limit price", "none")?;
        let total = proposed.quantity.amount();
        require(total > old.filled, RiskRule::Sanity, "more than was executed", old.filled)?;
        Ok(old.remaining_with(total))
    }

    fn no_open_break(&self) -> Result<(), Denial> {
        match self.open_breaks.first() {
            Some(open) => deny(RiskRule::OpenBreak, "no open critical break", open),
            None => Ok(()),
        }
    }

    fn not_a_duplicate(&mut self, now: Timestamp, proposed: &OrderProposed) -> Result<(), Denial> {
        let limit = self.limits.of(RiskRule::Duplicate, proposed.instrument);
        let window_ns = limit.map_or(0, |limit| limit.window_ns);
        let again = self.recent.iter().rev().find(|sent| {
            now.since_ns(sent.approved) < window_ns && sent.terms == super::Terms::of(proposed)
        });
        match again {
            Some(sent) => deny(RiskRule::Duplicate, window_ns, now.since_ns(sent.approved)),
            None => Ok(()),
        }
    }

    fn rate_has_room(&mut self, now: Timestamp, proposed: &OrderProposed) -> Result<(), Denial> {
        for scope in [None, Some(proposed.instrument)] {
            if let Some(window) = self.rates.get_mut(&scope)
                && !window.has_room(now)
            {
                let count = window.count(now);
                return deny(RiskRule::OrderRate, count, count + 1);
            }
        }
        Ok(())
    }

    fn inside_collar(&self, proposed: &OrderProposed, market: &Market) -> Result<(), Denial> {
        let bound = self.limits.bound(RiskRule::PriceCollar, proposed.instrument);
        let (Some(limit), Some(mid), Some(bound)) = (proposed.limit_price, market.mid(), bound)
        else {
            // A market order has no price to hold against the market; it takes the market's.
            return Ok(());
        };
        let distance = (i128::from(limit.0) - i128::from(mid.0)).abs() * PPM;
        let size = i128::from(mid.0).abs().max(1);
        let bound_ppm = bound.0 / Amount::whole(1).0;
        let inside = distance <= size.saturating_mul(bound_ppm);
        require(inside, RiskRule::PriceCollar, bound_ppm, distance / size)
    }

    fn inside_order_notional(
        &self,
        proposed: &OrderProposed,
        contract: &Contract,
        price: Price,
        remaining: Amount,
    ) -> Result<Amount, Denial> {
        let worth = notional(contract, remaining, price)?;
        if let Some(bound) = self.limits.bound(RiskRule::OrderNotional, proposed.instrument) {
            require(worth <= bound, RiskRule::OrderNotional, bound, worth)?;
        }
        Ok(worth)
    }

    /// The end of the worst case that the order moves, before and with it. Of an order and the
    /// terms that replace it the larger counts, once.
    fn ends(&self, proposed: &OrderProposed, remaining: Amount) -> (Amount, Amount) {
        let replaced = proposed.replaces.and_then(|order| self.exposure.reservation(order));
        let standing = replaced.map(|order| order.remaining()).unwrap_or_default();
        let added = remaining.0.saturating_sub(standing.0);
        let before = self.exposure.worst_case(proposed.instrument).end(proposed.side);
        let signed = added.saturating_mul(i128::from(proposed.side.sign()));
        (before, Amount(before.0.saturating_add(signed)))
    }

    /// Whether an order can only bring the position nearer to zero: even if it and everything else
    /// on its side executed, the position would not cross.
    fn is_reducing(&self, proposed: &OrderProposed, after: Amount) -> bool {
        let sign = i128::from(proposed.side.sign());
        let against = self.exposure.position(proposed.instrument).signum() == -sign;
        against && after.signum() != sign
    }

    fn inside_position(
        &self,
        proposed: &OrderProposed,
        market: &Market,
        contract: &Contract,
        price: Price,
        after: Amount,
    ) -> Result<(), Denial> {
        let bound = self.limits.bound(RiskRule::Position, proposed.instrument);
        let Some(bound) = bound else { return Ok(()) };
        let mid = market.mid().unwrap_or(price);
        let worth = notional(contract, after, price)?.max(notional(contract, after, mid)?);
        require(worth <= bound, RiskRule::Position, bound, worth)
    }

    fn phase_takes_exposure(&self, contract: &Contract) -> Result<(), Denial> {
        match self.phases.get(&contract.calendar) {
            None | Some(Phase::Open) => Ok(()),
            Some(phase) => deny(RiskRule::CloseOnly, "an open session", phase),
        }
    }

    fn inside_drawdown(&self, proposed: &OrderProposed) -> Result<(), Denial> {
        let bound = self.limits.bound(RiskRule::Drawdown, proposed.instrument);
        let Some(bound) = bound else { return Ok(()) };
        match self.equity.profit(&self.config, &self.markets, &self.exposure) {
            Err(unvalued) if self.equity.is_rolling() => {
                let why = alloc::format!("the day's equity base is not known yet: {unvalued}");
                deny(RiskRule::Drawdown, bound, why)
            }
            Ok(profit) => {
                let loss = self.equity.loss(profit);
                require(loss <= bound, RiskRule::Drawdown, bound, loss)
            }
            Err(unvalued) => deny(RiskRule::Drawdown, bound, alloc::format!("{unvalued:?}")),
        }
    }
}

/// The price an order is counted at, when it is priced as its type asks.
fn sane_price(
    proposed: &OrderProposed,
    market: &Market,
    contract: &Contract,
) -> Result<Price, Denial> {
    match (proposed.order_type, proposed.limit_price) {
        (OrderType::Limit, Some(price)) => {
            let on_tick = contract.is_on_tick(price);
            require(on_tick, RiskRule::Sanity, "a price on the tick", price)?;
            Ok(price)
        }
        (OrderType::Market, None) => {
            let touch = match proposed.side {
                Side::Buy => market.ask,
                Side::Sell => market.bid,
            };
            touch.ok_or(()).or_else(|()| deny(RiskRule::Instrument, "a quote", "none"))
        }
        (OrderType::Limit, None) => deny(RiskRule::Sanity, "a limit price", "none"),
        (OrderType::Market, Some(price)) => deny(RiskRule::Sanity, "no limit price", price),
    }
}

/// What a quantity is worth, without sign; beyond the range of an amount is not sane.
fn notional(contract: &Contract, quantity: Amount, price: Price) -> Result<Amount, Denial> {
    let worth = contract.notional(quantity, price).and_then(Amount::magnitude);
    worth.or_else(|_| deny(RiskRule::Sanity, "a notional within range", quantity))
}
