//! Position plus the worst that reserved, open and unknown orders can make of it.

use event::{Amount, InstrumentId, OrderId, choices::Side};

use crate::{Account, Order};

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
            let adds = match order.replaces {
                Some(target) => adds(account, target, order),
                None => order.remaining(),
            };
            let side = match order.side {
                Side::Buy => &mut exposure.open_buys,
                Side::Sell => &mut exposure.open_sells,
            };
            *side = Amount(side.0.saturating_add(adds.0));
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

/// What new terms add to those of the order they are for: a change counts the larger of both, and
/// nothing once the order has ended, whether or not it was ever answered.
fn adds(account: &Account, target: OrderId, change: &Order) -> Amount {
    match account.open_order(target) {
        Some(order) => Amount((change.quantity.amount().0 - order.quantity.amount().0).max(0)),
        None if account.order(target).is_some() => Amount::ZERO,
        None => change.remaining(),
    }
}
