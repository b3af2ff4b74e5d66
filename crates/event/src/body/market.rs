//! What venues say: trades, quotes, books, instruments, and the state of the feed itself.

use alloc::{string::String, vec::Vec};

use crate::{
    Amount, Currency, InstrumentId, Label, Price, Quantity, Source, Timestamp,
    body::choices::{AnomalyKind, FeedState, Payoff, Side, TradingState},
    message,
};

message! {
    /// One trade printed by a venue.
    MarketTrade {
        /// What traded.
        1 instrument: InstrumentId,
        /// In the quote currency.
        2 price: Price,
        /// In base units (spot, linear) or contracts (inverse).
        3 quantity: Quantity,
        /// The venue's name for the trade.
        4 trade_id: Label,
        /// The side that took liquidity, where the venue says.
        5 aggressor: Option<Side>,
        /// Raw sale conditions, as printed.
        6 conditions: Vec<String>,
        /// The venue's sequence, zero where it has none.
        7 venue_sequence: u64,
    }

    /// Best bid and offer; a side that is absent is empty.
    MarketQuote {
        /// What is quoted.
        1 instrument: InstrumentId,
        /// Best bid.
        2 bid_price: Option<Price>,
        /// Size at the best bid.
        3 bid_quantity: Quantity,
        /// Best offer.
        4 ask_price: Option<Price>,
        /// Size at the best offer.
        5 ask_quantity: Quantity,
        /// The venue's sequence, zero where it has none.
        6 venue_sequence: u64,
    }

    /// A price level of a book.
    Level {
        /// The level's price.
        1 price: Price,
        /// The whole size there; zero removes the level.
        2 quantity: Quantity,
    }

    /// One atomic book update: all its levels change together or not at all.
    BookDelta {
        /// Whose book.
        1 instrument: InstrumentId,
        /// First venue sequence it covers.
        2 first_sequence: u64,
        /// Last venue sequence it covers.
        3 last_sequence: u64,
        /// The last sequence of the update before, where the venue says.
        4 previous_sequence: Option<u64>,
        /// Changed bids.
        5 bids: Vec<Level>,
        /// Changed offers.
        6 asks: Vec<Level>,
    }

    /// A whole book, or one part of a book too large for one event.
    BookSnapshot {
        /// Whose book.
        1 instrument: InstrumentId,
        /// The venue sequence it is as of.
        2 last_sequence: u64,
        /// Bids, best first.
        3 bids: Vec<Level>,
        /// Offers, best first.
        4 asks: Vec<Level>,
        /// This part, from 0.
        5 part: u32,
        /// How many parts; 0 and 1 both mean the whole.
        6 parts: u32,
    }

    /// A range of prices and the tick within it.
    TickTier {
        /// Lowest price of the tier.
        1 from_price: Price,
        /// The price increment.
        2 tick: Price,
    }

    /// An instrument as it is from a date on.
    InstrumentDefined {
        /// Our name for it.
        1 instrument: InstrumentId,
        /// The market it trades on, the part of the name before the colon.
        2 venue: Label,
        /// The venue's name for it.
        3 venue_symbol: Label,
        /// How a price change becomes money.
        4 payoff: Payoff,
        /// What a unit is of.
        5 base: Currency,
        /// What the price is in.
        6 quote: Currency,
        /// What profit and fees are paid in.
        7 settle: Currency,
        /// Value of one unit or contract: base units (linear), quote units (inverse); 1 for spot.
        8 multiplier: Quantity,
        /// Price increments, by ascending `from_price`.
        9 ticks: Vec<TickTier>,
        /// Quantity increment.
        10 lot: Quantity,
        /// Least notional of an order, in the quote currency (contract value for inverse).
        11 minimum_notional: Amount,
        /// The session calendar: `247`, `XNYS`.
        12 calendar: Label,
        /// From when this definition holds.
        13 effective_from: Timestamp,
        /// Where the definition comes from.
        14 defined_by: Label,
    }

    /// A venue opened, halted or closed trading in an instrument.
    TradingStatusChanged {
        /// The instrument.
        1 instrument: InstrumentId,
        /// Its state from now on.
        2 status: TradingState,
        /// The venue's words.
        3 reason: String,
    }

    /// A feed's own state changed.
    FeedStatusChanged {
        /// The feed.
        1 feed: Source,
        /// Its state from now on.
        2 state: FeedState,
        /// Why.
        3 detail: String,
    }

    /// Market data that cannot be taken at face value.
    MarketAnomalyDetected {
        /// Whose data.
        1 instrument: InstrumentId,
        /// What is wrong.
        2 anomaly: AnomalyKind,
        /// In words.
        3 detail: String,
        /// The price seen, for a jump.
        4 observed: Option<Price>,
        /// The price it was held against.
        5 reference: Option<Price>,
        /// The sequence expected, for a gap.
        6 expected_sequence: Option<u64>,
        /// The sequence found.
        7 found_sequence: Option<u64>,
    }
}
