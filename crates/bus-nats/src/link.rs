//! One connection: a client on a runtime of its own, and what becomes of it.

use std::{error::Error as _, future::Future, sync::Arc, time::Duration};

use async_nats::{
    Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, HeaderMap, Message, Request,
    RequestErrorKind, ServerAddr,
};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    runtime::{Handle, Runtime},
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{
    NatsError, Options, advisory,
    answer::{Answer, ApiError},
    tail::HINTS,
};

/// The oldest server with atomic batches whose messages have ids.
const NEEDED: (&str, (i64, i64, i64)) = ("2.12.1", (2, 12, 1));
/// How often the server is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// How long one attempt to connect may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
/// The longest pause between two attempts to connect.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// What has become of the connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weather {
    /// How often it was lost.
    pub(crate) losses: u64,
    /// Whether it is there.
    up: bool,
    /// The last thing the server or the client complained about.
    complaint: Option<String>,
    /// How often the server refused a subject to us.
    denials: u64,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// The connection was lost, or the answer was late: whether the request was served is unknown.
    Unknown(String),
    /// Nobody serves the subject.
    NobodyListens,
    /// The server does not allow us the subject.
    Denied(String),
    /// The server takes no message of this size.
    TooLarge,
}

/// A connection to a server or a cluster.
#[derive(Debug)]
pub(crate) struct Link {
    /// `None` only while this is dropped.
    runtime: Option<Runtime>,
    /// The way into it.
    entry: Handle,
    client: Client,
    weather: watch::Receiver<Weather>,
    /// Tells what this connection sends from what others do.
    name: String,
    pub(crate) options: Options,
}

