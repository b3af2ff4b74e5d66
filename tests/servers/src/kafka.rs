//! Apache Kafka: a node that is broker and controller, with its store in a home of its own.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, bail};
use rustix::process::Signal;

use crate::{Guarded, Home, Jars, SmallDisk, copy_tree, free_port, free_port_like};

/// The server everything is tested with.
const KAFKA: Jars = Jars {
    name: "kafka-4.3.0",
    artifacts: &[
        "org.apache.kafka:kafka_2.13:4.3.0",
        // Without it the server logs nothing.
        "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",
    ],
    sha256: include_str!("../pinned/kafka-4.3.0.sha256"),
};

/// How long a server may take to start on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// Started quickly and small; a server that is measured runs with the same.
const JVM: [&str; 4] = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xms64m", "-Xmx384m"];

/// What a node needs that holds no copies, is never asked twice, and starts in a few seconds.
const PROPERTIES: &str = "\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
num.network.threads=1
num.io.threads=2
log.index.size.max.bytes=65536
log.cleaner.dedupe.buffer.size=4194304
";

const LOGGING: &str = "\
Configuration:
  Appenders:
    Console:
      name: ERR
      target: SYSTEM_ERR
      PatternLayout:
        pattern: \"%d{HH:mm:ss.SSS} %p %c{1} %m%n\"
  Loggers:
    Root:
      level: INFO
      AppenderRef:
        - ref: ERR
";

/// How a server is to be configured.
#[derive(Clone, Debug, Default)]
pub struct KafkaSettings {
    /// Whether an acknowledgement means fsynced.
    pub sync_always: bool,
    /// Lines for `server.properties` beside the usual ones.
    pub lines: String,
    /// The port of the loopback interface that clients are sent to, where it is not the node's own.
    pub advertised: Option<u16>,
    /// The megabytes of a disk of its own, where it is to be a small one.
    pub disk_mb: Option<u32>,
    /// What its store is formatted with beside the usual.
    pub format: Vec<String>,
    /// Whether it listens where clients look for one that nobody configured, as far as that is free.
    pub at_usual_port: bool,
}

/// The place of a node among others: its number from 1 on, and the controllers' ports in that order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) number: usize,
    pub(crate) controllers: [u16; 3],
}

impl KafkaSettings {
    /// What stands in `server.properties` wherever the server listens and stores.
    #[must_use]
    pub fn properties(&self) -> String {
        let sync = if self.sync_always { "log.flush.interval.messages=1\n" } else { "" };
        format!("{PROPERTIES}{sync}{}", self.lines)
    }
}

/// An Apache Kafka of one's own.
#[derive(Debug)]
pub struct KafkaServer {
    process: Option<Guarded>,
    port: u16,
    controller_port: u16,
    member: Option<Member>,
    settings: KafkaSettings,
    disk: Option<SmallDisk>,
    home: Home,
}

static SHARED: Mutex<Option<KafkaServer>> = Mutex::new(None);

