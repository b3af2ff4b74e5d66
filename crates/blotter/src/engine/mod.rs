//! Which engine carries the bus, and how it is opened.

#[cfg(feature = "nats")]
mod advisories;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(feature = "nats")]
mod nats;
mod url;

use std::path::PathBuf;

use bus::{Bus, BusError, Class, Drift, Entry, ErrorClass, Reader};
use bus_log::{LogBus, LogReader};
use event::Timestamp;
use serde_json::Value;

use crate::{data_dir::DataDir, exit::Exit, pipeline::PipelineError, streams::Declared};

/// Where the bus is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Engine {
    /// In the data directory.
    #[default]
    Embedded,
    /// On a NATS server or cluster.
    Nats(Remote),
    /// On a Kafka cluster.
    Kafka(Remote),
}

/// A bus on servers, and how to get there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remote {
    /// Servers, separated by commas, with whatever stands in front of `@`. Never printed.
    pub(crate) servers: String,
    /// What the names on the servers begin with.
    pub(crate) prefix: String,
    pub(crate) access: Access,
}

/// What a URL does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Access {
    /// The NATS server's monitoring address.
    pub(crate) monitor: Option<String>,
    /// Whether answers that may not be durable are accepted all the same.
    pub(crate) accept_lazy: bool,
    /// A file with a JWT and its seed, for NATS.
    pub(crate) credentials: Option<PathBuf>,
    /// A file with the seed of an nkey, for NATS.
    pub(crate) nkey: Option<PathBuf>,
    /// Files with certificates of authorities, for NATS; where there are some, it is encrypted.
    pub(crate) authorities: Vec<PathBuf>,
    /// Files with our own certificate and its key, for NATS.
    pub(crate) certificate: Option<(PathBuf, PathBuf)>,
    /// Copies of the stream on a NATS cluster; one where it is not said.
    pub(crate) replicas: usize,
    /// A file with settings of the Kafka client.
    pub(crate) kafka_settings: Option<PathBuf>,
}

/// Why there is no bus where a URL says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EngineError {
    /// No engine has this scheme.
    #[error(
        "E7801 `{scheme}` is no bus; give nats://HOST:PORT or kafka://HOST:PORT, either with /PREFIX behind it, or leave --bus out for the log in the data directory"
    )]
    Scheme {
        /// What stands in front of `://`, or all of it.
        scheme: String,
    },
    /// The server's name is missing, the prefix cannot be one, or a secret stands where none may.
    #[error(
        "E7802 the bus URL is not of the form {scheme}://HOST:PORT/PREFIX; a prefix has letters, digits, `-` and `_`"
    )]
    Form {
        /// What stands in front of `://`.
        scheme: &'static str,
    },
    /// A new directory, and a bus that holds another's log: its records would be taken for ours.
    #[error(
        "E7805 {bus} holds a log already, and {dir} is new; give the --data it was run with, or another /PREFIX"
    )]
    Taken {
        /// The bus.
        bus: String,
        /// The directory.
        dir: String,
    },
    /// Another process can reach a bus on a server, and nothing else.
    #[error(
        "E7807 the log in a data directory has one process; agents in others need --bus nats://HOST:PORT or kafka://HOST:PORT"
    )]
    NoServer,
    /// Who only reads found a bus that is not there, or is otherwise.
    #[error("E7808 {bus} is no bus that can be read: {what}")]
    NotAsNeeded {
        /// The bus.
        bus: String,
        /// What is wrong with it.
        what: String,
    },
    /// The program was built without the engine.
    #[cfg_attr(all(feature = "nats", feature = "kafka"), expect(dead_code, reason = "it has all"))]
    #[error(
        "E7804 this program was built without {scheme}; build it with `cargo build --release --features {scheme}`"
    )]
    NotBuilt {
        /// The feature, which is named as the scheme is.
        scheme: &'static str,
    },
}

impl EngineError {
    /// How a command ends with it.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Taken { .. } | Self::NotAsNeeded { .. } => Exit::Conflict,
            Self::Scheme { .. } | Self::Form { .. } | Self::NotBuilt { .. } | Self::NoServer => {
                Exit::Usage
            }
        }
    }
}

/// What a process is among those that write to a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role<'a> {
    /// Nobody else writes.
    Alone,
    /// It has the gateway and the journal, and others may have tasks.
    Run,
    /// It has tasks, and writes under this name.
    Worker(&'a str),
}

/// How the sequences within a partition run along the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sequences {
    /// Each is the one before and one more.
    #[default]
    Dense,
    /// Each is above the one before.
    Ascend,
    /// No two are the same.
    Differ,
}

/// Whether a bus is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is.
    Made,
    /// Nothing of it is; opening it makes it.
    ToBeMade,
}

