//! YAML, read by somebody else's parser.

use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::Value;

/// The documents of a YAML text, as JSON.
#[must_use]
pub fn yaml(text: &str) -> Vec<Value> {
    Yaml::load_from_str(text).expect("YAML").iter().map(value).collect()
}

fn value(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(is)) => (*is).into(),
        Yaml::Value(Scalar::Integer(number)) => (*number).into(),
        Yaml::Value(Scalar::String(text)) => text.as_ref().into(),
        Yaml::Sequence(values) => values.iter().map(value).collect(),
        Yaml::Mapping(pairs) => pairs
            .iter()
            .map(|(name, held)| (name.as_str().expect("a name").to_owned(), value(held)))
            .collect(),
        other => panic!("not expected in a document of ours: {other:?}"),
    }
}
