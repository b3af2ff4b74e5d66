//! What an acknowledgement of this stream is worth.
//!
//! A stream with copies is acknowledged by a quorum. A single one is acknowledged once it is
//! written, and fsynced only by a server told to `sync_interval: always`; clients cannot see that,
//! so it is read from the server's monitoring address.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use bus::Class;
use serde::Deserialize;

use crate::{NatsError, Options, stream::State};

/// Copies from which on a quorum outlives one of them.
const QUORUM: usize = 3;
/// How long the monitoring address may take.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
struct Server {
    server_name: String,
    #[serde(default)]
    jetstream: JetStream,
}

#[derive(Default, Deserialize)]
struct JetStream {
    #[serde(default)]
    config: Config,
}

#[derive(Default, Deserialize)]
struct Config {
    #[serde(default)]
    sync_always: bool,
}

/// The stream's class. What cannot be seen counts as lazy.
///
/// # Errors
/// [`NatsError::Lazy`] for a lazy stream that nobody accepted as such: it holds orders and
/// executions, which never are.
pub(crate) fn class_of(options: &Options, state: &State) -> Result<Class, NatsError> {
    let why = if state.replicas >= QUORUM {
        return Ok(Class::Replicated);
    } else if let Some(monitor) = &options.monitor {
        match read(monitor, state) {
            Ok(()) => return Ok(Class::Fsync),
            Err(why) => why,
        }
    } else {
        "the server's sync_interval is known only from its monitoring address".into()
    };
    if options.accept_lazy {
        return Ok(Class::Lazy);
    }
    Err(NatsError::Lazy { stream: options.prefix.clone(), why })
}

/// Whether the server that keeps the stream fsyncs before it acknowledges.
fn read(monitor: &str, state: &State) -> Result<(), String> {
    let body = get(monitor, "/varz").map_err(|why| format!("{monitor}: {why}"))?;
    let server: Server =
        serde_json::from_slice(&body).map_err(|why| format!("{monitor}: {why}"))?;
    if state.leader.as_ref() != Some(&server.server_name) {
        return Err(format!("{monitor} is the address of another server"));
    }
    if server.jetstream.config.sync_always {
        return Ok(());
    }
    Err("the server acknowledges before it fsyncs; set sync_interval: always".into())
}

/// A page of a monitoring address, which is HTTP without encryption.
fn get(monitor: &str, page: &str) -> std::io::Result<Vec<u8>> {
    let bad = |why: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, why);
    let host = monitor.trim_end_matches('/');
    let host = host.strip_prefix("http://").ok_or_else(|| bad("an address is http://HOST:PORT"))?;
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {page} HTTP/1.0\r\nHost: {host}\r\n\r\n")?;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer)?;
    if !answer.starts_with(b"HTTP/1.0 200") && !answer.starts_with(b"HTTP/1.1 200") {
        return Err(bad("it did not answer as a NATS server does"));
    }
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    Ok(answer.split_off(end.map_or(answer.len(), |at| at + 4)))
}
