//! Settings in layers: shipped defaults, then a file, then the environment, then flags. Every
//! value remembers where it came from.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use toml::{Table, Value};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The defaults that ship.
    Shipped,
    /// A configuration file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// The script of the demo's day.
    Demo,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shipped => f.write_str("shipped"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "env {name}"),
            Self::Demo => f.write_str("the demo"),
        }
    }
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("E8001 {path} cannot be read")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is not TOML.
    #[error("E8002 {origin} is not TOML: {reason}")]
    Syntax {
        /// Which layer.
        origin: String,
        /// What the parser says.
        reason: String,
    },
    /// A setting that does not exist, or a value of the wrong type.
    #[error("E8003 {origin}: {reason}; `blotter config show` lists every setting")]
    Setting {
        /// Which layer.
        origin: String,
        /// What is wrong.
        reason: String,
    },
}

/// Settings, and the origin of each by its dotted name.
#[derive(Clone, Debug)]
pub(crate) struct Layers {
    /// All settings.
    pub table: Table,
    /// Where each came from.
    pub origins: BTreeMap<String, Origin>,
}

/// What an environment variable that sets something begins with: `BLOTTER_TRADER__UNIT_NOTIONAL`
/// sets `trader.unit_notional`.
const PREFIX: &str = "BLOTTER_";

impl Layers {
    /// Stacks the layers. `environment` is the process's variables.
    ///
    /// # Errors
    /// [`ConfigError`]; a name that no lower layer has is an error, so a typing slip cannot pass.
    pub(crate) fn stack(
        shipped: &str,
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let table = parse(shipped, "the shipped settings")?;
        let mut layers = Self { origins: BTreeMap::new(), table: Table::new() };
        layers.lay(table, &Origin::Shipped, "", false)?;
        if let Some(path) = file {
            let _ = layers.overlay(path)?;
        }
        for (name, text) in environment {
            let Some(setting) = name.strip_prefix(PREFIX).filter(|name| name.contains("__")) else {
                continue;
            };
            let dotted = setting.to_lowercase().replace("__", ".");
            let value = layers.typed_like(&dotted, &text, &name)?;
            layers.set(&dotted, value, Origin::Environment(name));
        }
        Ok(layers)
    }

    /// Lays a file over the settings. Returns the names it sets.
    ///
    /// # Errors
    /// As of [`Layers::stack`].
    pub(crate) fn overlay(&mut self, path: &Path) -> Result<Vec<String>, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_path_buf(), source })?;
        let table = parse(&text, &path.display().to_string())?;
        let mut file = Self { origins: BTreeMap::new(), table: Table::new() };
        let origin = Origin::File(path.to_path_buf());
        file.lay(table.clone(), &origin, "", false)?;
        self.lay(table, &origin, "", true)?;
        Ok(file.origins.into_keys().collect())
    }

    /// All settings as a file that sets every one of them.
    pub(crate) fn to_text(&self) -> Result<String, ConfigError> {
        toml::to_string(&self.table).map_err(|error| ConfigError::Setting {
            origin: "settings".into(),
            reason: error.to_string(),
        })
    }

    /// The value of a dotted name.
    #[must_use]
    pub(crate) fn get(&self, dotted: &str) -> Option<&Value> {
        let mut parts = dotted.split('.');
        let mut value = self.table.get(parts.next()?)?;
        for part in parts {
            value = value.get(part)?;
        }
        Some(value)
    }

    /// The error of a setting, with its value and the layer it comes from.
    pub(crate) fn wrong(&self, dotted: Option<&str>, reason: &str) -> ConfigError {
        let Some((name, value)) = dotted.and_then(|name| Some((name, self.get(name)?))) else {
            return ConfigError::Setting { origin: "settings".into(), reason: reason.into() };
        };
        let origin = self.origins.get(name).map_or_else(|| "settings".into(), Origin::to_string);
        ConfigError::Setting { origin, reason: format!("`{name}` is {value}: {reason}") }
    }

    fn lay(
        &mut self,
        table: Table,
        origin: &Origin,
        prefix: &str,
        must_exist: bool,
    ) -> Result<(), ConfigError> {
        for (name, value) in table {
            let dotted = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
            match value {
                Value::Table(inner) => self.lay(inner, origin, &dotted, must_exist)?,
                value => {
                    if must_exist && self.get(&dotted).is_none() {
                        return Err(ConfigError::Setting {
                            origin: origin.to_string(),
                            reason: format!("there is no setting `{dotted}`"),
                        });
                    }
                    self.set(&dotted, value, origin.clone());
                }
            }
        }
        Ok(())
    }

    /// Sets one value.
    pub(crate) fn set(&mut self, dotted: &str, value: Value, origin: Origin) {
        let mut parts: Vec<&str> = dotted.split('.').collect();
        let Some(last) = parts.pop() else { return };
        let mut table = &mut self.table;
        for part in parts {
            let entry = table.entry(part).or_insert_with(|| Value::Table(Table::new()));
            let Value::Table(inner) = entry else { return };
            table = inner;
        }
        let _ = table.insert(last.to_owned(), value);
        let _ = self.origins.insert(dotted.to_owned(), origin);
    }

    /// Reads text as the type the setting has in the layer below.
    fn typed_like(&self, dotted: &str, text: &str, name: &str) -> Result<Value, ConfigError> {
        let wrong = |reason: String| ConfigError::Setting { origin: format!("env {name}"), reason };
        let like =
            self.get(dotted).ok_or_else(|| wrong(format!("there is no setting `{dotted}`")))?;
        match like {
            Value::Integer(_) => text.parse().map(Value::Integer).ok(),
            Value::Boolean(_) => text.parse().map(Value::Boolean).ok(),
            Value::String(_) => Some(Value::String(text.to_owned())),
            _ => None,
        }
        .ok_or_else(|| wrong(format!("`{dotted}` is {}, not `{text}`", like.type_str())))
    }
}

fn parse(text: &str, origin: &str) -> Result<Table, ConfigError> {
    text.parse::<Table>().map_err(|error| ConfigError::Syntax {
        origin: origin.to_owned(),
        reason: error.message().to_owned(),
    })
}
