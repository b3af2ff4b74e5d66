//! A bus on a server, and what can happen to both.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use bus::{Bus, Topology, conformance::Rig};
use bus_nats::{NatsBus, Options, Writers};
use servers::{NatsServer, Settings};
use tempfile::TempDir;

/// Entries up to which the store is copied after every change.
const COPIED_MAX: u64 = 16;

/// A bus on a server of its own, or on the one that `BLOTTER_NATS_URL` names.
pub(crate) struct OnNats {
    bus: Option<NatsBus>,
    server: Option<NatsServer>,
    options: Options,
    /// Copies of the store, by the entries in it.
    copies: BTreeMap<u64, TempDir>,
}

/// What a test needs of a bus in order not to wait for long.
pub(crate) fn options(url: &str) -> Options {
    static PREFIXES: AtomicU64 = AtomicU64::new(0);
    let number = PREFIXES.fetch_add(1, Ordering::Relaxed);
    Options {
        prefix: format!("T{}-{number}", std::process::id()),
        accept_lazy: true,
        answer_patience: Duration::from_secs(5),
        outage_patience: Duration::from_secs(20),
        ..Options::new(url)
    }
}

impl OnNats {
    pub(crate) fn new() -> Self {
        let given = NatsServer::given();
        let server = given.is_none().then(|| NatsServer::start(Settings::default()).unwrap());
        let url = given.unwrap_or_else(|| server.as_ref().unwrap().url());
        let mut rig = Self { bus: None, server, options: options(&url), copies: BTreeMap::new() };
        rig.start();
        rig
    }

    pub(crate) fn shared_with_others() -> Self {
        let mut rig = Self::new();
        rig.options.writers = Writers::Many;
        rig.restart();
        rig
    }

    fn start(&mut self) {
        self.bus = Some(NatsBus::open(self.options.clone()).unwrap());
    }

    fn copy_when_small(&mut self) {
        let Some((server, bus)) = self.server.as_ref().zip(self.bus.as_ref()) else { return };
        let next = bus.next_index();
        if next <= COPIED_MAX && !self.copies.contains_key(&next) {
            let copy = tempfile::tempdir().unwrap();
            server.copy_store(copy.path()).unwrap();
            let _ = self.copies.insert(next, copy);
        }
    }

    fn admin(&self, what: &str, question: &serde_json::Value) -> serde_json::Value {
        admin(&self.options.url, &format!("{what}.{}", self.options.prefix), question)
    }
}

/// Asks the server's API as an operator does; it must not refuse.
pub(crate) fn admin(url: &str, what: &str, question: &serde_json::Value) -> serde_json::Value {
    let answer = ask(url, what, question);
    assert!(answer.get("error").is_none(), "{answer}");
    answer
}

/// Asks the server's API, whatever it answers.
pub(crate) fn ask(url: &str, what: &str, question: &serde_json::Value) -> serde_json::Value {
    let question =
        if question.is_null() { Vec::new() } else { serde_json::to_vec(question).unwrap() };
    request(url, format!("$JS.API.{what}"), question)
}

/// Publishes bytes as a stranger does, and waits until they are stored.
pub(crate) fn publish(url: &str, subject: &str, bytes: &[u8]) {
    let answer = request(url, subject.into(), bytes.to_vec());
    assert!(answer.get("error").is_none(), "{answer}");
}

/// The same, with an id that the server is to recognise it by.
pub(crate) fn publish_with(url: &str, subject: &str, id: Option<&str>, bytes: &[u8]) {
    let Some(id) = id else { return publish(url, subject, bytes) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(async {
        let client = async_nats::connect(url).await.unwrap();
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Nats-Msg-Id", id);
        let sent = client.request_with_headers(subject.to_string(), headers, bytes.to_vec().into());
        sent.await.unwrap()
    });
    let answer: serde_json::Value = serde_json::from_slice(&answer.payload).unwrap();
    assert!(answer.get("error").is_none() && answer.get("duplicate").is_none(), "{answer}");
}

/// Whether the server refuses a subject to a user.
pub(crate) fn is_denied(url: &str, user: &str, subject: &str) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let options = async_nats::ConnectOptions::new()
            .user_and_password(user.into(), "pw".into())
            .custom_inbox_prefix(format!("_INBOX_{user}"));
        let options = options.event_callback(move |event| {
            if let async_nats::Event::ServerError(error) = event {
                let _ = said.send(error.to_string());
            }
            async {}
        });
        let client = options.connect(url).await.unwrap();
        let answer = client.request(subject.to_string(), "".into());
        tokio::select! {
            answered = answer => answered.is_err(),
            said = heard.recv() => said.unwrap().contains("ermissions"),
        }
    })
}

fn request(url: &str, subject: String, body: Vec<u8>) -> serde_json::Value {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let servers: Vec<_> = url.split(',').collect();
    let answer = runtime.block_on(async {
        let client = async_nats::connect(servers.as_slice()).await.unwrap();
        client.request(subject, body.into()).await.unwrap()
    });
    serde_json::from_slice(&answer.payload).unwrap()
}

impl Rig for OnNats {
    fn bus(&mut self) -> &mut dyn Bus {
        self.copy_when_small();
        self.bus.as_mut().unwrap()
    }

    fn topology(&self) -> Topology {
        Topology::shipped()
    }

    fn restart(&mut self) {
        self.bus = None;
        if let Some(server) = &mut self.server {
            server.stop().unwrap();
            server.start_again().unwrap();
        }
        self.start();
    }

    fn crash(&mut self) {
        self.bus = None;
        if let Some(server) = &mut self.server {
            server.kill().unwrap();
            server.start_again().unwrap();
        }
        self.start();
    }

    fn recreate(&mut self) {
        let _ = self.admin("STREAM.DELETE", &serde_json::Value::Null);
        self.bus = None;
        self.start();
    }

    fn rewind_to(&mut self, index: u64) {
        self.copy_when_small();
        self.bus = None;
        match (&mut self.server, self.copies.get(&index)) {
            (Some(server), Some(copy)) => {
                server.stop().unwrap();
                server.restore_store(copy.path()).unwrap();
                server.start_again().unwrap();
            }
            // A server that is not ours cannot be set back; it can lose everything.
            _ => drop(self.admin("STREAM.DELETE", &serde_json::Value::Null)),
        }
        self.start();
    }

    fn fill(&mut self) {
        let info = self.admin("STREAM.INFO", &serde_json::json!({}));
        let mut config = info["config"].clone();
        config["max_bytes"] = (info["state"]["bytes"].as_u64().unwrap() + (64 << 10)).into();
        let _ = self.admin("STREAM.UPDATE", &config);
        self.options.reserve_bytes = 32 << 10;
        self.bus = None;
        self.start();
    }

    fn intrude(&mut self, bytes: &[u8]) -> bool {
        publish(&self.options.url, &format!("{}.x", self.options.prefix), bytes);
        true
    }

    fn is_predictable(&self) -> bool {
        self.options.writers == Writers::One
    }
}
