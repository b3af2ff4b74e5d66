//! One user's place: a directory, commands run in it, and what came out of them.

use std::{
    fs,
    io::{BufRead as _, BufReader, Lines, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::blotter;

/// Longest a command may take before it is killed and the test fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// A directory of its own for one test; deleted with it.
#[derive(Debug)]
pub struct Desk {
    folder: TempDir,
}

impl Default for Desk {
    fn default() -> Self {
        Self::new()
    }
}

impl Desk {
    /// A desk with nothing on it.
    #[must_use]
    pub fn new() -> Self {
        Self { folder: TempDir::new().expect("a temporary folder") }
    }

    /// A path on the desk.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).expect("a file on the desk");
        path
    }

    /// Runs `blotter` to its end.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with_input(arguments, "")
    }

    /// Runs `blotter` to its end with this on its stdin.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Outcome {
        finish(self.command(blotter(), arguments), input)
    }

    /// Runs another program to its end, as `blotter` is run.
    pub fn run_program(&self, program: &Path, arguments: &[&str]) -> Outcome {
        finish(self.command(program, arguments), "")
    }

    /// Runs a line of shell in which `$0` is `blotter`, for what a shell does around it.
    pub fn shell(&self, line: &str) -> Outcome {
        let blotter = blotter().to_str().expect("a path that is text");
        self.run_program(Path::new("/bin/sh"), &["-c", line, blotter])
    }

    /// Starts `blotter` and lets it run; it is killed when the value is dropped.
    pub fn start(&self, arguments: &[&str]) -> Running {
        self.start_with_input(arguments, "")
    }

    /// Starts `blotter` with this on its stdin and lets it run.
    pub fn start_with_input(&self, arguments: &[&str], input: &str) -> Running {
        let mut command = self.command(blotter(), arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("blotter starts");
        let words = collect(child.stderr.take().expect("a pipe"));
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = input.to_owned();
        // It ends with the program at the latest, which may be killed with input left to read.
        let _ = thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let watchdog = watch(child.id());
        Running { child, lines, words: Some(words), watchdog }
    }

    /// Every event of a data directory, in order, as `tail --from 0 --json` shows it.
    #[must_use]
    pub fn events(&self, data: &str) -> Vec<Value> {
        self.run(&["tail", "--from", "0", "--json", "--data", data]).exits(0).json_lines()
    }

    /// Runs `blotter run` on tapes to its end and returns its numbers.
    #[must_use]
    pub fn run_tapes(&self, data: &str, tapes: &[&str]) -> Value {
        self.run(&run_arguments(data, tapes)).exits(0).summary()
    }

    /// Starts `blotter run` on a tape, and returns once it listens on its socket.
    #[must_use]
    pub fn start_run(&self, data: &str, tapes: &[&str]) -> Running {
        self.start_listening(data, &run_arguments(data, tapes))
    }

    /// Starts a `blotter run`, and returns once it listens on its socket.
    #[must_use]
    pub fn start_listening(&self, data: &str, arguments: &[&str]) -> Running {
        let mut running = self.start(arguments);
        let socket = self.path(data).join("blotter.sock");
        while UnixStream::connect(&socket).is_err() {
            let ended = running.child.try_wait().expect("a child to ask");
            assert_eq!(ended, None, "the run ended before it listened");
            thread::yield_now();
        }
        running
    }

    /// Returns once the journal of a run that is active holds an event at or above `index`; false when
    /// the run ended first.
    pub fn reaches(&self, running: &mut Running, data: &str, index: u64) -> bool {
        let from = index.to_string();
        loop {
            let ended = running.child.try_wait().expect("a child to ask").is_some();
            let seen = self.run(&["tail", "--from", &from, "--json", "--data", data]).exits(0);
            if !seen.stdout.is_empty() {
                return !ended;
            }
            if ended {
                return false;
            }
        }
    }

    /// As [`Desk::reaches`], for a directory that the run has yet to make.
    pub fn reaches_once_there(&self, running: &mut Running, data: &str, index: u64) -> bool {
        while !self.path(data).join("journal/00000000000000000000.seg").exists() {
            if running.child.try_wait().expect("a child to ask").is_some() {
                return false;
            }
            thread::yield_now();
        }
        self.reaches(running, data, index)
    }

    /// A program run here, with none of the caller's settings.
    pub(crate) fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder.path());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("BLOTTER_") {
                command.env_remove(name);
            }
        }
        command
    }
}

fn run_arguments<'a>(data: &'a str, tapes: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["run", "--json", "--data", data, "--input"];
    arguments.extend(tapes);
    arguments
}

/// Runs a command to its end; used by [`Desk::run`] and by the harness's own tests.
pub(crate) fn finish(mut command: Command, input: &str) -> Outcome {
    let shown = format!("{command:?}");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{shown}: {error}"));
    let watchdog = watch(child.id());
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_owned();
    // A program that reads nothing closes the pipe; that is no failure of the test.
    let feeder = thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let words = collect(child.stderr.take().expect("a pipe"));
    let mut stdout = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut stdout).expect("UTF-8 on stdout");
    let status = child.wait().expect("an exit status");
    drop(watchdog);
    feeder.join().expect("the feeder ends");
    let stderr = words.join().expect("the reader ends");
    Outcome { command: shown, code: status.code(), stdout, stderr }
}

/// Reads all that a program says, beside its caller.
fn collect(mut stderr: ChildStderr) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = Vec::new();
        let _ = stderr.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    })
}

/// Kills the process when the returned end is still held after [`PATIENCE`].
fn watch(id: u32) -> Sender<()> {
    let (held, gone) = channel();
    thread::spawn(move || {
        if gone.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            signal(id, "KILL");
        }
    });
    held
}