impl KafkaServer {
    /// The version that is fetched.
    #[must_use]
    pub const fn version() -> &'static str {
        "4.3.0"
    }

    /// The servers that `BLOTTER_KAFKA_BROKERS` names, for tests that need nothing but a server.
    #[must_use]
    pub fn given() -> Option<String> {
        std::env::var("BLOTTER_KAFKA_BROKERS").ok().filter(|brokers| !brokers.is_empty())
    }

    /// The address of a server that all tests of this process share, started for the first. It
    /// ends with the process.
    ///
    /// # Errors
    /// As [`KafkaServer::start`].
    pub fn shared() -> anyhow::Result<String> {
        if let Some(given) = Self::given() {
            return Ok(given);
        }
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = &*shared {
            return Ok(server.brokers());
        }
        let server = Self::start_in(Home::of_process("kafka")?, KafkaSettings::default())?;
        let brokers = server.brokers();
        *shared = Some(server);
        Ok(brokers)
    }

    /// Starts one.
    ///
    /// # Errors
    /// When it cannot be fetched or does not start.
    pub fn start(settings: KafkaSettings) -> anyhow::Result<Self> {
        Self::start_in(Home::new("kafka")?, settings)
    }

    fn start_in(home: Home, settings: KafkaSettings) -> anyhow::Result<Self> {
        let mut server = Self::prepare(home, settings, None)?;
        server.start_again()?;
        Ok(server)
    }

    /// One that has its ports and its store, and does not run yet.
    ///
    /// # Errors
    /// When it cannot be fetched.
    pub fn prepared(settings: KafkaSettings) -> anyhow::Result<Self> {
        Self::prepare(Home::new("kafka")?, settings, None)
    }

    pub(crate) fn prepare(
        home: Home,
        settings: KafkaSettings,
        member: Option<Member>,
    ) -> anyhow::Result<Self> {
        let port = if settings.at_usual_port { free_port_like(9092)? } else { free_port()? };
        let controller_port = match member {
            None => free_port()?,
            Some(Member { number, controllers }) => number
                .checked_sub(1)
                .and_then(|at| controllers.get(at))
                .copied()
                .context("a port")?,
        };
        let disk = settings.disk_mb.map(|mb| SmallDisk::mount(home.path().join("store"), mb));
        let server = Self { process: None, port, controller_port, member, settings, disk, home };
        fs::write(server.home.path().join("log4j2.yaml"), LOGGING)?;
        server.configure()?;
        server.format()?;
        Ok(server)
    }

    fn configure(&self) -> anyhow::Result<()> {
        let (port, controller, store) = (self.port, self.controller_port, self.store());
        let advertised = self.settings.advertised.unwrap_or(port);
        let (number, voters) = match self.member {
            None => (1, format!("1@127.0.0.1:{controller}")),
            Some(Member { number, controllers }) => {
                let voters =
                    (1..).zip(controllers).map(|(n, port)| format!("{n}@127.0.0.1:{port}"));
                (number, voters.collect::<Vec<_>>().join(","))
            }
        };
        let text = format!(
            "{}\n\
             node.id={number}\n\
             controller.quorum.voters={voters}\n\
             listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{advertised}\n\
             log.dirs={}\n",
            self.settings.properties(),
            store.display(),
        );
        Ok(fs::write(self.properties(), text)?)
    }

    fn format(&self) -> anyhow::Result<()> {
        // The name of a cluster of one, the same every time.
        let mut arguments = self.java("kafka.tools.StorageTool")?;
        arguments.extend(["format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c"].map(String::from));
        arguments.push(self.properties().to_string_lossy().into_owned());
        arguments.extend(self.settings.format.iter().cloned());
        let output = Command::new("java").args(arguments).output().context("java")?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stdout).trim());
        }
        Ok(())
    }

    fn java(&self, class: &str) -> anyhow::Result<Vec<String>> {
        let mut arguments: Vec<String> = JVM.map(String::from).to_vec();
        arguments.push("-cp".into());
        arguments.push(KAFKA.folder()?.join("*").to_string_lossy().into_owned());
        let logging = self.home.path().join("log4j2.yaml");
        arguments.push(format!("-Dlog4j2.configurationFile={}", logging.display()));
        arguments.push(class.into());
        Ok(arguments)
    }

    /// Starts it, on the same port and with its store each time.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        self.configure()?;
        let mut arguments = self.java("kafka.Kafka")?;
        arguments.push(self.properties().to_string_lossy().into_owned());
        let log = self.log_file();
        let process = Guarded::start(Path::new("java"), &arguments, &log)?;
        process
            .await_line(PATIENCE, |line| line.contains("Kafka Server started").then_some(()))
            .with_context(|| fs::read_to_string(&log).unwrap_or_default())?;
        self.process = Some(process);
        Ok(())
    }

    /// Adds what lines of `kafka-acls.sh` say, as the user whose client settings these are.
    ///
    /// # Errors
    /// When one is refused, or says what the tool would not take.
    pub fn allow(&self, client: &str, lines: &str) -> anyhow::Result<()> {
        let (settings, program) =
            (self.home.path().join("admin.properties"), self.home.path().join("Acls.java"));
        fs::write(&settings, format!("bootstrap.servers={}\n{client}", self.brokers()))?;
        fs::write(&program, include_str!("../java/Acls.java"))?;
        let mut arguments = self.java(&program.to_string_lossy())?;
        arguments.push(settings.to_string_lossy().into_owned());
        let mut command = Command::new("java");
        let command = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().context("java")?;
        child.stdin.take().context("its input")?.write_all(lines.as_bytes())?;
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    /// Where clients connect to.
    #[must_use]
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.settings.advertised.unwrap_or(self.port))
    }

    /// The port it listens on.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What it runs with; a change holds from the next start on.
    pub const fn settings(&mut self) -> &mut KafkaSettings {
        &mut self.settings
    }

    /// Gives its disk another size; only one that was asked for has one.
    pub fn resize_disk(&self, megabytes: u32) {
        self.disk.iter().for_each(|disk| disk.resize(megabytes));
    }

    /// Its directory.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    fn store(&self) -> PathBuf {
        self.home.path().join("store")
    }

    fn properties(&self) -> PathBuf {
        self.home.path().join("server.properties")
    }

    fn log_file(&self) -> PathBuf {
        self.home.path().join("kafka.log")
    }

    fn running(&self) -> anyhow::Result<&Guarded> {
        self.process.as_ref().context("it runs")
    }

    /// Kills it without warning.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.process.take().context("it runs")?.stop(Signal::KILL)
    }

    /// Shuts it down cleanly.
    ///
    /// # Errors
    /// When it does not run.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.process.take().context("it runs")?.stop(Signal::TERM)
    }

    /// Waits until it ends, by itself or because this process is interrupted.
    ///
    /// # Errors
    /// When it does not run.
    pub fn wait(mut self) -> anyhow::Result<()> {
        self.process.take().context("it runs")?.wait()
    }

    /// Stops it in its tracks.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.running()?.signal(Signal::STOP)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn go_on(&self) -> anyhow::Result<()> {
        self.running()?.signal(Signal::CONT)
    }

    /// Copies its store, as restoring a backup finds it; it must not run meanwhile.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn copy_store(&self, to: &Path) -> anyhow::Result<()> {
        Ok(copy_tree(&self.store(), to)?)
    }

    /// Puts a copy of its store in the place of the store; it must not run meanwhile.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn restore_store(&self, from: &Path) -> anyhow::Result<()> {
        fs::remove_dir_all(self.store())?;
        Ok(copy_tree(from, &self.store())?)
    }

    /// What it has said so far.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn log(&self) -> anyhow::Result<String> {
        Ok(fs::read_to_string(self.log_file())?)
    }
}
