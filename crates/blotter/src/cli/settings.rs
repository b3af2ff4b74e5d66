//! `config`: every setting with its value and origin.

use serde_json::json;

use super::{args::Common, output, setting};
use crate::exit::{Exit, Failure};

/// Prints every setting in force.
pub(super) fn show(common: &Common) -> Result<Exit, Failure> {
    let setting = setting::read(common)?;
    let rows = setting.layers.origins.iter().map(|(name, origin)| {
        let value = setting.layers.get(name).map_or_else(String::new, ToString::to_string);
        [name.clone(), value, origin.to_string()]
    });
    if common.json {
        let entries: serde_json::Map<String, serde_json::Value> = rows
            .map(|[name, value, origin]| (name, json!({ "value": value, "origin": origin })))
            .collect();
        output::json(&entries.into());
    } else {
        output::table(["SETTING", "VALUE", "ORIGIN"], &rows.collect::<Vec<_>>());
    }
    Ok(Exit::Ok)
}

/// Prints the shipped instrument definitions.
pub(super) fn instruments() -> Result<Exit, Failure> {
    output::line(feed::Instruments::shipped_text());
    Ok(Exit::Ok)
}
