//! What the server lets us do, in its own words.

use serde::Deserialize;

use crate::{
    NatsError,
    link::{Link, Silence},
};

/// Where a server tells a user what it may do.
pub(crate) const SUBJECT: &str = "$SYS.REQ.USER.INFO";

/// What a user may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Its name; empty where the server asks nobody for one.
    pub user: String,
    /// Subjects it may publish on; `None` where nothing is kept from it.
    pub publishes: Option<Vec<String>>,
    /// Subjects it may subscribe to; `None` where nothing is kept from it.
    pub subscribes: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    user: String,
    #[serde(default)]
    permissions: Option<Permissions>,
}

#[derive(Default, Deserialize)]
struct Permissions {
    #[serde(default)]
    publish: Option<Side>,
    #[serde(default)]
    subscribe: Option<Side>,
}

#[derive(Deserialize)]
struct Side {
    #[serde(default)]
    allow: Option<Vec<String>>,
}

/// Asks; `None` where the server does not say.
pub(crate) fn ask(link: &Link) -> Result<Option<Granted>, NatsError> {
    let answer = match link.run(link.ask(SUBJECT.into(), None, Default::default())) {
        Ok(answer) => answer,
        Err(Silence::Unknown(why)) => return Err(link.unreachable(why)),
        Err(Silence::NobodyListens | Silence::Denied(_) | Silence::TooLarge) => return Ok(None),
    };
    let Ok(Answer { data }) = serde_json::from_slice(&answer.payload) else { return Ok(None) };
    let Permissions { publish, subscribe } = data.permissions.unwrap_or_default();
    let allowed = |side: Option<Side>| side.and_then(|side| side.allow);
    Ok(Some(Granted {
        user: data.user,
        publishes: allowed(publish),
        subscribes: allowed(subscribe),
    }))
}
