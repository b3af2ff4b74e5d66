//! Position plus the worst that reserved, open and unknown orders can make of it.

use event::{Amount, InstrumentId, choices::Side};

use crate::Account;

/// Exposure of one account in one instrument, in signed quantity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// What is held.
    pub position: Amount,
    /// What buys may still add.
    pub open_buys: Amount,
    /// What sells may still take, as a positive quantity.
    pub open_sells: Amount,
}

impl Exposure {
    pub(crate) fn of(account: &Account, instrument: InstrumentId) -> Self {
        let position = account.position(instrument).map_or(Amount::ZERO, |p| p.quantity);
        let mut exposure = Self { position, ..Self::default() };
        let holding = account
            .open_orders()
            .filter(|order| order.instrument == instrument && order.state.holds_exposure());
        for order in holding {
            let side = match order.side {
                Side::Buy => &mut exposure.open_buys,
                Side::Sell => &mut exposure.open_sells,
            };
            *side = Amount(side.0.saturating_add(order.remaining().0));
        }
        exposure
    }

    /// The highest the position can become.
    #[must_use]
    pub const fn worst_long(&self) -> Amount {
        Amount(self.position.0.saturating_add(self.open_buys.0))
    }

    /// The lowest the position can become.
    #[must_use]
    pub const fn worst_short(&self) -> Amount {
        Amount(self.position.0.saturating_sub(self.open_sells.0))
    }
}
