//! How to reach a server, and what is expected of it.

use std::{path::PathBuf, time::Duration};

/// The prefix of a bus that nobody named otherwise.
pub const PREFIX: &str = "BLOTTER";

/// Who else writes to the same bus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Writers {
    /// Nobody: every unit is fenced by the end of the whole stream, and its places are known
    /// beforehand.
    #[default]
    One,
    /// Others, each for sources of its own: every unit is fenced by the last entry of its source.
    Many,
}

/// How a client shows who it is.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// A file with a JWT and its seed, as `nsc` writes it.
    pub credentials: Option<PathBuf>,
    /// A file with an nkey's seed.
    pub nkey: Option<PathBuf>,
    /// User and password, where they do not stand in the URL.
    pub user: Option<(String, String)>,
    /// A token.
    pub token: Option<String>,
}

/// Encryption of the connection.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Whether a connection without it is refused.
    pub required: bool,
    /// Whether it begins before the server says a word.
    pub first: bool,
    /// Certificates of authorities to trust beside those of the system.
    pub authorities: Vec<PathBuf>,
    /// Our own certificate and its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// Everything there is to say about one bus.
#[derive(Clone, Debug)]
pub struct Options {
    /// One server or several of a cluster, separated by commas.
    pub url: String,
    /// The stream's name, and the first token of its subjects.
    pub prefix: String,
    /// Who else writes.
    pub writers: Writers,
    /// Copies of the stream in a cluster.
    pub replicas: usize,
    /// The most the stream may hold, in bytes with headers.
    pub max_bytes: Option<u64>,
    /// What of it is kept for everything but market data.
    pub reserve_bytes: u64,
    /// The server's monitoring address, where its promise of durability can be read.
    pub monitor: Option<String>,
    /// Whether acknowledgements that may not be durable are accepted all the same.
    pub accept_lazy: bool,
    /// Who we are.
    pub identity: Identity,
    /// What the subjects begin with that answers come on, where the server allows only some.
    pub inbox: Option<String>,
    /// Encryption.
    pub tls: Tls,
    /// How long one answer may take before it counts as lost.
    pub answer_patience: Duration,
    /// How long an outage may last before a call gives up.
    pub outage_patience: Duration,
}

impl Options {
    /// The bus at `url` as it is meant to be used.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            url: url.into(),
            prefix: PREFIX.into(),
            writers: Writers::One,
            replicas: 1,
            max_bytes: None,
            reserve_bytes: 64 << 20,
            monitor: None,
            accept_lazy: false,
            identity: Identity::default(),
            inbox: None,
            tls: Tls::default(),
            answer_patience: Duration::from_secs(5),
            outage_patience: Duration::from_secs(30),
        }
    }
}
