//! Cash of one currency, by what moved it, so that a break in cash names its missing line.

use event::{Amount, Currency, MoneyError, Timestamp, message, nested};

message! {
    /// Cash of one currency: how it began and what moved it since.
    Cash {
        /// The currency.
        1 currency: Currency,
        /// At the start.
        2 opening: Amount,
        /// Moved by executions: what was paid and received, or profit realised.
        3 trades: Amount,
        /// Moved by fees, negative when paid.
        4 fees: Amount,
        /// Moved by funding.
        5 funding: Amount,
        /// Moved in and out.
        6 transfers: Amount,
        /// Moved by adjustments that stand.
        7 adjustments: Amount,
        /// Time of the last event that touched it.
        8 touched: Timestamp,
    }
}

nested!(Cash);

/// What moves cash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Opening,
    Trades,
    Fees,
    Funding,
    Transfers,
    Adjustments,
}

impl Cash {
    pub(crate) const fn none(currency: Currency) -> Self {
        Self {
            currency,
            opening: Amount::ZERO,
            trades: Amount::ZERO,
            fees: Amount::ZERO,
            funding: Amount::ZERO,
            transfers: Amount::ZERO,
            adjustments: Amount::ZERO,
            touched: Timestamp(i64::MIN),
        }
    }

    /// What is held, owed when negative; held at the ends of the range.
    #[must_use]
    pub const fn total(&self) -> Amount {
        Amount(
            self.opening
                .0
                .saturating_add(self.trades.0)
                .saturating_add(self.fees.0)
                .saturating_add(self.funding.0)
                .saturating_add(self.transfers.0)
                .saturating_add(self.adjustments.0),
        )
    }

    pub(crate) fn moved(
        &mut self,
        line: Line,
        amount: Amount,
        now: Timestamp,
    ) -> Result<(), MoneyError> {
        let slot = match line {
            Line::Opening => &mut self.opening,
            Line::Trades => &mut self.trades,
            Line::Fees => &mut self.fees,
            Line::Funding => &mut self.funding,
            Line::Transfers => &mut self.transfers,
            Line::Adjustments => &mut self.adjustments,
        };
        *slot = slot.plus(amount)?;
        self.touched = self.touched.max(now);
        Ok(())
    }
}
