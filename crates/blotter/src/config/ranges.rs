//! What each setting may be. A limit below zero or a comparison that is never due would be taken in
//! silence otherwise, and be found when it matters.

use event::Amount;
use toml::Value;

use super::{ConfigError, Layers};

/// Ten years: longer than any time between two things that has a meaning here.
const LONGEST_NS: i64 = 315_360_000_000_000_000;
/// All of it, in parts per million.
const WHOLE_PPM: i64 = 1_000_000;

/// Whole numbers, each with its least and greatest value.
const WHOLE: &[(&str, i64, i64)] = &[
    ("quality.stale_after_ns", 1, LONGEST_NS),
    ("quality.feed_stale_after_ns", 1, LONGEST_NS),
    ("quality.jump_ppm", 1, i64::MAX),
    ("quality.unparseable_after", 1, u32::MAX as i64),
    ("strategy.smoothing_ns", 0, LONGEST_NS),
    ("strategy.enter_ppm", 1, WHOLE_PPM),
    ("strategy.exit_ppm", 0, WHOLE_PPM),
    ("strategy.cooldown_ns", 0, LONGEST_NS),
    ("strategy.horizon_ns", 0, LONGEST_NS),
    ("trader.reprice_after_ns", 0, LONGEST_NS),
    ("trader.cancel_after_ns", 0, LONGEST_NS),
    ("trader.validity_ns", 1, LONGEST_NS),
    ("limits.order_rate", 0, u32::MAX as i64),
    ("limits.order_rate_window_ns", 1, LONGEST_NS),
    ("limits.price_collar_ppm", 0, WHOLE_PPM),
    ("limits.duplicate_window_ns", 0, LONGEST_NS),
    ("monitor.repeat_ns", 0, LONGEST_NS),
    ("monitor.restarts_max", 0, u32::MAX as i64),
    ("recon.interval_ns", 1, LONGEST_NS),
    ("recon.confirm_after_ns", 0, LONGEST_NS),
    ("paper.latency_ns", 0, LONGEST_NS),
    ("paper.maker_fee_ppm", -WHOLE_PPM, WHOLE_PPM),
    ("paper.taker_fee_ppm", -WHOLE_PPM, WHOLE_PPM),
];

/// Amounts that are zero at least.
const AMOUNTS: &[&str] =
    &["trader.unit_notional", "limits.order_notional", "limits.position", "limits.drawdown"];

/// Holds every setting against its range.
pub(super) fn check(layers: &Layers) -> Result<(), ConfigError> {
    for (name, least, greatest) in WHOLE {
        let value = layers.get(name).and_then(Value::as_integer);
        if value.is_some_and(|value| !(*least..=*greatest).contains(&value)) {
            let reason = format!("it must be from {least} to {greatest}");
            return Err(layers.wrong(Some(name), &reason));
        }
    }
    for name in AMOUNTS {
        let amount = layers.get(name).and_then(Value::as_str);
        let amount: Option<Amount> = amount.and_then(|text| text.parse().ok());
        if amount.is_some_and(|amount| amount < Amount::ZERO) {
            return Err(layers.wrong(Some(name), "it must be zero or more"));
        }
    }
    let whole = |name| layers.get(name).and_then(Value::as_integer);
    if let (Some(enter), Some(exit)) = (whole("strategy.enter_ppm"), whole("strategy.exit_ppm"))
        && exit > enter
    {
        let reason = format!("it must be no more than `strategy.enter_ppm`, {enter}");
        return Err(layers.wrong(Some("strategy.exit_ppm"), &reason));
    }
    Ok(())
}

/// The dotted name of the setting that stands at a byte of settings written as text.
pub(super) fn setting_at(text: &str, at: usize) -> Option<String> {
    let end = text.get(at..)?.find('\n').map_or(text.len(), |line| at + line);
    let before = text.get(..end)?;
    let section = before.lines().rev().find_map(|line| {
        let line = line.trim_start_matches('[');
        line.strip_suffix(']').filter(|_| !line.contains('='))
    });
    let line = before.lines().next_back()?;
    let name = line.split_once('=').map(|(name, _)| name.trim())?;
    Some(section.map_or_else(|| name.to_owned(), |section| format!("{section}.{name}")))
}
