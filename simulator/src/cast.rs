//! Who takes part: the shipped agents, with settings that suit a short tape.

use agent::{
    Agent, monitor::Monitor, quality::Quality, risk::Risk, session::Session, strategy::Imbalance,
    trader::Trader,
};
use broker::{BuyFee, Expiry, Funding, PaperConfig};
use event::{
    AccountId, Amount, Currency, LabelError, LimitSetId, SECOND_NS,
    books::{Limit, LimitsLoaded},
    choices::RiskRule,
};
use reconcile::Recon;

use crate::{
    chance::Chance,
    fault::{Fault, Rates},
    rival::{Built, Rival},
};

/// Worst-case position of one instrument, in the quote currency.
pub(crate) const POSITION_LIMIT: i64 = 4_000;

/// Its place among the agents.
pub(crate) const STRATEGY: usize = 2;

/// How an agent is made.
pub(crate) type Make = fn(&Cast, u32) -> Box<dyn Agent>;

/// The account and what it is set to.
#[derive(Clone, Debug)]
pub(crate) struct Cast {
    pub(crate) account: AccountId,
    pub(crate) currency: Currency,
    pub(crate) paper: PaperConfig,
}

impl Cast {
    pub(crate) fn new(seed: u64, rates: &Rates) -> Result<Self, LabelError> {
        let account = AccountId::new("PAPER")?;
        let mut chance = Chance::of(seed, 0xca57);
        let mut paper = PaperConfig {
            account,
            latency_ns: chance.between(1, 40) as i64 * 1_000_000,
            expiry: if chance.happens(500_000) { Expiry::Order } else { Expiry::Request },
            spot_buy_fee: if chance.happens(500_000) { BuyFee::Quote } else { BuyFee::Base },
            maker_fee_ppm: 200,
            taker_fee_ppm: 400,
            funding: Funding { interval_ns: 20 * SECOND_NS, rate_ppm: 100 },
            seed,
            ..PaperConfig::default()
        };
        let faults = &mut paper.faults;
        faults.reject_ppm = rates.of(Fault::Reject);
        faults.lost_response_ppm = rates.of(Fault::LostResponse);
        faults.lost_request_ppm = rates.of(Fault::LostRequest);
        faults.late_report_ppm = rates.of(Fault::LateReport);
        faults.duplicate_report_ppm = rates.of(Fault::DoubleReport);
        faults.bust_ppm = rates.of(Fault::Bust);
        faults.correction_ppm = rates.of(Fault::Correction);
        faults.late_report_ns = 3 * SECOND_NS / 2;
        faults.amend_after_ns = 2 * SECOND_NS;
        Ok(Self { account, currency: Currency::new("USDT")?, paper })
    }

    /// A fresh agent of this build for the task at this place.
    pub(crate) fn agent(&self, place: usize, build: u32) -> Option<Box<dyn Agent>> {
        let make = Self::agents().into_iter().nth(place)?;
        Some(Box::new(Built { agent: make(self, build), build }))
    }

    /// A fresh agent of every task, in the order of the shipped set-up, with one beside them. Another
    /// build of the two that propose something decides otherwise; of the rest it decides the same.
    pub(crate) fn agents() -> [Make; 8] {
        [
            |_, _| {
                Box::new(Quality::new(agent::quality::Config {
                    stale_after_ns: 5 * SECOND_NS,
                    ..agent::quality::Config::default()
                }))
            },
            |_, _| Box::new(Session::new(agent::session::Config::default())),
            |_, build| {
                Box::new(Imbalance::new(agent::strategy::Config {
                    smoothing_ns: SECOND_NS / 2,
                    enter_ppm: 400_000 - 150_000 * i64::from(build % 2),
                    cooldown_ns: SECOND_NS,
                    ..agent::strategy::Config::default()
                }))
            },
            |cast, _| {
                Box::new(Trader::new(agent::trader::Config {
                    reprice_after_ns: SECOND_NS / 2,
                    cancel_after_ns: 2 * SECOND_NS,
                    validity_ns: SECOND_NS,
                    ..agent::trader::Config::of(cast.account)
                }))
            },
            |cast, build| Box::new(Rival::new(cast.account, build)),
            |cast, _| Box::new(Risk::new(agent::risk::Config::of(cast.account))),
            |cast, _| {
                Box::new(Recon::new(reconcile::Config {
                    interval_ns: 5 * SECOND_NS,
                    confirm_after_ns: 2 * SECOND_NS,
                    ..reconcile::Config::of(cast.account)
                }))
            },
            |_, _| {
                Box::new(Monitor::new(agent::monitor::Config {
                    repeat_ns: 3_600 * SECOND_NS,
                    heartbeat_ns: 3_600 * SECOND_NS,
                    ..agent::monitor::Config::default()
                }))
            },
        ]
    }

    /// The limits, as the event that loads them.
    pub(crate) fn limits(&self) -> Result<LimitsLoaded, LabelError> {
        let limit = |rule, bound, window_ns| Limit { rule, instrument: None, bound, window_ns };
        Ok(LimitsLoaded {
            account: self.account,
            limit_set: LimitSetId::new("simulated-1")?,
            limits: vec![
                limit(RiskRule::OrderNotional, Amount::whole(2_500), 0),
                limit(RiskRule::Position, Amount::whole(POSITION_LIMIT), 0),
                limit(RiskRule::OrderRate, Amount::whole(60), 60 * SECOND_NS),
                limit(RiskRule::PriceCollar, Amount::whole(10_000), 0),
                limit(RiskRule::Duplicate, Amount::ZERO, SECOND_NS / 10),
                limit(RiskRule::Drawdown, Amount::whole(2_000), 0),
            ],
        })
    }
}
