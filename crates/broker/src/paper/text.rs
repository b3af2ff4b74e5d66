//! Numbers and names in configuration: always text, read by the type's own parser, so that no
//! float is ever made of a price.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(value)
}

pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}

/// The same for a value that may be absent.
pub(crate) mod optional {
    use super::*;

    pub(crate) fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(ToString::to_string).serialize(out)
    }

    pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}

/// The same for a table of names to numbers.
pub(crate) mod table {
    use super::*;

    pub(crate) fn serialize<K: Display, V: Display, S: Serializer>(
        entries: &BTreeMap<K, V>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        let text = |(key, value): (&K, &V)| (key.to_string(), value.to_string());
        entries.iter().map(text).collect::<BTreeMap<_, _>>().serialize(out)
    }

    pub(crate) fn deserialize<'de, K, V, D>(from: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: FromStr<Err: Display> + Ord,
        V: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let entries = BTreeMap::<String, String>::deserialize(from)?;
        let read = |(key, value): (String, String)| {
            let key = key.parse().map_err(D::Error::custom)?;
            Ok((key, value.parse().map_err(D::Error::custom)?))
        };
        entries.into_iter().map(read).collect()
    }
}
