//! The limits an account trades under, and the unit of each bound.
//!
//! | rule | `bound` | `window_ns` | held against |
//! |---|---|---|---|
//! | `ORDER_NOTIONAL` | quote currency (inverse: face value in the quote currency) | - | quantity still to execute at the limit price |
//! | `POSITION` | the same | - | worst-case position of the instrument, at the higher of market and limit price |
//! | `ORDER_RATE` | a count | the window | orders and replaces approved in the window |
//! | `PRICE_COLLAR` | parts per million of the mid price | - | distance of the limit price from the mid price |
//! | `DUPLICATE` | not used | the window | an order with the same terms approved in the window |
//! | `DRAWDOWN` | reporting currency of the account | - | loss since the equity base of the day |
//!
//! A limit that names an instrument stands instead of the one that names none, but for
//! `ORDER_RATE`, where both must have room. A rule without a limit rejects every order.

use alloc::vec::Vec;

use event::{
    Amount, InstrumentId, LimitSetId,
    books::{Limit, LimitsLoaded},
    choices::RiskRule,
};

/// The limits in force.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    pub(super) set: Option<LimitSetId>,
    pub(super) all: Vec<Limit>,
}

impl Limits {
    /// The rules no order passes without a limit.
    pub const REQUIRED: [RiskRule; 6] = [
        RiskRule::OrderNotional,
        RiskRule::Position,
        RiskRule::OrderRate,
        RiskRule::PriceCollar,
        RiskRule::Duplicate,
        RiskRule::Drawdown,
    ];

    pub(super) fn load(&mut self, loaded: &LimitsLoaded) {
        self.set = Some(loaded.limit_set);
        self.all.clone_from(&loaded.limits);
    }

    /// The limit of a rule for an instrument.
    pub(super) fn of(&self, rule: RiskRule, instrument: InstrumentId) -> Option<&Limit> {
        let of_rule = || self.all.iter().filter(move |limit| limit.rule == rule);
        let own = of_rule().find(|limit| limit.instrument == Some(instrument));
        own.or_else(|| of_rule().find(|limit| limit.instrument.is_none()))
    }

    pub(super) fn bound(&self, rule: RiskRule, instrument: InstrumentId) -> Option<Amount> {
        self.of(rule, instrument).map(|limit| limit.bound)
    }

    /// The account's own drawdown limit.
    pub(super) fn drawdown(&self) -> Option<Amount> {
        let limits = self.all.iter().filter(|limit| limit.rule == RiskRule::Drawdown);
        limits.map(|limit| limit.bound).min()
    }

    /// The order rates: for whom, how many, in how long.
    pub(super) fn rates(&self) -> impl Iterator<Item = (Option<InstrumentId>, usize, i64)> + '_ {
        self.all.iter().filter(|limit| limit.rule == RiskRule::OrderRate).map(|limit| {
            let count = limit.bound.0 / Amount::whole(1).0;
            (limit.instrument, usize::try_from(count).unwrap_or(0), limit.window_ns)
        })
    }
}
