//! Profit since the books began, in the reporting currency, and the day it is measured from.
//!
//! Equity here is realised and unrealised profit: per instrument, what its position is worth at
//! the mid price less what it cost, in its settlement currency; and per currency, fees, funding
//! and adjustments. Cash that was put in or taken out is no profit. A fee in the base asset of a
//! spot pair is paid from the position, so it is in its worth already. Each currency becomes the
//! reporting currency at the mid of a pair that quotes one in the other, spot before derivatives;
//! currencies named at par in the configuration count as equal. What cannot be converted leaves
//! equity unknown, and an order that adds exposure is then denied.
//!
//! At each day roll the equity of that moment becomes the base the day's loss is measured from;
//! before the first it is zero, the account as opened. A day that begins while equity is unknown
//! takes its base from the first valuation, and until then no order adds exposure.

use alloc::{collections::BTreeMap, vec::Vec};
use core::fmt;

use event::{Amount, Currency, InstrumentId, MoneyError, message, nested};

use super::{
    Config,
    exposure::Exposure,
    market::{Markets, Rate},
};
use crate::{contract::Contract, executions::Change};

/// One price unit, 1e-9.
const PRICE_UNIT: i128 = 1_000_000_000;

message! {
    /// What a position cost, in its settlement currency.
    Cost {
        /// The instrument.
        1 instrument: InstrumentId,
        /// Signed as the quantity.
        2 cost: Amount,
    }

    /// Fees, funding and adjustments in one currency.
    Booked {
        /// The currency.
        1 currency: Currency,
        /// Signed.
        2 amount: Amount,
    }

    /// The account's profit and the day's base.
    EquityState {
        /// The currency equity is counted in.
        1 reporting: Option<Currency>,
        /// By instrument.
        2 costs: Vec<Cost>,
        /// By currency.
        3 booked: Vec<Booked>,
        /// The day's base.
        4 base: Amount,
        /// The day.
        5 session_date: u32,
        /// Whether an execution could not be valued.
        6 unvalued: bool,
        /// Whether the day began while equity was unknown, and its base is still to be taken.
        7 rolling: bool,
    }
}

nested!(Cost, Booked, EquityState);

/// Why equity is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unvalued {
    /// No `AccountOpened` yet.
    NotOpened,
    /// An instrument without terms or price.
    Instrument(InstrumentId),
    /// A currency without a price.
    Currency(Currency),
    /// Out of range, or an execution that could not be valued when it came.
    Range,
}

impl fmt::Display for Unvalued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOpened => f.write_str("the account is not opened"),
            Self::Instrument(instrument) => write!(f, "no price of {instrument}"),
            Self::Currency(currency) => write!(f, "no price of {currency}"),
            Self::Range => f.write_str("a value out of range"),
        }
    }
}

impl From<MoneyError> for Unvalued {
    fn from(_: MoneyError) -> Self {
        Self::Range
    }
}

/// The account's profit.
#[derive(Clone, Debug, Default)]
pub(super) struct Equity {
    pub(super) reporting: Option<Currency>,
    costs: BTreeMap<InstrumentId, Amount>,
    booked: BTreeMap<Currency, Amount>,
    base: Amount,
    session_date: u32,
    unvalued: bool,
    rolling: bool,
}

impl Equity {
    /// Books an execution and returns the signed change of the position.
    pub(super) fn execute(&mut self, contract: Option<&Contract>, change: &Change) -> Amount {
        let cost = contract.map(|terms| terms.settled(change.quantity, change.price));
        match cost {
            Some(Ok(cost)) => self.cost(change.instrument, cost),
            _ => self.unvalued = true,
        }
        if contract.is_some_and(|terms| terms.pays_fee_from_position(change.fee_currency)) {
            return Amount(change.quantity.0.saturating_sub(change.fee.0));
        }
        self.cash(change.fee_currency, Amount(change.fee.0.saturating_neg()));
        change.quantity
    }

    /// Adds to what a position cost.
    pub(super) fn cost(&mut self, instrument: InstrumentId, cost: Amount) {
        let total = self.costs.entry(instrument).or_default();
        total.0 = total.0.saturating_add(cost.0);
    }