impl Link {
    /// Connects, waiting for a server that is not there yet.
    pub(crate) fn open(options: Options) -> Result<Arc<Self>, NatsError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("nats")
            .enable_all()
            .build()
            .map_err(|why| NatsError::Option { option: "runtime", why: why.to_string() })?;
        let (teller, weather) = watch::channel(Weather { up: true, ..Weather::default() });
        let teller = Arc::new(teller);
        let client = runtime.block_on(async {
            let began = timeout(options.outage_patience, connect(&options, &teller)).await;
            began.unwrap_or_else(|_| {
                let complaint = teller.borrow().complaint.clone();
                Err(unreachable(&options, complaint.unwrap_or_else(|| "nobody answers".into())))
            })
        })?;
        let (major, minor, patch) = NEEDED.1;
        if !client.is_server_compatible(major, minor, patch) {
            let found = client.server_info().version;
            return Err(NatsError::TooOld { found, needed: NEEDED.0 });
        }
        let name = client.new_inbox().replace("_INBOX.", "");
        let entry = runtime.handle().clone();
        let runtime = Some(runtime);
        Ok(Arc::new(Self { runtime, entry, client, weather, name, options }))
    }

    /// Runs something to its end on the calling thread.
    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.entry.block_on(work)
    }

    /// Runs something beside everything else.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.entry.spawn(work)
    }

    /// A name that no other connection has.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The client itself.
    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// How often the connection was lost so far.
    pub(crate) fn losses(&self) -> u64 {
        self.weather.borrow().losses
    }

    /// One request and its answer. It counts as lost from the moment the connection is.
    pub(crate) async fn ask(
        &self,
        subject: String,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> Result<Message, Silence> {
        let mut request = Request::new().payload(payload);
        if let Some(headers) = headers {
            request = request.headers(headers);
        }
        let request = request.timeout(Some(self.options.answer_patience));
        let denials = self.denials();
        let answer = self.client.send_request(subject, request);
        tokio::select! {
            biased;
            answer = answer => answer.map_err(|error| match error.kind() {
                RequestErrorKind::NoResponders => Silence::NobodyListens,
                RequestErrorKind::MaxPayloadExceeded => Silence::TooLarge,
                _ => Silence::Unknown(error.to_string()),
            }),
            () = self.lost() => Err(Silence::Unknown("the connection was lost".into())),
            denied = self.denied(denials) => Err(Silence::Denied(denied)),
        }
    }

    /// How often the server has refused a subject to us.
    pub(crate) fn denials(&self) -> u64 {
        self.weather.borrow().denials
    }

    /// Returns once the server has refused a subject more often than `before`.
    async fn denied(&self, before: u64) -> String {
        let mut weather = self.weather.clone();
        match weather.wait_for(|now| now.denials > before).await {
            Ok(now) => now.complaint.clone().unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    }

    /// The error of a client that may not do what it does.
    pub(crate) fn not_allowed(&self, why: String) -> NatsError {
        NatsError::Denied { url: without_secrets(&self.options.url), why }
    }

    /// Fails when the server has refused a subject more often than `before`.
    pub(crate) fn check_allowed(&self, before: u64) -> Result<(), NatsError> {
        let weather = self.weather.borrow();
        if weather.denials == before {
            return Ok(());
        }
        Err(self.not_allowed(weather.complaint.clone().unwrap_or_default()))
    }

    /// Asks the server's API again and again, through outages, until there is an answer. What is
    /// asked may be served more than once.
    pub(crate) async fn api<T: DeserializeOwned>(
        &self,
        what: &str,
        question: &impl Serialize,
    ) -> Result<Result<T, ApiError>, NatsError> {
        let body = serde_json::to_vec(question).map_err(|why| self.garbled(what, &why))?;
        let body = Bytes::from(body);
        let mut seen = Silence::Unknown("the connection was lost".into());
        let asking = async {
            let mut pause = Pause::default();
            loop {
                self.up().await;
                match self.ask(format!("$JS.API.{what}"), None, body.clone()).await {
                    Ok(message) => match serde_json::from_slice(&message.payload) {
                        Ok(Answer::Error { error }) if error.is_passing() => {
                            seen = Silence::Unknown(error.to_string());
                        }
                        Ok(Answer::Error { error }) => return Ok(Err(error)),
                        Ok(Answer::Ok(answer)) => return Ok(Ok(answer)),
                        Err(why) => return Err(self.garbled(what, &why)),
                    },
                    Err(Silence::Denied(why)) => return Err(self.not_allowed(why)),
                    Err(silence) => seen = silence,
                }
                pause.take().await;
            }
        };
        match timeout(self.options.outage_patience, asking).await {
            Ok(settled) => settled,
            Err(_) => Err(match seen {
                Silence::NobodyListens => self.no_jetstream("nobody serves its API"),
                Silence::TooLarge => self.unreachable("a question was too large".into()),
                Silence::Unknown(why) | Silence::Denied(why) => self.unreachable(why),
            }),
        }
    }

    /// The error of a server that keeps no streams.
    pub(crate) fn no_jetstream(&self, why: &str) -> NatsError {
        NatsError::NoJetStream { url: without_secrets(&self.options.url), why: why.into() }
    }

    fn garbled(&self, what: &str, why: &serde_json::Error) -> NatsError {
        NatsError::Refused { what: what.into(), why: why.to_string(), passes: false }
    }

    /// Returns once the connection is lost.
    pub(crate) async fn lost(&self) {
        let mut weather = self.weather.clone();
        let losses = weather.borrow_and_update().losses;
        let _ = weather.wait_for(|now| !now.up || now.losses != losses).await;
    }

    /// Returns once there is a connection.
    pub(crate) async fn up(&self) {
        let _ = self.weather.clone().wait_for(|now| now.up).await;
    }

    /// The error of an outage that lasts too long.
    pub(crate) fn unreachable(&self, why: String) -> NatsError {
        let complaint = self.weather.borrow().complaint.clone();
        unreachable(&self.options, complaint.filter(|_| !self.weather.borrow().up).unwrap_or(why))
    }
}

impl Drop for Link {
    /// The last to let go may be something that runs on the runtime, which must not wait for
    /// itself.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Pauses that grow.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    taken: u32,
}

impl Pause {
    pub(crate) async fn take(&mut self) {
        sleep(pause_before(self.taken as usize)).await;
        self.taken += 1;
    }
}

fn pause_before(attempt: usize) -> Duration {
    Duration::from_millis(10 << attempt.min(7)).min(PAUSE_MAX)
}

fn unreachable(options: &Options, why: String) -> NatsError {
    NatsError::Unreachable { url: without_secrets(&options.url), why }
}

/// A URL as it may be shown.
fn without_secrets(url: &str) -> String {
    let hosts = url.split(',').map(|one| match one.split_once("://") {
        Some((scheme, rest)) => {
            format!("{scheme}://{}", rest.rsplit_once('@').map_or(rest, |(_, host)| host))
        }
        None => one.rsplit_once('@').map_or(one, |(_, host)| host).to_string(),
    });
    hosts.collect::<Vec<_>>().join(",")
}

async fn connect(
    options: &Options,
    teller: &Arc<watch::Sender<Weather>>,
) -> Result<Client, NatsError> {
    let mut pause = Pause::default();
    let servers: Vec<_> = options.url.split(',').map(str::trim).collect();
    loop {
        match connect_options(options, teller)?.connect(servers.as_slice()).await {
            Ok(client) => return Ok(client),
            Err(error) => {
                give_up_on(options, &error)?;
                let complaint = Some(error.to_string());
                teller.send_modify(|weather| weather.complaint = complaint);
            }
        }
        pause.take().await;
    }
}

/// An error that waiting does not mend.
fn give_up_on(options: &Options, error: &ConnectError) -> Result<(), NatsError> {
    let (url, why) = (without_secrets(&options.url), error.to_string());
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation => Err(NatsError::Denied { url, why }),
        // The client could not sign what the server asked it to.
        ConnectErrorKind::Authentication if options.identity.nkey.is_some() => {
            Err(NatsError::Option { option: "nkey", why })
        }
        ConnectErrorKind::Authentication => Err(NatsError::Option { option: "credentials", why }),
        ConnectErrorKind::ServerParse => Err(NatsError::Option { option: "url", why }),
        ConnectErrorKind::Tls => Err(NatsError::Option { option: "tls", why }),
        ConnectErrorKind::Io => match refusal_of_tls(error) {
            Some(refusal) => Err(NatsError::Option { option: "tls", why: refusal.to_string() }),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// What one side holds against the other's certificate, where it is that.
fn refusal_of_tls(error: &ConnectError) -> Option<&async_nats::rustls::Error> {
    let failed = error.source()?.downcast_ref::<std::io::Error>()?;
    failed.get_ref()?.downcast_ref()
}

fn connect_options(
    options: &Options,
    teller: &Arc<watch::Sender<Weather>>,
) -> Result<ConnectOptions, NatsError> {
    let teller = Arc::clone(teller);
    let mut connect = ConnectOptions::new()
        .name("blotter")
        .ping_interval(PING_INTERVAL)
        // What we say of the tail is for others.
        .no_echo()
        .connection_timeout(CONNECT_PATIENCE)
        .request_timeout(Some(options.answer_patience))
        .reconnect_delay_callback(|attempt| match attempt {
            0 | 1 => Duration::ZERO,
            more => pause_before(more - 2),
        })
        .event_callback(move |event| {
            note(&teller, event);
            async {}
        });
    let failed =
        |option, why: &dyn std::fmt::Display| NatsError::Option { option, why: why.to_string() };
    let identity = &options.identity;
    if let Some(file) = &identity.credentials {
        let text = std::fs::read_to_string(file).map_err(|why| failed("credentials", &why))?;
        connect = connect.credentials(&text).map_err(|why| failed("credentials", &why))?;
    }
    if let Some(file) = &identity.nkey {
        let seed = std::fs::read_to_string(file).map_err(|why| failed("nkey", &why))?;
        connect = connect.nkey(seed.trim().into());
    }
    // What stands in the URL is ignored by the client.
    let (of_url, token_of_url) = identity_in(&options.url);
    if let Some((user, password)) = identity.user.clone().or(of_url) {
        connect = connect.user_and_password(user, password);
    }
    if let Some(token) = identity.token.clone().or(token_of_url) {
        connect = connect.token(token);
    }
    let tls = &options.tls;
    for authority in &tls.authorities {
        connect = connect.add_root_certificates(authority.clone());
    }
    if let Some((certificate, key)) = tls.certificate.clone() {
        connect = connect.add_client_certificate(certificate, key);
    }
    if let Some(inbox) = &options.inbox {
        connect = connect.custom_inbox_prefix(inbox);
    }
    if tls.first {
        connect = connect.tls_first();
    }
    Ok(connect.require_tls(tls.required))
}

/// User and password in a URL, or a token.
fn identity_in(url: &str) -> (Option<(String, String)>, Option<String>) {
    let servers = url.split(',').filter_map(|one| one.trim().parse::<ServerAddr>().ok());
    let Some(server) = servers.into_iter().find(ServerAddr::has_user_pass) else {
        return (None, None);
    };
    let user = server.username().unwrap_or_default().to_string();
    match server.password() {
        Some(password) => (Some((user, password.to_string())), None),
        None => (None, Some(user)),
    }
}

fn note(teller: &watch::Sender<Weather>, event: Event) {
    teller.send_modify(|weather| match event {
        Event::Connected => (weather.up, weather.complaint) = (true, None),
        Event::Disconnected | Event::Closed => {
            weather.losses += u64::from(weather.up);
            weather.up = false;
        }
        Event::ServerError(error) => {
            let complaint = error.to_string();
            // A hint that may not be given is no reason to stop, nor an advisory that may not be heard.
            let is_needed = !complaint.contains(HINTS) && !complaint.contains(advisory::STREAM);
            let denied = complaint.contains("ermissions") && is_needed;
            weather.denials += u64::from(denied);
            weather.complaint = Some(complaint);
        }
        Event::ClientError(error) => weather.complaint = Some(error.to_string()),
        Event::SlowConsumer(_) => weather.complaint = Some("messages were dropped".into()),
        Event::LameDuckMode | Event::Draining => {}
    });
}
