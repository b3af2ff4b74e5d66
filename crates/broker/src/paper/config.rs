//! What a paper account is: its money, its fees, its latency, and what goes wrong with it.

use std::collections::BTreeMap;

use event::{
    AccountId, Amount, Currency, InstrumentId, Label, Price, Quantity, SECOND_NS, Timestamp,
    choices::Side,
};
use serde::{Deserialize, Serialize};

use super::text;

/// A paper account. Amounts are decimal text; every field has a default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PaperConfig {
    /// The account.
    #[serde(with = "text")]
    pub account: AccountId,
    /// Cash at the start, by currency.
    #[serde(with = "text::table")]
    pub balances: BTreeMap<Currency, Amount>,
    /// Positions at the start.
    pub positions: Vec<PaperPosition>,
    /// An order, a cancel or a replace takes effect this long after it was asked for.
    pub latency_ns: i64,
    /// Fee of an execution that added liquidity, in parts per million of its value; negative is a
    /// rebate.
    pub maker_fee_ppm: i64,
    /// Fee of an execution that took liquidity, in parts per million of its value.
    pub taker_fee_ppm: i64,
    /// What a spot purchase pays its fee in.
    pub spot_buy_fee: BuyFee,
    /// Initial margin of derivatives, in parts per million of their value.
    pub margin_ppm: i64,
    /// What ends when an order's `expires` passes.
    pub expiry: Expiry,
    /// Funding of perpetuals: linear and inverse instruments on the calendar `247`.
    pub funding: Funding,
    /// Seed of all faults; the same seed and the same orders make the same faults.
    pub seed: u64,
    /// What goes wrong by chance.
    pub faults: Faults,
    /// What happens at set instants of the tape.
    pub script: Vec<Scripted>,
}

/// A position an account begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperPosition {
    /// The instrument.
    #[serde(with = "text")]
    pub instrument: InstrumentId,
    /// Signed quantity.
    #[serde(with = "text")]
    pub quantity: Quantity,
    /// Its cost in the settlement currency, signed as the quantity.
    #[serde(with = "text")]
    pub total_cost: Amount,
}

/// What a spot purchase pays its fee in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BuyFee {
    /// The quote currency, on top of the price.
    #[default]
    Quote,
    /// The base asset, out of what was bought, rounded half to even at eight places.
    Base,
}

/// What ends when an order's `expires` passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expiry {
    /// The order: it is good till then.
    #[default]
    Order,
    /// The request: an order that has come to rest by then rests on.
    Request,
}

/// Funding of perpetuals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Funding {
    /// Intervals begin at 00:00 UTC; zero means no funding.
    pub interval_ns: i64,
    /// What a long position pays per interval, in parts per million of its value.
    pub rate_ppm: i64,
}

/// Faults by chance, each a rate in parts per million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// A submit is refused.
    pub reject_ppm: u32,
    /// A submit takes effect and its answer is lost.
    pub lost_response_ppm: u32,
    /// A submit never arrives.
    pub lost_request_ppm: u32,
    /// The report of an execution is late.
    pub late_report_ppm: u32,
    /// How late.
    pub late_report_ns: i64,
    /// The report of an execution is delivered twice.
    pub duplicate_report_ppm: u32,
    /// An execution is taken back.
    pub bust_ppm: u32,
    /// An execution's price is corrected, to one tick worse.
    pub correction_ppm: u32,
    /// How long after the execution a bust or a correction comes.
    pub amend_after_ns: i64,
}

/// Something that happens at a set instant of the tape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scripted {
    /// Not before this instant.
    #[serde(with = "text")]
    pub at: Timestamp,
    /// What happens.
    pub action: Action,
}

/// What a script can make happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// The next submit takes effect and its answer is lost.
    LoseResponse,
    /// The next submit never arrives.
    LoseRequest,
    /// The next submit is refused.
    Reject,
    /// A trade by hand at the next quote, whole, that no report tells of: it shows in snapshots.
    ManualTrade {
        /// In what.
        #[serde(with = "text")]
        instrument: InstrumentId,
        /// Which way.
        #[serde(with = "text")]
        side: Side,
        /// How much.
        #[serde(with = "text")]
        quantity: Quantity,
    },
    /// An order by hand at the next quote, which reports tell of like any other.
    ManualOrder {
        /// In what.
        #[serde(with = "text")]
        instrument: InstrumentId,
        /// Which way.
        #[serde(with = "text")]
        side: Side,
        /// How much.
        #[serde(with = "text")]
        quantity: Quantity,
        /// The limit; absent for a market order.
        #[serde(with = "text::optional", default, skip_serializing_if = "Option::is_none")]
        limit_price: Option<Price>,
    },
    /// Cash moves in or out.
    Transfer {
        /// The currency.
        #[serde(with = "text")]
        currency: Currency,
        /// In when positive.
        #[serde(with = "text")]
        amount: Amount,
    },
    /// A fee takes cash now; it is told of, and listed, later.
    LateFee {
        /// The currency.
        #[serde(with = "text")]
        currency: Currency,
        /// The fee; negative is a rebate.
        #[serde(with = "text")]
        amount: Amount,
        /// How much later.
        delay_ns: i64,
    },
    /// The last execution that stands is taken back.
    BustLast,
    /// The next execution is not reported: it shows in snapshots.
    WithholdReport,
}

impl Default for PaperConfig {
    fn default() -> Self {
        let cash = [("BTC", 10), ("ETH", 100), ("USDT", 1_000_000)];
        let balances = cash
            .into_iter()
            .filter_map(|(code, units)| Some((Currency::new(code).ok()?, Amount::whole(units))))
            .collect();
        Self {
            account: AccountId::from_label(default_account()),
            balances,
            positions: Vec::new(),
            latency_ns: 1_000_000,
            maker_fee_ppm: 200,
            taker_fee_ppm: 500,
            spot_buy_fee: BuyFee::default(),
            margin_ppm: 100_000,
            expiry: Expiry::default(),
            funding: Funding::default(),
            seed: 0,
            faults: Faults::default(),
            script: Vec::new(),
        }
    }
}

/// The account of the shipped configuration.
fn default_account() -> Label {
    match Label::new("PAPER") {
        Ok(label) => label,
        Err(_) => unreachable!("five letters are a label"),
    }
}

impl Default for Funding {
    fn default() -> Self {
        Self { interval_ns: 8 * 3_600 * SECOND_NS, rate_ppm: 100 }
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            reject_ppm: 0,
            lost_response_ppm: 0,
            lost_request_ppm: 0,
            late_report_ppm: 0,
            late_report_ns: 2 * SECOND_NS,
            duplicate_report_ppm: 0,
            bust_ppm: 0,
            correction_ppm: 0,
            amend_after_ns: 5 * SECOND_NS,
        }
    }
}