/// What servers let a user do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rights {
    /// How it differs from what the role of that name needs.
    pub(crate) findings: Vec<String>,
    /// Who it is, and whether it is held to anything; empty where servers do not say.
    pub(crate) note: String,
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
            Self::Nats(remote) => Self::Nats(Remote { access, ..remote }),
            Self::Kafka(remote) => Self::Kafka(Remote { access, ..remote }),
        }
    }

    /// Opens the bus for writing; a bus on a server is made where there is none.
    pub(crate) fn open(
        &self,
        dir: &DataDir,
        role: Role<'_>,
        wall_clock: fn() -> Timestamp,
    ) -> Result<Opened, BusError> {
        match self {
            Self::Embedded => {
                let opened = LogBus::open(&dir.log(), wall_clock)?;
                let torn = opened.torn.map(|torn| format!("{} bytes of {}", torn.bytes, torn.what));
                Ok(Opened { bus: Box::new(opened.bus), torn })
            }
            Self::Nats(remote) => {
                let bus = nats::open(remote, role, Some(dir.root()))?;
                Ok(Opened { bus, torn: None })
            }
            Self::Kafka(_) => Ok(Opened { bus: self.connect(role, wall_clock)?, torn: None }),
        }
    }

    /// Opens a bus on servers for writing, without a directory.
    pub(crate) fn connect(
        &self,
        role: Role<'_>,
        wall_clock: fn() -> Timestamp,
    ) -> Result<Box<dyn Bus>, BusError> {
        match self {
            Self::Embedded => {
                let source = Box::new(EngineError::NoServer);
                Err(BusError::Engine { class: ErrorClass::Fatal, source })
            }
            Self::Nats(remote) => nats::open(remote, role, None),
            Self::Kafka(remote) => kafka::open(remote, role, wall_clock),
        }
    }

    /// Takes its name away from a worker that may have died in the middle of a unit, where what it left
    /// holds others up.
    pub(crate) fn fence(&self, role: Role<'_>) -> Result<(), BusError> {
        match self {
            Self::Embedded | Self::Nats(_) => Ok(()),
            Self::Kafka(remote) => kafka::fence(remote, role),
        }
    }

    /// A reader of the bus, for a process that writes nothing.
    pub(crate) fn reader(&self, dir: &DataDir) -> Result<Box<dyn Reader>, BusError> {
        match self {
            Self::Embedded => Ok(Box::new(LogReader::open(&dir.log())?)),
            Self::Nats(remote) => nats::reader(remote),
            Self::Kafka(remote) => kafka::reader(remote),
        }
    }

    /// A reader of a bus that is there; `None` where nothing was ever put into it, which on Kafka has no
    /// beginning to read from.
    pub(crate) fn reader_where_begun(
        &self,
        dir: &DataDir,
    ) -> Result<Option<Box<dyn Reader>>, BusError> {
        match self {
            Self::Kafka(remote) => kafka::reader_where_begun(remote),
            Self::Embedded | Self::Nats(_) => self.reader(dir).map(Some),
        }
    }

    /// What of the bus on its servers is otherwise than it has to be. The log in a data directory needs
    /// nothing made beforehand.
    pub(crate) fn plan(&self) -> Result<Vec<Drift>, BusError> {
        match self {
            Self::Embedded => Ok(Vec::new()),
            Self::Nats(remote) => nats::plan(remote),
            Self::Kafka(remote) => kafka::plan(remote),
        }
    }

    /// Makes what is not there at all; what is there and otherwise is refused.
    pub(crate) fn apply(&self) -> Result<(), BusError> {
        match self {
            Self::Embedded => Ok(()),
            Self::Nats(remote) => nats::apply(remote),
            Self::Kafka(remote) => kafka::apply(remote),
        }
    }

    /// What an answer of the bus that is there is worth; the data directory fsyncs.
    pub(crate) fn class(&self) -> Result<Class, BusError> {
        match self {
            Self::Embedded => Ok(Class::Fsync),
            Self::Nats(remote) => nats::class(remote),
            Self::Kafka(remote) => kafka::class(remote),
        }
    }

    /// What the servers let the user do, held against the role of that name. Kafka's tell only administrators.
    pub(crate) fn rights(&self, declared: &Declared) -> Result<Rights, BusError> {
        match self {
            Self::Nats(remote) => nats::rights(remote, declared),
            Self::Embedded | Self::Kafka(_) => Ok(Rights::default()),
        }
    }

    /// Who may do what, as a nats-server's configuration says it.
    pub(crate) fn permissions(&self, declared: &Declared) -> Result<Option<String>, BusError> {
        match self {
            Self::Nats(remote) => nats::permissions(remote, declared).map(Some),
            Self::Embedded | Self::Kafka(_) => Ok(None),
        }
    }

    /// The stream as it has to be, as a NATS server's API says it.
    pub(crate) fn wanted_stream(&self) -> Result<Option<Value>, BusError> {
        match self {
            Self::Nats(remote) => nats::wanted(remote).map(Some),
            Self::Embedded | Self::Kafka(_) => Ok(None),
        }
    }

    /// Refuses a bus on servers that holds a log while `dir` belongs to none: the log says how far an
    /// ingress has read, but not of which tape, and the broker's record of it is in another directory.
    pub(crate) fn must_suit(&self, dir: &DataDir) -> Result<Standing, PipelineError> {
        if *self == Self::Embedded || matches!(dir.binding(), Ok(Some(_))) {
            return Ok(Standing::Made);
        }
        let drift = self.plan()?;
        if !drift.is_empty() && drift.iter().all(Drift::is_missing) {
            return Ok(Standing::ToBeMade);
        }
        let Some(mut reader) = self.reader_where_begun(dir)? else { return Ok(Standing::Made) };
        reader.seek(0)?;
        loop {
            let entries = reader.next_entries()?;
            if entries.is_empty() {
                return Ok(Standing::Made);
            }
            // What strangers wrote before anybody of ours makes no log.
            if !entries.iter().all(|entry| matches!(entry, Entry::Foreign(_))) {
                break;
            }
        }
        let (bus, dir) = (self.to_string(), dir.root().display().to_string());
        let source = Box::new(EngineError::Taken { bus, dir });
        Err(BusError::Engine { class: ErrorClass::Fatal, source }.into())
    }

    /// Whether answers that may not be durable were said to be accepted.
    pub(crate) const fn accepts_lazy(&self) -> bool {
        match self {
            Self::Embedded => false,
            Self::Nats(remote) | Self::Kafka(remote) => remote.access.accept_lazy,
        }
    }

    /// How the sequences within a partition run along the log. On Kafka they are offsets, of which the
    /// ends of transactions take some, and of two transactions at a time the one that took its offset
    /// first may be the second in the log. On NATS they are those of the whole stream where others may
    /// write.
    pub(crate) const fn sequences(&self, role: Role<'_>) -> Sequences {
        match (self, role) {
            (Self::Embedded, _) | (Self::Nats(_), Role::Alone) => Sequences::Dense,
            (Self::Nats(_), _) | (Self::Kafka(_), Role::Alone) => Sequences::Ascend,
            (Self::Kafka(_), _) => Sequences::Differ,
        }
    }
}

