//! The writer's socket: producers publish through it while a run holds the log.
//!
//! A client sends one JSON line per event and reads one JSON line per answer, in order. The answer
//! comes when the event is durable or refused, so a client that reads it has lost nothing.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
};

use super::ControlError;

/// A line a producer sent, and where its answer goes.
#[derive(Debug)]
pub(crate) struct Published {
    /// The line, without its end.
    pub line: String,
    answer: SyncSender<String>,
}

impl Published {
    /// Answers the producer. A producer that has gone away is no error: its event stands.
    pub(crate) fn answer(self, line: String) {
        let _ = self.answer.send(line);
    }
}

/// The listening end; dropped, it removes the socket.
#[derive(Debug)]
pub(crate) struct Socket {
    path: PathBuf,
    received: Receiver<Published>,
    stop: Arc<AtomicBool>,
}

/// Lines that may wait for the writer; a producer beyond that waits.
const WAITING_MAX: usize = 1024;
/// Producers connected at once.
const CONNECTIONS_MAX: usize = 64;
/// Longest line a producer may send, its end included.
const LINE_BYTES_MAX: u64 = 1 << 20;

impl Socket {
    /// Listens on `dir/blotter.sock`, for the user of this process alone.
    ///
    /// # Errors
    /// [`ControlError::Io`].
    pub(crate) fn listen(dir: &Path) -> Result<Self, ControlError> {
        let path = socket_path(dir);
        let fail = |action| {
            let path = path.clone();
            move |source| ControlError::Io { path, action, source }
        };
        // The log's lock says that no other writer lives, so a socket found here is left over.
        if let Err(error) = std::fs::remove_file(&path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(fail("removed")(error));
        }
        let listener = UnixListener::bind(&path).map_err(fail("bound"))?;
        let owner_only = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&path, owner_only).map_err(fail("protected"))?;
        listener.set_nonblocking(false).map_err(fail("prepared"))?;
        let (sender, received) = sync_channel(WAITING_MAX);
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let _ = std::thread::Builder::new()
            .name("socket".into())
            .spawn(move || accept(&listener, &sender, &stopping))
            .map_err(fail("served"))?;
        Ok(Self { path, received, stop })
    }

    /// The next line, if one waits.
    #[must_use]
    pub(crate) fn next(&self) -> Option<Published> {
        self.received.try_recv().ok()
    }

    /// The next line, waiting for it at most `wait`.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn next_within(&self, wait: std::time::Duration) -> Option<Published> {
        self.received.recv_timeout(wait).ok()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // Wakes the accepting thread; nothing is lost when there is none.
        let _ = UnixStream::connect(&self.path);
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Where the socket of a data directory is.
#[must_use]
fn socket_path(dir: &Path) -> PathBuf {
    dir.join("blotter.sock")
}

fn accept(listener: &UnixListener, sender: &SyncSender<Published>, stop: &Arc<AtomicBool>) {
    let connected = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        if stop.load(Ordering::Acquire) {
            return;
        }
        let Ok(stream) = stream else { continue };
        if connected.fetch_add(1, Ordering::AcqRel) >= CONNECTIONS_MAX {
            let _ = connected.fetch_sub(1, Ordering::AcqRel);
            continue;
        }
        let (sender, count) = (sender.clone(), Arc::clone(&connected));
        let served = std::thread::Builder::new().name("producer".into()).spawn(move || {
            serve(&stream, &sender);
            let _ = count.fetch_sub(1, Ordering::AcqRel);
        });
        if served.is_err() {
            let _ = connected.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

fn serve(stream: &UnixStream, sender: &SyncSender<Published>) {
    use std::io::Read as _;
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        match reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
            // The end, an error, or a last line without an end: nothing of it was accepted.
            Ok(0) | Err(_) => return,
            Ok(read) if line.pop_if(|last| *last == b'\n').is_none() => {
                if read as u64 == LINE_BYTES_MAX {
                    // Where the next line begins is not known any more.
                    let _ = write_line(stream, &refusal(&too_long(LINE_BYTES_MAX)));
                }
                return;
            }
            Ok(_) => {}
        }
        let answer = match readable(&line) {
            Err(reason) => refusal(&reason),
            Ok(line) => {
                let (answer, answered) = sync_channel(1);
                if sender.send(Published { line: line.to_owned(), answer }).is_err() {
                    return;
                }
                let Ok(answer) = answered.recv() else { return };
                answer
            }
        };
        if write_line(stream, &answer).is_err() {
            return;
        }
    }
}

fn write_line(mut stream: &UnixStream, line: &str) -> std::io::Result<()> {
    stream.write_all(line.as_bytes()).and_then(|()| stream.write_all(b"\n"))
}

fn refusal(reason: &str) -> String {
    serde_json::json!({ "error": reason }).to_string()
}

/// A line as text, or why it is none. One that is not stops no other.
///
/// # Errors
/// The reason in words, with its code.
pub(crate) fn readable(line: &[u8]) -> Result<&str, String> {
    let bytes = line.len() as u64;
    if bytes >= LINE_BYTES_MAX {
        return Err(too_long(bytes));
    }
    std::str::from_utf8(line).map_err(|error| {
        format!("E7107 the line is not UTF-8, from its byte {} on", error.valid_up_to() + 1)
    })
}

fn too_long(bytes: u64) -> String {
    format!("E7108 the line has {bytes} bytes or more; an event has fewer than {LINE_BYTES_MAX}")
}

/// The publishing end.
#[derive(Debug)]
pub(crate) struct Publisher {
    stream: BufReader<UnixStream>,
}

impl Publisher {
    /// Connects to the writer of `dir`; `None` when none is running.
    ///
    /// # Errors
    /// [`ControlError::Io`].
    pub(crate) fn connect(dir: &Path) -> Result<Option<Self>, ControlError> {
        use std::io::ErrorKind::{ConnectionRefused, NotFound};
        let path = socket_path(dir);
        match UnixStream::connect(&path) {
            Ok(stream) => Ok(Some(Self { stream: BufReader::new(stream) })),
            Err(error) if matches!(error.kind(), NotFound | ConnectionRefused) => Ok(None),
            Err(source) => Err(ControlError::Io { path, action: "connected to", source }),
        }
    }

    /// Whether a run listens in `dir`.
    #[must_use]
    pub(crate) fn is_listening(dir: &Path) -> bool {
        matches!(Self::connect(dir), Ok(Some(_)))
    }

    /// Publishes one line and waits for its answer; `None` when the writer went away before it
    /// answered, so whether the event stands must be asked again.
    ///
    /// # Errors
    /// The connection failed.
    pub(crate) fn publish(&mut self, line: &str) -> std::io::Result<Option<String>> {
        let stream = self.stream.get_mut();
        stream.write_all(line.as_bytes())?;
        stream.write_all(b"\n")?;
        let mut answer = String::new();
        let read = self.stream.read_line(&mut answer)?;
        Ok((read > 0 && answer.ends_with('\n')).then(|| answer.trim_end().to_owned()))
    }
}
