//! Which engine carries the bus, and how it is opened.

use std::{fmt, path::PathBuf, str::FromStr};

use bus::{Bus, BusError, Reader};
use bus_log::{LogBus, LogReader};
use bus_nats::{NatsBus, Options, PREFIX};
use event::Timestamp;

use crate::data_dir::DataDir;

/// Where the bus is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Engine {
    /// In the data directory.
    #[default]
    Embedded,
    /// On a NATS server or cluster.
    Nats(Nats),
}

/// A stream on NATS, and how to get there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Nats {
    /// Servers, separated by commas, with whatever stands in front of `@`. Never printed.
    servers: String,
    /// The stream's name, and what its subjects begin with.
    prefix: String,
    pub(crate) access: Access,
}

/// What a URL does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Access {
    /// The server's monitoring address.
    pub(crate) monitor: Option<String>,
    /// Whether answers that may not be durable are accepted all the same.
    pub(crate) accept_lazy: bool,
    /// A file with a JWT and its seed.
    pub(crate) credentials: Option<PathBuf>,
    /// A file with the seed of an nkey.
    pub(crate) nkey: Option<PathBuf>,
}

/// Why a URL names no bus.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EngineError {
    /// No engine has this scheme.
    #[error(
        "E7801 `{scheme}` is no bus; give nats://HOST:PORT or nats://HOST:PORT/PREFIX, or leave --bus out for the log in the data directory"
    )]
    Scheme {
        /// What stands in front of `://`, or all of it.
        scheme: String,
    },
    /// The server's name is missing, or the prefix cannot be one.
    #[error(
        "E7802 the bus URL is not of the form nats://HOST:PORT/PREFIX; a prefix has letters, digits, `-` and `_`"
    )]
    Form,
}

/// What opening the bus found.
pub(crate) struct Opened {
    /// The engine.
    pub(crate) bus: Box<dyn Bus>,
    /// What a crash left half written and was cut off, in words.
    pub(crate) torn: Option<String>,
}

impl Engine {
    /// The same engine, reached with `access`.
    pub(crate) fn with(self, access: Access) -> Self {
        match self {
            Self::Embedded => Self::Embedded,
            Self::Nats(nats) => Self::Nats(Nats { access, ..nats }),
        }
    }

    /// Opens the bus for writing; a bus on a server is made where there is none.
    pub(crate) fn open(
        &self,
        dir: &DataDir,
        wall_clock: fn() -> Timestamp,
    ) -> Result<Opened, BusError> {
        match self {
            Self::Embedded => {
                let opened = LogBus::open(&dir.log(), wall_clock)?;
                let torn = opened.torn.map(|torn| format!("{} bytes of {}", torn.bytes, torn.what));
                Ok(Opened { bus: Box::new(opened.bus), torn })
            }
            Self::Nats(nats) => {
                let bus = NatsBus::open(nats.options())?;
                Ok(Opened { bus: Box::new(bus), torn: None })
            }
        }
    }

    /// A reader of the bus, for a process that writes nothing.
    pub(crate) fn reader(&self, dir: &DataDir) -> Result<Box<dyn Reader>, BusError> {
        match self {
            Self::Embedded => Ok(Box::new(LogReader::open(&dir.log())?)),
            // Who only reads asks for no promise about what is written.
            Self::Nats(nats) => {
                NatsBus::open(Options { accept_lazy: true, ..nats.options() })?.reader()
            }
        }
    }
}

impl Nats {
    fn options(&self) -> Options {
        let mut options = Options::new(&format!("nats://{}", self.servers));
        options.prefix.clone_from(&self.prefix);
        options.monitor.clone_from(&self.access.monitor);
        options.accept_lazy = self.access.accept_lazy;
        options.identity.credentials.clone_from(&self.access.credentials);
        options.identity.nkey.clone_from(&self.access.nkey);
        options
    }
}

impl FromStr for Engine {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self, EngineError> {
        if text == EMBEDDED {
            return Ok(Self::Embedded);
        }
        let (scheme, rest) = text.split_once("://").unwrap_or((text, ""));
        if scheme != "nats" {
            return Err(EngineError::Scheme { scheme: scheme.into() });
        }
        let (servers, prefix) = rest
            .trim_end_matches('/')
            .split_once('/')
            .unwrap_or((rest.trim_end_matches('/'), PREFIX));
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if servers.is_empty() || prefix.is_empty() || !prefix.chars().all(is_name) {
            return Err(EngineError::Form);
        }
        let (servers, prefix) = (servers.into(), prefix.into());
        Ok(Self::Nats(Nats { servers, prefix, access: Access::default() }))
    }
}

/// The engine in the data directory, by name.
const EMBEDDED: &str = "embedded";

/// The engine's URL, without what stands in front of `@`: a secret is written nowhere.
impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Nats(nats) = self else { return f.write_str(EMBEDDED) };
        let public =
            |server: &str| server.rsplit_once('@').map_or(server, |(_, server)| server).to_owned();
        let servers: Vec<String> = nats.servers.split(',').map(public).collect();
        write!(f, "nats://{}/{}", servers.join(","), nats.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bus_is_named_by_a_url_and_shown_without_its_secret() {
        let cases = [
            ("embedded", "embedded"),
            ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222/BLOTTER"),
            ("nats://127.0.0.1:4222/", "nats://127.0.0.1:4222/BLOTTER"),
            ("nats://ada:secret@host:4222/DESK", "nats://host:4222/DESK"),
            ("nats://a:1,ada:secret@b:2/DESK", "nats://a:1,b:2/DESK"),
        ];
        for (text, shown) in cases {
            assert_eq!(text.parse::<Engine>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_names_no_bus_is_refused() {
        for text in
            ["", "host:4222", "http://host", "nats://", "nats://host/a.b", "nats://host/a b"]
        {
            assert!(text.parse::<Engine>().is_err(), "{text}");
        }
    }
}
