//! Settings of the client that come from outside: how it shows who it is, and how it encrypts.

use std::{fmt, path::Path};

use crate::KafkaBusError;

/// Settings of the client beside ours, such as `security.protocol`; ours win.
///
/// What is in them is shown to nobody, neither in an error nor when debugged: passwords are among
/// them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ClientSettings(Vec<(String, String)>);

impl ClientSettings {
    /// Reads a file of lines `name=value`, as other Kafka tools take it; lines that begin with `#` or
    /// are empty say nothing. Names are those of librdkafka.
    ///
    /// # Errors
    /// [`KafkaBusError::SettingsFile`].
    pub fn read(path: &Path) -> Result<Self, KafkaBusError> {
        let failed = |why: String| KafkaBusError::SettingsFile { path: path.to_path_buf(), why };
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        Self::parse(&text).map_err(|line| failed(format!("line {line} is not `name=value`")))
    }

    /// The settings of a text, or the number of the line that is none.
    fn parse(text: &str) -> Result<Self, usize> {
        let mut settings = Vec::new();
        for (number, line) in (1_usize..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, value) = line.split_once('=').ok_or(number)?;
            settings.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        Ok(Self(settings))
    }

    /// Adds one.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.into(), value.into()));
        self
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for ClientSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_line_by_line_and_no_value_is_shown() {
        let text = "# who we are\n\nsecurity.protocol = SASL_SSL\nsasl.password=a=b#c\n";
        let settings = ClientSettings::parse(text).unwrap();
        let read: Vec<_> = settings.iter().collect();
        assert_eq!(read, [("security.protocol", "SASL_SSL"), ("sasl.password", "a=b#c")]);
        let shown = format!("{settings:?}");
        assert!(shown.contains("sasl.password") && !shown.contains("a=b#c"), "{shown}");
    }

    #[test]
    fn a_line_that_is_no_setting_is_named_by_its_number_and_not_shown() {
        assert_eq!(ClientSettings::parse("a=b\n\nhunter2\n"), Err(3));
    }
}
