//! A reader that is far behind: the server sends and a task of its own decodes, while the reader is
//! busy with what came before.
//!
//! The consumer behind it is nobody's property: it has no name, acknowledges nothing, and goes away
//! by itself. Whatever disturbs it ends the feed, and the reader looks at the stream before it goes
//! on.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{
    self,
    consumer::{AckPolicy, DeliverPolicy, pull},
};
use bus::{Entry, Topology};
use futures_util::StreamExt as _;
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    time::timeout,
};

use crate::{link::Link, message::Stored, subject::Subjects};

/// A message and what it is.
pub(crate) type Decoded = (Stored, Entry);

/// Messages asked of the server at once.
const ASKED: usize = 2000;
/// Messages decoded at once.
const CHUNK: usize = 256;
/// Chunks that wait for the reader; then the server waits.
const CHUNKS: usize = 16;
/// How long the server keeps a consumer that nobody uses.
const IDLE: Duration = Duration::from_secs(30);

/// What a message is decoded with.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) subjects: Subjects,
    pub(crate) topology: Topology,
    pub(crate) incarnation: u64,
}

impl Reading {
    pub(crate) fn decode(&self, message: Stored) -> Decoded {
        let entry = message.entry(&self.subjects, &self.topology, self.incarnation);
        (message, entry)
    }
}

/// Messages on their way to a reader.
#[derive(Debug)]
pub(crate) struct Feed {
    chunks: Receiver<Vec<Decoded>>,
    /// The sequence that comes next.
    next: u64,
    patience: Duration,
}

impl Feed {
    /// Everything from a sequence on.
    pub(crate) fn from(link: &Link, reading: &Arc<Reading>, first: u64) -> Self {
        let (sender, chunks) = channel(CHUNKS);
        let (client, stream) = (link.client().clone(), link.options.prefix.clone());
        drop(link.spawn(feed(client, stream, Arc::clone(reading), first, sender)));
        Self { chunks, next: first, patience: link.options.answer_patience }
    }

    /// What comes from `sequence` on; none when the feed is elsewhere, late or at its end.
    pub(crate) async fn next(&mut self, sequence: u64) -> Option<Vec<Decoded>> {
        if self.next != sequence {
            return None;
        }
        let chunk = timeout(self.patience, self.chunks.recv()).await.ok()??;
        self.next += chunk.len() as u64;
        Some(chunk)
    }
}

async fn feed(
    client: async_nats::Client,
    stream: String,
    reading: Arc<Reading>,
    first: u64,
    sender: Sender<Vec<Decoded>>,
) -> Option<()> {
    let config = pull::Config {
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: first },
        ack_policy: AckPolicy::None,
        inactive_threshold: IDLE,
        memory_storage: true,
        num_replicas: 1,
        ..pull::Config::default()
    };
    let context = jetstream::new(client);
    let stream = context.get_stream_no_info(stream).await.ok()?;
    let consumer = stream.create_consumer(config).await.ok()?;
    let messages = consumer.stream().max_messages_per_batch(ASKED).messages().await.ok()?;
    let mut ready = messages.ready_chunks(CHUNK);
    let mut next = first;
    while let Some(chunk) = ready.next().await {
        let mut decoded = Vec::with_capacity(chunk.len());
        let mut whole = true;
        for message in chunk {
            let stored = message.ok().and_then(|message| Stored::of_consumer(&message));
            let Some(stored) = stored.filter(|stored| stored.sequence == next) else {
                whole = false;
                break;
            };
            next += 1;
            decoded.push(reading.decode(stored));
        }
        if !decoded.is_empty() {
            sender.send(decoded).await.ok()?;
        }
        if !whole {
            return None;
        }
    }
    None
}
