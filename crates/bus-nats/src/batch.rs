//! One atomic batch on its way: sent, lost, read back, sent again, until it is known to be there or
//! known not to be.

use std::sync::atomic::{AtomicU64, Ordering};

use async_nats::HeaderMap;
use bus::BusError;
use event::Source;
use tokio::time::timeout;

use crate::{
    NatsError,
    answer::Ack,
    fetch::Which,
    link::{Link, Pause, Silence},
    message::{AGAIN, MSG_ID, Outgoing},
    stream::{refused, state},
    subject::Subjects,
};

/// The most messages a server takes in one batch.
pub(crate) const MESSAGES_MAX: usize = 1000;

const BATCH_ID: &str = "Nats-Batch-Id";
const BATCH_SEQUENCE: &str = "Nats-Batch-Sequence";
const BATCH_COMMIT: &str = "Nats-Batch-Commit";
const EXPECTED_LAST: &str = "Nats-Expected-Last-Sequence";
const EXPECTED_OF_SUBJECT: &str = "Nats-Expected-Last-Subject-Sequence";
const EXPECTED_SUBJECT: &str = "Nats-Expected-Last-Subject-Sequence-Subject";

/// What must hold for a batch to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fence {
    /// The stream ends with this sequence.
    Stream(u64),
    /// These sources end with these sequences, each checked with its first message.
    Sources(Vec<(usize, Source, u64)>),
}

/// A batch and what guards it.
#[derive(Clone, Debug)]
pub(crate) struct Fenced<'a> {
    pub(crate) messages: &'a [Outgoing],
    pub(crate) fence: Fence,
    pub(crate) incarnation: u64,
}

/// How a batch ended that was not stored.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: BusError,
    /// Whether it may still be stored, by an attempt that is underway.
    pub(crate) in_doubt: bool,
}

/// Under which ids messages are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ids {
    /// Their own.
    Own,
    /// Others, since the server believes to have those.
    Again,
}

/// What was found when a batch was looked for.
enum ReadBack {
    /// All of it, ending with this sequence.
    Stored(u64),
    /// Nothing, and nothing in its place.
    Absent,
    /// So many of its messages, and nothing behind them.
    Part(usize),
    /// Something else in its place.
    Other,
}

impl Link {
    /// Stores a batch and answers the sequence of its last message.
    pub(crate) fn store(&self, batch: &Fenced<'_>) -> Result<u64, Failed> {
        let mut in_doubt = false;
        let outcome = self.run(async {
            let storing = self.store_patiently(batch, &mut in_doubt);
            timeout(self.options.outage_patience, storing).await
        });
        match outcome {
            Ok(Ok(last)) => Ok(last),
            Ok(Err(error)) => {
                let in_doubt = matches!(NatsError::of(&error), Some(NatsError::Torn { .. }));
                Err(Failed { error, in_doubt })
            }
            Err(_) => {
                let error = self.unreachable("no answer about a unit".into()).into();
                Err(Failed { error, in_doubt })
            }
        }
    }

    async fn store_patiently(
        &self,
        batch: &Fenced<'_>,
        in_doubt: &mut bool,
    ) -> Result<u64, BusError> {
        let mut pause = Pause::default();
        let denials = self.denials();
        let mut ids = Ids::Own;
        loop {
            self.up().await;
            self.check_allowed(denials)?;
            match self.attempt(batch, ids).await {
                Ok(ack) => {
                    if let Some(last) = self.judge(batch, &ack, *in_doubt, &mut ids).await? {
                        return Ok(last);
                    }
                }
                Err(Silence::Denied(why)) => return Err(self.not_allowed(why).into()),
                Err(Silence::TooLarge) => return Err(self.too_large(batch).into()),
                Err(Silence::NobodyListens) => {
                    // Either the stream is gone, which is said here, or the server is starting.
                    let now = state(self).await?;
                    self.same_stream(batch, now.incarnation)?;
                }
                Err(Silence::Unknown(_)) => {
                    *in_doubt = true;
                    self.up().await;
                    match self.read_back(batch).await? {
                        ReadBack::Stored(last) => return Ok(last),
                        ReadBack::Absent => {}
                        ReadBack::Part(stored) => return Err(torn(batch, stored).into()),
                        ReadBack::Other => return Err(self.fenced(batch).into()),
                    }
                }
            }
            pause.take().await;
        }
    }

    /// What an answer means: stored, or not stored and to be sent again.
    async fn judge(
        &self,
        batch: &Fenced<'_>,
        ack: &Ack,
        in_doubt: bool,
        ids: &mut Ids,
    ) -> Result<Option<u64>, BusError> {
        let whole = ack.count.is_none_or(|count| count == batch.messages.len() as u64);
        match &ack.error {
            None if !ack.duplicate && whole => return Ok(Some(ack.seq)),
            Some(why) if why.is_incomplete() => return Ok(None),
            // A part of it may have found room.
            Some(why) if why.is_full() => {
                return match self.read_back(batch).await? {
                    ReadBack::Stored(last) => Ok(Some(last)),
                    ReadBack::Part(stored) => Err(torn(batch, stored).into()),
                    ReadBack::Absent | ReadBack::Other => {
                        Err(BusError::Full { what: "new events" })
                    }
                };
            }
            Some(why) if !why.is_taken() => return Err(refused(self, "a unit", why).into()),
            _ => {}
        }
        // The place is taken: by an attempt of ours that was believed lost, or by somebody else.
        match self.read_back(batch).await? {
            ReadBack::Stored(last) => Ok(Some(last)),
            ReadBack::Part(stored) => Err(torn(batch, stored).into()),
            ReadBack::Other => Err(self.fenced(batch).into()),
            // An attempt of ours is underway at this moment.
            ReadBack::Absent if in_doubt => Ok(None),
            // Somebody else published under an id of ours. The fence says that it is not stored.
            ReadBack::Absent if ack.is_duplicate() && *ids == Ids::Own => {
                *ids = Ids::Again;
                Ok(None)
            }
            ReadBack::Absent => {
                let why = ack.error.as_ref().map_or_else(|| "duplicate".into(), |e| e.to_string());
                Err(NatsError::Refused { what: "a unit".into(), why, passes: false }.into())
            }
        }
    }

