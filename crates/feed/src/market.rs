//! The Binance markets, and how content tells them apart.

/// A market of Binance: the same symbol on two of them is two instruments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Market {
    /// Spot.
    Spot,
    /// Futures margined and settled in a stable coin.
    UsdMargined,
    /// Futures margined and settled in the coin itself; inverse contracts.
    CoinMargined,
}

impl Market {
    /// Every market.
    pub const ALL: [Self; 3] = [Self::Spot, Self::UsdMargined, Self::CoinMargined];

    /// The market's name, the part of an instrument's name before the colon.
    #[must_use]
    pub const fn venue(self) -> &'static str {
        match self {
            Self::Spot => "BINANCE-SPOT",
            Self::UsdMargined => "BINANCE-USDM",
            Self::CoinMargined => "BINANCE-COINM",
        }
    }

    /// Which futures market a symbol is of: `BTCUSD_PERP` and `BTCUSD_240927` are coin-margined,
    /// `BTCUSDT` and `BTCUSDT_240927` are not.
    pub(crate) fn of_future(symbol: &str, has_pair: bool) -> Self {
        let names_usd = symbol.split_once('_').is_some_and(|(pair, _)| pair.ends_with("USD"));
        if has_pair || names_usd { Self::CoinMargined } else { Self::UsdMargined }
    }
}
