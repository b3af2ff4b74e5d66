//! Events as the bus carries them: bytes, and a header derived from them by one function.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use event::{DecodeError, Envelope, Event, EventId, Key, Source, Timestamp};

use crate::{Foreign, Position, Progress, Stream, Topology};

/// What the engines need of an event: derived from its bytes, never stored instead of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The event's identity.
    pub event_id: EventId,
    /// Who emitted it.
    pub source: Source,
    /// Its place in what the source emitted.
    pub source_seq: u64,
    /// The entity whose order matters.
    pub key: Key,
    /// When.
    pub time: Timestamp,
    /// The kind's number; zero for a kind this version does not know.
    pub kind: u16,
    /// The stream it belongs to.
    pub stream: Stream,
    /// The partition of its key.
    pub partition: u16,
}

impl Header {
    /// The header of an envelope. A kind unknown here goes to the ops stream, where it waits for a
    /// version that knows it.
    #[must_use]
    pub fn of(envelope: &Envelope, topology: &Topology) -> Self {
        let stream = envelope.kind.map_or(Stream::Ops, |kind| kind.family());
        Self {
            event_id: envelope.event_id,
            source: envelope.source,
            source_seq: envelope.source_seq,
            key: envelope.key,
            time: envelope.time,
            kind: envelope.kind.map_or(0, |kind| kind as u16),
            stream,
            partition: topology.partition(stream, envelope.key),
        }
    }
}

/// An event on the bus: its bytes as received, its header, and the decoded event once someone asks.
#[derive(Clone, Debug)]
pub struct Record {
    bytes: Bytes,
    header: Header,
    decoded: Arc<OnceLock<Result<Arc<Event>, DecodeError>>>,
}

impl Record {
    /// The record of an event in hand; nothing is decoded.
    #[must_use]
    pub fn of_event(event: Arc<Event>, topology: &Topology) -> Self {
        let header = Header::of(&event.envelope(), topology);
        let bytes = event.encode();
        Self { bytes, header, decoded: Arc::new(OnceLock::from(Ok(event))) }
    }

    /// The record of received bytes. The body is decoded when it is asked for.
    ///
    /// # Errors
    /// [`DecodeError`] when the envelope is damaged.
    pub fn of_bytes(bytes: Bytes, topology: &Topology) -> Result<Self, DecodeError> {
        let header = Header::of(&Envelope::decode(&bytes)?, topology);
        Ok(Self { bytes, header, decoded: Arc::new(OnceLock::new()) })
    }

    /// The bytes as received.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The event, decoded once and shared by everyone who holds this record.
    ///
    /// # Errors
    /// [`DecodeError`] when the body is damaged or of an unknown kind.
    pub fn event(&self) -> Result<Arc<Event>, DecodeError> {
        self.decoded.get_or_init(|| Event::decode(&self.bytes).map(Arc::new)).clone()
    }
}

/// Records are the same when their bytes are.
impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Record {}

/// A record and where it was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Where.
    pub position: Position,
    /// When, by the writer's wall clock. Outside every digest.
    pub stored_at: Timestamp,
    /// What.
    pub record: Record,
}

/// One entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// An event.
    Event(Delivered),
    /// What a unit says beside its events.
    Progress {
        /// Its place in the total order.
        index: u64,
        /// When it was stored, by the writer's wall clock.
        stored_at: Timestamp,
        /// The record's bytes as received.
        bytes: Bytes,
        /// The record.
        progress: Progress,
    },
    /// What somebody else wrote.
    Foreign(Foreign),
}

impl Entry {
    /// The entry's bytes as received.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        match self {
            Self::Event(delivered) => delivered.record.bytes(),
            Self::Progress { bytes, .. } => bytes,
            Self::Foreign(foreign) => &foreign.bytes,
        }
    }

    /// The entry's place in the total order.
    #[must_use]
    pub const fn index(&self) -> u64 {
        match self {
            Self::Event(delivered) => delivered.position.index,
            Self::Progress { index, .. } => *index,
            Self::Foreign(foreign) => foreign.index,
        }
    }
}
