//! Layers over layers.

use std::io::Write as _;

use super::{ConfigError, Layers, Origin};

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
