//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::copy::End;
use crate::{
    data_dir::{DataDir, DataDirError},
    engine::{Access, Engine},
};

/// Event-sourced message bus for trading agents.
#[derive(Debug, Parser)]
#[command(name = "blotter", version, about, max_term_width = 100)]
#[command(after_help = "\
Exit codes: 0 ok, 1 check failed, 2 usage, 3 environment, 4 not found, 5 conflict,
6 integrity, 7 reconciliation breaks, 130 interrupted.
Data goes to stdout, words to stderr. `--json` makes stdout machine-readable.")]
pub(crate) struct Arguments {
    /// Accepted in front of the command and behind it.
    #[command(flatten)]
    pub(crate) common: Common,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the data lies, and how to print.
#[derive(Clone, Debug, Args)]
pub(crate) struct Common {
    /// Data directory.
    #[arg(long, default_value = "./blotter-data", env = "BLOTTER_DATA", global = true)]
    pub(crate) data: PathBuf,
    /// Configuration file over the shipped settings.
    #[arg(long, env = "BLOTTER_CONFIG", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// Instrument definitions over the shipped ones.
    #[arg(long, env = "BLOTTER_INSTRUMENTS", global = true)]
    pub(crate) instruments: Option<PathBuf>,
    /// Machine-readable output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// Which engine carries the bus.
#[derive(Clone, Debug, Args)]
pub(crate) struct BusArgs {
    /// Where the bus is: `embedded`, nats://HOST:PORT[/PREFIX] or kafka://HOST:PORT[/PREFIX].
    #[arg(long, env = "BLOTTER_BUS", value_name = "URL", default_value = "embedded")]
    bus: Engine,
    #[command(flatten)]
    access: AccessArgs,
}

/// The bus that a data directory is bound to.
#[derive(Clone, Debug, Args)]
pub(crate) struct BoundArgs {
    /// The bus of the directory, where it asks who we are: a directory remembers where its bus is, and no
    /// user and password of it.
    #[arg(long, env = "BLOTTER_BUS", value_name = "URL")]
    bus: Option<Engine>,
    #[command(flatten)]
    access: AccessArgs,
}

/// How a bus on a server is reached.
#[derive(Clone, Debug, Args)]
pub(crate) struct AccessArgs {
    /// The NATS server's monitoring address, where it says whether its answers are durable.
    #[arg(long, env = "BLOTTER_NATS_MONITOR", value_name = "URL")]
    nats_monitor: Option<String>,
    /// Credentials file for NATS: a JWT and its seed.
    #[arg(long, env = "BLOTTER_NATS_CREDENTIALS", value_name = "FILE")]
    nats_credentials: Option<PathBuf>,
    /// File with the seed of an nkey for NATS.
    #[arg(long, env = "BLOTTER_NATS_NKEY", value_name = "FILE")]
    nats_nkey: Option<PathBuf>,
    /// Certificates of the authorities to trust beside the system's; what is sent to NATS is then encrypted.
    #[arg(long, env = "BLOTTER_NATS_CA", value_name = "FILE")]
    nats_ca: Option<PathBuf>,
    /// Our own certificate for NATS.
    #[arg(long, env = "BLOTTER_NATS_CERTIFICATE", value_name = "FILE", requires = "nats_key")]
    nats_certificate: Option<PathBuf>,
    /// The key of our own certificate for NATS.
    #[arg(long, env = "BLOTTER_NATS_KEY", value_name = "FILE", requires = "nats_certificate")]
    nats_key: Option<PathBuf>,
    /// Copies of the stream on a NATS cluster, where it is made; one that has fewer is refused.
    #[arg(long, env = "BLOTTER_NATS_REPLICAS", value_name = "N", default_value_t = 1)]
    nats_replicas: u8,
    /// File with settings of the Kafka client, such as `security.protocol`, one `name=value` a line.
    #[arg(long, env = "BLOTTER_KAFKA_CONFIG", value_name = "FILE")]
    kafka_config: Option<PathBuf>,
    /// Accept answers of this class too, for streams whose answers should mean durable.
    #[arg(long, env = "BLOTTER_ACCEPT_CLASS", value_name = "CLASS")]
    accept_class: Option<AcceptClass>,
}

/// Two buses.
#[derive(Clone, Debug, Args)]
pub(crate) struct CopyArgs {
    /// The bus to copy: a data directory, nats://HOST:PORT[/PREFIX] or kafka://HOST:PORT[/PREFIX].
    #[arg(long, value_name = "BUS")]
    pub(crate) from: End,
    /// The bus that becomes the same: a new directory, or a bus on servers that holds nothing.
    #[arg(long, value_name = "BUS")]
    pub(crate) to: End,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    from_access: FromAccessArgs,
}

impl CopyArgs {
    /// How each is reached: the one copied as the other, where nothing else is said.
    pub(crate) fn access(&self) -> (Access, Access) {
        let to = self.access.access();
        (self.from_access.over(to.clone()), to)
    }
}

/// How the bus that is copied is reached, where that is another way.
#[derive(Clone, Debug, Args)]
pub(crate) struct FromAccessArgs {
    /// As --nats-credentials, for the bus that is copied.
    #[arg(long, value_name = "FILE")]
    from_nats_credentials: Option<PathBuf>,
    /// As --nats-nkey, for the bus that is copied.
    #[arg(long, value_name = "FILE")]
    from_nats_nkey: Option<PathBuf>,
    /// As --nats-ca, for the bus that is copied.
    #[arg(long, value_name = "FILE")]
    from_nats_ca: Option<PathBuf>,
    /// As --kafka-config, for the bus that is copied.
    #[arg(long, value_name = "FILE")]
    from_kafka_config: Option<PathBuf>,
}

impl FromAccessArgs {
    fn over(&self, other: Access) -> Access {
        let authorities = self.from_nats_ca.clone().into_iter().collect::<Vec<_>>();
        Access {
            credentials: self.from_nats_credentials.clone().or(other.credentials),
            nkey: self.from_nats_nkey.clone().or(other.nkey),
            authorities: if authorities.is_empty() { other.authorities } else { authorities },
            kafka_settings: self.from_kafka_config.clone().or(other.kafka_settings),
            ..other
        }
    }
}

/// A class of durability that must be asked for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AcceptClass {
    /// Some time after the answer.
    Lazy,
}

impl BusArgs {
    /// The engine, and how it is reached.
    pub(crate) fn engine(&self) -> Engine {
        self.bus.clone().with(self.access.access())
    }
}

impl BoundArgs {
    /// The engine that carries the bus of a directory, and how it is reached.
    ///
    /// # Errors
    /// [`DataDirError::Bound`] where another is named.
    pub(crate) fn engine(&self, dir: &DataDir) -> Result<Engine, DataDirError> {
        Ok(dir.bus(self.bus.clone())?.with(self.access.access()))
    }
}

impl AccessArgs {
    /// How it is reached.
    pub(crate) fn access(&self) -> Access {
        Access {
            monitor: self.nats_monitor.clone(),
            accept_lazy: self.accept_class == Some(AcceptClass::Lazy),
            credentials: self.nats_credentials.clone(),
            nkey: self.nats_nkey.clone(),
            authorities: self.nats_ca.clone().into_iter().collect(),
            certificate: self.nats_certificate.clone().zip(self.nats_key.clone()),
            replicas: self.nats_replicas.into(),
            kafka_settings: self.kafka_config.clone(),
        }
    }
}

/// The name of a worker, which is part of a name on the servers.
fn worker_name(text: &str) -> Result<String, String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() || text.len() > 64 || !text.chars().all(is_name) {
        return Err("a name has up to 64 letters, digits, `-`, `_` and `.`".into());
    }
    Ok(text.into())
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Play a generated day with an incident in it, and explain what happened.
    Demo {
        #[command(flatten)]
        bus: BusArgs,
        /// Seed of the day.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Run the whole pipeline on recorded market data.
    Run {
        #[command(flatten)]
        bus: BusArgs,
        /// Tapes: recorded Binance frames or JSON lines, plain or gzip; merged by receive time.
        #[arg(long, required = true, num_args = 1..)]
        input: Vec<PathBuf>,
        /// Free-running agents, the tape paced by its own timestamps.
        #[arg(long)]
        live: bool,
        /// Pace of a live run, a whole number: 2 is twice as fast as recorded, 0 as fast as it goes.
        #[arg(long, default_value_t = 1, requires = "live")]
        speed: u32,
        /// Agents that other processes host (`blotter work`), by name, separated by commas.
        #[arg(long, value_name = "AGENTS", value_delimiter = ',', requires = "live")]
        without: Vec<String>,
        /// Seconds for which one of these may owe the log something before trading is halted.
        #[arg(long, value_name = "SECONDS", default_value_t = 30, requires = "without",
            value_parser = clap::value_parser!(u32).range(2..))]
        patience: u32,
    },
    /// Host agents of a live run, which is started with --without them, in a process of their own.
    Work {
        #[command(flatten)]
        bus: BusArgs,
        /// Agents to host, by name, separated by commas.
        #[arg(long, required = true, value_name = "AGENTS", value_delimiter = ',')]
        tasks: Vec<String>,
        /// Name of this process; two that run at a time have two names.
        #[arg(long, value_parser = worker_name)]
        name: String,
        /// Follow the worker of this name, and take over each of its tasks that stands still.
        #[arg(long, value_name = "NAME", value_parser = worker_name)]
        standby: Option<String>,
        /// Seconds for which a task may owe the log something before a standby takes it over.
        #[arg(long, value_name = "SECONDS", default_value_t = 10, requires = "standby",
            value_parser = clap::value_parser!(u32).range(2..))]
        patience: u32,
    },
    /// Rebuild state from the journal; with --agents, run every agent again and compare bytes.
    Replay {
        /// Up to this journal index or instant.
        #[arg(long)]
        as_of: Option<String>,
        /// Run every agent again and compare what it emits, byte for byte.
        #[arg(long)]
        agents: bool,
        /// Run a changed agent beside the recorded one and report what differs: AGENT=FILE.toml gives
        /// a shipped agent other settings, AGENT=VARIANT runs a variant of an agent of one's own.
        #[arg(long, value_name = "AGENT=NEW", conflicts_with = "agents")]
        with: Option<String>,
        /// Keep the simulated run of --with in this new directory, to be asked like any other.
        #[arg(long, value_name = "DIR", requires = "with")]
        keep: Option<PathBuf>,
    },
    /// Positions, orders, cash and profit.
    State {
        /// As of this journal index or instant.
        #[arg(long)]
        as_of: Option<String>,
    },
    /// Two runs, or two moments of one: where they part, and what that makes of the books.
    Diff {
        /// A data directory, or a moment of it: DIR, DIR@INDEX or DIR@INSTANT.
        #[arg(value_name = "A")]
        one: String,
        /// Another.
        #[arg(value_name = "B")]
        other: String,
    },
    /// Events as they land.
    Tail {
        /// From this journal index; without it, the last 20.
        #[arg(long)]
        from: Option<u64>,
        /// Wait for more.
        #[arg(long)]
        follow: bool,
    },
    /// Is the log whole, and is every event of it in the journal?
    Verify {
        #[command(flatten)]
        bus: BoundArgs,
    },
    /// Make a log that is lost or damaged anew from its journal; what was there is kept beside it.
    Restore,
    /// Make a bus the same as another: every entry at its place, byte for byte, and compared. One that was
    /// killed goes on where it is; one that is finished changes nothing.
    Copy(Box<CopyArgs>),
    /// The causal tree of a trace, or of the trace an event or order belongs to.
    Trace {
        /// Trace, event, order or execution; the first digits of an id are enough where they are unique.
        id: String,
    },
    /// Why an order was sent: back to the tick.
    Why {
        /// Order or one of its executions; the first digits of an id are enough where they are unique.
        order: String,
    },
    /// Our books against the broker's.
    Reconcile,
    /// JSON lines on stdin become events, also while `run` runs.
    Publish {
        #[command(flatten)]
        bus: BoundArgs,
    },
    /// Stop trading; works with the bus stopped and the disk full.
    Halt {
        /// Why.
        #[arg(long, default_value = "operator")]
        reason: String,
        /// Who; the login name by default.
        #[arg(long)]
        actor: Option<String>,
        /// One account only.
        #[arg(long)]
        account: Option<String>,
    },
    /// Trade again, after a clean reconciliation; prints the answer of a run that is active.
    Resume {
        /// Who.
        #[arg(long)]
        actor: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// One account only.
        #[arg(long)]
        account: Option<String>,
    },
    /// Cancel every open order.
    CancelAll {
        /// Why.
        #[arg(long, default_value = "operator")]
        reason: String,
        /// Who; the login name by default.
        #[arg(long)]
        actor: Option<String>,
        /// One account only.
        #[arg(long)]
        account: Option<String>,
    },
    /// The streams of a bus on servers.
    Streams {
        /// What about them.
        #[command(subcommand)]
        command: StreamsCommand,
    },
    /// Settings.
    Config {
        /// What about them.
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum StreamsCommand {
    /// What differs from what a run needs; ends with 1 when something does. Changes nothing.
    Plan {
        #[command(flatten)]
        bus: BusArgs,
    },
    /// Make them where there are none. What is there and otherwise is told and left alone.
    Apply {
        #[command(flatten)]
        bus: BusArgs,
    },
    /// Whether the bus is as a run needs it, every entry of it what it should be, and the user what its
    /// role says; ends with 1 when not.
    Verify {
        #[command(flatten)]
        bus: BusArgs,
    },
    /// What other tools take, to be applied by them.
    Export {
        /// For which tool.
        form: ExportForm,
        #[command(flatten)]
        bus: BusArgs,
    },
}

/// Which tool it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportForm {
    /// Users and their permissions, for a nats-server's configuration.
    Nats,
    /// The stream, for the JetStream controller on Kubernetes.
    Nack,
    /// Users and what they may do, for Kafka's own tool.
    Kafka,
    /// Topics and users, for the Strimzi operator on Kubernetes.
    Strimzi,
    /// Channels, messages and operations, as an AsyncAPI document.
    Asyncapi,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Every setting with its value and origin.
    Show,
    /// The shipped instrument definitions, as a file of one's own would look.
    Instruments,
}
