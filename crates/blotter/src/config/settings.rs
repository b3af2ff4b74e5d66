//! The settings as types.

use agent::{monitor, quality, risk, strategy, trader};
use broker::PaperConfig;
use event::{
    AccountId, Amount, Currency, Digest, LimitSetId,
    books::{Limit, LimitsLoaded},
    choices::RiskRule,
    id::digest_of,
};
use serde::Deserialize;

use super::{ConfigError, Layers, ranges};

/// Everything that can be set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Whose books.
    pub account: AccountSettings,
    /// Data quality.
    pub quality: QualitySettings,
    /// The strategy.
    pub strategy: StrategySettings,
    /// From signals to orders.
    pub trader: TraderSettings,
    /// The limits of the account.
    pub limits: LimitSettings,
    /// Alerts and halts.
    pub monitor: MonitorSettings,
    /// Comparison with the broker.
    pub recon: ReconSettings,
    /// The paper broker.
    pub paper: PaperConfig,
    /// Digest of all of it: what a data directory is bound to.
    #[serde(skip, default = "no_digest")]
    pub digest: Digest,
}

const fn no_digest() -> Digest {
    Digest([0; 32])
}

/// See `shipped.toml`, which says what each field means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountSettings {
    #[serde(with = "text")]
    pub name: AccountId,
    #[serde(with = "text")]
    pub reporting_currency: Currency,
}

/// See `shipped.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QualitySettings {
    pub stale_after_ns: i64,
    pub feed_stale_after_ns: i64,
    pub jump_ppm: i64,
    pub unparseable_after: u32,
}

/// See `shipped.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StrategySettings {
    pub smoothing_ns: i64,
    pub enter_ppm: i64,
    pub exit_ppm: i64,
    pub cooldown_ns: i64,
    pub horizon_ns: i64,
}

/// See `shipped.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TraderSettings {
    #[serde(with = "text")]
    pub unit_notional: Amount,
    pub reprice_after_ns: i64,
    pub cancel_after_ns: i64,
    pub validity_ns: i64,
}

/// See `shipped.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitSettings {
    #[serde(with = "text")]
    pub version: LimitSetId,
    #[serde(with = "text")]
    pub order_notional: Amount,
    #[serde(with = "text")]
    pub position: Amount,
    pub order_rate: u32,
    pub order_rate_window_ns: i64,
    pub price_collar_ppm: u32,
    pub duplicate_window_ns: i64,
    #[serde(with = "text")]
    pub drawdown: Amount,
}

/// See `shipped.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MonitorSettings {
    pub repeat_ns: i64,
    pub restarts_max: u32,
}

/// See `shipped.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReconSettings {
    pub interval_ns: i64,
    pub confirm_after_ns: i64,
}

/// The settings that ship.
pub(crate) const SHIPPED: &str = include_str!("shipped.toml");

impl Settings {
    /// Reads the stacked layers.
    ///
    /// # Errors
    /// [`ConfigError::Setting`] naming the setting that makes no sense.
    pub(crate) fn of(layers: &Layers) -> Result<Self, ConfigError> {
        let text = layers.to_text()?;
        let mut settings: Self = toml::from_str(&text).map_err(|error| {
            let named = error.span().and_then(|span| ranges::setting_at(&text, span.start));
            layers.wrong(named.as_deref(), error.message())
        })?;
        settings.paper.account = settings.account.name;
        settings.digest = digest_of("settings", &[text.as_bytes()]);
        Ok(settings)
    }

    /// The same, each of them held against what it may be. What a directory was run with is read
    /// without: it was run so.
    ///
    /// # Errors
    /// [`ConfigError::Setting`] with the setting, its value and its range.
    pub(crate) fn in_range(layers: &Layers) -> Result<Self, ConfigError> {
        let settings = Self::of(layers)?;
        ranges::check(layers)?;
        Ok(settings)
    }

    /// Data quality.
    #[must_use]
    pub(crate) fn quality(&self) -> quality::Config {
        let mut config = quality::Config {
            stale_after_ns: self.quality.stale_after_ns,
            feed_stale_after_ns: self.quality.feed_stale_after_ns,
            jump_ppm: self.quality.jump_ppm,
            ..quality::Config::default()
        };
        config.unparseable.consecutive = self.quality.unparseable_after;
        config
    }

    /// The strategy.
    #[must_use]
    pub(crate) fn strategy(&self) -> strategy::Config {
        strategy::Config {
            smoothing_ns: self.strategy.smoothing_ns,
            enter_ppm: self.strategy.enter_ppm,
            exit_ppm: self.strategy.exit_ppm,
            cooldown_ns: self.strategy.cooldown_ns,
            horizon_ns: self.strategy.horizon_ns,
            ..strategy::Config::default()
        }
    }

    /// From signals to orders.
    #[must_use]
    pub(crate) fn trader(&self) -> trader::Config {
        trader::Config {
            unit_notional: self.trader.unit_notional,
            reprice_after_ns: self.trader.reprice_after_ns,
            cancel_after_ns: self.trader.cancel_after_ns,
            validity_ns: self.trader.validity_ns,
            ..trader::Config::of(self.account.name)
        }
    }

    /// The risk gate.
    #[must_use]
    pub(crate) fn risk(&self) -> risk::Config {
        risk::Config::of(self.account.name)
    }

    /// Alerts and halts.
    #[must_use]
    pub(crate) fn monitor(&self) -> monitor::Config {
        monitor::Config {
            repeat_ns: self.monitor.repeat_ns,
            restarts_max: self.monitor.restarts_max,
            ..monitor::Config::default()
        }
    }

    /// Comparison with the broker.
    #[must_use]
    pub(crate) fn recon(&self) -> reconcile::Config {
        reconcile::Config {
            interval_ns: self.recon.interval_ns,
            confirm_after_ns: self.recon.confirm_after_ns,
            ..reconcile::Config::of(self.account.name)
        }
    }

    /// The limits, as the event that loads them.
    #[must_use]
    pub(crate) fn limits_loaded(&self) -> LimitsLoaded {
        let limit = |rule, bound, window_ns| Limit { rule, instrument: None, bound, window_ns };
        let limits = &self.limits;
        LimitsLoaded {
            account: self.account.name,
            limit_set: limits.version,
            limits: vec![
                limit(RiskRule::OrderNotional, limits.order_notional, 0),
                limit(RiskRule::Position, limits.position, 0),
                limit(
                    RiskRule::OrderRate,
                    Amount::whole(limits.order_rate.into()),
                    limits.order_rate_window_ns,
                ),
                limit(RiskRule::PriceCollar, Amount::whole(limits.price_collar_ppm.into()), 0),
                limit(RiskRule::Duplicate, Amount::ZERO, limits.duplicate_window_ns),
                limit(RiskRule::Drawdown, limits.drawdown, 0),
            ],
        }
    }
}

/// Names and amounts are text, read by their own parser: no float is ever made of them.
mod text {
    use std::{fmt::Display, str::FromStr};

    use serde::{Deserialize as _, Deserializer, de::Error as _};

    pub(super) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}
