//! The closed choices the bodies use.

use crate::wire::declare::choice;

choice! {
    /// Buy or sell.
    Side {
        /// Pays cash, takes the instrument.
        1 Buy = "BUY",
        /// Gives the instrument, takes cash.
        2 Sell = "SELL",
    }

    /// How a price change becomes money.
    Payoff {
        /// The unit itself changes hands.
        1 Spot = "SPOT",
        /// Quantity × multiplier × price change, in the quote currency.
        2 Linear = "LINEAR",
        /// Contracts × multiplier × (1/entry - 1/exit), in the base currency.
        3 Inverse = "INVERSE",
        /// A right, not an obligation.
        4 Option = "OPTION",
    }

    /// Whether an instrument trades.
    TradingState {
        /// Before the open.
        1 PreOpen = "PRE_OPEN",
        /// In an auction.
        2 Auction = "AUCTION",
        /// Continuous trading.
        3 Trading = "TRADING",
        /// Halted by the venue.
        4 Halted = "HALTED",
        /// Closed.
        5 Closed = "CLOSED",
    }

    /// State of a feed.
    FeedState {
        /// Data arrives and parses.
        1 Live = "LIVE",
        /// Nothing has arrived for longer than expected.
        2 Stale = "STALE",
        /// The connection is gone.
        3 Disconnected = "DISCONNECTED",
        /// Data arrives and does not parse.
        4 Unparseable = "UNPARSEABLE",
    }

    /// What is wrong with market data.
    AnomalyKind {
        /// No data for longer than expected.
        1 Stale = "STALE",
        /// Sequences were skipped: the book is invalid until a snapshot.
        2 SequenceGap = "SEQUENCE_GAP",
        /// A price further from the last one than is plausible.
        3 PriceJump = "PRICE_JUMP",
        /// The receive clock went backwards.
        4 ClockBackwards = "CLOCK_BACKWARDS",
        /// Best bid above best offer.
        5 CrossedBook = "CROSSED_BOOK",
        /// A sequence seen before.
        6 DuplicateSequence = "DUPLICATE_SEQUENCE",
        /// A sequence below one seen before.
        7 OutOfOrderSequence = "OUT_OF_ORDER_SEQUENCE",
    }

    /// How an order is priced.
    OrderType {
        /// At any price.
        1 Market = "MARKET",
        /// At the limit or better.
        2 Limit = "LIMIT",
    }

    /// How long an order rests.
    TimeInForce {
        /// Until cancelled.
        1 GoodTillCancelled = "GTC",
        /// What fills at once; the rest is cancelled.
        2 ImmediateOrCancel = "IOC",
    }

    /// Whether an execution added or took liquidity.
    Liquidity {
        /// Added.
        1 Maker = "MAKER",
        /// Took.
        2 Taker = "TAKER",
    }

    /// What a gateway attempts at a broker.
    AttemptAction {
        /// A new order.
        1 Submit = "SUBMIT",
        /// A cancel.
        2 Cancel = "CANCEL",
        /// A change of price or quantity.
        3 Replace = "REPLACE",
    }

    /// A rule of the risk gate, or a limit that is watched.
    RiskRule {
        /// Trading is halted.
        1 Halted = "HALTED",
        /// A limit the rule needs is not configured.
        2 MissingLimit = "MISSING_LIMIT",
        /// Notional of one order.
        3 OrderNotional = "ORDER_NOTIONAL",
        /// Worst-case position: held, reserved, open and unknown.
        4 Position = "POSITION",
        /// Orders in a window of time.
        5 OrderRate = "ORDER_RATE",
        /// Distance of the limit price from the market.
        6 PriceCollar = "PRICE_COLLAR",
        /// The same order again within a window.
        7 Duplicate = "DUPLICATE",
        /// Loss since the day's equity base.
        8 Drawdown = "DRAWDOWN",
        /// Malformed: quantity not positive, off the lot or tick, no price.
        9 Sanity = "SANITY",
        /// The instrument is undefined, halted, or its data is invalid.
        10 Instrument = "INSTRUMENT",
        /// An open break gates the account.
        11 OpenBreak = "OPEN_BREAK",
        /// Close-only phase.
        12 CloseOnly = "CLOSE_ONLY",
        /// A decision arrived after its `valid_until`.
        13 Expired = "EXPIRED",
    }

    /// How loud an alert or a break is.
    Severity {
        /// For trends.
        1 Info = "INFO",
        /// Someone should look by morning.
        2 Warning = "WARNING",
        /// Someone must look now.
        3 Critical = "CRITICAL",
    }

    /// What differs between our books and the broker's.
    BreakCode {
        /// Open here, absent there.
        1 OrderMissingAtBroker = "ORD_MISSING_AT_BROKER",
        /// Open there, unknown here.
        2 OrderMissingInternal = "ORD_MISSING_INTERNAL",
        /// States differ.
        3 OrderStatus = "ORD_STATUS",
        /// Quantity or limit differs.
        4 OrderTerms = "ORD_QTY_PRICE",
        /// Execution known only there.
        5 FillMissingInternal = "FILL_MISSING_INTERNAL",
        /// Execution known only here.
        6 FillMissingAtBroker = "FILL_MISSING_AT_BROKER",
        /// Quantity, price or fee of one execution differs.
        7 FillEconomics = "FILL_ECON",
        /// Net quantity differs.
        8 PositionQuantity = "POS_QTY",
        /// Cost of the position differs.
        9 PositionCost = "POS_COST",
        /// Cash differs.
        10 Cash = "CASH",
    }

    /// How a break ended.
    Resolution {
        /// The missing fact arrived.
        1 MissingFactArrived = "MISSING_FACT_ARRIVED",
        /// The difference went away by itself: it was timing.
        2 Timing = "TIMING",
        /// An adjustment closed it.
        3 Adjusted = "ADJUSTED",
        /// An operator accepted it.
        4 Accepted = "ACCEPTED",
    }

    /// Where in the trading day a calendar stands.
    Phase {
        /// Before the open.
        1 Starting = "STARTING",
        /// Trading.
        2 Open = "OPEN",
        /// No new exposure.
        3 CloseOnly = "CLOSE_ONLY",
        /// After the close.
        4 Closed = "CLOSED",
    }

    /// What an operator asks for.
    OperatorVerb {
        /// Stop trading.
        1 Halt = "HALT",
        /// Trade again.
        2 Resume = "RESUME",
        /// Cancel all open orders.
        3 CancelAll = "CANCEL_ALL",
    }

    /// A cash booking outside any execution.
    BookingKind {
        /// A fee.
        1 Fee = "FEE",
        /// Funding of a perpetual.
        2 Funding = "FUNDING",
        /// Cash in or out.
        3 Transfer = "TRANSFER",
    }

    /// State of an order at a broker, as its snapshot says.
    BrokerOrderState {
        /// Working, nothing filled.
        1 Open = "OPEN",
        /// Working, partly filled.
        2 PartiallyFilled = "PARTIALLY_FILLED",
        /// Filled.
        3 Filled = "FILLED",
        /// Cancelled.
        4 Cancelled = "CANCELLED",
        /// Rejected.
        5 Rejected = "REJECTED",
        /// Expired.
        6 Expired = "EXPIRED",
    }

    /// Why a record was quarantined.
    QuarantineReason {
        /// Not parseable as its format.
        1 Malformed = "MALFORMED",
        /// A frame of a kind the feed does not know.
        2 UnknownKind = "UNKNOWN_KIND",
        /// A field the schema does not have.
        3 UnknownField = "UNKNOWN_FIELD",
        /// A number out of range or too precise.
        4 Number = "NUMBER",
        /// An instrument without a definition.
        5 UnknownInstrument = "UNKNOWN_INSTRUMENT",
        /// Made by a newer version.
        6 Newer = "NEWER",
        /// The same id or sequence with other content.
        7 Conflict = "CONFLICT",
        /// The input ended inside the record.
        8 Truncated = "TRUNCATED",
        /// Larger than an event may be.
        9 TooLarge = "TOO_LARGE",
        /// Nobody of ours wrote it, and it was not offered as an event that is for producers.
        10 Foreign = "FOREIGN",
        /// Its producer's clock is ahead of ours.
        11 Clock = "CLOCK",
    }
}

impl Side {
    /// 1 for a buy, -1 for a sell.
    #[must_use]
    pub const fn sign(self) -> i64 {
        match self {
            Self::Buy => 1,
            Self::Sell => -1,
        }
    }

    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}
