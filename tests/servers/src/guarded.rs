//! A process that cannot outlive who started it.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::{consts::TERM_SIGNALS, iterator::Signals};

/// Starts the command, says its number, and kills it once the pipe on its own input ends: that
/// happens when whoever started it lets go of it or dies, whatever of.
const WATCHDOG: &str = r#"
"$@" </dev/null >/dev/null & server=$!
echo "$server"
exec 2>/dev/null
cat
kill -9 "$server"
wait
"#;

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct Guarded {
    watchdog: Child,
    lifeline: Option<ChildStdin>,
    pid: Pid,
    lines: Receiver<String>,
}

impl Guarded {
    /// Starts `command`; everything it says goes to `log`, which is appended to.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(program: &Path, arguments: &[String], log: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new("sh");
        let command = command.args(["-c", WATCHDOG, "watchdog"]).arg(program).args(arguments);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut watchdog = piped.spawn().context("sh")?;
        let mut said = BufReader::new(watchdog.stdout.take().context("its output")?);
        let mut number = String::new();
        let _ = said.read_line(&mut number)?;
        let pid = number.trim().parse().ok().and_then(Pid::from_raw).context("the pid")?;
        let (sender, lines) = channel();
        let mut log = File::options().create(true).append(true).open(log)?;
        let errors = BufReader::new(watchdog.stderr.take().context("its errors")?);
        let _ = std::thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                let _ = writeln!(log, "{line}");
                let _ = sender.send(line);
            }
        });
        Ok(Self { lifeline: watchdog.stdin.take(), watchdog, pid, lines })
    }

    /// Waits for a line that `wanted` makes something of.
    ///
    /// # Errors
    /// When the process ends, or says nothing of the kind in time.
    pub fn await_line<T>(
        &self,
        patience: Duration,
        mut wanted: impl FnMut(&str) -> Option<T>,
    ) -> anyhow::Result<T> {
        loop {
            let Ok(line) = self.lines.recv_timeout(patience) else {
                bail!("the server ended, or was not ready within {patience:?}");
            };
            if let Some(found) = wanted(&line) {
                return Ok(found);
            }
        }
    }

    /// Its process.
    #[must_use]
    pub const fn pid(&self) -> Pid {
        self.pid
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When there is no such process any more.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(kill_process(self.pid, signal)?)
    }

    /// Asks it to end and waits until it has.
    ///
    /// # Errors
    /// When there is no such process any more.
    pub fn stop(mut self, signal: Signal) -> anyhow::Result<()> {
        self.signal(signal)?;
        self.await_end();
        Ok(())
    }

    /// Waits until it ends, which it does once this process is interrupted or asked to end. That no longer
    /// ends this process itself, so that what it holds is let go of in order.
    ///
    /// # Errors
    /// When signals cannot be taken.
    pub fn wait(mut self) -> anyhow::Result<()> {
        let (mut signals, pid) = (Signals::new(TERM_SIGNALS)?, self.pid);
        let _ = std::thread::spawn(move || {
            for _ in signals.forever() {
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        self.await_end();
        Ok(())
    }

    fn await_end(&mut self) {
        // Its errors end when it does.
        while self.lines.recv().is_ok() {}
        self.release();
    }

    fn release(&mut self) {
        drop(self.lifeline.take());
        let _ = self.watchdog.wait();
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.release();
    }
}