fn signal(id: u32, name: &str) {
    let _ = Command::new("kill").args(["-s", name, &id.to_string()]).status();
}

/// What a command left.
#[derive(Clone, Debug)]
pub struct Outcome {
    command: String,
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Data.
    pub stdout: String,
    /// Words.
    pub stderr: String,
}

impl Outcome {
    /// This outcome, when its exit code is `code`; the test fails otherwise, with all it said.
    #[must_use]
    pub fn exits(self, code: i32) -> Self {
        assert!(
            self.code == Some(code),
            "{} ended with {:?}, not {code}\n--- stdout\n{}\n--- stderr\n{}",
            self.command,
            self.code,
            self.stdout,
            self.stderr,
        );
        self
    }

    /// This outcome, when stderr holds `words`; the test fails otherwise, with all it said.
    #[must_use]
    pub fn says(self, words: &str) -> Self {
        assert!(
            self.stderr.contains(words),
            "{} did not say {words:?}\n--- stderr\n{}",
            self.command,
            self.stderr
        );
        self
    }

    /// The last line of stdout, one JSON object.
    #[must_use]
    pub fn summary(&self) -> Value {
        let last = self.stdout.lines().last().unwrap_or_default();
        let value: Value = serde_json::from_str(last).unwrap_or_else(|error| {
            panic!(
                "{}: the last line is no JSON ({error}): {last:?}\n{}",
                self.command, self.stderr
            )
        });
        assert!(value.is_object(), "{}: the last line is no object: {last}", self.command);
        value
    }

    /// Every line of stdout as JSON.
    #[must_use]
    pub fn json_lines(&self) -> Vec<Value> {
        let parse = |line: &str| {
            serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{}: no JSON ({error}): {line:?}", self.command))
        };
        self.stdout.lines().map(parse).collect()
    }
}

/// A command that runs.
#[derive(Debug)]
pub struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    words: Option<JoinHandle<String>>,
    #[expect(dead_code, reason = "dropped with the process, which ends the watch")]
    watchdog: Sender<()>,
}

impl Running {
    /// Reads stdout up to the first line that holds `text`, and returns that line.
    pub fn line_with(&mut self, text: &str) -> String {
        let mut lines = self.lines.by_ref().map_while(Result::ok);
        let found = lines.find(|line| line.contains(text));
        found.unwrap_or_else(|| panic!("ended without {text:?}: {}", self.last_words()))
    }

    /// Ends it as a power cut would; `None` unless it had ended by itself before.
    pub fn kill(mut self) -> Option<i32> {
        let _ = self.child.kill();
        self.child.wait().expect("an exit status").code()
    }

    /// Ends it as a power cut would, and returns the whole lines it had printed by then.
    pub fn kill_and_read(mut self) -> Vec<String> {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.lines.by_ref().map_while(Result::ok).collect()
    }

    /// Whether it has come to an end by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child to ask").is_some()
    }

    /// Stops it where it is, alive and holding what it holds.
    pub fn pause(&self) {
        signal(self.child.id(), "STOP");
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        signal(self.child.id(), "CONT");
    }

    /// Asks it to end, and returns its exit code.
    pub fn terminate(mut self) -> Option<i32> {
        signal(self.child.id(), "TERM");
        self.child.wait().expect("an exit status").code()
    }

    /// Waits for its end, and returns its last line, one JSON object, when its exit code is `code`.
    #[must_use]
    pub fn summary(mut self, code: i32) -> Value {
        let last = self.lines.by_ref().map_while(Result::ok).last();
        assert_eq!(self.child.wait().expect("an exit status").code(), Some(code));
        serde_json::from_str(&last.expect("a line")).expect("JSON on the last line")
    }

    /// How it ended and what it said last, where it ended too early.
    pub fn last_words(&mut self) -> String {
        let last = self.lines.by_ref().map_while(Result::ok).last();
        let words = self.words.take().and_then(|words| words.join().ok()).unwrap_or_default();
        format!("{:?}, {last:?}\n--- stderr\n{words}", self.child.wait())
    }

    /// Waits for its end, and returns its exit code.
    pub fn wait(mut self) -> Option<i32> {
        self.child.wait().expect("an exit status").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, input: &str) -> Outcome {
        finish(Desk::new().command(Path::new("/bin/sh"), &["-c", script]), input)
    }

    #[test]
    fn outcome_holds_code_data_and_words_apart() {
        let outcome = shell("echo data; echo words >&2; exit 7", "").exits(7);
        assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("data\n", "words\n"));
    }

    #[test]
    #[should_panic(expected = "ended with Some(3), not 0")]
    fn another_exit_code_fails_the_test() {
        let _ = shell("exit 3", "").exits(0);
    }

    #[test]
    fn summary_is_the_last_line() {
        let outcome = shell("echo '{\"n\":1}'; echo '{\"n\":2}'", "");
        assert_eq!(outcome.summary()["n"], 2);
        assert_eq!(outcome.json_lines().len(), 2);
    }

    #[test]
    #[should_panic(expected = "the last line is no JSON")]
    fn words_on_the_last_line_fail_the_test() {
        let _ = shell("echo done", "").summary();
    }

    #[test]
    fn large_input_and_output_do_not_block_each_other() {
        let input = "x".repeat(1 << 20);
        assert_eq!(shell("cat", &input).stdout.len(), input.len());
    }

    #[test]
    fn command_that_reads_nothing_is_no_failure() {
        let _ = shell("exit 0", &"x".repeat(1 << 20)).exits(0);
    }
}
