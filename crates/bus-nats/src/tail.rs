//! How far the stream goes, as far as somebody has said so.
//!
//! Whoever stores a batch says it on a subject of its own, outside the stream. That is a hint and
//! nothing more: it may be lost, and whoever waits looks for itself from time to time. The first of a
//! burst is said at once and the others together: a hint for every batch would cost each of them a
//! message of its own.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::{NatsError, Writers, link::Link, stream};

/// What the subject of hints ends with.
pub(crate) const HINTS: &str = "_TAIL";
/// How long a hint is waited for before somebody looks.
const LOOK: Duration = Duration::from_millis(200);
/// How long nothing more is said after a hint.
const PAUSE: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    next_index: u64,
    closed: bool,
}

/// How far the stream goes, to wait on.
#[derive(Debug)]
pub(crate) struct Tail {
    link: Arc<Link>,
    known: Arc<watch::Sender<Known>>,
    /// How far others are told.
    told: watch::Sender<u64>,
}

impl Tail {
    /// A tail that listens to what others say.
    pub(crate) fn new(link: Arc<Link>, next_index: u64) -> Result<Self, NatsError> {
        let subject = subject(&link.options.prefix);
        let known = Arc::new(watch::Sender::new(Known { next_index, closed: false }));
        let heard = Arc::clone(&known);
        let said = link.run(link.client().subscribe(subject.clone()));
        let mut said = said.map_err(|why| link.unreachable(why.to_string()))?;
        link.spawn(async move {
            while let Some(message) = said.next().await {
                if let Ok(next_index) = message.payload.as_ref().try_into().map(u64::from_le_bytes)
                {
                    reach(&heard, next_index);
                }
            }
        });
        let (told, mut to_tell) = watch::channel(next_index);
        let client = link.client().clone();
        link.spawn(async move {
            while to_tell.changed().await.is_ok() {
                let hint = to_tell.borrow_and_update().to_le_bytes();
                // A hint that is lost costs a look.
                let _ = client.publish(subject.clone(), Bytes::copy_from_slice(&hint)).await;
                sleep(PAUSE).await;
            }
        });
        Ok(Self { link, known, told })
    }

    /// Everything below this index is stored.
    pub(crate) fn advance(&self, next_index: u64) {
        reach(&self.known, next_index);
        let _ = self.told.send_replace(next_index);
    }

    /// The same, where nobody else has to be told.
    pub(crate) fn advance_quietly(&self, next_index: u64) {
        reach(&self.known, next_index);
    }

    /// Nothing more will be accepted here.
    pub(crate) fn close(&self) {
        self.known.send_modify(|known| known.closed = true);
    }

    /// The index after the last entry known to be stored.
    pub(crate) fn next_index(&self) -> u64 {
        self.known.borrow().next_index
    }

    /// Waits until there is an entry at or above `index`.
    pub(crate) fn wait(&self, index: u64, patience: Duration) -> Result<u64, NatsError> {
        let waiting = async {
            loop {
                let mut known = self.known.subscribe();
                let there = known.wait_for(|now| now.next_index > index || now.closed);
                match timeout(LOOK, there).await {
                    Ok(_) => return Ok(()),
                    // Where nobody else writes there is nothing to look for.
                    Err(_) if self.link.options.writers == Writers::One => {}
                    Err(_) => reach(&self.known, stream::state(&self.link).await?.last),
                }
            }
        };
        if let Ok(outcome) = self.link.run(async { timeout(patience, waiting).await }) {
            outcome?;
        }
        Ok(self.next_index())
    }
}

/// Where hints go.
pub(crate) fn subject(prefix: &str) -> String {
    format!("{prefix}{HINTS}")
}

fn reach(known: &watch::Sender<Known>, next_index: u64) {
    let _ = known.send_if_modified(|known| {
        let further = known.next_index < next_index;
        known.next_index = known.next_index.max(next_index);
        further
    });
}
