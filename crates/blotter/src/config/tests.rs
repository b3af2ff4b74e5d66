//! Layers over layers.

use std::io::Write as _;

use super::{ConfigError, Layers, Origin, SHIPPED as REAL, Settings};

const SHIPPED: &str = "[trader]\nunit = \"100\"\nrests = 5\nactive = true\n[paper]\nseed = 1\n";

fn stack(file: &str, environment: &[(&str, &str)]) -> Result<Layers, ConfigError> {
    let mut path = tempfile::NamedTempFile::new().unwrap();
    path.write_all(file.as_bytes()).unwrap();
    let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    Layers::stack(SHIPPED, Some(path.path()), environment)
}

#[test]
fn a_later_layer_wins_and_every_value_knows_its_origin() {
    let layers = stack("[trader]\nunit = \"250\"\n", &[("BLOTTER_PAPER__SEED", "9")]).unwrap();
    assert_eq!(layers.get("trader.unit").unwrap().as_str(), Some("250"));
    assert_eq!(layers.get("paper.seed").unwrap().as_integer(), Some(9));
    assert_eq!(layers.origins["trader.rests"], Origin::Shipped);
    assert!(matches!(layers.origins["trader.unit"], Origin::File(_)));
    assert_eq!(layers.origins["paper.seed"], Origin::Environment("BLOTTER_PAPER__SEED".into()));
}

#[test]
fn a_setting_that_does_not_exist_is_refused_by_name() {
    let slip = stack("[trader]\nuint = \"250\"\n", &[]).unwrap_err().to_string();
    assert!(slip.contains("`trader.uint`"), "{slip}");
    let slip = stack("", &[("BLOTTER_TRADER__UINT", "1")]).unwrap_err().to_string();
    assert!(slip.contains("`trader.uint`"), "{slip}");
}

#[test]
fn an_environment_value_has_the_type_of_its_setting() {
    let wrong = stack("", &[("BLOTTER_PAPER__SEED", "many")]).unwrap_err().to_string();
    assert!(wrong.contains("`paper.seed` is integer, not `many`"), "{wrong}");
}

#[test]
fn other_variables_of_the_prefix_are_no_settings() {
    assert!(stack("", &[("BLOTTER_DATA", "/somewhere")]).is_ok());
}

/// What the shipped settings say with one of them changed.
fn refused(name: &str, value: impl Into<toml::Value>) -> String {
    let mut layers = Layers::stack(REAL, None, std::iter::empty()).unwrap();
    layers.set(name, value.into(), Origin::Environment("HERE".into()));
    Settings::in_range(&layers).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn a_value_of_the_wrong_kind_names_its_setting_and_where_it_comes_from() {
    let said = refused("limits.order_notional", "much");
    assert!(said.starts_with("E8003 env HERE: `limits.order_notional` is \"much\": "), "{said}");
    let said = refused("recon.interval_ns", "soon");
    assert!(said.starts_with("E8003 env HERE: `recon.interval_ns` is \"soon\": "), "{said}");
}

#[test]
fn a_value_out_of_its_range_is_refused_with_the_range() {
    let cases: [(&str, toml::Value, &str); 7] = [
        ("limits.position", "-1".into(), "is \"-1\": it must be zero or more"),
        ("limits.drawdown", "-0.5".into(), "must be zero or more"),
        ("trader.unit_notional", "-100".into(), "must be zero or more"),
        ("recon.interval_ns", 0.into(), "is 0: it must be from 1 to"),
        ("strategy.enter_ppm", 2_000_000.into(), "from 1 to 1000000"),
        ("strategy.exit_ppm", 600_000.into(), "no more than `strategy.enter_ppm`, 500000"),
        ("limits.order_rate", (-1).into(), "`limits.order_rate` is -1"),
    ];
    for (name, value, words) in cases {
        let said = refused(name, value);
        assert!(said.contains(&format!("`{name}`")) && said.contains(words), "{said}");
    }
}

#[test]
fn the_settings_that_ship_are_in_their_ranges() {
    let layers = Layers::stack(REAL, None, std::iter::empty()).unwrap();
    assert!(Settings::in_range(&layers).is_ok());
}
