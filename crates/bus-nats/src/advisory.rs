//! What the server tells of the stream: made, changed, deleted, led by another, without a quorum.
//!
//! Advisories are told once and may be lost, so nothing depends on them: they bring forward what
//! fences and incarnations find anyway.

use std::{
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    time::Duration,
};

use futures_util::StreamExt as _;

use crate::{NatsError, link::Link};

/// Advisories kept for somebody who does not fetch them; what comes then is dropped.
const KEPT_MAX: usize = 1024;
/// What stands before the kind of an advisory.
pub(crate) const STREAM: &str = "$JS.EVENT.ADVISORY.STREAM";

/// What has happened to the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It was deleted.
    Deleted,
    /// Its configuration was changed.
    Updated,
    /// It was made.
    Created,
    /// A copy of it was put in its place.
    Restored,
    /// Another server leads it now.
    LeaderElected,
    /// Too few of its servers are left to accept anything.
    QuorumLost,
    /// A batch was begun and not ended.
    BatchAbandoned,
    /// Something else, by the server's name for it.
    Other(String),
}

/// An advisory about the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advisory {
    /// What has happened.
    pub happened: Happened,
    /// The server's own account, JSON.
    pub account: String,
}

impl Advisory {
    /// Whether somebody must look at once: the evidence itself was touched.
    #[must_use]
    pub const fn is_alarm(&self) -> bool {
        matches!(
            self.happened,
            Happened::Deleted | Happened::Updated | Happened::Restored | Happened::QuorumLost
        )
    }
}

/// Advisories as they come.
#[derive(Debug)]
pub struct Advisories {
    told: Receiver<Advisory>,
}

impl Advisories {
    pub(crate) fn of(link: &Link) -> Result<Self, NatsError> {
        let said = link.run(async {
            let said = link.client().subscribe(subject(&link.options.prefix)).await;
            // What happens from here on is told: the server knows of the wish once it answers.
            let _ = link.client().flush().await;
            said
        });
        let said = said.map_err(|why| link.unreachable(why.to_string()))?;
        let (teller, told) = sync_channel(KEPT_MAX);
        drop(link.spawn(tell(said, teller)));
        Ok(Self { told })
    }

    /// The next one, waiting for as long as the bus is open; `None` once it is not.
    #[must_use]
    pub fn wait(&self) -> Option<Advisory> {
        self.told.recv().ok()
    }

    /// The next one, waiting for it.
    #[must_use]
    pub fn next(&self, patience: Duration) -> Option<Advisory> {
        self.told.recv_timeout(patience).ok()
    }
}

async fn tell(mut said: async_nats::Subscriber, teller: SyncSender<Advisory>) {
    while let Some(message) = said.next().await {
        let kind = message.subject.strip_prefix(STREAM).and_then(|rest| rest.split('.').nth(1));
        let happened = match kind.unwrap_or_default() {
            "DELETED" => Happened::Deleted,
            "UPDATED" => Happened::Updated,
            "CREATED" => Happened::Created,
            "RESTORE_COMPLETE" => Happened::Restored,
            "LEADER_ELECTED" => Happened::LeaderElected,
            "QUORUM_LOST" => Happened::QuorumLost,
            "BATCH_ABANDONED" => Happened::BatchAbandoned,
            other => Happened::Other(other.into()),
        };
        let account = String::from_utf8_lossy(&message.payload).into_owned();
        let gone = teller.try_send(Advisory { happened, account });
        if matches!(gone, Err(std::sync::mpsc::TrySendError::Disconnected(_))) {
            return;
        }
    }
}

/// Where advisories about the stream are told.
pub(crate) fn subject(prefix: &str) -> String {
    format!("{STREAM}.*.{prefix}")
}