    /// Sends a batch once. Every attempt is a batch of its own, so that none is taken for a part
    /// of another.
    async fn attempt(&self, batch: &Fenced<'_>, ids: Ids) -> Result<Ack, Silence> {
        let Some((last, before)) = batch.messages.split_last() else {
            return Err(Silence::Unknown("an empty batch".into()));
        };
        let id = self.batch_id();
        for (message, number) in before.iter().zip(1..) {
            let headers = batch.headers(message, number, &id, ids);
            let (subject, payload) = (message.subject.clone(), message.payload.clone());
            let sent = self.client().publish_with_headers(subject, headers, payload).await;
            sent.map_err(|why| Silence::Unknown(why.to_string()))?;
        }
        let mut headers = batch.headers(last, batch.messages.len(), &id, ids);
        if !before.is_empty() {
            headers.insert(BATCH_COMMIT, "1");
        }
        let (subject, payload) = (last.subject.clone(), last.payload.clone());
        let answer = self.ask(subject, Some(headers), payload).await?;
        serde_json::from_slice(&answer.payload).map_err(|why| Silence::Unknown(why.to_string()))
    }

    fn batch_id(&self) -> String {
        static ATTEMPTS: AtomicU64 = AtomicU64::new(0);
        let attempt = ATTEMPTS.fetch_add(1, Ordering::Relaxed);
        format!("{}{attempt:x}", self.name())
    }

    /// Looks for a batch whose outcome is unknown, and compares it byte for byte.
    async fn read_back(&self, batch: &Fenced<'_>) -> Result<ReadBack, BusError> {
        let now = state(self).await?;
        self.same_stream(batch, now.incarnation)?;
        let first = match &batch.fence {
            Fence::Stream(last) if now.last == *last => return Ok(ReadBack::Absent),
            Fence::Stream(last) if now.last < *last => {
                return Err(NatsError::Recreated { stream: self.options.prefix.clone() }.into());
            }
            Fence::Stream(last) => last + 1,
            Fence::Sources(fences) => {
                let Some((_, source, last)) = fences.first() else { return Ok(ReadBack::Other) };
                let subject = Subjects::new(&self.options.prefix).of_source(*source);
                let which =
                    Which { seq: Some(last + 1), next_by_subj: Some(subject), ..Which::default() };
                match self.get(&which).await? {
                    Some(next) => next.sequence,
                    None => return Ok(ReadBack::Absent),
                }
            }
        };
        for (stored, message) in batch.messages.iter().enumerate() {
            match self.get_at(first + stored as u64).await? {
                Some(there) if there.is(message) => {}
                None if stored > 0 => return Ok(ReadBack::Part(stored)),
                _ => return Ok(ReadBack::Other),
            }
        }
        Ok(ReadBack::Stored(first + batch.messages.len() as u64 - 1))
    }

    fn same_stream(&self, batch: &Fenced<'_>, incarnation: u64) -> Result<(), NatsError> {
        if incarnation == batch.incarnation {
            return Ok(());
        }
        Err(NatsError::Recreated { stream: self.options.prefix.clone() })
    }

    fn fenced(&self, batch: &Fenced<'_>) -> NatsError {
        let what = match &batch.fence {
            Fence::Stream(_) => format!("stream {}", self.options.prefix),
            Fence::Sources(fences) => {
                let names = fences.iter().map(|(_, source, _)| source.to_string());
                names.collect::<Vec<_>>().join(", ")
            }
        };
        NatsError::Fenced { what }
    }

    fn too_large(&self, batch: &Fenced<'_>) -> NatsError {
        let largest = batch.messages.iter().map(|message| message.payload.len()).max();
        NatsError::EventTooLarge {
            bytes: largest.unwrap_or_default(),
            limit: self.client().max_payload(),
        }
    }
}

/// What a server does that runs out of room in the middle of a batch.
const fn torn(batch: &Fenced<'_>, stored: usize) -> NatsError {
    NatsError::Torn { stored, of: batch.messages.len() }
}

impl Fenced<'_> {
    /// The headers of the `number`th message, from 1.
    fn headers(&self, message: &Outgoing, number: usize, id: &str, ids: Ids) -> HeaderMap {
        let mut headers = message.headers();
        if ids == Ids::Again {
            headers.insert(MSG_ID, format!("{}{AGAIN}", message.id));
        }
        if self.messages.len() > 1 {
            headers.insert(BATCH_ID, id);
            headers.insert(BATCH_SEQUENCE, number.to_string());
        }
        match &self.fence {
            Fence::Stream(last) if number == 1 => headers.insert(EXPECTED_LAST, last.to_string()),
            Fence::Stream(_) => {}
            Fence::Sources(fences) => {
                let own = fences.iter().find(|(first, ..)| first + 1 == number);
                if let Some((_, source, last)) = own {
                    let prefix = message.subject.split('.').next().unwrap_or_default();
                    headers.insert(EXPECTED_OF_SUBJECT, last.to_string());
                    headers.insert(EXPECTED_SUBJECT, Subjects::new(prefix).of_source(*source));
                }
            }
        }
        headers
    }
}
