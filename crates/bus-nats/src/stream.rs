//! The one stream of a bus: how it has to be, and which life of it this is.

use std::time::Duration;

use async_nats::jetstream::{
    ErrorCode,
    stream::{Config, DiscardPolicy, Info, RetentionPolicy, StorageType},
};
use bus::Drift;

use crate::{NatsError, Options, answer::ApiError, link::Link, subject::Subjects};

/// How long the server itself recognises an id. Fences do not depend on it: it is a second line.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// What is known of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// When it was made, in nanoseconds: its incarnation.
    pub(crate) incarnation: u64,
    /// The sequence of its last message; an index is a sequence less one.
    pub(crate) last: u64,
    /// Its bytes.
    pub(crate) bytes: u64,
    /// The most it may hold.
    pub(crate) bytes_max: Option<u64>,
    /// Copies of it.
    pub(crate) replicas: usize,
    /// The name of the server that leads it.
    pub(crate) leader: Option<String>,
}

/// The stream as it has to be.
pub(crate) fn wanted(options: &Options) -> Config {
    Config {
        name: options.prefix.clone(),
        description: Some("Blotter: every event and every progress record, in one order".into()),
        subjects: vec![Subjects::new(&options.prefix).all()],
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        max_bytes: options.max_bytes.map_or(-1, |most| most as i64),
        max_messages: -1,
        max_messages_per_subject: -1,
        max_consumers: -1,
        max_message_size: -1,
        num_replicas: options.replicas,
        duplicate_window: DUPLICATE_WINDOW,
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        allow_atomic_publish: true,
        ..Config::default()
    }
}

/// Finds the stream, or makes it where there is none.
pub(crate) async fn ensure(link: &Link) -> Result<State, NatsError> {
    let prefix = &link.options.prefix;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if prefix.is_empty() || !prefix.bytes().all(is_token) {
        let why = format!("`{prefix}` is not made of A-Z a-z 0-9 _ -");
        return Err(NatsError::Option { option: "prefix", why });
    }
    if let Some(info) = info(link).await? {
        compare(&link.options, &info.config)?;
        return Ok(state_of(&info));
    }
    let name = &link.options.prefix;
    let made = link.api::<Info>(&format!("STREAM.CREATE.{name}"), &wanted(&link.options)).await?;
    match made {
        // Who leads it is known once it is there.
        Ok(_) => state(link).await,
        Err(why) => Err(refused(link, &format!("to make stream {name}"), &why)),
    }
}

/// What of the stream is otherwise than it has to be; nothing is made.
pub(crate) async fn plan(link: &Link) -> Result<Vec<Drift>, NatsError> {
    let stream = &link.options.prefix;
    let Some(info) = info(link).await? else { return Ok(vec![Drift::missing(stream)]) };
    let differences = differences(&link.options, &info.config).into_iter();
    let drift = differences.map(|(setting, found, needed)| Drift {
        object: stream.clone(),
        setting,
        found,
        needed,
    });
    Ok(drift.collect())
}

/// The stream as it is now.
pub(crate) async fn state(link: &Link) -> Result<State, NatsError> {
    let info = info(link).await?;
    let gone = || NatsError::Recreated { stream: link.options.prefix.clone() };
    info.map(|info| state_of(&info)).ok_or_else(gone)
}

async fn info(link: &Link) -> Result<Option<Info>, NatsError> {
    let name = &link.options.prefix;
    match link.api(&format!("STREAM.INFO.{name}"), &serde_json::json!({})).await? {
        Ok(info) => Ok(Some(info)),
        Err(why) if why.is(ErrorCode::STREAM_NOT_FOUND) => Ok(None),
        Err(why) => Err(refused(link, &format!("to describe stream {name}"), &why)),
    }
}

/// What the server said, as an error of ours.
pub(crate) fn refused(link: &Link, what: &str, why: &ApiError) -> NatsError {
    let none = [ErrorCode::JETSTREAM_NOT_ENABLED, ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT];
    if none.contains(&why.err_code) {
        return link.no_jetstream(&why.to_string());
    }
    NatsError::Refused { what: what.into(), why: why.to_string(), passes: why.code == 503 }
}

fn state_of(info: &Info) -> State {
    State {
        incarnation: info.created.unix_timestamp_nanos() as u64,
        last: info.state.last_sequence,
        bytes: info.state.bytes,
        bytes_max: u64::try_from(info.config.max_bytes).ok().filter(|most| *most > 0),
        replicas: info.config.num_replicas,
        leader: info.cluster.as_ref().and_then(|cluster| cluster.leader.clone()),
    }
}

/// Refuses a stream that could lose, reorder or split what is put into it.
fn compare(options: &Options, found: &Config) -> Result<(), NatsError> {
    match differences(options, found).into_iter().next() {
        None => Ok(()),
        Some((setting, found, needed)) => {
            Err(NatsError::Configured { stream: options.prefix.clone(), setting, found, needed })
        }
    }
}

/// Settings that differ: which, how it is, how it has to be.
fn differences(options: &Options, found: &Config) -> Vec<(&'static str, String, String)> {
    let needed = wanted(options);
    let settings: [(&'static str, String, String); 14] = [
        ("subjects", shown(&found.subjects), shown(&needed.subjects)),
        ("storage", shown(&found.storage), shown(&needed.storage)),
        ("retention", shown(&found.retention), shown(&needed.retention)),
        ("discard", shown(&found.discard), shown(&needed.discard)),
        ("max_age", shown(&found.max_age), shown(&needed.max_age)),
        ("max_msgs", at_most(found.max_messages), at_most(-1)),
        ("max_msgs_per_subject", at_most(found.max_messages_per_subject), at_most(-1)),
        // More copies than were asked for lose nothing.
        (
            "num_replicas",
            shown(&found.num_replicas.min(needed.num_replicas)),
            shown(&needed.num_replicas),
        ),
        ("deny_delete", shown(&found.deny_delete), shown(&true)),
        ("deny_purge", shown(&found.deny_purge), shown(&true)),
        ("allow_direct", shown(&found.allow_direct), shown(&true)),
        ("allow_atomic", shown(&found.allow_atomic_publish), shown(&true)),
        ("no_ack", shown(&found.no_ack), shown(&false)),
        (
            "persist_mode",
            shown(&found.persist_mode.filter(|mode| *mode != Default::default())),
            shown(&None::<()>),
        ),
    ];
    let different = settings.into_iter().filter(|(_, found, needed)| found != needed);
    let more: [(&'static str, bool); 5] = [
        ("sealed", found.sealed),
        ("mirror", found.mirror.is_some()),
        ("sources", found.sources.as_ref().is_some_and(|sources| !sources.is_empty())),
        ("subject_transform", found.subject_transform.is_some()),
        ("allow_rollup_hdrs", found.allow_rollup),
    ];
    let extra = more.into_iter().filter(|(_, set)| *set);
    let extra = extra.map(|(setting, _)| (setting, "set".to_string(), "none".to_string()));
    different.chain(extra).collect()
}

fn shown(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}")
}

/// The server writes "without end" as anything below one.
fn at_most(limit: i64) -> String {
    if limit < 1 { "unlimited".into() } else { limit.to_string() }
}