#[cfg(not(all(feature = "nats", feature = "kafka")))]
fn not_built<T>(scheme: &'static str) -> Result<T, BusError> {
    let source = Box::new(EngineError::NotBuilt { scheme });
    Err(BusError::Engine { class: ErrorClass::Fatal, source })
}

#[cfg(not(feature = "nats"))]
mod nats {
    use std::path::Path;

    use super::{
        Bus, BusError, Class, Declared, Drift, Reader, Remote, Rights, Role, Value, not_built,
    };

    pub(super) fn open(
        _: &Remote,
        _: Role<'_>,
        _: Option<&Path>,
    ) -> Result<Box<dyn Bus>, BusError> {
        not_built("nats")
    }

    pub(super) fn reader(_: &Remote) -> Result<Box<dyn Reader>, BusError> {
        not_built("nats")
    }

    pub(super) fn plan(_: &Remote) -> Result<Vec<Drift>, BusError> {
        not_built("nats")
    }

    pub(super) fn apply(_: &Remote) -> Result<(), BusError> {
        not_built("nats")
    }

    pub(super) fn class(_: &Remote) -> Result<Class, BusError> {
        not_built("nats")
    }

    pub(super) fn rights(_: &Remote, _: &Declared) -> Result<Rights, BusError> {
        not_built("nats")
    }

    pub(super) fn permissions(_: &Remote, _: &Declared) -> Result<String, BusError> {
        not_built("nats")
    }

    pub(super) fn wanted(_: &Remote) -> Result<Value, BusError> {
        not_built("nats")
    }
}

#[cfg(not(feature = "kafka"))]
mod kafka {
    use super::{Bus, BusError, Class, Drift, Reader, Remote, Role, Timestamp, not_built};

    pub(super) fn class(_: &Remote) -> Result<Class, BusError> {
        not_built("kafka")
    }

    pub(super) fn reader_where_begun(_: &Remote) -> Result<Option<Box<dyn Reader>>, BusError> {
        not_built("kafka")
    }

    pub(super) fn open(
        _: &Remote,
        _: Role<'_>,
        _: fn() -> Timestamp,
    ) -> Result<Box<dyn Bus>, BusError> {
        not_built("kafka")
    }

    pub(super) fn fence(_: &Remote, _: Role<'_>) -> Result<(), BusError> {
        not_built("kafka")
    }

    pub(super) fn reader(_: &Remote) -> Result<Box<dyn Reader>, BusError> {
        not_built("kafka")
    }

    pub(super) fn plan(_: &Remote) -> Result<Vec<Drift>, BusError> {
        not_built("kafka")
    }

    pub(super) fn apply(_: &Remote) -> Result<(), BusError> {
        not_built("kafka")
    }
}