    /// Adds to what was booked in a currency.
    pub(super) fn cash(&mut self, currency: Currency, amount: Amount) {
        let total = self.booked.entry(currency).or_default();
        total.0 = total.0.saturating_add(amount.0);
    }

    /// The profit in the reporting currency.
    pub(super) fn profit(
        &self,
        config: &Config,
        markets: &Markets,
        exposure: &Exposure,
    ) -> Result<Amount, Unvalued> {
        let reporting = self.reporting.ok_or(Unvalued::NotOpened)?;
        if self.unvalued {
            return Err(Unvalued::Range);
        }
        let convert = |currency, amount| convert(config, markets, currency, reporting, amount);
        let mut profit = Amount::ZERO;
        for (&instrument, &cost) in &self.costs {
            let position = exposure.position(instrument);
            if position.is_zero() && cost.is_zero() {
                continue;
            }
            let unknown = Unvalued::Instrument(instrument);
            let market = markets.get(instrument).ok_or(unknown)?;
            let contract = market.contract.as_ref().ok_or(unknown)?;
            let mid = market.mid().ok_or(unknown)?;
            let settled = contract.profit(position, cost, mid)?;
            profit = profit.plus(convert(contract.settle, settled)?)?;
        }
        for (&currency, &amount) in &self.booked {
            profit = profit.plus(convert(currency, amount)?)?;
        }
        Ok(profit)
    }

    /// The loss since the day's base; negative is a gain.
    pub(super) fn loss(&self, profit: Amount) -> Amount {
        Amount(self.base.0.saturating_sub(profit.0))
    }

    /// Begins a day; false when it is not a later one.
    pub(super) fn roll(&mut self, session_date: u32, profit: Option<Amount>) -> bool {
        if session_date <= self.session_date {
            return false;
        }
        // The first session of an account is measured from its opening.
        if self.session_date > 0 {
            self.rolling = true;
        }
        self.session_date = session_date;
        if let Some(profit) = profit {
            self.take_base(profit);
        }
        true
    }

    /// Whether the day's base is still to be taken.
    pub(super) const fn is_rolling(&self) -> bool {
        self.rolling
    }

    /// Measures a day that has no base yet from here.
    pub(super) const fn take_base(&mut self, profit: Amount) {
        if self.rolling {
            self.base = profit;
            self.rolling = false;
        }
    }

    pub(super) fn state(&self) -> EquityState {
        EquityState {
            reporting: self.reporting,
            costs: self
                .costs
                .iter()
                .map(|(instrument, cost)| Cost { instrument: *instrument, cost: *cost })
                .collect(),
            booked: self
                .booked
                .iter()
                .map(|(currency, amount)| Booked { currency: *currency, amount: *amount })
                .collect(),
            base: self.base,
            session_date: self.session_date,
            unvalued: self.unvalued,
            rolling: self.rolling,
        }
    }

    pub(super) fn restored(state: EquityState) -> Self {
        Self {
            reporting: state.reporting,
            costs: state.costs.into_iter().map(|one| (one.instrument, one.cost)).collect(),
            booked: state.booked.into_iter().map(|one| (one.currency, one.amount)).collect(),
            base: state.base,
            session_date: state.session_date,
            unvalued: state.unvalued,
            rolling: state.rolling,
        }
    }
}

fn convert(
    config: &Config,
    markets: &Markets,
    from: Currency,
    to: Currency,
    amount: Amount,
) -> Result<Amount, Unvalued> {
    let same = |a: Currency, b: Currency| {
        a == b || config.at_par.iter().any(|pair| *pair == (a, b) || *pair == (b, a))
    };
    if amount.is_zero() || same(from, to) {
        return Ok(amount);
    }
    let equals = config.at_par.iter().filter_map(|(a, b)| match () {
        () if *a == to => Some(*b),
        () if *b == to => Some(*a),
        () => None,
    });
    let mut targets = core::iter::once(to).chain(equals);
    let rate = targets.find_map(|target| markets.rate(from, target));
    match rate.ok_or(Unvalued::Currency(from))? {
        Rate::Times(price) => Ok(amount.scaled(i128::from(price.0), PRICE_UNIT)?),
        Rate::Over(price) => Ok(amount.scaled(PRICE_UNIT, i128::from(price.0))?),
    }
}
