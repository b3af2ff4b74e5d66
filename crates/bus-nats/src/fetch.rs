//! Reading the stream from the leader, one message, and in bulk from whoever has it.

use std::time::Duration;

use async_nats::jetstream::{ErrorCode, message::StreamMessage, stream::RawMessage};
use bus::BusError;
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::{
    NatsError,
    link::{Link, Pause},
    message::Stored,
    stream::refused,
};

/// Which message the leader is asked for.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Which {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_by_subj: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_by_subj: Option<String>,
}

#[derive(Deserialize)]
struct Found {
    message: RawMessage,
}

/// Not one message at a time where more are asked for.
const BATCH_MAX: usize = 1000;
/// Bytes after which the server ends a batch.
const BATCH_BYTES: usize = 8 << 20;

impl Link {
    /// One message from the stream's leader, which knows of everything it acknowledged.
    pub(crate) async fn get(&self, which: &Which) -> Result<Option<Stored>, BusError> {
        let what = format!("STREAM.MSG.GET.{}", self.options.prefix);
        match self.api::<Found>(&what, which).await? {
            Ok(found) => {
                let message = StreamMessage::try_from(found.message);
                let message = message.map_err(|why| NatsError::Refused {
                    what: "to give a message".into(),
                    why: why.to_string(),
                    passes: false,
                })?;
                Ok(Some(Stored::of_leader(message)))
            }
            Err(why) if why.is(ErrorCode::NO_MESSAGE_FOUND) => Ok(None),
            Err(why) if why.is(ErrorCode::STREAM_NOT_FOUND) => {
                Err(NatsError::Recreated { stream: self.options.prefix.clone() }.into())
            }
            Err(why) => Err(refused(self, "to give a message", &why).into()),
        }
    }

    /// The message with this sequence.
    pub(crate) async fn get_at(&self, sequence: u64) -> Result<Option<Stored>, BusError> {
        self.get(&Which { seq: Some(sequence), ..Which::default() }).await
    }

    /// Messages from `first` on, in order and without a gap, up to `max` of them. None when there
    /// are none, or when whoever was asked does not have them yet.
    ///
    /// # Errors
    /// [`NatsError::Removed`] when one is missing.
    pub(crate) async fn get_from(&self, first: u64, max: usize) -> Result<Vec<Stored>, BusError> {
        let reading = async {
            let mut pause = Pause::default();
            loop {
                self.up().await;
                match self.try_get_from(first, max).await {
                    Ok(found) => return found,
                    Err(Late) => pause.take().await,
                }
            }
        };
        let read = timeout(self.options.outage_patience, reading).await;
        read.unwrap_or_else(|_| Err(self.unreachable("messages do not come".into()).into()))
    }

    async fn try_get_from(
        &self,
        first: u64,
        max: usize,
    ) -> Result<Result<Vec<Stored>, BusError>, Late> {
        let inbox = self.client().new_inbox();
        let mut replies = self.client().subscribe(inbox.clone()).await.map_err(|_| Late)?;
        let batch = max.min(BATCH_MAX);
        let question = format!(r#"{{"seq":{first},"batch":{batch},"max_bytes":{BATCH_BYTES}}}"#);
        let subject = format!("$JS.API.DIRECT.GET.{}", self.options.prefix);
        let asked = self.client().publish_with_reply(subject, inbox, question.into()).await;
        asked.map_err(|_| Late)?;
        let mut found = Vec::with_capacity(batch);
        loop {
            let Some(reply) = self.next_reply(&mut replies).await? else { return Err(Late) };
            if let Some(status) = reply.status {
                return match status.as_u16() {
                    // The end of the batch, or nothing there.
                    204 | 404 => Ok(Ok(found)),
                    _ => Err(Late),
                };
            }
            let Some(message) = Stored::of_direct(reply) else { return Err(Late) };
            let expected = first + found.len() as u64;
            if message.sequence != expected {
                return Ok(Err(self.removed(expected).into()));
            }
            found.push(message);
            if found.len() == batch {
                return Ok(Ok(found));
            }
        }
    }

    async fn next_reply(
        &self,
        replies: &mut async_nats::Subscriber,
    ) -> Result<Option<async_nats::Message>, Late> {
        let patience: Duration = self.options.answer_patience;
        tokio::select! {
            biased;
            reply = timeout(patience, replies.next()) => reply.map_err(|_| Late),
            () = self.lost() => Err(Late),
        }
    }

    fn removed(&self, sequence: u64) -> NatsError {
        NatsError::Removed { stream: self.options.prefix.clone(), index: sequence - 1 }
    }
}

/// No whole answer; ask again.
struct Late;
